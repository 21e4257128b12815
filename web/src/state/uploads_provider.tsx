// Runs the upload queue. It lives above the pages, so that uploads go on while one looks around.
import {
  createContext,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useReducer,
  useRef,
  type ReactNode,
} from "react";
import { api_error, describe, is_in_doubt } from "../api/client";
import type { image } from "../api/types";
import { upload_image } from "../api/upload";
import { check_uploads } from "./check_uploads";
import { useServerBack } from "./live";
import { useSession } from "./session";
import {
  is_too_large,
  is_under_way,
  no_uploads,
  reduce_uploads,
  startable,
  type upload,
  type uploads_state,
} from "./uploads";

interface uploads_value {
  uploads: uploads_state;
  /** Resolves when it is known which of them are here already; the others are on their way. */
  add: (files: File[]) => Promise<{ fresh: number; known: number; refused: number }>;
  /** Files that are here already: sent all the same, or left out. */
  want: (ids: number[]) => void;
  skip: (ids: number[]) => void;
  retry: (id: number) => void;
  retry_all: () => void;
  clear: () => void;
  stop: () => void;
  /** Tells of every image that arrived; returns the way to stop. */
  on_arrived: (f: (i: image) => void) => () => void;
}

const context = createContext<uploads_value | null>(null);

/** Not when the server has looked at the file and does not want it. */
function may_pass(e: unknown): boolean {
  return !(e instanceof api_error) || ![400, 413, 415].includes(e.status);
}

/** No room for any other file either. */
function is_full(e: unknown): boolean {
  const codes = ["image_quota_reached", "storage_quota_reached", "storage_full"];
  return e instanceof api_error && codes.includes(e.code);
}

export function UploadsProvider({ children }: { children: ReactNode }) {
  const [uploads, dispatch] = useReducer(reduce_uploads, no_uploads);
  const files = useRef(new Map<number, File>());
  const running = useRef(new Map<number, () => void>());
  const next_id = useRef(no_uploads.next_id);
  const listeners = useRef(new Set<(i: image) => void>());
  const now = useRef(uploads);
  now.current = uploads;

  const { system } = useSession();
  const bytes_max = system?.limits.upload_bytes_max ?? null;

  const add = useCallback(
    async (list: File[]) => {
      if (list.length === 0) return { fresh: 0, known: 0, refused: 0 };
      const under_way = now.current.items.filter(is_under_way);
      const earlier = under_way.flatMap((u) => files.current.get(u.id) ?? []);
      const chosen = list
        .map((file) => ({ id: next_id.current++, file }))
        .filter(({ file }) => !is_too_large(file, bytes_max));
      for (const { id, file } of chosen) files.current.set(id, file);
      const named = list.map(({ name, size }) => ({ name, size }));
      dispatch({ kind: "added", files: named, bytes_max });
      const checked = await check_uploads(chosen, earlier, (found) =>
        dispatch({ kind: "checked", found }),
      );
      return { ...checked, refused: list.length - chosen.length };
    },
    [bytes_max],
  );

  useEffect(() => {
    for (const u of startable(uploads)) {
      const file = files.current.get(u.id);
      if (file === undefined || running.current.has(u.id)) continue;
      dispatch({ kind: "started", id: u.id });
      const { done, abort } = upload_image(file, (progress) =>
        dispatch({ kind: "progressed", id: u.id, progress }),
      );
      running.current.set(u.id, abort);
      done
        .then((arrived) => {
          files.current.delete(u.id);
          dispatch({ kind: "done", id: u.id });
          for (const f of listeners.current) f(arrived);
        })
        .catch((e) =>
          dispatch({
            kind: "failed",
            id: u.id,
            error: describe(e),
            again: may_pass(e),
            doubt: is_in_doubt(e),
            rest: is_full(e),
          }),
        )
        .finally(() => running.current.delete(u.id));
    }
  }, [uploads]);

  useEffect(() => {
    const all = running.current;
    return () => {
      for (const abort of all.values()) abort();
    };
  }, []);

  const busy = uploads.items.some(is_under_way);
  useEffect(() => {
    if (!busy) return;
    const ask = (e: BeforeUnloadEvent) => e.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [busy]);

  /** What may have arrived is not sent a second time before it has been looked for. */
  const check_again = useCallback(async (items: upload[]) => {
    const doubtful = items
      .filter((u) => u.state === "failed" && u.again && u.doubt)
      .flatMap(({ id }) => {
        const file = files.current.get(id);
        return file === undefined ? [] : [{ id, file }];
      });
    if (doubtful.length === 0) return;
    try {
      await check_uploads(doubtful, [], (found) => dispatch({ kind: "checked", found }), true);
    } catch (e) {
      for (const { id } of doubtful) {
        dispatch({ kind: "failed", id, error: describe(e), again: true, doubt: true });
      }
    }
  }, []);
  const retry_all = useCallback(() => {
    void check_again(now.current.items);
    dispatch({ kind: "all_retried" });
  }, [check_again]);
  useServerBack(retry_all);

  const want = useCallback((ids: number[]) => dispatch({ kind: "wanted", ids: new Set(ids) }), []);
  const skip = useCallback((ids: number[]) => {
    dispatch({ kind: "skipped", ids: new Set(ids) });
    for (const id of ids) files.current.delete(id);
  }, []);
  const stop = useCallback(() => {
    dispatch({ kind: "stopped" });
    for (const abort of running.current.values()) abort();
  }, []);
  const retry = useCallback(
    (id: number) => {
      void check_again(now.current.items.filter((u) => u.id === id));
      dispatch({ kind: "retried", id });
    },
    [check_again],
  );
  const clear = useCallback(() => dispatch({ kind: "cleared" }), []);
  const on_arrived = useCallback((f: (i: image) => void) => {
    listeners.current.add(f);
    return () => {
      listeners.current.delete(f);
    };
  }, []);

  const value = useMemo(
    () => ({ uploads, add, want, skip, retry, retry_all, clear, stop, on_arrived }),
    [uploads, add, want, skip, retry, retry_all, clear, stop, on_arrived],
  );
  return <context.Provider value={value}>{children}</context.Provider>;
}

export function useUploads(): uploads_value {
  const value = useContext(context);
  if (value === null) throw new Error("useUploads outside UploadsProvider");
  return value;
}
