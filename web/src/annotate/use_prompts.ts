// The prompts of one image: every change goes to the server first, then into the page.
import { useCallback, useEffect, useReducer, useRef, useState } from "react";
import * as api from "../api/routes";
import type { box_annotation, image, prompt_type } from "../api/types";
import { useToasts } from "../components/toasts";
import {
  no_prompts,
  reduce_prompts,
  type prompts_action,
  type prompts_state,
  type undo_step,
} from "../state/prompts";
import type { rect } from "../state/viewport";

export interface prompt_tools {
  prompts: prompts_state;
  loaded: boolean;
  add_box: (r: rect, type: prompt_type) => Promise<string | null>;
  reshape_box: (id: string, r: rect) => Promise<void>;
  remove_box: (id: string) => Promise<void>;
  /** Whether the server took it. */
  add_point: (x: number, y: number, positive: boolean) => Promise<boolean>;
  remove_point: (id: string) => Promise<void>;
  undo: () => Promise<void>;
}

const geometry = (r: rect) => ({
  bbox_x: r.x,
  bbox_y: r.y,
  bbox_width: r.width,
  bbox_height: r.height,
});

async function take_back(step: undo_step): Promise<prompts_action> {
  switch (step.kind) {
    case "delete_box":
      await api.delete_box(step.id);
      return { kind: "box_removed", id: step.id, undoable: false };
    case "delete_point":
      await api.delete_point(step.id);
      return { kind: "point_removed", id: step.id, undoable: false };
    case "reshape_box":
      return { kind: "box_reshaped", box: await api.patch_box(step.id, step.to), undoable: false };
    case "restore_box": {
      const { image_id, bbox_x, bbox_y, bbox_width, bbox_height, prompt_type } = step.box;
      const box = await api.create_box({
        image_id,
        bbox_x,
        bbox_y,
        bbox_width,
        bbox_height,
        prompt_type,
      });
      return { kind: "box_added", box, undoable: false, instead_of: step.box.id };
    }
    case "restore_point": {
      const { image_id, point_x, point_y, is_positive } = step.point;
      const point = await api.create_point({ image_id, point_x, point_y, is_positive });
      return { kind: "point_added", point, undoable: false, instead_of: step.point.id };
    }
  }
}

export function usePrompts(image: image): prompt_tools {
  const [prompts, dispatch] = useReducer(reduce_prompts, no_prompts);
  const [loaded, set_loaded] = useState(false);
  const undoing = useRef(false);
  const toasts = useToasts();
  const id = image.id;

  useEffect(() => {
    let gone = false;
    Promise.all([api.list_boxes(id), api.list_points(id)])
      .then(([boxes, points]) => {
        if (gone) return;
        dispatch({ kind: "loaded", boxes: boxes.annotations, points: points.annotations });
        set_loaded(true);
      })
      .catch((e) => !gone && toasts.error(e, "The prompts could not be read"));
    return () => {
      gone = true;
    };
  }, [id, toasts]);

  const attempt = useCallback(
    async (action: () => Promise<prompts_action>): Promise<prompts_action | null> => {
      try {
        const done = await action();
        dispatch(done);
        return done;
      } catch (e) {
        toasts.error(e);
        return null;
      }
    },
    [toasts],
  );

  const add_box = useCallback(
    async (r: rect, type: prompt_type) => {
      const done = await attempt(async () => ({
        kind: "box_added",
        box: await api.create_box({ image_id: id, ...geometry(r), prompt_type: type }),
        undoable: true,
      }));
      return done?.kind === "box_added" ? done.box.id : null;
    },
    [attempt, id],
  );

  const reshape_box = useCallback(
    async (box_id: string, r: rect) => {
      const before = prompts.boxes.find((b) => b.id === box_id);
      if (before === undefined) return;
      // Shown at once; put back when the server says no.
      const now: box_annotation = { ...before, ...geometry(r) };
      dispatch({ kind: "box_reshaped", box: now, undoable: false });
      try {
        const box = await api.patch_box(box_id, geometry(r));
        dispatch({ kind: "box_reshaped", box: before, undoable: false });
        dispatch({ kind: "box_reshaped", box, undoable: true });
      } catch (e) {
        dispatch({ kind: "box_reshaped", box: before, undoable: false });
        toasts.error(e);
      }
    },
    [prompts.boxes, toasts],
  );

  const remove_box = useCallback(
    async (box_id: string) => {
      await attempt(async () => {
        await api.delete_box(box_id);
        return { kind: "box_removed", id: box_id, undoable: true };
      });
    },
    [attempt],
  );

  const add_point = useCallback(
    async (x: number, y: number, positive: boolean) => {
      const done = await attempt(async () => ({
        kind: "point_added",
        point: await api.create_point({
          image_id: id,
          point_x: x,
          point_y: y,
          is_positive: positive,
        }),
        undoable: true,
      }));
      return done !== null;
    },
    [attempt, id],
  );

  const remove_point = useCallback(
    async (point_id: string) => {
      await attempt(async () => {
        await api.delete_point(point_id);
        return { kind: "point_removed", id: point_id, undoable: true };
      });
    },
    [attempt],
  );

  const undo = useCallback(async () => {
    const step = prompts.undo[prompts.undo.length - 1];
    if (step === undefined || undoing.current) return;
    undoing.current = true;
    await attempt(() => take_back(step));
    // Also when the server refused: a step that cannot be taken back must not block older ones.
    dispatch({ kind: "undone", step });
    undoing.current = false;
  }, [prompts.undo, attempt]);

  return { prompts, loaded, add_box, reshape_box, remove_box, add_point, remove_point, undo };
}
