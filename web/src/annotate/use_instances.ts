// Which masks of the shown result are looked at, hidden, or under the pointer.
import { useCallback, useEffect, useState } from "react";

export interface instances {
  /** The only one that is shown, while somebody points at its line. */
  highlight: number | null;
  set_highlight: (n: number | null) => void;
  /** Under the pointer in the picture: its line is marked. */
  pointed: number | null;
  set_pointed: (n: number | null) => void;
  hidden: ReadonlySet<number>;
  toggle: (n: number) => void;
}

const none: ReadonlySet<number> = new Set();

/** Another result starts with all its masks shown. */
export function useInstances(result_id: string | undefined): instances {
  const [highlight, set_highlight] = useState<number | null>(null);
  const [pointed, set_pointed] = useState<number | null>(null);
  const [hidden, set_hidden] = useState<ReadonlySet<number>>(none);
  useEffect(() => {
    set_highlight(null);
    set_pointed(null);
    set_hidden(none);
  }, [result_id]);
  const toggle = useCallback(
    (n: number) =>
      set_hidden((old) => {
        const next = new Set(old);
        if (!next.delete(n)) next.add(n);
        return next;
      }),
    [],
  );
  return { highlight, set_highlight, pointed, set_pointed, hidden, toggle };
}
