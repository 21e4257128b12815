// The user's jobs, live.
import { useEffect, useState } from "react";
import * as api from "../api/routes";
import type { job, job_image } from "../api/types";
import { Empty, JobBar, Spinner, Status } from "../components/bits";
import { useToasts } from "../components/toasts";
import { duration, mode_names, plural, queue_words, when } from "../lib/format";
import { Link } from "../lib/router";
import { useTitle } from "../lib/title";
import { useLive } from "../state/live";
import { first_priority, is_terminal, newest_first } from "../state/jobs";
import { ids } from "../testids";
import { OwnQueue } from "./own_queue";

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

function describe_where(j: job): string {
  if (j.status === "queued") return queue_words(j.queue_position);
  if (j.status === "running") {
    const eta =
      j.eta_seconds === null || j.eta_seconds < 1 ? "" : `, about ${duration(j.eta_seconds)} left`;
    const now = j.current_image_filename === null ? "" : `${j.current_image_filename}`;
    return `${now}${eta}`.replace(/^, /, "");
  }
  if (j.started_at !== null && j.completed_at !== null) {
    const took = (Date.parse(j.completed_at) - Date.parse(j.started_at)) / 1000;
    return `took ${took < 1 ? "less than 1 s" : duration(took)}`;
  }
  return "";
}

function Row({ job }: { job: job }) {
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
              onClick={() => void act(api.retry_job)}
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
        <span>{describe_where(job)}</span>
        <span title={job.created_at}>{when(job.created_at)}</span>
      </div>
      {job.error !== null && <p className="error-text">{job.error}</p>}
      {open && <JobImages job={job} />}
    </li>
  );
}

export function Jobs() {
  const { jobs, loaded, status } = useLive();
  const list = newest_first(jobs);
  useTitle("Jobs");
  return (
    <div className="page narrow">
      <div className="toolbar">
        <h1>Jobs</h1>
        <OwnQueue />
      </div>
      {!loaded && list.length === 0 && status !== "offline" && <Spinner />}
      {loaded && list.length === 0 && (
        <Empty title="No jobs yet">
          <p>
            Open an image in the <Link to="/">gallery</Link>, draw a box and press Process.
          </p>
        </Empty>
      )}
      <ul className="jobs">
        {list.map((j) => (
          <Row key={j.id} job={j} />
        ))}
      </ul>
    </div>
  );
}
