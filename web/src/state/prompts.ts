// The prompts of one image, with a way back: a pure fold, the server calls are made elsewhere.
import type { box_annotation, mode, point_annotation } from "../api/types";

export interface prompts_state {
  boxes: box_annotation[];
  points: point_annotation[];
  /** What to do to take the last action back, newest last. */
  undo: undo_step[];
  /** And what to do to have again what was taken back. */
  redo: undo_step[];
}

/** Why the prompts change; only a user's own step makes what was taken back unreachable. */
export type origin = "user" | "undo" | "redo" | "nobody";

type box_geometry = Pick<box_annotation, "bbox_x" | "bbox_y" | "bbox_width" | "bbox_height">;

export type undo_step =
  | { kind: "delete_box"; id: string }
  | { kind: "restore_box"; box: box_annotation }
  | { kind: "reshape_box"; id: string; to: box_geometry }
  | { kind: "delete_point"; id: string }
  | { kind: "restore_point"; point: point_annotation };

export const no_prompts: prompts_state = { boxes: [], points: [], undo: [], redo: [] };
const undo_steps_max = 100;

export type prompts_action =
  | { kind: "loaded"; boxes: box_annotation[]; points: point_annotation[] }
  | { kind: "box_added"; box: box_annotation; by: origin; instead_of?: string }
  | { kind: "box_reshaped"; box: box_annotation; by: origin }
  | { kind: "box_removed"; id: string; by: origin }
  | { kind: "point_added"; point: point_annotation; by: origin; instead_of?: string }
  | { kind: "point_removed"; id: string; by: origin }
  | { kind: "undone"; step: undo_step };

type way_back = Pick<prompts_state, "undo" | "redo">;

/** `step` takes back what has just been done. */
function remember({ undo, redo }: way_back, step: undo_step, by: origin): way_back {
  if (by === "nobody") return { undo, redo };
  if (by === "undo") return { undo, redo: [...redo, step].slice(-undo_steps_max) };
  return { undo: [...undo, step].slice(-undo_steps_max), redo: by === "user" ? [] : redo };
}

/** A restored prompt has a new id on the server: older steps must speak of the new one. */
function renamed(s: prompts_state, from: string | undefined, to: string): prompts_state {
  if (from === undefined) return s;
  const rename = (u: undo_step) => ("id" in u && u.id === from ? { ...u, id: to } : u);
  return { ...s, undo: s.undo.map(rename), redo: s.redo.map(rename) };
}

function without<T extends { id: string }>(all: T[], id: string): T[] {
  return all.filter((p) => p.id !== id);
}

export function reduce_prompts(s: prompts_state, a: prompts_action): prompts_state {
  switch (a.kind) {
    case "loaded":
      return { boxes: a.boxes, points: a.points, undo: [], redo: [] };
    case "box_added":
      return {
        ...s,
        boxes: [...without(s.boxes, a.box.id), a.box],
        ...remember(
          renamed(s, a.instead_of, a.box.id),
          { kind: "delete_box", id: a.box.id },
          a.by,
        ),
      };
    case "box_reshaped": {
      const old = s.boxes.find((b) => b.id === a.box.id);
      if (old === undefined) return s;
      const to = {
        bbox_x: old.bbox_x,
        bbox_y: old.bbox_y,
        bbox_width: old.bbox_width,
        bbox_height: old.bbox_height,
      };
      return {
        ...s,
        boxes: s.boxes.map((b) => (b.id === a.box.id ? a.box : b)),
        ...remember(s, { kind: "reshape_box", id: a.box.id, to }, a.by),
      };
    }
    case "box_removed": {
      const old = s.boxes.find((b) => b.id === a.id);
      if (old === undefined) return s;
      return {
        ...s,
        boxes: without(s.boxes, a.id),
        ...remember(s, { kind: "restore_box", box: old }, a.by),
      };
    }
    case "point_added":
      return {
        ...s,
        points: [...without(s.points, a.point.id), a.point],
        ...remember(
          renamed(s, a.instead_of, a.point.id),
          { kind: "delete_point", id: a.point.id },
          a.by,
        ),
      };
    case "point_removed": {
      const old = s.points.find((p) => p.id === a.id);
      if (old === undefined) return s;
      return {
        ...s,
        points: without(s.points, a.id),
        ...remember(s, { kind: "restore_point", point: old }, a.by),
      };
    }
    case "undone":
      return {
        ...s,
        undo: s.undo.filter((u) => u !== a.step),
        redo: s.redo.filter((u) => u !== a.step),
      };
  }
}

/** Of what is stored, what this page does not show: left by a try whose answer got lost, mostly. */
export function not_shown<T extends { id: string }>(stored: T[], shown: T[]): T[] {
  const known = new Set(shown.map((p) => p.id));
  return stored.filter((p) => !known.has(p.id));
}

type unstored<T> = Omit<T, "id" | "created_at">;

export function same_box(a: unstored<box_annotation>, b: unstored<box_annotation>): boolean {
  return (
    a.prompt_type === b.prompt_type &&
    a.bbox_x === b.bbox_x &&
    a.bbox_y === b.bbox_y &&
    a.bbox_width === b.bbox_width &&
    a.bbox_height === b.bbox_height
  );
}

export function same_point(a: unstored<point_annotation>, b: unstored<point_annotation>): boolean {
  return a.point_x === b.point_x && a.point_y === b.point_y && a.is_positive === b.is_positive;
}

/** The boxes that count in a mode: segment boxes inside_box, exemplars in find_all. */
export function boxes_of_mode(boxes: box_annotation[], mode: mode): box_annotation[] {
  if (mode === "point") return [];
  return boxes.filter((b) => (mode === "inside_box") === (b.prompt_type === "segment"));
}

/** Whether an image has anything to work with in a mode. */
export function has_prompt(
  s: Pick<prompts_state, "boxes" | "points">,
  text: string | null,
  mode: mode,
): boolean {
  if (mode === "point") return s.points.length > 0;
  if (mode === "inside_box") return boxes_of_mode(s.boxes, mode).length > 0;
  return boxes_of_mode(s.boxes, mode).length > 0 || (text ?? "").trim() !== "";
}
