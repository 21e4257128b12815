// The results of one image, read again whenever a job has got further with it.
import { useCallback, useEffect, useState } from "react";
import * as api from "../api/routes";
import type { history_item, mode, result } from "../api/types";
import { useToasts } from "../components/toasts";
import { jobs_of_image } from "../state/jobs";
import { useLive, useLiveEvents } from "../state/live";

export interface results_view {
  /** Of this mode, newest first. */
  items: history_item[];
  shown: result | null;
  shown_item: history_item | null;
  show: (id: string) => void;
}

export function useResults(image_id: string, mode: mode): results_view {
  const [history, set_history] = useState<history_item[]>([]);
  const [chosen, set_chosen] = useState<string | null>(null);
  const [shown, set_shown] = useState<result | null>(null);
  const [asked, set_asked] = useState(0);
  const { jobs, returns } = useLive();
  const toasts = useToasts();

  // Without a socket no result.ready comes, but the polled jobs show their progress.
  const progress = jobs_of_image(jobs, image_id, mode).reduce((n, j) => n + j.processed_count, 0);
  useLiveEvents((e) => {
    if (e.type === "result.ready" && e.image_id === image_id) {
      set_chosen(null);
      set_asked((n) => n + 1);
    }
    if (e.type === "resync") set_asked((n) => n + 1);
  });

  useEffect(() => {
    let gone = false;
    api
      .image_history(image_id)
      .then((items) => {
        if (gone) return;
        set_history((old) => {
          // Something new came: show it, whatever was picked before.
          if (old.length > 0 && items[0]?.id !== old[0]?.id) set_chosen(null);
          return items;
        });
      })
      .catch((e) => !gone && toasts.error(e, "The results could not be read"));
    return () => {
      gone = true;
    };
  }, [image_id, progress, asked, returns, toasts]);

  const items = history.filter((h) => h.mode === mode);
  const item = items.find((h) => h.id === chosen) ?? items[0] ?? null;
  const wanted = item?.id ?? null;

  useEffect(() => {
    if (wanted === null) {
      set_shown(null);
      return;
    }
    let gone = false;
    api
      .get_result(wanted)
      .then((r) => !gone && set_shown(r))
      .catch((e) => !gone && toasts.error(e, "The result could not be read"));
    return () => {
      gone = true;
    };
  }, [wanted, returns, toasts]);

  const show = useCallback((id: string) => set_chosen(id), []);
  return { items, shown: shown?.id === wanted ? shown : null, shown_item: item, show };
}
