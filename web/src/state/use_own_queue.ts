// One's own queue, as far as a page needs to know it.
import { useEffect, useState } from "react";
import { get_queue } from "../api/account_routes";
import type { own_queue } from "../api/types";
import { useLive } from "./live";

export interface own_queue_view {
  /** null where it does not answer: it is not offered, and nothing is said about it. */
  queue: own_queue | null;
  set_queue: (q: own_queue) => void;
}

/** Read again whenever `key` changes and when the server is back; null: not asked at all. */
export function useOwnQueue(key: string | null): own_queue_view {
  const [queue, set_queue] = useState<own_queue | null>(null);
  const { returns } = useLive();
  useEffect(() => {
    if (key === null) return;
    let gone = false;
    get_queue()
      .then((q) => !gone && set_queue(q))
      .catch(() => {
        if (!gone) set_queue(null);
      });
    return () => {
      gone = true;
    };
  }, [key, returns]);
  return { queue, set_queue };
}
