import { describe, expect, it } from "vitest";
import { handle_of, moved, part_at, part_name, rect_words } from "../state/hold";

describe("a box held by the keyboard", () => {
  const image = { width: 400, height: 200 };
  const box = { x: 100, y: 50, width: 90, height: 60 };
  const all = { x: 0, y: 0 } as const;
  const right = { x: 1, y: 0 } as const;
  const top_left = { x: -1, y: -1 } as const;

  it("is held by the part that the crosshair is nearest to", () => {
    expect(part_at(box, { x: 145, y: 80 })).toEqual(all);
    expect(part_at(box, { x: 185, y: 80 })).toEqual(right);
    expect(part_at(box, { x: 100, y: 50 })).toEqual(top_left);
    expect(part_at(box, { x: 145, y: 109 })).toEqual({ x: 0, y: 1 });
  });

  it("has the crosshair on that part", () => {
    expect(handle_of(box, all)).toEqual({ x: 145, y: 80 });
    expect(handle_of(box, right)).toEqual({ x: 190, y: 80 });
    expect(handle_of(box, top_left)).toEqual({ x: 100, y: 50 });
  });

  it("is moved whole, as far as the image goes", () => {
    expect(moved(box, all, { x: 5, y: -3 }, image)).toEqual({ ...box, x: 105, y: 47 });
    expect(moved(box, all, { x: 500, y: 500 }, image)).toEqual({ ...box, x: 310, y: 140 });
    expect(moved(box, all, { x: -500, y: -500 }, image)).toEqual({ ...box, x: 0, y: 0 });
  });

  it("is resized by an edge or a corner, and the others stay where they are", () => {
    expect(moved(box, right, { x: 10, y: 10 }, image)).toEqual({ ...box, width: 100 });
    expect(moved(box, top_left, { x: -10, y: 20 }, image)).toEqual({
      x: 90,
      y: 70,
      width: 100,
      height: 40,
    });
    expect(moved(box, right, { x: 999, y: 0 }, image).width).toBe(300);
    expect(moved(box, top_left, { x: -999, y: -999 }, image)).toEqual({
      x: 0,
      y: 0,
      width: 190,
      height: 110,
    });
  });

  it("is never turned inside out, nor thinner than a drawn one", () => {
    expect(moved(box, right, { x: -999, y: 0 }, image)).toEqual({ ...box, width: 2 });
    expect(moved(box, top_left, { x: 999, y: 999 }, image)).toEqual({
      x: 188,
      y: 108,
      width: 2,
      height: 2,
    });
    // A script may have made one of one pixel in the last corner: it stays on the image.
    const speck = { x: 399, y: 199, width: 1, height: 1 };
    expect(moved(speck, { x: 1, y: 1 }, { x: 9, y: 9 }, image)).toEqual(speck);
  });

  it("is called by its part", () => {
    expect(part_name(all)).toBe("box");
    expect(part_name(right)).toBe("right edge");
    expect(part_name(top_left)).toBe("top left corner");
    expect(rect_words(box)).toBe("90 × 60 at 100, 50");
  });
});
