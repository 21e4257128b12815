// Small pieces used on several pages.
import type { ReactNode } from "react";
import type { job, mode } from "../api/types";
import { mode_names, status_names } from "../lib/format";
import { progress_of } from "../state/jobs";
import { ids } from "../testids";

export const modes: mode[] = ["inside_box", "find_all", "point"];

export const mode_hints: Record<mode, string> = {
  inside_box: "Segments the one object inside each box",
  find_all: "Finds every instance like the exemplars or the text",
  point: "Segments the object under the points",
};

/** "?mode=point" in an address; null: none is named. */
export function mode_in(search: string): mode | null {
  const wanted = new URLSearchParams(search).get("mode");
  return modes.find((m) => m === wanted) ?? null;
}

/** A word of a button that a narrow screen has no room for; it is read out everywhere. */
export function Long({ children }: { children: string }) {
  return <span className="long-words"> {children}</span>;
}

export function ModeSwitch({
  value,
  on_change,
  shortcuts = false,
}: {
  value: mode;
  on_change: (m: mode) => void;
  shortcuts?: boolean;
}) {
  return (
    <div className="segmented" role="group" aria-label="Mode">
      {modes.map((m, i) => (
        <button
          key={m}
          type="button"
          aria-pressed={m === value}
          data-testid={ids.mode(m)}
          title={shortcuts ? `${mode_hints[m]} (${i + 1})` : mode_hints[m]}
          onClick={() => on_change(m)}
        >
          {mode_names[m]}
        </button>
      ))}
    </div>
  );
}

export function Bar({
  value,
  tone = "accent",
  label,
}: {
  value: number;
  tone?: "accent" | "good" | "bad" | "warn" | "muted";
  label?: string;
}) {
  const percent = Math.round(100 * Math.max(0, Math.min(1, value)));
  return (
    <div
      className={`bar ${tone}`}
      role="progressbar"
      aria-valuenow={percent}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-label={label}
    >
      <div style={{ width: `${percent}%` }} />
    </div>
  );
}

export function JobBar({ job }: { job: job }) {
  const tone =
    job.status === "failed"
      ? "bad"
      : job.status === "cancelled"
        ? "muted"
        : job.failed_count > 0
          ? "warn"
          : job.status === "completed"
            ? "good"
            : "accent";
  return <Bar value={progress_of(job)} tone={tone} label="Progress of the job" />;
}

export function Status({ job }: { job: job }) {
  const partly = job.status === "completed" && job.failed_count > 0;
  return (
    <span
      className={`badge status-${partly ? "partly" : job.status}`}
      data-testid={ids.job_status}
      data-status={job.status}
    >
      {partly ? `Completed, ${job.failed_count} failed` : status_names[job.status]}
    </span>
  );
}

export function Empty({
  title,
  children,
  testid,
}: {
  title: string;
  children?: ReactNode;
  testid?: string;
}) {
  return (
    <div className="empty" data-testid={testid}>
      <h2>{title}</h2>
      <div>{children}</div>
    </div>
  );
}

/** Not empty, but unknown: nobody may think that their work is gone. */
export function Unread({ what, again }: { what: string; again: () => void }) {
  return (
    <Empty title={`${what} could not be read`}>
      <button type="button" data-testid={ids.read_again} onClick={again}>
        Try again
      </button>
    </Empty>
  );
}

export function Spinner({ label = "Loading" }: { label?: string }) {
  return (
    <div className="spinner" role="status">
      <span aria-hidden="true" />
      {label}…
    </div>
  );
}
