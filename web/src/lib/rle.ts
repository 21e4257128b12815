// COCO run lengths: counts of alternating 0s and 1s down the columns, the first column first,
// beginning with 0s. The compressed text packs each count as 5-bit groups, low group first, with
// 48 added; bit 0x20 says that more groups follow, bit 0x10 of the last one is the sign. From the
// fourth count on, the difference to the count two places before is stored.
import type { coco_rle } from "../api/types";

export function decode_counts(text: string): number[] {
  const counts: number[] = [];
  let at = 0;
  while (at < text.length) {
    let value = 0;
    let shift = 0;
    let more = true;
    while (more) {
      if (at >= text.length) throw new Error("run lengths end in the middle of a number");
      const group = text.charCodeAt(at) - 48;
      if (group < 0 || group > 63) throw new Error(`character ${at} is no run length`);
      at += 1;
      // Multiplication, not <<: counts of a large image can pass 31 bits while being put together.
      value += (group & 0x1f) * 2 ** shift;
      shift += 5;
      more = (group & 0x20) !== 0;
      if (!more && (group & 0x10) !== 0) value -= 2 ** shift;
    }
    if (counts.length > 2) value += counts[counts.length - 2]!;
    if (value < 0) throw new Error("a run length is negative");
    counts.push(value);
  }
  return counts;
}

/** Calls `run(first, last)` for each run of set pixels; positions are column-major. */
export function for_each_run(counts: number[], run: (begin: number, end: number) => void): void {
  let position = 0;
  let set = false;
  for (const n of counts) {
    if (set && n > 0) run(position, position + n);
    position += n;
    set = !set;
  }
}

/** Whether the pixel is set. Costs the runs before it, not the pixels. */
export function is_set(counts: number[], height: number, x: number, y: number): boolean {
  const wanted = x * height + y;
  let position = 0;
  for (let i = 0; i < counts.length; i += 1) {
    position += counts[i]!;
    if (wanted < position) return i % 2 === 1;
  }
  return false;
}

/** The mask as rows × columns of 0/1, row-major. */
export function decode_mask(rle: coco_rle): Uint8Array {
  const [height, width] = rle.size;
  const counts = decode_counts(rle.counts);
  const total = counts.reduce((a, b) => a + b, 0);
  if (total !== height * width) throw new Error("run lengths do not fill the mask");
  const mask = new Uint8Array(height * width);
  for_each_run(counts, (begin, end) => {
    let x = Math.floor(begin / height);
    let y = begin - x * height;
    for (let p = begin; p < end; p += 1) {
      mask[y * width + x] = 1;
      y += 1;
      if (y === height) {
        y = 0;
        x += 1;
      }
    }
  });
  return mask;
}

/** Which pixels of a smaller picture stand for which columns and rows of the mask. */
export interface sampling {
  width: number;
  height: number;
  /** Per mask column the picture's column that shows it, or -1. */
  column: Int32Array;
  /** Per mask row the first picture row whose sample is at or below it; one entry more at the end. */
  first_row: Int32Array;
  /** As large as the picture, all zeros between two paintings. */
  scratch: Uint8Array;
}

/** A picture of at most `pixels_max` pixels for a mask of this size, never larger than the mask. */
export function make_sampling(
  mask_width: number,
  mask_height: number,
  pixels_max: number,
): sampling {
  const shrink = Math.min(1, Math.sqrt(pixels_max / Math.max(1, mask_width * mask_height)));
  const width = Math.max(1, Math.floor(mask_width * shrink));
  const height = Math.max(1, Math.floor(mask_height * shrink));
  const column = new Int32Array(mask_width).fill(-1);
  for (let ox = 0; ox < width; ox += 1) {
    column[Math.floor(((ox + 0.5) * mask_width) / width)] = ox;
  }
  const first_row = new Int32Array(mask_height + 1);
  let oy = 0;
  for (let y = 0; y <= mask_height; y += 1) {
    while (oy < height && Math.floor(((oy + 0.5) * mask_height) / height) < y) oy += 1;
    first_row[y] = oy;
  }
  return { width, height, column, first_row, scratch: new Uint8Array(width * height) };
}

/**
 * Paints a mask into RGBA pixels of the sampling's size, with a stronger edge so that neighbouring
 * instances can be told apart. Costs the runs and the painted pixels, not the whole mask.
 */
export function paint_mask(
  rle: coco_rle,
  colour: [number, number, number],
  pixels: Uint8ClampedArray,
  to: sampling,
): void {
  const mask_height = rle.size[0];
  const { width, height, scratch } = to;
  let x0 = width;
  let x1 = -1;
  let y0 = height;
  let y1 = -1;
  for_each_run(decode_counts(rle.counts), (begin, end) => {
    const last_column = Math.floor((end - 1) / mask_height);
    for (let x = Math.floor(begin / mask_height); x <= last_column; x += 1) {
      const ox = to.column[x] ?? -1;
      if (ox < 0) continue;
      const top = to.first_row[Math.max(0, begin - x * mask_height)]!;
      const bottom = to.first_row[Math.min(mask_height, end - x * mask_height)]!;
      if (top >= bottom) continue;
      for (let oy = top; oy < bottom; oy += 1) scratch[oy * width + ox] = 1;
      x0 = Math.min(x0, ox);
      x1 = Math.max(x1, ox);
      y0 = Math.min(y0, top);
      y1 = Math.max(y1, bottom - 1);
    }
  });
  const set = (x: number, y: number) =>
    x >= 0 && y >= 0 && x < width && y < height && scratch[y * width + x] === 1;
  for (let y = y0; y <= y1; y += 1) {
    for (let x = x0; x <= x1; x += 1) {
      if (scratch[y * width + x] === 0) continue;
      const inner = set(x - 1, y) && set(x + 1, y) && set(x, y - 1) && set(x, y + 1);
      const at = (y * width + x) * 4;
      pixels[at] = colour[0];
      pixels[at + 1] = colour[1];
      pixels[at + 2] = colour[2];
      pixels[at + 3] = inner ? 190 : 255;
    }
  }
  for (let y = y0; y <= y1; y += 1) scratch.fill(0, y * width + x0, y * width + x1 + 1);
}
