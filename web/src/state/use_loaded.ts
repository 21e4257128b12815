// Something read from the server for one page, possibly again and again.
import { useCallback, useEffect, useRef, useState } from "react";
import { is_absent } from "../api/client";
import { useToasts } from "../components/toasts";
import { useServerBack } from "./live";

export interface loaded<T> {
  /** null until it has come. */
  value: T | null;
  /** The server does not have the route: what it is for is not offered. */
  absent: boolean;
  failed: boolean;
  reload: () => Promise<void>;
  change: (f: (old: T) => T) => void;
}

/** Whatever it was, the answer has come. */
export function is_settled(l: Pick<loaded<unknown>, "value" | "absent" | "failed">): boolean {
  return l.value !== null || l.absent || l.failed;
}

/** `every_ms`: read again while the page can be seen; 0 for once. `read` must not change by itself. */
export function useLoaded<T>(read: () => Promise<T>, what: string, every_ms = 0): loaded<T> {
  const [value, set_value] = useState<T | null>(null);
  const [absent, set_absent] = useState(false);
  const [failed, set_failed] = useState(false);
  const asked = useRef(0);
  const toasts = useToasts();

  const load = useCallback(
    async (quiet: boolean) => {
      const mine = ++asked.current;
      try {
        const found = await read();
        if (mine !== asked.current) return;
        set_value(found);
        set_failed(false);
      } catch (e) {
        if (mine !== asked.current) return;
        if (is_absent(e)) return set_absent(true);
        set_failed(true);
        if (!quiet) toasts.error(e, `${what} could not be read`);
      }
    },
    [read, what, toasts],
  );

  useEffect(() => {
    void load(false);
    const questions = asked;
    return () => {
      // An answer that comes after this is nobody's.
      questions.current += 1;
    };
  }, [load]);

  useServerBack(() => {
    if (failed) void load(true);
  });

  useEffect(() => {
    if (every_ms === 0 || absent) return;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") void load(true);
    }, every_ms);
    return () => clearInterval(timer);
  }, [load, every_ms, absent]);

  const reload = useCallback(() => load(false), [load]);
  const change = useCallback(
    (f: (old: T) => T) => set_value((old) => (old === null ? old : f(old))),
    [],
  );
  return { value, absent, failed, reload, change };
}
