import { describe, expect, it } from "vitest";
import {
  boxes_of_mode,
  has_prompt,
  no_prompts,
  not_shown,
  reduce_prompts,
  same_box,
  same_point,
} from "../state/prompts";
import { a_box } from "./fixtures";

const point = {
  id: "p1",
  image_id: "i1",
  point_x: 1,
  point_y: 2,
  is_positive: true,
  created_at: "2026-01-01T00:00:00Z",
};

describe("prompts reducer", () => {
  it("remembers how to take an added box back", () => {
    const s = reduce_prompts(no_prompts, { kind: "box_added", box: a_box(), by: "user" });
    expect(s.boxes).toHaveLength(1);
    expect(s.undo).toEqual([{ kind: "delete_box", id: "b1" }]);
  });

  it("shows a prompt once that came by a list and by its own answer", () => {
    let s = reduce_prompts(no_prompts, { kind: "box_added", box: a_box(), by: "nobody" });
    expect(s.undo).toEqual([]);
    s = reduce_prompts(s, { kind: "box_added", box: a_box(), by: "user" });
    for (const by of ["nobody", "user"] as const) {
      s = reduce_prompts(s, { kind: "point_added", point, by });
    }
    expect([s.boxes.length, s.points.length]).toEqual([1, 1]);
    expect(s.undo.map((u) => u.kind)).toEqual(["delete_box", "delete_point"]);
  });

  it("tells what is stored without being shown, and whether it is what was wanted", () => {
    const lost = a_box({ id: "b2", bbox_x: 11 });
    expect(not_shown([a_box(), lost], [a_box({ bbox_x: 99 })])).toEqual([lost]);
    const { id: _, created_at: __, ...wanted } = a_box({ bbox_x: 11 });
    expect(same_box(lost, wanted)).toBe(true);
    for (const other of [{ bbox_height: 41 }, { prompt_type: "positive_exemplar" as const }]) {
      expect(same_box(lost, { ...wanted, ...other })).toBe(false);
    }
    expect(same_point(point, { image_id: "i1", point_x: 1, point_y: 2, is_positive: true })).toBe(true);
    expect(same_point(point, { ...point, is_positive: false })).toBe(false);
  });

  it("remembers the old shape of a moved box", () => {
    const s = reduce_prompts(
      { ...no_prompts, boxes: [a_box()] },
      { kind: "box_reshaped", box: a_box({ bbox_x: 99 }), by: "user" },
    );
    expect(s.boxes[0]!.bbox_x).toBe(99);
    expect(s.undo[0]).toMatchObject({ kind: "reshape_box", to: { bbox_x: 10 } });
  });

  it("renames older steps when a removed box comes back under a new id", () => {
    let s = reduce_prompts(no_prompts, { kind: "box_added", box: a_box(), by: "user" });
    s = reduce_prompts(s, { kind: "box_removed", id: "b1", by: "user" });
    const step = s.undo[1]!;
    expect(step.kind).toBe("restore_box");
    s = reduce_prompts(s, {
      kind: "box_added",
      box: a_box({ id: "b2" }),
      by: "undo",
      instead_of: "b1",
    });
    s = reduce_prompts(s, { kind: "undone", step });
    expect(s.boxes.map((b) => b.id)).toEqual(["b2"]);
    expect(s.undo).toEqual([{ kind: "delete_box", id: "b2" }]);
  });

  it("has again what was taken back, until something new is done", () => {
    let s = reduce_prompts(no_prompts, { kind: "box_added", box: a_box(), by: "user" });
    const back = s.undo[0]!;
    s = reduce_prompts(s, { kind: "box_removed", id: "b1", by: "undo" });
    s = reduce_prompts(s, { kind: "undone", step: back });
    expect(s.undo).toEqual([]);
    expect(s.redo).toEqual([{ kind: "restore_box", box: a_box() }]);
    const forth = s.redo[0]!;
    const again = a_box({ id: "b2" });
    s = reduce_prompts(s, { kind: "box_added", box: again, by: "redo", instead_of: "b1" });
    s = reduce_prompts(s, { kind: "undone", step: forth });
    expect(s.undo).toEqual([{ kind: "delete_box", id: "b2" }]);
    expect(s.redo).toEqual([]);
    s = reduce_prompts(s, { kind: "box_removed", id: "b2", by: "undo" });
    expect(s.redo).toHaveLength(1);
    s = reduce_prompts(s, { kind: "point_added", point, by: "user" });
    expect(s.redo).toEqual([]);
  });

  it("handles points the same way and ignores unknown ids", () => {
    let s = reduce_prompts(no_prompts, { kind: "point_added", point, by: "user" });
    expect(reduce_prompts(s, { kind: "point_removed", id: "no", by: "user" })).toBe(s);
    s = reduce_prompts(s, { kind: "point_removed", id: "p1", by: "user" });
    expect(s.points).toEqual([]);
    expect(s.undo).toHaveLength(2);
  });

  it("knows which prompts count in which mode", () => {
    const boxes = [a_box(), a_box({ id: "b2", prompt_type: "negative_exemplar" })];
    expect(boxes_of_mode(boxes, "inside_box").map((b) => b.id)).toEqual(["b1"]);
    expect(boxes_of_mode(boxes, "find_all").map((b) => b.id)).toEqual(["b2"]);
    expect(boxes_of_mode(boxes, "point")).toEqual([]);
    expect(has_prompt({ boxes: [], points: [] }, "cat", "find_all")).toBe(true);
    expect(has_prompt({ boxes: [], points: [] }, "  ", "find_all")).toBe(false);
    expect(has_prompt({ boxes: [], points: [point] }, null, "point")).toBe(true);
    expect(has_prompt({ boxes: [], points: [point] }, "cat", "inside_box")).toBe(false);
  });
});
