// Masks by what is under the pointer. Pure, but for remembering decoded run lengths.
import type { coco_rle, detection } from "../api/types";
import { decode_counts, is_set } from "../lib/rle";

/** A result, or masks that are only looked at. */
export interface masks {
  id: string;
  detections: detection[];
}

/** The server sends compressed strings unless asked otherwise. */
export function rle_of(d: detection): coco_rle | null {
  const { size, counts } = d.segmentation;
  return typeof counts === "string" ? { size, counts } : null;
}

const counts_of = new WeakMap<detection, number[]>();

/** The smallest of the shown masks that covers this pixel of the image; null when none does. */
export function mask_at(
  result: masks,
  hidden: ReadonlySet<number>,
  x: number,
  y: number,
): number | null {
  let best: number | null = null;
  result.detections.forEach((d, i) => {
    const [left, top, width, height] = d.bbox;
    if (hidden.has(i) || x < left || y < top || x >= left + width || y >= top + height) return;
    if (best !== null && result.detections[best]!.area <= d.area) return;
    const rle = rle_of(d);
    if (rle === null) return;
    let counts = counts_of.get(d);
    if (counts === undefined) counts_of.set(d, (counts = decode_counts(rle.counts)));
    if (is_set(counts, rle.size[0], x, y)) best = i;
  });
  return best;
}
