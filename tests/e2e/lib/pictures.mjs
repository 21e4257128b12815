// Makes pictures byte by byte, so that no image library stands between the test and the server.
import fs from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import zlib from 'node:zlib';

const golden = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../golden');
/// 48x32; quadrants red, green / blue, white.
export const quadrants_jpeg = fs.readFileSync(path.join(golden, 'images/quadrants.jpg'));
export const quadrants_webp = fs.readFileSync(path.join(golden, 'images/quadrants.webp'));
export const rle_vectors = JSON.parse(
  fs.readFileSync(path.join(golden, 'rle-vectors.json'), 'utf8'),
);

const crc_table = Uint32Array.from({length: 256}, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n >>> 0;
});
function crc32(bytes) {
  let c = 0xffffffff;
  for (const b of bytes) c = crc_table[(c ^ b) & 255] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}
function chunk(type, data) {
  const out = Buffer.alloc(12 + data.length);
  out.writeUInt32BE(data.length, 0);
  out.write(type, 4, 'latin1');
  data.copy(out, 8);
  out.writeUInt32BE(crc32(out.subarray(4, 8 + data.length)), 8 + data.length);
  return out;
}
const png_magic = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
function png_header(w, h, colour = 2) {
  const data = Buffer.alloc(13);
  data.writeUInt32BE(w, 0);
  data.writeUInt32BE(h, 4);
  data.set([8, colour, 0, 0, 0], 8);
  return chunk('IHDR', data);
}

/// A flat background with a disc in the middle; `seed` varies the colours.
export function colour_at(x, y, w, h, seed) {
  const r = Math.min(w, h) / 3;
  const inside = (x - w / 2) ** 2 + (y - h / 2) ** 2 < r * r;
  return inside ? [220, (seed * 37) % 120, 30] : [30, 60, ((seed * 53) % 160) + 40];
}
export function png(w = 64, h = 48, seed = 1) {
  const raw = Buffer.alloc((1 + 3 * w) * h);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) raw.set(colour_at(x, y, w, h, seed), y * (1 + 3 * w) + 1 + 3 * x);
  }
  // The seed also goes into a comment: two seeds never give the same bytes.
  return Buffer.concat([
    png_magic,
    png_header(w, h),
    chunk('tEXt', Buffer.from(`seed\0${seed}`)),
    chunk('IDAT', zlib.deflateSync(raw)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
/// Claims to be w x h and carries a few bytes of pixels.
export function png_bomb(w, h) {
  return Buffer.concat([
    png_magic,
    png_header(w, h),
    chunk('IDAT', zlib.deflateSync(Buffer.alloc(4096))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

export function bmp(w = 64, h = 48, seed = 1) {
  const stride = (3 * w + 3) & ~3;
  const out = Buffer.alloc(54 + stride * h);
  out.write('BM');
  out.writeUInt32LE(out.length, 2);
  out.writeUInt32LE(54, 10);
  out.writeUInt32LE(40, 14);
  out.writeInt32LE(w, 18);
  out.writeInt32LE(h, 22);
  out.writeUInt16LE(1, 26);
  out.writeUInt16LE(24, 28);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      out.set(colour_at(x, h - 1 - y, w, h, seed).reverse(), 54 + y * stride + 3 * x);
    }
  }
  return out;
}

export function tiff(w = 64, h = 48, seed = 1) {
  const pixels = Buffer.alloc(3 * w * h);
  for (let i = 0; i < w * h; i++)
    pixels.set(colour_at(i % w, Math.floor(i / w), w, h, seed), 3 * i);
  const tags = [
    [256, 4, 1, w],
    [257, 4, 1, h],
    [258, 3, 3, 8],
    [259, 3, 1, 1],
    [262, 3, 1, 2],
    [273, 4, 1, 0],
    [277, 3, 1, 3],
    [278, 4, 1, h],
    [279, 4, 1, pixels.length],
  ];
  const ifd = Buffer.alloc(2 + 12 * tags.length + 4 + 6);
  const bits = 8 + 2 + 12 * tags.length + 4;
  ifd.writeUInt16LE(tags.length, 0);
  tags.forEach(([tag, type, count, value], i) => {
    const at = 2 + 12 * i;
    ifd.writeUInt16LE(tag, at);
    ifd.writeUInt16LE(type, at + 2);
    ifd.writeUInt32LE(count, at + 4);
    ifd.writeUInt32LE(tag === 258 ? bits : tag === 273 ? 8 + ifd.length : value, at + 8);
  });
  for (let i = 0; i < 3; i++) ifd.writeUInt16LE(8, ifd.length - 6 + 2 * i);
  const head = Buffer.from([0x49, 0x49, 42, 0, 8, 0, 0, 0]);
  return Buffer.concat([head, ifd, pixels]);
}

/// Puts an Exif APP1 segment with this orientation (1-8) right after SOI.
export function with_orientation(jpeg, orientation) {
  const tiff_part = Buffer.from([
    0x4d,
    0x4d,
    0,
    42,
    0,
    0,
    0,
    8,
    0,
    1,
    0x01,
    0x12,
    0,
    3,
    0,
    0,
    0,
    1,
    0,
    orientation,
    0,
    0,
    0,
    0,
    0,
    0,
  ]);
  const body = Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), tiff_part]);
  const head = Buffer.from([0xff, 0xe1, 0, 0]);
  head.writeUInt16BE(body.length + 2, 2);
  return Buffer.concat([jpeg.subarray(0, 2), head, body, jpeg.subarray(2)]);
}

/// Reads an 8-bit grey (or indexed) PNG without interlacing: {width, height, data}.
export function read_png(bytes) {
  if (!bytes.subarray(0, 8).equals(png_magic)) throw new Error('not a PNG');
  const idat = [];
  let head = null;
  for (let at = 8; at < bytes.length;) {
    const size = bytes.readUInt32BE(at);
    const type = bytes.toString('latin1', at + 4, at + 8);
    const data = bytes.subarray(at + 8, at + 8 + size);
    if (type === 'IHDR') head = data;
    if (type === 'IDAT') idat.push(data);
    at += 12 + size;
  }
  const width = head.readUInt32BE(0);
  const height = head.readUInt32BE(4);
  const [depth, colour, , , interlace] = head.subarray(8);
  if (depth !== 8 || (colour !== 0 && colour !== 3) || interlace) {
    throw new Error(`not an 8-bit one-channel PNG: depth ${depth}, colour type ${colour}`);
  }
  const raw = zlib.inflateSync(Buffer.concat(idat));
  const data = Buffer.alloc(width * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (width + 1)];
    for (let x = 0; x < width; x++) {
      const a = x ? data[y * width + x - 1] : 0;
      const b = y ? data[(y - 1) * width + x] : 0;
      const c = x && y ? data[(y - 1) * width + x - 1] : 0;
      const p = a + b - c;
      const [pa, pb, pc] = [Math.abs(p - a), Math.abs(p - b), Math.abs(p - c)];
      const paeth = pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
      const guess = [0, a, b, (a + b) >> 1, paeth][filter];
      data[y * width + x] = raw[y * (width + 1) + 1 + x] + guess;
    }
  }
  return {width, height, data};
}

/// An 8-bit grey picture of row-major bytes.
export function png_grey(w, h, pixels) {
  const raw = Buffer.alloc((1 + w) * h);
  for (let y = 0; y < h; y++) raw.set(pixels.subarray(y * w, (y + 1) * w), y * (1 + w) + 1);
  return Buffer.concat([
    png_magic,
    png_header(w, h, 0),
    chunk('IDAT', zlib.deflateSync(raw)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
