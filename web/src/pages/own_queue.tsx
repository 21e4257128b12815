// One's own queue: how much waits, and a button to hold it.
import { useState } from "react";
import * as api from "../api/account_routes";
import type { own_queue } from "../api/types";
import { useToasts } from "../components/toasts";
import { plural } from "../lib/format";
import type { own_queue_view } from "../state/use_own_queue";
import { ids } from "../testids";

export function queue_sentence(q: own_queue): string {
  if (q.queued_jobs === 0 && q.running_jobs === 0) {
    return q.paused ? "Paused: new jobs wait until you resume" : "Nothing waits";
  }
  const parts = [
    q.running_jobs > 0 ? `${plural(q.running_jobs, "job")} running` : "",
    q.queued_jobs > 0 ? `${plural(q.queued_jobs, "job")} waiting` : "",
    q.waiting_images > 0 ? `${plural(q.waiting_images, "image")} to go` : "",
  ].filter((t) => t !== "");
  return `${q.paused ? "Paused: " : ""}${parts.join(", ")}`;
}

/** Nothing at all where the server has no such queue. */
export function OwnQueue({ queue, set_queue }: own_queue_view) {
  const [busy, set_busy] = useState(false);
  const toasts = useToasts();
  if (queue === null) return null;
  const turn = async () => {
    set_busy(true);
    try {
      set_queue(await (queue.paused ? api.resume_queue() : api.pause_queue()));
    } catch (e) {
      toasts.error(e);
    } finally {
      set_busy(false);
    }
  };
  return (
    <div
      className={queue.paused ? "line own-queue paused" : "line own-queue"}
      data-testid={ids.queue_box}
      data-paused={queue.paused}
    >
      <span className="small muted" role="status">
        {queue_sentence(queue)}
      </span>
      <button
        type="button"
        disabled={busy}
        title={queue.paused ? "Your jobs go on" : "What runs now finishes; the rest waits"}
        data-testid={ids.queue_switch}
        onClick={() => void turn()}
      >
        {queue.paused ? "Resume my queue" : "Pause my queue"}
      </button>
    </div>
  );
}

/** Beside a job that waits: why it waits, when that is the user's own doing. */
export function PausedNote({ set_queue }: Pick<own_queue_view, "set_queue">) {
  const toasts = useToasts();
  const resume = () =>
    api
      .resume_queue()
      .then(set_queue)
      .catch((e) => toasts.error(e));
  return (
    <div className="line spread" data-testid={ids.queue_paused}>
      <span className="small">Your queue is paused.</span>
      <button type="button" onClick={() => void resume()}>
        Resume it
      </button>
    </div>
  );
}
