// The colours of base.css, in both looks: words must be readable (WCAG AA, 4.5 to 1).
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const css = readFileSync(new URL("../styles/base.css", import.meta.url), "utf8");
const colours_in = (block: string) =>
  Object.fromEntries(
    [...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})/g)].map((m) => [m[1]!, m[2]!]),
  );
const [light_block, dark_block] = [...css.matchAll(/:root\s*\{(.*?)\}/gs)].map((m) => m[1]!);
const light = colours_in(light_block!);
const dark = { ...light, ...colours_in(dark_block!) };

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const c = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}
function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high! + 0.05) / (low! + 0.05);
}

const pairs = [
  ["text", "bg"],
  ["text", "surface"],
  ["muted", "bg"],
  ["muted", "surface"],
  ["muted", "raised"],
  ["muted", "warn-soft"],
  ["accent", "bg"],
  ["accent", "surface"],
  ["accent", "accent-soft"],
  ["on-accent", "accent"],
  ["on-accent", "accent-strong"],
  ["good", "good-soft"],
  ["bad", "bad-soft"],
  ["bad", "surface"],
  ["bad", "raised"],
  ["warn", "warn-soft"],
  ["surface", "bad"],
] as const;

describe("contrast", () => {
  it.each([
    ["light", light],
    ["dark", dark],
  ] as const)("is enough in the %s look", (_, colours) => {
    const weak = pairs.filter(([a, b]) => !(contrast(colours[a]!, colours[b]!) >= 4.5));
    expect(weak).toEqual([]);
  });
  it("is measured as WCAG does", () => {
    expect(contrast("#000000", "#ffffff")).toBeCloseTo(21, 5);
    expect(contrast("#777777", "#ffffff")).toBeCloseTo(4.48, 2);
  });
});
