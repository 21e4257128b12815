// The side panel: prompts, process buttons, the running job, results and the overlay's controls.
import { useEffect, useState } from "react";
import { coco_url, job_images, mask_url } from "../api/routes";
import type { box_annotation, image, mode, point_annotation } from "../api/types";
import { JobBar, Status } from "../components/bits";
import { useToasts } from "../components/toasts";
import { plural, prompt_names, queue_words, when } from "../lib/format";
import { Link } from "../lib/router";
import { PausedNote } from "../pages/own_queue";
import { is_held, left_words } from "../state/job_words";
import { is_terminal, jobs_of_image } from "../state/jobs";
import { useLive } from "../state/live";
import { useOwnQueue } from "../state/use_own_queue";
import { ids } from "../testids";
import { Detections, OverlayControls, type overlay_control } from "./mask_list";
import { point_colours, prompt_colours } from "./tools";
import type { instances } from "./use_instances";
import type { results_view } from "./use_results";

export function PromptList({
  boxes,
  points,
  selected,
  on_select,
  on_remove,
  hint,
}: {
  boxes: box_annotation[];
  points: point_annotation[];
  selected: string | null;
  on_select: (id: string) => void;
  on_remove: (id: string) => void;
  hint: string;
}) {
  const rows = [
    ...boxes.map((b) => ({
      id: b.id,
      colour: prompt_colours[b.prompt_type],
      name: prompt_names[b.prompt_type],
      where: `${Math.round(b.bbox_width)}×${Math.round(b.bbox_height)} · ${Math.round(b.bbox_x)}, ${Math.round(b.bbox_y)}`,
    })),
    ...points.map((p) => ({
      id: p.id,
      colour: p.is_positive ? point_colours.positive : point_colours.negative,
      name: p.is_positive ? "Point +" : "Point −",
      where: `${Math.round(p.point_x)}, ${Math.round(p.point_y)}`,
    })),
  ];
  return (
    <section>
      <h2>
        Prompts <span className="muted">{rows.length > 0 && rows.length}</span>
      </h2>
      {rows.length === 0 && <p className="muted small">{hint}</p>}
      <ul className="prompts" data-testid={ids.prompt_list}>
        {rows.map((r) => (
          <li
            key={r.id}
            className={r.id === selected ? "selected" : ""}
            data-testid={ids.prompt_item}
          >
            <button type="button" className="row" onClick={() => on_select(r.id)}>
              <i style={{ background: r.colour }} aria-hidden="true" />
              <span>{r.name}</span>
              <span className="muted small" title={r.where}>
                {r.where}
              </span>
            </button>
            <button
              type="button"
              className="icon"
              aria-label={`Remove ${r.name}`}
              title="Remove (Delete)"
              data-testid={ids.prompt_delete}
              onClick={() => on_remove(r.id)}
            >
              ×
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function JobOfImage({ image, mode }: { image: image; mode: mode }) {
  const { jobs } = useLive();
  const toasts = useToasts();
  const [reason, set_reason] = useState<string | null>(null);
  const job = jobs_of_image(jobs, image.id, mode)[0];
  const ended = job !== undefined && is_terminal(job.status);
  // Read again when it gets on: somebody has resumed the queue then.
  const { queue, set_queue } = useOwnQueue(
    job === undefined || ended ? null : `${job.id} ${job.status} ${job.processed_count}`,
  );
  const asked = ended && job.failed_count > 0 ? job.id : null;
  useEffect(() => {
    set_reason(null);
    if (asked === null) return;
    let gone = false;
    job_images(asked)
      .then((list) => {
        const mine = list.find((i) => i.image_id === image.id);
        if (!gone) set_reason(mine?.error ?? null);
      })
      .catch((e) => !gone && toasts.error(e));
    return () => {
      gone = true;
    };
  }, [asked, image.id, toasts]);
  if (job === undefined) return null;
  const paused = queue?.paused ?? false;
  const left = left_words(job, paused);
  // A job that went well needs no words; one that failed for other images none here.
  if (job.status === "completed" && reason === null) return null;
  return (
    <section className="job-now" data-testid={ids.job_progress}>
      <div className="line">
        <Status job={job} />
        <Link to="/jobs" className="small">
          {job.status === "queued"
            ? queue_words(job.queue_position)
            : `${job.processed_count} of ${plural(job.image_count, "image")}`}
        </Link>
      </div>
      <JobBar job={job} />
      {is_held(job, paused) ? (
        <PausedNote set_queue={set_queue} />
      ) : (
        left !== "" && <p className="muted small">{left}</p>
      )}
      {(reason ?? job.error) !== null && <p className="error-text">{reason ?? job.error}</p>}
    </section>
  );
}

export function Results({
  image,
  mode,
  results,
  overlay,
  instances,
}: {
  image: image;
  mode: mode;
  results: results_view;
  overlay: overlay_control;
  instances: instances;
}) {
  const { shown, shown_item, items } = results;
  return (
    <section>
      <h2>Result</h2>
      {shown_item !== null && <OverlayControls overlay={overlay} />}
      {/* One element throughout, so that it is read out when the masks have come. */}
      <p
        className={shown_item === null ? "muted small" : "small"}
        role="status"
        data-testid={shown_item === null ? undefined : ids.result_summary}
      >
        {result_words(results)}
      </p>
      {shown_item !== null && shown !== null && (
        <Detections result={shown} instances={instances} />
      )}
      {shown_item !== null && <Downloads image={image} mode={mode} result_id={shown_item.id} />}
      {shown_item !== null && items.length > 1 && (
        <ul className="versions">
          {items.slice(0, 20).map((h, i) => (
            <li key={h.id} className={h.id === shown_item.id ? "selected" : ""}>
              <button
                type="button"
                className="row"
                data-testid={ids.history_item}
                onClick={() => results.show(h.id)}
              >
                <span>{i === 0 ? "Newest" : `Earlier ${i}`}</span>
                <span className="muted small">{when(h.processed_at)}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function result_words({ shown, shown_item }: results_view): string {
  if (shown_item === null) {
    return "None yet in this mode. Add prompts and press Process; the masks appear here by themselves.";
  }
  if (shown === null) return "Reading the masks…";
  return shown.detections.length === 0
    ? "Nothing was found."
    : plural(shown.detections.length, "mask");
}

function Downloads({ image, mode, result_id }: { image: image; mode: mode; result_id: string }) {
  return (
    <div className="line wrap">
      <a className="button" href={coco_url(image.id, mode)} download data-testid={ids.coco}>
        COCO
      </a>
      <a
        className="button"
        href={mask_url(result_id)}
        download={`${image.filename.replace(/\.[^.]*$/, "")}_mask.png`}
        data-testid={ids.mask}
      >
        Mask PNG
      </a>
      <Link className="button quiet" to={`/history?image=${image.id}`}>
        History
      </Link>
    </div>
  );
}
