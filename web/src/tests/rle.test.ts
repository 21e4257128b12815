// The golden masks and strings were made by the reference implementation of COCO's run lengths.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decode_counts, decode_mask, is_set, make_sampling, paint_mask } from "../lib/rle";

interface vector {
  name: string;
  size: [number, number];
  rows: string[];
  uncompressed: number[];
  counts: string;
}
const vectors = JSON.parse(
  readFileSync(new URL("./golden/rle-vectors.json", import.meta.url), "utf8"),
) as vector[];

describe("COCO run lengths", () => {
  it("has golden masks", () => expect(vectors.length).toBeGreaterThan(10));

  it.each(vectors.map((v) => [v.name, v] as const))("decodes %s", (_name, v) => {
    expect(decode_counts(v.counts)).toEqual(v.uncompressed);
    const mask = decode_mask({ size: v.size, counts: v.counts });
    expect([...mask].join("")).toBe(v.rows.join(""));
    const [height, width] = v.size;
    const counts = decode_counts(v.counts);
    const one_by_one = [...mask.keys()].map((at) =>
      Number(is_set(counts, height, at % width, Math.floor(at / width))),
    );
    expect(one_by_one).toEqual([...mask]);
  });

  it.each(vectors.map((v) => [v.name, v] as const))("paints %s pixel by pixel", (_name, v) => {
    const [height, width] = v.size;
    const to = make_sampling(width, height, 1e9);
    expect([to.width, to.height]).toEqual([width, height]);
    const pixels = new Uint8ClampedArray(width * height * 4);
    paint_mask({ size: v.size, counts: v.counts }, [1, 2, 3], pixels, to);
    const set = [...v.rows.join("")].map((_, i) => (pixels[i * 4 + 3]! > 0 ? "1" : "0"));
    expect(set.join("")).toBe(v.rows.join(""));
    expect(to.scratch.every((n) => n === 0)).toBe(true);
  });

  it("paints a smaller picture by sampling", () => {
    // 4 × 6, the right half set: 12 zeros, 12 ones.
    const to = make_sampling(6, 4, 6);
    expect([to.width, to.height]).toEqual([3, 2]);
    const pixels = new Uint8ClampedArray(24);
    paint_mask({ size: [4, 6], counts: "<<" }, [255, 0, 0], pixels, to);
    const set = [0, 1, 2, 3, 4, 5].map((i) => pixels[i * 4 + 3]! > 0);
    expect(set).toEqual([false, true, true, false, true, true]);
  });

  it("refuses broken strings", () => {
    expect(() => decode_counts("Q")).toThrow(/middle/);
    expect(() => decode_counts("!")).toThrow(/no run length/);
    expect(() => decode_mask({ size: [2, 2], counts: "1" })).toThrow(/fill/);
  });
});
