// The user's jobs, live.
import { useEffect, useState } from "react";
import * as api from "../api/routes";
import type { job, job_image, job_status } from "../api/types";
import { Empty, JobBar, Spinner, Status, Unread } from "../components/bits";
import { useToasts } from "../components/toasts";
import { mode_names, plural, status_names, when } from "../lib/format";
import { Link, useRouter } from "../lib/router";
import { useTitle } from "../lib/title";
import { useLive } from "../state/live";
import { own_job_keys } from "../state/job_keys";
import { when_words } from "../state/job_words";
import {
  first_priority,
  is_terminal,
  job_statuses,
  newest_first,
  of_status,
  open_jobs,
  status_in,
} from "../state/jobs";
import { useOwnQueue } from "../state/use_own_queue";
import { ids } from "../testids";
import { OwnQueue } from "./own_queue";

const page = 200;
/** As many as the server lists at once. */
const most = 1000;

function JobImages({ job }: { job: job }) {
  const [images, set_images] = useState<job_image[] | null>(null);
  const { returns } = useLive();
  const toasts = useToasts();
  useEffect(() => {
    let gone = false;
    api
      .job_images(job.id)
      .then((list) => !gone && set_images(list))
      .catch((e) => !gone && toasts.error(e));
    return () => {
      gone = true;
    };
  }, [job.id, job.version, returns, toasts]);
  if (images === null) return <Spinner />;
  return (
    <ul className="job-images" data-testid={ids.job_detail}>
      {images.map((i) => (
        <li key={i.image_id} data-testid={ids.job_image} data-state={i.state}>
          <img
            src={api.thumbnail_url(i.image_id, 64)}
            alt=""
            loading="lazy"
            width={40}
            height={40}
          />
          <Link to={`/images/${i.image_id}?mode=${job.mode}`} className="name" title={i.filename}>
            {i.filename}
          </Link>
          <span className={`badge state-${i.state}`}>{i.state}</span>
          {i.error && <span className="error-text">{i.error}</span>}
        </li>
      ))}
    </ul>
  );
}

function Row({ job, paused }: { job: job; paused: boolean }) {
  const [open, set_open] = useState(false);
  const [busy, set_busy] = useState(false);
  const { jobs, put_job } = useLive();
  const toasts = useToasts();
  const act = async (what: (id: string) => Promise<job>) => {
    set_busy(true);
    try {
      put_job(await what(job.id));
    } catch (e) {
      toasts.error(e);
    } finally {
      set_busy(false);
    }
  };
  const first = job.image_filenames[0] ?? "";
  const title =
    job.image_count === 1 ? first : `${first} and ${plural(job.image_count - 1, "other")}`;
  return (
    <li className="job card" data-testid={ids.job_row} data-job-id={job.id}>
      <div className="job-head">
        <button
          type="button"
          className="disclose"
          aria-expanded={open}
          onClick={() => set_open(!open)}
          title={open ? "Hide the images" : "Show the images"}
        >
          <i aria-hidden="true">{open ? "▾" : "▸"}</i>
          <b className="name">{title}</b>
        </button>
        <span className="badge">{mode_names[job.mode]}</span>
        <Status job={job} />
        <span className="job-actions">
          {job.status === "queued" && (job.queue_position ?? 0) > 0 && (
            <button
              type="button"
              disabled={busy}
              title="Before all your other waiting jobs"
              data-testid={ids.job_first}
              onClick={() => void act((id) => api.prioritise_job(id, first_priority(jobs)))}
            >
              Run first
            </button>
          )}
          {!is_terminal(job.status) && (
            <button
              type="button"
              disabled={busy}
              data-testid={ids.job_cancel}
              onClick={() => void act(api.cancel_job)}
            >
              Cancel
            </button>
          )}
          {is_terminal(job.status) && job.failed_count > 0 && (
            <button
              type="button"
              disabled={busy}
              data-testid={ids.job_retry}
              onClick={() =>
                void act((id) =>
                  own_job_keys.once(`retry ${id}`, (key) => api.retry_job(id, key)),
                )
              }
            >
              Retry failed
            </button>
          )}
        </span>
      </div>
      <JobBar job={job} />
      <div className="job-foot muted small">
        <span>
          {job.processed_count} of {plural(job.image_count, "image")}
          {job.failed_count > 0 && <b className="error-text"> · {job.failed_count} failed</b>}
        </span>
        <span>{when_words(job, paused)}</span>
        <span title={job.created_at}>{when(job.created_at)}</span>
      </div>
      {job.error !== null && <p className="error-text">{job.error}</p>}
      {open && <JobImages job={job} />}
    </li>
  );
}

/** Reads the jobs of a status into the page; the live connection alone brings the newest of all. */
function useListed(status: job_status | null) {
  const { put_jobs, returns } = useLive();
  const [limit, set_limit] = useState(page);
  const [read, set_read] = useState<{ status: job_status | null; full: boolean } | null>(null);
  const [failed, set_failed] = useState(false);
  const [tries, set_tries] = useState(0);
  const toasts = useToasts();
  useEffect(() => {
    let gone = false;
    api
      .list_jobs(limit, status)
      .then((list) => {
        if (gone) return;
        put_jobs(list);
        set_read({ status, full: list.length === limit });
        set_failed(false);
      })
      .catch((e) => {
        if (gone) return;
        set_failed(true);
        toasts.error(e, "The jobs could not be read");
      });
    return () => {
      gone = true;
    };
  }, [limit, status, returns, tries, put_jobs, toasts]);
  const is_read = read !== null && read.status === status;
  return {
    is_read,
    failed: failed && !is_read,
    again: () => set_tries(tries + 1),
    more: is_read && read.full && limit < most ? () => set_limit(limit + page) : null,
    from_start: () => set_limit(page),
  };
}

export function Jobs() {
  const { at, go } = useRouter();
  const chosen = status_in(at.search);
  const { jobs } = useLive();
  const listed = useListed(chosen);
  const list = of_status(newest_first(jobs), chosen);
  // Read again when a job comes, starts, gets on or ends.
  const progress = open_jobs(jobs).map((j) => `${j.id}:${j.status}:${j.processed_count}`);
  const own = useOwnQueue(progress.join());
  useTitle("Jobs");
  return (
    <div className="page narrow">
      <div className="toolbar">
        <h1>Jobs</h1>
        <select
          aria-label="Which jobs"
          value={chosen ?? ""}
          data-testid={ids.jobs_filter}
          onChange={(e) => {
            listed.from_start();
            go(e.target.value === "" ? "/jobs" : `/jobs?status=${e.target.value}`, true);
          }}
        >
          <option value="">All jobs</option>
          {job_statuses.map((s) => (
            <option key={s} value={s}>
              {status_names[s]}
            </option>
          ))}
        </select>
        <OwnQueue {...own} />
      </div>
      {!listed.is_read &&
        list.length === 0 &&
        (listed.failed ? <Unread what="The jobs" again={listed.again} /> : <Spinner />)}
      {listed.is_read && list.length === 0 && chosen === null && (
        <Empty title="No jobs yet">
          <p>
            Open an image in the <Link to="/">gallery</Link>, draw a box and press Process.
          </p>
        </Empty>
      )}
      {listed.is_read && list.length === 0 && chosen !== null && (
        <Empty title={`No job is ${status_names[chosen].toLowerCase()}`}>
          <Link to="/jobs">Show all jobs</Link>
        </Empty>
      )}
      <ul className="jobs">
        {list.map((j) => (
          <Row key={j.id} job={j} paused={own.queue?.paused ?? false} />
        ))}
      </ul>
      {listed.more !== null && (
        <button type="button" onClick={listed.more}>
          Show older jobs
        </button>
      )}
    </div>
  );
}
