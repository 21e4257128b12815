// Numbers, times and names in plain words.
import type { job_status, mode, prompt_type } from "../api/types";

export function bytes(n: number): string {
  if (n < 1024) return `${n} B`;
  const units = ["KB", "MB", "GB", "TB"];
  let value = n / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}

export function when(iso: string | null | undefined): string {
  if (!iso) return "–";
  const t = new Date(iso);
  return Number.isNaN(t.getTime())
    ? "–"
    : t.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

/** "3 min ago"; a time ahead is "in 3 min". The exact time belongs into a title beside it. */
export function ago(iso: string | null | undefined, now_ms: number): string {
  const t = iso ? Date.parse(iso) : Number.NaN;
  if (Number.isNaN(t)) return "–";
  const s = Math.round(Math.abs(now_ms - t) / 1000);
  if (s < 45) return t > now_ms + 1000 ? "in a moment" : "just now";
  const [n, unit] =
    s < 3600 - 30
      ? [Math.round(s / 60), "min"]
      : s < 86_400 - 1800
        ? [Math.round(s / 3600), "h"]
        : s < 60 * 86_400
          ? [Math.round(s / 86_400), s < 1.5 * 86_400 ? "day" : "days"]
          : [Math.round(s / (30.44 * 86_400)), "months"];
  return t > now_ms ? `in ${n} ${unit}` : `${n} ${unit} ago`;
}

export const mode_names: Record<mode, string> = {
  inside_box: "Inside box",
  find_all: "Find all",
  point: "Point",
};

export const status_names: Record<job_status, string> = {
  queued: "Queued",
  running: "Running",
  completed: "Completed",
  failed: "Failed",
  cancelled: "Cancelled",
};

export const prompt_names: Record<prompt_type, string> = {
  segment: "Box",
  positive_exemplar: "Exemplar +",
  negative_exemplar: "Exemplar −",
};

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}

/** queue_position counts from 0 = next. */
export function queue_words(position: number | null): string {
  if (position === null) return "waiting";
  return position === 0 ? "next in your queue" : `${position} ahead in your queue`;
}
