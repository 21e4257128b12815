// Click and see: prompts that are looked at before they are kept. A pure fold; annotate/use_preview.ts
// asks the server. Every change of the prompts is a new revision, and only the answer to the newest
// one counts.
import type { detection, mode, point_annotation, segment_request } from "../api/types";
import type { rect } from "./viewport";

export interface pending_point {
  x: number;
  y: number;
  positive: boolean;
}

export interface preview_state {
  boxes: rect[];
  points: pending_point[];
  revision: number;
  answer: { revision: number; detections: detection[] } | null;
  problem: { revision: number; text: string } | null;
  /** Masks of prompts kept since the last result: still true, but not processed yet. */
  kept: detection[];
}

export const no_preview: preview_state = {
  boxes: [],
  points: [],
  revision: 0,
  answer: null,
  problem: null,
  kept: [],
};

export type preview_action =
  | { kind: "box_added"; box: rect }
  | { kind: "point_added"; point: pending_point }
  | { kind: "last_removed" }
  | { kind: "cleared" }
  | { kind: "asked_again" }
  | { kind: "answered"; revision: number; detections: detection[] }
  | { kind: "failed"; revision: number; text: string }
  /** The first of the pending prompts are stored; `revision` is the one that was looked at. */
  | { kind: "kept"; boxes: number; points: number; revision: number; mode: mode }
  /** A result came or stored prompts changed: the kept masks may be wrong now. */
  | { kind: "forgotten" };

export function has_pending(s: preview_state): boolean {
  return s.boxes.length > 0 || s.points.length > 0;
}

export function is_waiting(s: preview_state): boolean {
  return (
    has_pending(s) && s.answer?.revision !== s.revision && s.problem?.revision !== s.revision
  );
}

/** What a changed set of prompts looks like until its own answer comes: the old masks stay. */
function changed(s: preview_state, to: Partial<preview_state>): preview_state {
  const next = { ...s, ...to, revision: s.revision + 1, problem: null };
  return has_pending(next) ? next : { ...next, answer: null };
}

function keep(s: preview_state, a: Extract<preview_action, { kind: "kept" }>): preview_state {
  const seen = s.answer?.revision === a.revision ? s.answer.detections : null;
  // Points speak of one object together; each box stands for itself.
  const kept = seen === null ? s.kept : a.mode === "point" ? seen : [...s.kept, ...seen];
  const left = { boxes: s.boxes.slice(a.boxes), points: s.points.slice(a.points) };
  return { ...changed(s, left), kept, answer: null };
}

export function reduce_preview(s: preview_state, a: preview_action): preview_state {
  switch (a.kind) {
    case "box_added":
      return changed(s, { boxes: [...s.boxes, a.box] });
    case "point_added":
      return changed(s, { points: [...s.points, a.point] });
    case "last_removed":
      return s.points.length > 0
        ? changed(s, { points: s.points.slice(0, -1) })
        : changed(s, { boxes: s.boxes.slice(0, -1) });
    case "cleared":
      return changed(s, { boxes: [], points: [] });
    case "asked_again":
      return has_pending(s) ? changed(s, {}) : s;
    case "answered":
      if (a.revision !== s.revision || !has_pending(s)) return s;
      return { ...s, answer: { revision: a.revision, detections: a.detections }, problem: null };
    case "failed":
      if (a.revision !== s.revision || !has_pending(s)) return s;
      return { ...s, answer: null, problem: { revision: a.revision, text: a.text } };
    case "kept":
      return keep(s, a);
    case "forgotten":
      return s.kept.length === 0 ? s : { ...s, kept: [] };
  }
}

/** The masks to draw above the last result. */
export function preview_masks(s: preview_state, mode: mode): detection[] {
  const now = s.answer?.detections ?? [];
  if (mode === "point") return now.length > 0 ? now : has_pending(s) ? [] : s.kept;
  return s.kept.length === 0 ? now : [...s.kept, ...now];
}

/** The question to the server: points are answered together with those already stored. */
export function preview_request(
  s: preview_state,
  mode: mode,
  stored: point_annotation[],
): segment_request {
  if (mode !== "point") return { mode, boxes: s.boxes.map((b) => ({ ...b })) };
  const before = stored.map((p) => ({
    x: Math.floor(p.point_x),
    y: Math.floor(p.point_y),
    is_positive: p.is_positive,
  }));
  const now = s.points.map((p) => ({ x: p.x, y: p.y, is_positive: p.positive }));
  return { mode, points: [...before, ...now] };
}

/** One line for the bar under the picture. */
export function preview_words(s: preview_state): string {
  if (is_waiting(s)) return "Looking…";
  if (s.problem !== null) return s.problem.text;
  const found = s.answer?.detections ?? [];
  if (found.length === 0) return "Nothing found here";
  const best = Math.max(...found.map((d) => d.score));
  const count = found.length === 1 ? "1 mask" : `${found.length} masks`;
  return `${count} · ${Math.round(best * 100)} %`;
}

export const settle_ms = 150;

/** The first click is asked about at once; changes that follow quickly wait until they settle. */
export function pause_before(last_change_ms: number, now_ms: number): number {
  return now_ms - last_change_ms < settle_ms ? settle_ms : 0;
}
