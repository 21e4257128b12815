// A box that the keyboard holds: by which part, and what moving that part makes of it. All pure.
import { clamp, type point, type rect, type size } from "./viewport";

/** Per axis the edge that is held: −1 left or top, 1 right or bottom, 0 neither; both 0: all of it. */
export interface part {
  x: -1 | 0 | 1;
  y: -1 | 0 | 1;
}

/** No thinner than a box that is drawn. */
const thinnest_px = 2;

/** By thirds of the box: near a corner the corner, near an edge the edge, in the middle all of it. */
export function part_at(r: rect, p: point): part {
  const third = (from: number, length: number, at: number) => {
    if (at < from + length / 3) return -1;
    return at > from + (2 * length) / 3 ? 1 : 0;
  };
  return { x: third(r.x, r.width, p.x), y: third(r.y, r.height, p.y) };
}

/** Where the crosshair stands that holds it, in whole pixels. */
export function handle_of(r: rect, { x, y }: part): point {
  return {
    x: Math.round(r.x + ((x + 1) / 2) * r.width),
    y: Math.round(r.y + ((y + 1) / 2) * r.height),
  };
}

/** The box after its part was moved by so much; it stays on the image, and no edge passes another. */
export function moved(r: rect, { x, y }: part, by: point, image: size): rect {
  if (x === 0 && y === 0) {
    return {
      ...r,
      x: clamp(r.x + by.x, 0, image.width - r.width),
      y: clamp(r.y + by.y, 0, image.height - r.height),
    };
  }
  const [left, right] = edges(r.x, r.x + r.width, x, by.x, image.width);
  const [top, bottom] = edges(r.y, r.y + r.height, y, by.y, image.height);
  return { x: left, y: top, width: right - left, height: bottom - top };
}

function edges(low: number, high: number, held: number, by: number, end: number): [number, number] {
  if (held < 0) return [clamp(low + by, 0, Math.max(0, high - thinnest_px)), high];
  if (held > 0) return [low, clamp(high + by, Math.min(end, low + thinnest_px), end)];
  return [low, high];
}

export function same_rect(a: rect, b: rect): boolean {
  return a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height;
}

/** "top left corner", "right edge", "box" */
export function part_name({ x, y }: part): string {
  const rows = y < 0 ? "top" : y > 0 ? "bottom" : "";
  const columns = x < 0 ? "left" : x > 0 ? "right" : "";
  if (rows === "" && columns === "") return "box";
  return rows !== "" && columns !== "" ? `${rows} ${columns} corner` : `${rows}${columns} edge`;
}

export function rect_words(r: rect): string {
  return `${r.width} × ${r.height} at ${r.x}, ${r.y}`;
}
