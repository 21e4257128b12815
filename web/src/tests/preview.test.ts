import { describe, expect, it } from "vitest";
import type { detection } from "../api/types";
import {
  has_pending,
  is_waiting,
  no_preview,
  pause_before,
  preview_masks,
  preview_request,
  preview_words,
  reduce_preview,
  settle_ms,
  type preview_action,
  type preview_state,
} from "../state/preview";

const box = { x: 1, y: 2, width: 30, height: 40 };
const mask = (score: number): detection => ({
  bbox: [0, 0, 1, 1],
  score,
  area: 1,
  segmentation: { size: [1, 1], counts: "01" },
  polygon: [],
});
const fold = (s: preview_state, ...actions: preview_action[]) => actions.reduce(reduce_preview, s);
const point = (x: number, positive = true): preview_action => ({
  kind: "point_added",
  point: { x, y: 5, positive },
});

describe("preview", () => {
  it("waits for the newest question only", () => {
    let s = fold(no_preview, point(1), point(2));
    expect(is_waiting(s)).toBe(true);
    s = fold(s, { kind: "answered", revision: s.revision - 1, detections: [mask(0.1)] });
    expect(s.answer).toBeNull();
    s = fold(s, { kind: "answered", revision: s.revision, detections: [mask(0.9)] });
    expect(is_waiting(s)).toBe(false);
    s = fold(s, { kind: "failed", revision: s.revision - 1, text: "too late" });
    expect(s.problem).toBeNull();
    expect(preview_words(s)).toBe("1 mask · 90 %");
  });

  it("keeps the old masks on the picture until the new ones come", () => {
    let s = fold(no_preview, point(1));
    s = fold(s, { kind: "answered", revision: s.revision, detections: [mask(0.5)] }, point(2));
    expect(is_waiting(s)).toBe(true);
    expect(preview_masks(s, "point")).toHaveLength(1);
    s = fold(s, { kind: "last_removed" }, { kind: "last_removed" });
    expect(has_pending(s)).toBe(false);
    expect(preview_masks(s, "point")).toEqual([]);
  });

  it("answers that come after everything was dropped are nobody's", () => {
    let s = fold(no_preview, point(1), { kind: "cleared" });
    s = fold(s, { kind: "answered", revision: s.revision, detections: [mask(0.5)] });
    expect(s.answer).toBeNull();
    expect(is_waiting(s)).toBe(false);
  });

  it("tells a failure in its line, and asks again as a new question", () => {
    let s = fold(no_preview, { kind: "box_added", box });
    s = fold(s, { kind: "failed", revision: s.revision, text: "All devices are busy" });
    expect(preview_words(s)).toBe("All devices are busy");
    const again = fold(s, { kind: "asked_again" });
    expect(again.revision).toBe(s.revision + 1);
    expect(preview_words(again)).toBe("Looking…");
  });

  it("shows what was kept until a result comes: boxes add up, points are one object", () => {
    const kept = (s: preview_state, mode: "point" | "inside_box") =>
      fold(
        s,
        { kind: "answered", revision: s.revision, detections: [mask(0.7)] },
        { kind: "kept", boxes: s.boxes.length, points: s.points.length, revision: s.revision, mode },
      );
    let s = kept(fold(no_preview, { kind: "box_added", box }), "inside_box");
    expect(has_pending(s)).toBe(false);
    s = kept(fold(s, { kind: "box_added", box }), "inside_box");
    expect(preview_masks(s, "inside_box")).toHaveLength(2);
    expect(preview_masks(fold(s, { kind: "forgotten" }), "inside_box")).toEqual([]);
    let p = kept(fold(no_preview, point(1)), "point");
    p = kept(fold(p, point(2)), "point");
    expect(preview_masks(p, "point")).toHaveLength(1);
  });

  it("keeps pending what the server did not take, and what came meanwhile", () => {
    let s = fold(no_preview, { kind: "box_added", box }, { kind: "box_added", box });
    const seen = s.revision;
    s = fold(s, { kind: "box_added", box });
    s = fold(s, { kind: "kept", boxes: 1, points: 0, revision: seen, mode: "inside_box" });
    expect(s.boxes).toHaveLength(2);
    expect(is_waiting(s)).toBe(true);
  });

  it("asks about stored and new points together, and about boxes alone", () => {
    const stored = [
      { id: "p", image_id: "i", point_x: 3.5, point_y: 4, is_positive: false, created_at: "" },
    ];
    const s = fold(no_preview, point(9));
    expect(preview_request(s, "point", stored)).toEqual({
      mode: "point",
      points: [
        { x: 3, y: 4, is_positive: false },
        { x: 9, y: 5, is_positive: true },
      ],
    });
    const b = fold(no_preview, { kind: "box_added", box });
    expect(preview_request(b, "inside_box", stored)).toEqual({ mode: "inside_box", boxes: [box] });
  });

  it("asks at once after a pause, and waits while clicks follow quickly", () => {
    expect(pause_before(0, 10_000)).toBe(0);
    expect(pause_before(10_000, 10_000 + settle_ms - 1)).toBe(settle_ms);
    expect(pause_before(10_000, 10_000 + settle_ms)).toBe(0);
  });
});
