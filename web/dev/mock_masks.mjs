// Development only: made-up masks (ellipses) and COCO run lengths for them.

export function ellipse_detection(box, width, height) {
  const counts = [];
  let run = 0;
  let value = 0;
  let area = 0;
  const cx = box.x + box.width / 2;
  const cy = box.y + box.height / 2;
  for (let x = 0; x < width; x += 1) {
    for (let y = 0; y < height; y += 1) {
      const dx = (x + 0.5 - cx) / (box.width / 2);
      const dy = (y + 0.5 - cy) / (box.height / 2);
      const v = dx * dx + dy * dy <= 1 ? 1 : 0;
      if (v !== value) {
        counts.push(run);
        run = 0;
        value = v;
      }
      run += 1;
      area += v;
    }
  }
  counts.push(run);
  return {
    bbox: [box.x, box.y, box.width, box.height],
    score: 0.9,
    area,
    segmentation: { size: [height, width], counts: compress(counts) },
    polygon: [],
  };
}

function compress(counts) {
  let text = "";
  counts.forEach((count, i) => {
    let x = i > 2 ? count - counts[i - 2] : count;
    let more = true;
    while (more) {
      let c = x & 0x1f;
      x >>= 5;
      more = c & 0x10 ? x !== -1 : x !== 0;
      if (more) c |= 0x20;
      text += String.fromCharCode(c + 48);
    }
  });
  return text;
}

/** [width, height] of a JPEG or PNG, or null. */
export function image_size(b) {
  if (b.length > 24 && b.readUInt32BE(0) === 0x89504e47)
    return [b.readUInt32BE(16), b.readUInt32BE(20)];
  if (b.length < 4 || b.readUInt16BE(0) !== 0xffd8) return null;
  let at = 2;
  while (at + 9 < b.length) {
    const marker = b[at + 1];
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      return [b.readUInt16BE(at + 7), b.readUInt16BE(at + 5)];
    }
    at += 2 + b.readUInt16BE(at + 2);
  }
  return null;
}
