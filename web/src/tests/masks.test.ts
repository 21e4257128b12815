import { describe, expect, it } from "vitest";
import type { detection } from "../api/types";
import { mask_at } from "../state/masks";

/** On a picture of 4 × 4 pixels. */
const mask = (counts: string, bbox: [number, number, number, number], area: number) =>
  ({ bbox, area, score: 1, segmentation: { size: [4, 4], counts } }) as unknown as detection;

// All 16 pixels; and the two at column 1, rows 1 and 2.
const all = mask("0`0", [0, 0, 4, 4], 16);
const two = mask("529", [1, 1, 1, 2], 2);
const none: ReadonlySet<number> = new Set();

describe("the mask under the pointer", () => {
  it("is the smallest one that covers the pixel", () => {
    for (const detections of [
      [all, two],
      [two, all],
    ]) {
      const at = (x: number, y: number) => mask_at({ id: "r", detections }, none, x, y);
      expect(detections[at(1, 1)!]).toBe(two);
      expect(detections[at(1, 2)!]).toBe(two);
      expect(detections[at(1, 3)!]).toBe(all);
      expect(detections[at(2, 1)!]).toBe(all);
    }
  });

  it("is none beside all masks, outside the picture, and where the mask is hidden", () => {
    const detections = [all, two];
    expect(mask_at({ id: "r", detections: [two] }, none, 0, 0)).toBeNull();
    expect(mask_at({ id: "r", detections }, none, -1, 0)).toBeNull();
    expect(mask_at({ id: "r", detections }, none, 0, 4)).toBeNull();
    expect(mask_at({ id: "r", detections }, new Set([1]), 1, 1)).toBe(0);
    expect(mask_at({ id: "r", detections }, new Set([0, 1]), 1, 1)).toBeNull();
  });
});
