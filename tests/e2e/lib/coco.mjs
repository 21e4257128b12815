// COCO run-length encoding, written from the format: column-major runs beginning with zeros; in the
// compressed string each run is a little-endian series of 5-bit groups (char - 48), bit 5 says that
// more follow, bit 4 of the last group is the sign, and from the fourth run on (index > 2) the
// value is the difference to the run two places before.

export function counts_from_string(text) {
  const counts = [];
  let at = 0;
  while (at < text.length) {
    let value = 0;
    let shift = 0;
    let group;
    do {
      if (at >= text.length) throw new Error('the string ends inside a number');
      group = text.charCodeAt(at++) - 48;
      if (group < 0 || group > 63) throw new Error(`bad character at ${at - 1}`);
      value += (group & 31) * 2 ** shift;
      shift += 5;
    } while (group & 32);
    if (group & 16) value -= 2 ** shift;
    if (counts.length > 2) value += counts[counts.length - 2];
    counts.push(value);
  }
  return counts;
}

/// Row-major bytes 0/1 of counts for size [height, width]; throws when the runs do not fill it.
export function mask_from_counts(counts, [h, w]) {
  const mask = new Uint8Array(h * w);
  let at = 0;
  counts.forEach((run, i) => {
    if (!Number.isInteger(run) || run < 0) throw new Error(`run ${i} is ${run}`);
    if (i % 2) for (let k = at; k < at + run; k++) mask[(k % h) * w + Math.floor(k / h)] = 1;
    at += run;
  });
  if (at !== h * w) throw new Error(`runs sum to ${at}, not to ${h}x${w}`);
  return mask;
}

export function counts_from_mask(mask, [h, w]) {
  const counts = [];
  let run = 0;
  let last = 0;
  for (let x = 0; x < w; x++) {
    for (let y = 0; y < h; y++) {
      const v = mask[y * w + x];
      if (v !== last) {
        counts.push(run);
        run = 0;
        last = v;
      }
      run++;
    }
  }
  counts.push(run);
  return counts;
}

export function area_of(mask) {
  return mask.reduce((sum, v) => sum + v, 0);
}
/// [x, y, width, height] of the set pixels, all 0 when there are none.
export function bbox_of(mask, [h, w]) {
  let [x0, y0, x1, y1] = [w, h, -1, -1];
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      if (!mask[y * w + x]) continue;
      x0 = Math.min(x0, x);
      x1 = Math.max(x1, x);
      y0 = Math.min(y0, y);
      y1 = Math.max(y1, y);
    }
  }
  return x1 < 0 ? [0, 0, 0, 0] : [x0, y0, x1 - x0 + 1, y1 - y0 + 1];
}

/// The mask of a segmentation given as compressed or uncompressed RLE.
export function mask_of(segmentation) {
  const {counts, size} = segmentation;
  return mask_from_counts(typeof counts === 'string' ? counts_from_string(counts) : counts, size);
}

/// Even-odd filling of polygons [x0,y0,x1,y1,...], tested at pixel centres.
export function fill_polygons(polygons, [h, w]) {
  const mask = new Uint8Array(h * w);
  for (let y = 0; y < h; y++) {
    for (const polygon of polygons) {
      const cuts = [];
      for (let i = 0; i < polygon.length; i += 2) {
        const [ax, ay] = [polygon[i], polygon[i + 1]];
        const j = (i + 2) % polygon.length;
        const [bx, by] = [polygon[j], polygon[j + 1]];
        const at = y + 0.5;
        if (ay <= at !== by <= at) cuts.push(ax + ((at - ay) / (by - ay)) * (bx - ax));
      }
      cuts.sort((p, q) => p - q);
      for (let i = 0; i + 1 < cuts.length; i += 2) {
        const from = Math.max(0, Math.ceil(cuts[i] - 0.5));
        for (let x = from; x < Math.min(w, cuts[i + 1] - 0.5 + 1e-9); x++) mask[y * w + x] = 1;
      }
    }
  }
  return mask;
}
export function iou(a, b) {
  let both = 0;
  let any = 0;
  for (let i = 0; i < a.length; i++) {
    both += a[i] & b[i];
    any += a[i] | b[i];
  }
  return any ? both / any : 1;
}
