// The prompts of one image: every change goes to the server first, then into the page.
import { useCallback, useEffect, useReducer, useRef, useState } from "react";
import { is_in_doubt } from "../api/client";
import * as api from "../api/routes";
import type { box_annotation, image, prompt_type } from "../api/types";
import { useToasts } from "../components/toasts";
import {
  no_prompts,
  not_shown,
  reduce_prompts,
  same_box,
  same_point,
  type origin,
  type prompts_action,
  type prompts_state,
  type undo_step,
} from "../state/prompts";
import { own_job_keys } from "../state/job_keys";
import { useServerBack } from "../state/live";
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
  /** Takes the last change back, once the server has answered to it. */
  undo: () => void;
  /** Does again what was taken back last. */
  redo: () => void;
}

const geometry = (r: rect) => ({
  bbox_x: r.x,
  bbox_y: r.y,
  bbox_width: r.width,
  bbox_height: r.height,
});

async function take_back(step: undo_step, by: origin): Promise<prompts_action> {
  switch (step.kind) {
    case "delete_box":
      await api.delete_box(step.id);
      return { kind: "box_removed", id: step.id, by };
    case "delete_point":
      await api.delete_point(step.id);
      return { kind: "point_removed", id: step.id, by };
    case "reshape_box":
      return { kind: "box_reshaped", box: await api.patch_box(step.id, step.to), by };
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
      return { kind: "box_added", box, by, instead_of: step.box.id };
    }
    case "restore_point": {
      const { image_id, point_x, point_y, is_positive } = step.point;
      const point = await api.create_point({ image_id, point_x, point_y, is_positive });
      return { kind: "point_added", point, by, instead_of: step.point.id };
    }
  }
}

export function usePrompts(image: image): prompt_tools {
  const [prompts, dispatch] = useReducer(reduce_prompts, no_prompts);
  const [loaded, set_loaded] = useState(false);
  const [tries, set_tries] = useState(0);
  /** Changes that the server has not answered to yet. */
  const [open, set_open] = useState(0);
  /** Steps back and forward that are asked for, and a count that tells of another one. */
  const wanted = useRef<("undo" | "redo")[]>([]);
  const [asked, set_asked] = useState(0);
  const stepping = useRef(false);
  /** A change that failed may have been made all the same. */
  const unsure = useRef(false);
  const shown = useRef(prompts);
  shown.current = prompts;
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
  }, [id, tries, toasts]);
  useServerBack(() => {
    if (!loaded) set_tries((n) => n + 1);
  });

  const attempt = useCallback(
    async (action: () => Promise<prompts_action>): Promise<prompts_action | null> => {
      set_open((n) => n + 1);
      try {
        const done = await action();
        dispatch(done);
        return done;
      } catch (e) {
        if (is_in_doubt(e)) unsure.current = true;
        toasts.error(e);
        return null;
      } finally {
        own_job_keys.prompts_changed(id);
        set_open((n) => n - 1);
      }
    },
    [id, toasts],
  );

  /** What changes that failed have left at the server all the same; it is shown from now on. */
  const find_lost = useCallback(async () => {
    if (!unsure.current) return { boxes: [], points: [] };
    const [all_boxes, all_points] = await Promise.all([api.list_boxes(id), api.list_points(id)]);
    unsure.current = false;
    const boxes = not_shown(all_boxes.annotations, shown.current.boxes);
    const points = not_shown(all_points.annotations, shown.current.points);
    for (const box of boxes) dispatch({ kind: "box_added", box, by: "nobody" });
    for (const point of points) dispatch({ kind: "point_added", point, by: "nobody" });
    return { boxes, points };
  }, [id]);

  const add_box = useCallback(
    async (r: rect, type: prompt_type) => {
      const wanted = { image_id: id, ...geometry(r), prompt_type: type };
      const done = await attempt(async () => {
        const lost = (await find_lost()).boxes.find((b) => same_box(b, wanted));
        return { kind: "box_added", box: lost ?? (await api.create_box(wanted)), by: "user" };
      });
      return done?.kind === "box_added" ? done.box.id : null;
    },
    [attempt, find_lost, id],
  );

  const reshape_box = useCallback(
    async (box_id: string, r: rect) => {
      const before = prompts.boxes.find((b) => b.id === box_id);
      if (before === undefined) return;
      // Shown at once; put back when the server says no.
      const now: box_annotation = { ...before, ...geometry(r) };
      dispatch({ kind: "box_reshaped", box: now, by: "nobody" });
      set_open((n) => n + 1);
      try {
        const box = await api.patch_box(box_id, geometry(r));
        dispatch({ kind: "box_reshaped", box: before, by: "nobody" });
        dispatch({ kind: "box_reshaped", box, by: "user" });
      } catch (e) {
        dispatch({ kind: "box_reshaped", box: before, by: "nobody" });
        toasts.error(e);
      } finally {
        own_job_keys.prompts_changed(id);
        set_open((n) => n - 1);
      }
    },
    [id, prompts.boxes, toasts],
  );

  const remove_box = useCallback(
    async (box_id: string) => {
      await attempt(async () => {
        await api.delete_box(box_id);
        return { kind: "box_removed", id: box_id, by: "user" };
      });
    },
    [attempt],
  );

  const add_point = useCallback(
    async (x: number, y: number, positive: boolean) => {
      const wanted = { image_id: id, point_x: x, point_y: y, is_positive: positive };
      const done = await attempt(async () => {
        const lost = (await find_lost()).points.find((p) => same_point(p, wanted));
        return { kind: "point_added", point: lost ?? (await api.create_point(wanted)), by: "user" };
      });
      return done !== null;
    },
    [attempt, find_lost, id],
  );

  const remove_point = useCallback(
    async (point_id: string) => {
      await attempt(async () => {
        await api.delete_point(point_id);
        return { kind: "point_removed", id: point_id, by: "user" };
      });
    },
    [attempt],
  );

  const step = useCallback((by: "undo" | "redo") => {
    wanted.current.push(by);
    set_asked((n) => n + 1);
  }, []);
  useEffect(() => {
    // A change without an answer is in no list yet: an older one would be taken back instead of it.
    if (open > 0 || stepping.current) return;
    const by = wanted.current.shift();
    const last = by === undefined ? undefined : prompts[by].at(-1);
    if (by === undefined || last === undefined) {
      wanted.current = [];
      return;
    }
    stepping.current = true;
    void attempt(() => take_back(last, by)).then(() => {
      // Also when the server refused: a step that cannot be taken must not block older ones.
      dispatch({ kind: "undone", step: last });
      stepping.current = false;
      set_asked((n) => n + 1);
    });
  }, [open, asked, prompts, attempt]);
  const undo = useCallback(() => step("undo"), [step]);
  const redo = useCallback(() => step("redo"), [step]);

  return { prompts, loaded, add_box, reshape_box, remove_box, add_point, remove_point, undo, redo };
}
