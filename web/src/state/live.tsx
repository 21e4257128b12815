// Gives the page its jobs, kept up to date by the live connection or by polling.
import {
  createContext,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useReducer,
  useRef,
  useState,
  type ReactNode,
} from "react";
import { api_error } from "../api/client";
import { live_connection, type live_status } from "../api/live";
import { get_job, list_jobs } from "../api/routes";
import type { job, live_event } from "../api/types";
import { late_result, no_jobs, reduce_jobs, type jobs_state } from "./jobs";

const jobs_listed = 200;
/** The last images of a cancelled job end within this of each other, mostly. */
const late_ms = 400;

interface live_value {
  jobs: jobs_state;
  status: live_status;
  /** Counts how often the server was found again after it had been away. */
  returns: number;
  put_job: (j: job) => void;
  /** Some of the jobs, as a list told them. */
  put_jobs: (some: job[]) => void;
  reload: () => Promise<void>;
  /** Tells of every event; returns the way to stop. */
  listen: (f: (e: live_event) => void) => () => void;
}

const context = createContext<live_value | null>(null);

export function LiveProvider({ children }: { children: ReactNode }) {
  const [jobs, dispatch] = useReducer(reduce_jobs, no_jobs);
  const [status, set_status] = useState<live_status>("connecting");
  const [returns, set_returns] = useState(0);
  const away = useRef(false);
  const seq = useRef<number | null>(null);
  const listeners = useRef(new Set<(e: live_event) => void>());
  seq.current = jobs.seq;
  const now = useRef(jobs);
  now.current = jobs;

  const reload = useCallback(async () => {
    const list = await list_jobs(jobs_listed);
    dispatch({ kind: "listed", jobs: list, complete: true });
  }, []);

  useEffect(() => {
    const late = new Map<string, ReturnType<typeof setTimeout>>();
    const read_late = (id: string) => {
      clearTimeout(late.get(id));
      const read = () =>
        get_job(id)
          .then((job) => dispatch({ kind: "changed", job }))
          .catch(() => {
            // The next list tells it.
          });
      late.set(id, setTimeout(() => void read(), late_ms));
    };
    const connection = new live_connection({
      on_event: (event) => {
        const id = late_result(now.current, event);
        if (id !== null) read_late(id);
        dispatch({ kind: "event", event });
        for (const f of listeners.current) f(event);
      },
      on_status: (now) => {
        set_status(now);
        if (now !== "offline" && away.current) set_returns((n) => n + 1);
        away.current = now === "offline";
      },
      poll: async () => {
        try {
          await reload();
        } catch (e) {
          // An answer with an error is still an answer, unless the server is away.
          if (e instanceof api_error && e.status !== 0 && e.status < 500) return;
          throw e;
        }
      },
      last_seq: () => seq.current,
    });
    connection.start();
    reload().catch(() => {
      // The connection's own polling tries again and shows "offline" meanwhile.
    });
    return () => {
      connection.stop();
      for (const timer of late.values()) clearTimeout(timer);
    };
  }, [reload]);

  useEffect(() => {
    if (!jobs.stale) return;
    reload().catch(() => {
      // Tried again with the next event or poll; the status line says how we are connected.
    });
  }, [jobs.stale, reload]);

  const put_job = useCallback((j: job) => dispatch({ kind: "changed", job: j }), []);
  const put_jobs = useCallback(
    (some: job[]) => dispatch({ kind: "listed", jobs: some, complete: false }),
    [],
  );
  const listen = useCallback((f: (e: live_event) => void) => {
    listeners.current.add(f);
    return () => {
      listeners.current.delete(f);
    };
  }, []);

  const value = useMemo(
    () => ({ jobs, status, returns, put_job, put_jobs, reload, listen }),
    [jobs, status, returns, put_job, put_jobs, reload, listen],
  );
  return <context.Provider value={value}>{children}</context.Provider>;
}

export function useLive(): live_value {
  const value = useContext(context);
  if (value === null) throw new Error("useLive outside LiveProvider");
  return value;
}

export function useLiveEvents(f: (e: live_event) => void): void {
  const { listen } = useLive();
  const current = useRef(f);
  current.current = f;
  useEffect(() => listen((e) => current.current(e)), [listen]);
}

/** Calls `f` each time the server can be reached again: what failed meanwhile is tried again. */
export function useServerBack(f: () => void): void {
  const { returns } = useLive();
  const current = useRef(f);
  current.current = f;
  const seen = useRef(returns);
  useEffect(() => {
    if (seen.current === returns) return;
    seen.current = returns;
    current.current();
  }, [returns]);
}
