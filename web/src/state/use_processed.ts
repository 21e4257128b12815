// Which images have results, and in which modes; kept up to date.
import { useCallback, useEffect, useState } from "react";
import * as api from "../api/routes";
import type { mode } from "../api/types";
import { useToasts } from "../components/toasts";
import { useLive, useLiveEvents } from "./live";

const history_read = 1000;

export type processed_modes = ReadonlyMap<string, ReadonlySet<mode>>;

/** In which modes each image has results. */
export function by_image(items: { image_id: string; mode: mode }[]): processed_modes {
  const found = new Map<string, Set<mode>>();
  for (const h of items) found.set(h.image_id, (found.get(h.image_id) ?? new Set()).add(h.mode));
  return found;
}

/** How many of the picked images, or of all when none is picked, have a result in this mode. */
export function with_results(
  processed: processed_modes,
  mode: mode,
  picked: ReadonlySet<string>,
): number {
  let n = 0;
  for (const [id, modes] of processed) {
    if (modes.has(mode) && (picked.size === 0 || picked.has(id))) n += 1;
  }
  return n;
}

/** What is known of an image that has been deleted goes with it. */
export function without(processed: processed_modes, image_id: string): processed_modes {
  if (!processed.has(image_id)) return processed;
  const left = new Map(processed);
  left.delete(image_id);
  return left;
}

/** all_known: there are no results besides these. */
export function useProcessed(): {
  processed: processed_modes;
  all_known: boolean;
  forget: (image_id: string) => void;
} {
  const [processed, set_processed] = useState<processed_modes>(new Map());
  const [all_known, set_all_known] = useState(false);
  const [asked, set_asked] = useState(0);
  const toasts = useToasts();
  const { jobs, status, returns } = useLive();
  // While polling there are no result events: read again when a job has got further.
  const ended =
    status === "live"
      ? 0
      : Object.values(jobs.by_id).reduce((n, j) => n + j.processed_count, 0);
  useEffect(() => {
    let gone = false;
    api
      .all_history(history_read)
      .then((items) => {
        if (gone) return;
        set_processed(by_image(items));
        set_all_known(items.length < history_read);
      })
      .catch((e) => !gone && toasts.error(e));
    return () => {
      gone = true;
    };
  }, [ended, asked, returns, toasts]);
  useLiveEvents((e) => {
    if (e.type === "resync") set_asked((n) => n + 1);
    if (e.type !== "result.ready") return;
    const mode = jobs.by_id[e.job_id]?.mode;
    if (mode === undefined) return set_asked((n) => n + 1);
    set_processed((old) =>
      new Map(old).set(e.image_id, new Set(old.get(e.image_id) ?? []).add(mode)),
    );
  });
  const forget = useCallback((id: string) => set_processed((old) => without(old, id)), []);
  return { processed, all_known, forget };
}
