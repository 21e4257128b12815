// The crosshair that draws without a pointer: where it stands (whole pixels of the image), how far a
// key moves it, and what there is to say about it. All pure.
import { clamp, pan, to_image, type point, type rect, type size, type viewport } from "./viewport";

/** Pixels of the screen that one press moves it, so that zooming in makes it finer. */
const step_px = 2;
const stride_px = 32;
/** Pixels of the screen that are kept between it and the edge of the view. */
const margin_px = 20;

export const directions: Record<string, point> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

/** Pixels of the image, at least one. */
export function step_of(scale: number, large: boolean): number {
  return Math.max(1, Math.round((large ? stride_px : step_px) / scale));
}

/** `last`: the largest coordinates, the image's size for corners and one less for pixels. */
export function stepped(at: point, direction: point, step: number, last: point): point {
  return {
    x: clamp(at.x + direction.x * step, 0, last.x),
    y: clamp(at.y + direction.y * step, 0, last.y),
  };
}

export function on_view(v: viewport, at: point): point {
  return { x: v.x + at.x * v.scale, y: v.y + at.y * v.scale };
}

export function is_seen(v: viewport, view: size, at: point): boolean {
  const s = on_view(v, at);
  return s.x >= 0 && s.y >= 0 && s.x <= view.width && s.y <= view.height;
}

/** The middle of what can be seen of the image; the image's own middle when that is nothing. */
export function middle_of_view(v: viewport, view: size, image: size): point {
  const a = to_image(v, { x: 0, y: 0 });
  const b = to_image(v, { x: view.width, y: view.height });
  const middle = (low: number, high: number, end: number) =>
    high <= 0 || low >= end
      ? Math.floor(end / 2)
      : Math.floor((Math.max(0, low) + Math.min(end, high)) / 2);
  return { x: middle(a.x, b.x, image.width), y: middle(a.y, b.y, image.height) };
}

/** The view moved as little as shows `at` with room about it. */
export function revealing(v: viewport, view: size, at: point): viewport {
  const s = on_view(v, at);
  const wanted = (now: number, room: number) => {
    const margin = Math.min(margin_px, room / 2);
    return clamp(now, margin, room - margin);
  };
  const dx = wanted(s.x, view.width) - s.x;
  const dy = wanted(s.y, view.height) - s.y;
  return dx === 0 && dy === 0 ? v : pan(v, dx, dy);
}

/** The smallest of the boxes that the point is in: it lies on top of what it is inside of. */
export function box_at<B extends { id: string; r: rect }>(boxes: B[], p: point): B | null {
  const hit = boxes.filter(
    ({ r }) => p.x >= r.x && p.y >= r.y && p.x <= r.x + r.width && p.y <= r.y + r.height,
  );
  const area = (b: B) => b.r.width * b.r.height;
  return hit.reduce<B | null>((s, b) => (s === null || area(b) < area(s) ? b : s), null);
}

export function crosshair_words(at: point, begun: point | null): string {
  if (begun === null) return `${at.x}, ${at.y}`;
  const [width, height] = [Math.abs(at.x - begun.x), Math.abs(at.y - begun.y)];
  return `${at.x}, ${at.y}: box ${width} × ${height}`;
}
