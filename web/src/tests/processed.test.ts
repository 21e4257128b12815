import { describe, expect, it } from "vitest";
import { by_image, with_results, without } from "../state/use_processed";

describe("which images have results", () => {
  const known = by_image([
    { image_id: "a", mode: "point" },
    { image_id: "a", mode: "inside_box" },
    { image_id: "a", mode: "point" },
    { image_id: "b", mode: "inside_box" },
  ]);

  it("is known by mode", () => {
    expect([...known.get("a")!]).toEqual(["point", "inside_box"]);
    expect(known.get("c")).toBeUndefined();
  });

  it("is counted among the picked ones, or among all when none is picked", () => {
    expect(with_results(known, "inside_box", new Set())).toBe(2);
    expect(with_results(known, "inside_box", new Set(["b", "c"]))).toBe(1);
    expect(with_results(known, "point", new Set(["b"]))).toBe(0);
    expect(with_results(known, "find_all", new Set())).toBe(0);
  });

  it("is forgotten with a deleted image", () => {
    expect(with_results(without(known, "a"), "inside_box", new Set())).toBe(1);
    expect(known.has("a")).toBe(true);
    expect(without(known, "c")).toBe(known);
  });
});
