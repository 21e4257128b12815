// The prompts of one image, with a way back: a pure fold, the server calls are made elsewhere.
import type { box_annotation, mode, point_annotation } from "../api/types";

export interface prompts_state {
  boxes: box_annotation[];
  points: point_annotation[];
  /** What to do to take the last action back, newest last. */
  undo: undo_step[];
}

type box_geometry = Pick<box_annotation, "bbox_x" | "bbox_y" | "bbox_width" | "bbox_height">;

export type undo_step =
  | { kind: "delete_box"; id: string }
  | { kind: "restore_box"; box: box_annotation }
  | { kind: "reshape_box"; id: string; to: box_geometry }
  | { kind: "delete_point"; id: string }
  | { kind: "restore_point"; point: point_annotation };

export const no_prompts: prompts_state = { boxes: [], points: [], undo: [] };
const undo_steps_max = 100;

export type prompts_action =
  | { kind: "loaded"; boxes: box_annotation[]; points: point_annotation[] }
  | { kind: "box_added"; box: box_annotation; undoable: boolean; instead_of?: string }
  | { kind: "box_reshaped"; box: box_annotation; undoable: boolean }
  | { kind: "box_removed"; id: string; undoable: boolean }
  | { kind: "point_added"; point: point_annotation; undoable: boolean; instead_of?: string }
  | { kind: "point_removed"; id: string; undoable: boolean }
  | { kind: "undone"; step: undo_step };

function remember(s: prompts_state, step: undo_step, wanted: boolean): undo_step[] {
  return wanted ? [...s.undo, step].slice(-undo_steps_max) : s.undo;
}

/** A restored prompt has a new id on the server: older steps must speak of the new one. */
function renamed(s: prompts_state, from: string | undefined, to: string): prompts_state {
  if (from === undefined) return s;
  const undo = s.undo.map((u) => ("id" in u && u.id === from ? { ...u, id: to } : u));
  return { ...s, undo };
}

export function reduce_prompts(s: prompts_state, a: prompts_action): prompts_state {
  switch (a.kind) {
    case "loaded":
      return { boxes: a.boxes, points: a.points, undo: [] };
    case "box_added":
      return {
        ...s,
        boxes: [...s.boxes, a.box],
        undo: remember(
          renamed(s, a.instead_of, a.box.id),
          { kind: "delete_box", id: a.box.id },
          a.undoable,
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
        undo: remember(s, { kind: "reshape_box", id: a.box.id, to }, a.undoable),
      };
    }
    case "box_removed": {
      const old = s.boxes.find((b) => b.id === a.id);
      if (old === undefined) return s;
      return {
        ...s,
        boxes: s.boxes.filter((b) => b.id !== a.id),
        undo: remember(s, { kind: "restore_box", box: old }, a.undoable),
      };
    }
    case "point_added":
      return {
        ...s,
        points: [...s.points, a.point],
        undo: remember(
          renamed(s, a.instead_of, a.point.id),
          { kind: "delete_point", id: a.point.id },
          a.undoable,
        ),
      };
    case "point_removed": {
      const old = s.points.find((p) => p.id === a.id);
      if (old === undefined) return s;
      return {
        ...s,
        points: s.points.filter((p) => p.id !== a.id),
        undo: remember(s, { kind: "restore_point", point: old }, a.undoable),
      };
    }
    case "undone":
      return { ...s, undo: s.undo.filter((u) => u !== a.step) };
  }
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
