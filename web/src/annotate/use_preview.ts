// Asks the server for the masks of prompts that are not stored yet; the newest question wins.
import { useCallback, useEffect, useReducer, useRef } from "react";
import { describe } from "../api/client";
import * as api from "../api/routes";
import type { image, mode } from "../api/types";
import {
  has_pending,
  no_preview,
  pause_before,
  preview_request,
  reduce_preview,
  type preview_action,
  type preview_state,
} from "../state/preview";
import { useServerBack } from "../state/live";
import type { prompt_tools } from "./use_prompts";

export interface preview_tools {
  state: preview_state;
  dispatch: (a: preview_action) => void;
  /** Stores what is pending; the id of the last box stored, if any, and whether all went well. */
  keep: () => Promise<{ done: boolean; box: string | null }>;
}

export function usePreview(image: image, mode: mode, work: prompt_tools): preview_tools {
  const [state, dispatch] = useReducer(reduce_preview, no_preview);
  const changed_at = useRef(0);
  const keeping = useRef<Promise<{ done: boolean; box: string | null }> | null>(null);
  const latest = useRef({ state, mode, stored: work.prompts.points });
  latest.current = { state, mode, stored: work.prompts.points };
  useServerBack(() => {
    if (state.problem !== null) dispatch({ kind: "asked_again" });
  });
  const { revision } = state;
  const pending = has_pending(state);

  useEffect(() => {
    if (!pending) return;
    const now = Date.now();
    const pause = pause_before(changed_at.current, now);
    changed_at.current = now;
    const question = new AbortController();
    const ask = async () => {
      try {
        const { state: s, mode: m, stored } = latest.current;
        const body = preview_request(s, m, stored);
        const answer = await api.segment(image.id, body, question.signal);
        dispatch({ kind: "answered", revision, detections: answer.detections });
      } catch (e) {
        if (!question.signal.aborted) dispatch({ kind: "failed", revision, text: describe(e) });
      }
    };
    const timer = setTimeout(() => void ask(), pause);
    return () => {
      clearTimeout(timer);
      question.abort();
    };
  }, [image.id, revision, pending]);

  const { add_box, add_point } = work;
  const store = useCallback(async () => {
    const { state: s, mode: m } = latest.current;
    let boxes = 0;
    let points = 0;
    let box: string | null = null;
    for (const b of s.boxes) {
      box = await add_box(b, "segment");
      if (box === null) break;
      boxes += 1;
    }
    for (const p of s.points) {
      if (boxes < s.boxes.length || !(await add_point(p.x, p.y, p.positive))) break;
      points += 1;
    }
    dispatch({ kind: "kept", boxes, points, revision: s.revision, mode: m });
    return { done: boxes === s.boxes.length && points === s.points.length, box };
  }, [add_box, add_point]);

  const keep = useCallback(() => {
    // Enter held down must not store a prompt twice.
    keeping.current ??= store().finally(() => {
      keeping.current = null;
    });
    return keeping.current;
  }, [store]);

  return { state, dispatch, keep };
}
