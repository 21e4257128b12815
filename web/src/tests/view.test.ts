import { describe, expect, it } from "vitest";
import { box_between, fit, inside, keep_inside, pinch, to_image, zoom_at } from "../state/viewport";

describe("viewport", () => {
  const image = { width: 400, height: 200 };

  it("fits and centres", () => {
    const v = fit(image, { width: 848, height: 648 }, 24);
    expect(v.scale).toBe(2);
    expect(v.x).toBe(24);
    expect(v.y).toBe(124);
  });

  it("keeps what is under two fingers under them", () => {
    const v = { scale: 2, x: 10, y: -5 };
    const before = [
      { x: 100, y: 100 },
      { x: 200, y: 100 },
    ] as const;
    const after = [
      { x: 120, y: 150 },
      { x: 320, y: 150 },
    ] as const;
    const w = pinch(v, [...before], [...after]);
    expect(w.scale).toBe(4);
    for (const i of [0, 1] as const) {
      expect(to_image(w, after[i]).x).toBeCloseTo(to_image(v, before[i]).x);
      expect(to_image(w, after[i]).y).toBeCloseTo(to_image(v, before[i]).y);
    }
    // Two fingers on one spot are no reason to divide by zero.
    expect(pinch(v, [before[0], before[0]], [after[0], after[0]]).scale).toBe(2);
  });

  it("keeps the point under the pointer when zooming", () => {
    const v = { scale: 2, x: 10, y: -5 };
    const at = { x: 123, y: 77 };
    const before = to_image(v, at);
    const after = to_image(zoom_at(v, at, 1.7), at);
    expect(after.x).toBeCloseTo(before.x);
    expect(after.y).toBeCloseTo(before.y);
  });

  it("stops zooming at the limits without drifting", () => {
    const v = { scale: 40, x: 3, y: 4 };
    expect(zoom_at(v, { x: 100, y: 100 }, 2)).toEqual(v);
  });

  it("makes boxes of whole pixels inside the image, whatever the direction", () => {
    const made = box_between({ x: 500, y: 100.4 }, { x: 380.2, y: -20 }, image);
    expect(made).toEqual({ x: 380, y: 0, width: 20, height: 100 });
    expect(box_between({ x: 5, y: 5 }, { x: 5.5, y: 50 }, image)).toBeNull();
    expect(box_between({ x: 500, y: 0 }, { x: 600, y: 50 }, image)).toBeNull();
  });

  it("moves boxes back inside", () => {
    expect(keep_inside({ x: -10, y: 190, width: 50, height: 40 }, image)).toEqual({
      x: 0,
      y: 160,
      width: 50,
      height: 40,
    });
    expect(keep_inside({ x: 0, y: 0, width: 900, height: 40 }, image).width).toBe(400);
  });

  it("knows what is inside", () => {
    expect(inside({ x: 399.9, y: 0 }, image)).toBe(true);
    expect(inside({ x: 400, y: 0 }, image)).toBe(false);
  });
});
