// What is told of a job's time: when its turn comes, how long it will take, how long it took.
import type { job } from "../api/types";
import { duration, queue_words } from "../lib/format";
import { is_terminal } from "./jobs";

/** A paused queue holds it: only what runs at this moment still finishes. */
export function is_held(j: job, paused: boolean): boolean {
  return paused && !is_terminal(j.status);
}

/** "about 40 s left", "paused", or nothing. */
export function left_words(j: job, paused: boolean): string {
  if (is_terminal(j.status)) return "";
  if (is_held(j, paused)) return "paused";
  return j.eta_seconds === null || j.eta_seconds < 1 ? "" : `about ${duration(j.eta_seconds)} left`;
}

/** For the line below a job. */
export function when_words(j: job, paused: boolean): string {
  const parts: (string | null)[] = [];
  if (j.status === "queued") {
    parts.push(queue_words(j.queue_position), is_held(j, paused) ? "paused" : null);
  } else if (j.status === "running") {
    parts.push(is_held(j, paused) ? null : j.current_image_filename, left_words(j, paused));
  } else if (j.started_at !== null && j.completed_at !== null) {
    const took = (Date.parse(j.completed_at) - Date.parse(j.started_at)) / 1000;
    parts.push(`took ${took < 1 ? "less than 1 s" : duration(took)}`);
  }
  return parts.filter(Boolean).join(", ");
}
