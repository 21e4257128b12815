// Zoom and pan: screen = image · scale + offset. All pure.
export interface viewport {
  scale: number;
  x: number;
  y: number;
}
export interface size {
  width: number;
  height: number;
}
export interface point {
  x: number;
  y: number;
}

export const scale_min = 0.02;
export const scale_max = 40;

export function fit(image: size, view: size, margin = 24): viewport {
  const usable_w = Math.max(1, view.width - 2 * margin);
  const usable_h = Math.max(1, view.height - 2 * margin);
  const scale = clamp(
    Math.min(usable_w / Math.max(1, image.width), usable_h / Math.max(1, image.height)),
    scale_min,
    8,
  );
  return {
    scale,
    x: (view.width - image.width * scale) / 2,
    y: (view.height - image.height * scale) / 2,
  };
}

/** Zooms by `factor`, keeping the image's point under `at` (screen) where it is. */
export function zoom_at(v: viewport, at: point, factor: number): viewport {
  const scale = clamp(v.scale * factor, scale_min, scale_max);
  const k = scale / v.scale;
  return { scale, x: at.x - (at.x - v.x) * k, y: at.y - (at.y - v.y) * k };
}

export function pan(v: viewport, dx: number, dy: number): viewport {
  return { ...v, x: v.x + dx, y: v.y + dy };
}

/** What two fingers that went from `before` to `after` (screen) do to the picture. */
export function pinch(v: viewport, before: [point, point], after: [point, point]): viewport {
  const middle = ([a, b]: [point, point]) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
  const apart = ([a, b]: [point, point]) => Math.hypot(a.x - b.x, a.y - b.y);
  const [from, to] = [middle(before), middle(after)];
  const moved = pan(v, to.x - from.x, to.y - from.y);
  return zoom_at(moved, to, apart(before) < 1 ? 1 : apart(after) / apart(before));
}

export function to_image(v: viewport, screen: point): point {
  return { x: (screen.x - v.x) / v.scale, y: (screen.y - v.y) / v.scale };
}

export interface rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The box between two corners, whole pixels, inside the image; null when thinner than 2 px. */
export function box_between(a: point, b: point, image: size): rect | null {
  const x0 = clamp(Math.round(Math.min(a.x, b.x)), 0, image.width);
  const y0 = clamp(Math.round(Math.min(a.y, b.y)), 0, image.height);
  const x1 = clamp(Math.round(Math.max(a.x, b.x)), 0, image.width);
  const y1 = clamp(Math.round(Math.max(a.y, b.y)), 0, image.height);
  if (x1 - x0 < 2 || y1 - y0 < 2) return null;
  return { x: x0, y: y0, width: x1 - x0, height: y1 - y0 };
}

/** Moves a box back inside the image without changing its size if that is possible. */
export function keep_inside(r: rect, image: size): rect {
  const width = clamp(Math.round(r.width), 1, image.width);
  const height = clamp(Math.round(r.height), 1, image.height);
  return {
    x: clamp(Math.round(r.x), 0, image.width - width),
    y: clamp(Math.round(r.y), 0, image.height - height),
    width,
    height,
  };
}

export function inside(p: point, image: size): boolean {
  return p.x >= 0 && p.y >= 0 && p.x < image.width && p.y < image.height;
}

export function clamp(n: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, n));
}
