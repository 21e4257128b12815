// The user's jobs as seen by this page: a pure fold over events and polled lists.
import type { job, job_event_type, job_status, live_event, mode } from "../api/types";

export interface jobs_state {
  by_id: Record<string, job>;
  /** Sequence number of the newest event folded in; null before the first hello. */
  seq: number | null;
  /** The server could not replay what was missed: the lists must be read again. */
  stale: boolean;
}

export const no_jobs: jobs_state = { by_id: {}, seq: null, stale: false };

export type jobs_action =
  | { kind: "event"; event: live_event }
  | { kind: "listed"; jobs: job[]; complete: boolean }
  | { kind: "changed"; job: job }
  | { kind: "cleared" };

const job_events: ReadonlySet<string> = new Set<job_event_type>([
  "job.queued",
  "job.started",
  "job.progress",
  "job.completed",
  "job.failed",
  "job.cancelled",
  "queue.position",
]);

export const job_statuses: job_status[] = ["queued", "running", "completed", "failed", "cancelled"];

/** "?status=failed" in the jobs page's address; null: all. */
export function status_in(search: string): job_status | null {
  const wanted = new URLSearchParams(search).get("status");
  return job_statuses.find((s) => s === wanted) ?? null;
}

export function is_terminal(status: job_status): boolean {
  return status === "completed" || status === "failed" || status === "cancelled";
}

/** Versions only grow, and an ended job stays ended: an older picture never replaces a newer. */
function newer(known: job | undefined, incoming: job): boolean {
  if (known === undefined) return true;
  if (incoming.version !== known.version) return incoming.version > known.version;
  return !(is_terminal(known.status) && !is_terminal(incoming.status));
}

function put(state: jobs_state, jobs: job[]): jobs_state {
  let by_id = state.by_id;
  for (const j of jobs) {
    if (!newer(by_id[j.id], j)) continue;
    if (by_id === state.by_id) by_id = { ...by_id };
    by_id[j.id] = j;
  }
  return by_id === state.by_id ? state : { ...state, by_id };
}

function fold_event(state: jobs_state, event: live_event): jobs_state {
  if (event.type === "resync") return { ...state, seq: event.seq ?? null, stale: true };
  if (event.type === "hello") {
    const next = put(state, event.jobs);
    // A job we thought open that the server no longer lists ended while we were away.
    const open = new Set(event.jobs.map((j) => j.id));
    const lost = Object.values(next.by_id).some((j) => !is_terminal(j.status) && !open.has(j.id));
    // With ?since= the missed events follow and have smaller numbers than the hello's.
    return { ...next, seq: state.seq ?? event.seq, stale: state.stale || lost };
  }
  if (state.seq !== null && event.seq <= state.seq) return state;
  const next = { ...state, seq: event.seq };
  return job_events.has(event.type) && "job" in event ? put(next, [event.job]) : next;
}

export function reduce_jobs(state: jobs_state, action: jobs_action): jobs_state {
  switch (action.kind) {
    case "event":
      return fold_event(state, action.event);
    case "changed":
      return put(state, [action.job]);
    case "listed": {
      const next = put(state, action.jobs);
      if (!action.complete) return next;
      return { ...next, stale: false };
    }
    case "cleared":
      return no_jobs;
  }
}

/**
 * A result of a job that has ended: what ran while it was cancelled still finishes. No event tells
 * what the job has become by that; it must be asked for.
 */
export function late_result(state: jobs_state, event: live_event): string | null {
  if (event.type !== "result.ready") return null;
  const known = state.by_id[event.job_id];
  return known !== undefined && is_terminal(known.status) ? known.id : null;
}

export function newest_first(state: jobs_state): job[] {
  return Object.values(state.by_id).sort((a, b) =>
    a.created_at === b.created_at
      ? b.id.localeCompare(a.id)
      : b.created_at.localeCompare(a.created_at),
  );
}

/** Those of a status in the order given; what waits in the order in which it will run. */
export function of_status(jobs: job[], status: job_status | null): job[] {
  if (status === null) return jobs;
  const found = jobs.filter((j) => j.status === status);
  if (status !== "queued") return found;
  const place = (j: job) => j.queue_position ?? Number.MAX_SAFE_INTEGER;
  return found.sort((a, b) => place(a) - place(b));
}

export function open_jobs(state: jobs_state): job[] {
  return newest_first(state).filter((j) => !is_terminal(j.status));
}

/** The server's bound. */
const priority_max = 1000;

/** The priority that puts a job before all others of its user. */
export function first_priority(state: jobs_state): number {
  const highest = Math.max(0, ...open_jobs(state).map((j) => j.priority));
  return Math.min(priority_max, highest + 1);
}

/** Jobs covering an image in a mode, newest first. */
export function jobs_of_image(state: jobs_state, image_id: string, mode: mode): job[] {
  return newest_first(state).filter((j) => j.mode === mode && j.image_ids.includes(image_id));
}

/** 0 … 1. */
export function progress_of(j: job): number {
  if (j.status === "completed") return 1;
  return j.image_count === 0 ? 0 : Math.min(1, j.processed_count / j.image_count);
}
