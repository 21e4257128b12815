// The upload queue: which files wait, run, ended; at most `parallel` run at once.
import { bytes } from "../lib/format";

export const parallel = 3;

/** checking: is it here already? known: it is, and its owner is asked. */
export type upload_state = "checking" | "known" | "waiting" | "running" | "done" | "failed";

export interface upload {
  id: number;
  name: string;
  size: number;
  state: upload_state;
  /** 0 … 1 */
  progress: number;
  error: string | null;
  /** Failed for a reason that may pass: trying again makes sense. */
  again: boolean;
  /** It may have arrived although it failed: that is looked at before it is sent again. */
  doubt: boolean;
  /** What a known file is the same as; null as long as it is not known. */
  twin: { image_id: string | null; name: string } | null;
}

export interface uploads_state {
  items: upload[];
  next_id: number;
}

export const no_uploads: uploads_state = { items: [], next_id: 1 };

export type uploads_action =
  /** bytes_max: what the server takes, null while that is not known; larger ones are not sent. */
  | { kind: "added"; files: { name: string; size: number }[]; bytes_max: number | null }
  | { kind: "checked"; found: ReadonlyMap<number, upload["twin"]> }
  /** Those that are known: uploaded all the same, or left out. */
  | { kind: "wanted" | "skipped"; ids: ReadonlySet<number> }
  | { kind: "started"; id: number }
  | { kind: "progressed"; id: number; progress: number }
  | { kind: "done"; id: number }
  /** rest: those that wait would fail in the same way, and are not sent for that. */
  | { kind: "failed"; id: number; error: string; again: boolean; doubt?: boolean; rest?: boolean }
  | { kind: "retried"; id: number }
  /** All that may come through this time. */
  | { kind: "all_retried" }
  /** What has not arrived yet is given up. */
  | { kind: "stopped" }
  | { kind: "cleared" };

export function reduce_uploads(state: uploads_state, action: uploads_action): uploads_state {
  const change = (id: number, to: Partial<upload>): uploads_state => ({
    ...state,
    items: state.items.map((u) => (u.id === id ? { ...u, ...to } : u)),
  });
  switch (action.kind) {
    case "added": {
      const { files, bytes_max } = action;
      const added = files.map((f, i): upload => {
        const refused = is_too_large(f, bytes_max);
        const reason = `Larger than ${bytes(bytes_max ?? 0)}, the most that one file may have`;
        return {
          id: state.next_id + i,
          name: f.name,
          size: f.size,
          state: refused ? "failed" : "checking",
          progress: 0,
          error: refused ? reason : null,
          again: false,
          doubt: false,
          twin: null,
        };
      });
      return { next_id: state.next_id + files.length, items: [...state.items, ...added] };
    }
    case "checked":
      return {
        ...state,
        items: state.items.map((u) => {
          const twin = action.found.get(u.id);
          if (u.state !== "checking" || twin === undefined) return u;
          return { ...u, state: twin === null ? "waiting" : "known", twin };
        }),
      };
    case "wanted":
      return {
        ...state,
        items: state.items.map((u) =>
          u.state === "known" && action.ids.has(u.id) ? { ...u, state: "waiting" } : u,
        ),
      };
    case "skipped":
      return {
        ...state,
        items: state.items.filter((u) => u.state !== "known" || !action.ids.has(u.id)),
      };
    case "started":
      return change(action.id, { state: "running", progress: 0, error: null });
    case "progressed":
      return change(action.id, { progress: Math.max(0, Math.min(1, action.progress)) });
    case "done":
      return change(action.id, { state: "done", progress: 1 });
    case "failed": {
      const { error, again, doubt = false } = action;
      return {
        ...state,
        items: state.items.map((u) => {
          if (u.id === action.id) return { ...u, state: "failed", error, again, doubt };
          if (!action.rest || u.state !== "waiting") return u;
          return { ...u, state: "failed", error, again };
        }),
      };
    }
    case "all_retried":
      return {
        ...state,
        items: state.items.map((u) =>
          u.state === "failed" && u.again ? tried_again(u) : u,
        ),
      };
    case "retried":
      return {
        ...state,
        items: state.items.map((u) => (u.id === action.id ? tried_again(u) : u)),
      };
    case "stopped":
      return {
        ...state,
        items: state.items.filter((u) => u.state === "done" || u.state === "failed"),
      };
    case "cleared":
      return {
        ...state,
        items: state.items.filter((u) => is_under_way(u) || u.state === "known"),
      };
  }
}

function tried_again(u: upload): upload {
  return { ...u, state: u.doubt ? "checking" : "waiting", progress: 0, error: null };
}

export function is_too_large(file: { size: number }, bytes_max: number | null): boolean {
  return bytes_max !== null && file.size > bytes_max;
}

/** Neither ended nor held back. */
export function is_under_way(u: upload): boolean {
  return u.state === "checking" || u.state === "waiting" || u.state === "running";
}

/** The uploads that may start now. */
export function startable(state: uploads_state): upload[] {
  const running = state.items.filter((u) => u.state === "running").length;
  return state.items.filter((u) => u.state === "waiting").slice(0, Math.max(0, parallel - running));
}

/** 0 … 1, by files: a failed one has ended too, and one that is held back does not count. */
export function progress_of_uploads(items: upload[]): number {
  const meant = items.filter((u) => u.state !== "known");
  if (meant.length === 0) return 0;
  const ended = meant.reduce((n, u) => n + (u.state === "failed" ? 1 : u.progress), 0);
  return ended / meant.length;
}

/** "Uploading, 3 of 29 images done, 1 failed" */
export function upload_words(items: upload[]): string {
  const meant = items.filter((u) => u.state !== "known");
  const failed = meant.filter((u) => u.state === "failed").length;
  const done = meant.filter((u) => u.state === "done").length;
  const left = meant.length - failed - done;
  const images = meant.length === 1 ? "image" : "images";
  const words =
    left > 0
      ? `Uploading, ${done} of ${meant.length} ${images} done`
      : done > 0
        ? `${done} ${done === 1 ? "image" : "images"} uploaded`
        : "Nothing was uploaded";
  return failed > 0 ? `${words}, ${failed} failed` : words;
}
