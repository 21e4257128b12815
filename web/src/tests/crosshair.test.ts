import { describe, expect, it } from "vitest";
import {
  box_at,
  crosshair_words,
  directions,
  is_seen,
  middle_of_view,
  on_view,
  revealing,
  step_of,
  stepped,
} from "../state/crosshair";
import { fit, to_image } from "../state/viewport";

describe("crosshair", () => {
  const image = { width: 400, height: 200 };
  const view = { width: 800, height: 600 };

  it("goes finer the more one zooms in, but always by whole pixels", () => {
    expect(step_of(0.25, false)).toBe(8);
    expect(step_of(1, false)).toBe(2);
    expect(step_of(8, false)).toBe(1);
    expect(step_of(1, true)).toBe(32);
    expect(step_of(40, true)).toBe(1);
  });

  it("stays on the image", () => {
    const last = { x: 400, y: 200 };
    expect(stepped({ x: 390, y: 5 }, directions.ArrowRight!, 32, last)).toEqual({ x: 400, y: 5 });
    expect(stepped({ x: 390, y: 5 }, directions.ArrowUp!, 32, last)).toEqual({ x: 390, y: 0 });
    expect(stepped({ x: 399, y: 5 }, directions.ArrowDown!, 2, last)).toEqual({ x: 399, y: 7 });
    // A point tool has been chosen meanwhile: corners lie beyond the last pixel.
    const pixel = { x: 399, y: 199 };
    expect(stepped({ x: 400, y: 200 }, directions.ArrowDown!, 2, pixel)).toEqual(pixel);
  });

  it("begins in the middle of what is seen", () => {
    expect(middle_of_view(fit(image, view), view, image)).toEqual({ x: 200, y: 100 });
    // Zoomed in on the right half: from 300 on.
    expect(middle_of_view({ scale: 4, x: -1200, y: 0 }, view, image)).toEqual({ x: 350, y: 75 });
    // Panned away altogether.
    expect(middle_of_view({ scale: 1, x: -5000, y: 0 }, view, image).x).toBe(200);
  });

  it("moves the view as little as shows it", () => {
    const v = { scale: 4, x: 0, y: 0 };
    expect(revealing(v, view, { x: 100, y: 100 })).toBe(v);
    const right = revealing(v, view, { x: 250, y: 100 });
    expect(on_view(right, { x: 250, y: 100 }).x).toBe(view.width - 20);
    expect(right.y).toBe(0);
    expect(is_seen(v, view, { x: 250, y: 100 })).toBe(false);
    expect(is_seen(right, view, { x: 250, y: 100 })).toBe(true);
    // A view of no size has no wrong place either.
    expect(on_view(revealing(v, { width: 0, height: 0 }, { x: 9, y: 9 }), { x: 9, y: 9 }).x).toBe(0);
  });

  it("never moves the view of an image that fits", () => {
    const v = fit(image, view);
    for (const corner of [
      { x: 0, y: 0 },
      { x: 400, y: 200 },
    ]) {
      expect(revealing(v, view, corner)).toBe(v);
      expect(to_image(v, on_view(v, corner))).toEqual(corner);
    }
  });

  it("takes the smallest box it is in", () => {
    const boxes = [
      { id: "large", r: { x: 0, y: 0, width: 100, height: 100 } },
      { id: "small", r: { x: 10, y: 10, width: 10, height: 10 } },
    ];
    expect(box_at(boxes, { x: 15, y: 15 })?.id).toBe("small");
    expect(box_at(boxes, { x: 50, y: 50 })?.id).toBe("large");
    expect(box_at(boxes, { x: 150, y: 50 })).toBeNull();
  });

  it("says where it is", () => {
    expect(crosshair_words({ x: 3, y: 4 }, null)).toBe("3, 4");
    expect(crosshair_words({ x: 3, y: 4 }, { x: 10, y: 2 })).toBe("3, 4: box 7 × 2");
  });
});
