import { describe, expect, it } from "vitest";
import type { job_status, live_event } from "../api/types";
import {
  first_priority,
  jobs_of_image,
  late_result,
  newest_first,
  no_jobs,
  of_status,
  open_jobs,
  progress_of,
  reduce_jobs,
  status_in,
} from "../state/jobs";
import { is_held, left_words, when_words } from "../state/job_words";
import { a_job } from "./fixtures";

const fold = (events: live_event[], from = no_jobs) =>
  events.reduce((s, event) => reduce_jobs(s, { kind: "event", event }), from);

describe("jobs reducer", () => {
  it("takes the open jobs and the number of the first hello", () => {
    const s = fold([{ type: "hello", seq: 7, jobs: [a_job()] }]);
    expect(s.seq).toBe(7);
    expect(open_jobs(s)).toHaveLength(1);
    expect(s.stale).toBe(false);
  });

  it("folds progress in order and ignores what it has already seen", () => {
    const progress = a_job({ status: "running", processed_count: 1, version: 2 });
    const s = fold([
      { type: "hello", seq: 7, jobs: [a_job()] },
      { type: "job.progress", seq: 8, job: progress },
      { type: "job.queued", seq: 8, job: a_job({ version: 9, error: "again" }) },
    ]);
    expect(s.by_id.j1).toEqual(progress);
    expect(s.seq).toBe(8);
  });

  it("takes replayed events after a later hello, although their numbers are smaller", () => {
    const before = fold([{ type: "hello", seq: 7, jobs: [a_job()] }]);
    const s = fold(
      [
        { type: "hello", seq: 10, jobs: [] },
        { type: "job.started", seq: 8, job: a_job({ status: "running", version: 2 }) },
        { type: "job.completed", seq: 10, job: a_job({ status: "completed", version: 3 }) },
      ],
      before,
    );
    expect(s.by_id.j1!.status).toBe("completed");
    expect(s.seq).toBe(10);
  });

  it("asks again for a cancelled job whose last images still come, and for no other", () => {
    const [job_id, image_id, result_id] = ["j1", "i1", "r1"];
    const came: live_event = { type: "result.ready", seq: 9, job_id, image_id, result_id };
    const with_status = (status: job_status) =>
      fold([{ type: "hello", seq: 7, jobs: [a_job({ status })] }]);
    expect(late_result(with_status("cancelled"), came)).toBe("j1");
    expect(late_result(with_status("running"), came)).toBeNull();
    expect(late_result(no_jobs, came)).toBeNull();
    const job = a_job({ status: "cancelled" });
    const other: live_event = { type: "job.cancelled", seq: 9, job };
    expect(late_result(with_status("cancelled"), other)).toBeNull();
  });

  it("never replaces a newer picture by an older one", () => {
    const done = a_job({ status: "completed", version: 5 });
    const s = reduce_jobs(reduce_jobs(no_jobs, { kind: "changed", job: done }), {
      kind: "listed",
      jobs: [a_job({ version: 3, status: "running" })],
      complete: true,
    });
    expect(s.by_id.j1).toEqual(done);
  });

  it("takes a changed queue position of the same version", () => {
    const s = fold([
      { type: "hello", seq: 1, jobs: [a_job({ queue_position: 3 })] },
      { type: "queue.position", seq: 2, job: a_job({ queue_position: 2 }) },
    ]);
    expect(s.by_id.j1!.queue_position).toBe(2);
  });

  it("wants the lists again after a resync and when an open job has gone", () => {
    const s = fold([{ type: "hello", seq: 7, jobs: [a_job()] }, { type: "resync" }]);
    expect(s.stale).toBe(true);
    expect(s.seq).toBeNull();
    const read = reduce_jobs(s, { kind: "listed", jobs: [a_job()], complete: true });
    expect(read.stale).toBe(false);
    expect(fold([{ type: "hello", seq: 9, jobs: [] }], read).stale).toBe(true);
  });

  it("leaves the state alone for events about other things", () => {
    const s = fold([{ type: "hello", seq: 7, jobs: [a_job()] }]);
    const next = fold(
      [{ type: "result.ready", seq: 8, job_id: "j1", image_id: "i1", result_id: "r" }],
      s,
    );
    expect(next.by_id).toBe(s.by_id);
    expect(next.seq).toBe(8);
  });

  it("knows which priority goes before all others", () => {
    const with_jobs = (...jobs: ReturnType<typeof a_job>[]) =>
      first_priority(reduce_jobs(no_jobs, { kind: "listed", complete: true, jobs }));
    expect(with_jobs(a_job({ priority: -5 }))).toBe(1);
    expect(with_jobs(a_job({ priority: 3 }), a_job({ id: "j2" }))).toBe(4);
    expect(with_jobs(a_job({ priority: 9, status: "completed" }), a_job({ id: "j2" }))).toBe(1);
    expect(with_jobs(a_job({ priority: 1000 }))).toBe(1000);
  });

  it("sorts newest first, finds the jobs of an image, and measures progress", () => {
    const s = reduce_jobs(no_jobs, {
      kind: "listed",
      complete: true,
      jobs: [
        a_job(),
        a_job({ id: "j2", created_at: "2026-01-02T00:00:00Z", mode: "point" }),
        a_job({ id: "j3", created_at: "2026-01-03T00:00:00Z", image_ids: ["i9"] }),
      ],
    });
    expect(newest_first(s).map((j) => j.id)).toEqual(["j3", "j2", "j1"]);
    expect(jobs_of_image(s, "i1", "inside_box").map((j) => j.id)).toEqual(["j1"]);
    expect(progress_of(a_job({ processed_count: 1 }))).toBe(0.5);
    expect(progress_of(a_job({ image_count: 0 }))).toBe(0);
    expect(progress_of(a_job({ status: "completed" }))).toBe(1);
  });
});

describe("which jobs are listed", () => {
  it("reads the status from the address, and nothing that is none", () => {
    expect(status_in("?status=failed")).toBe("failed");
    expect(status_in("")).toBeNull();
    expect(status_in("?status=constructor")).toBeNull();
  });
  it("keeps those of the status", () => {
    const jobs = [a_job(), a_job({ id: "j2", status: "failed" })];
    expect(of_status(jobs, null)).toBe(jobs);
    expect(of_status(jobs, "failed").map((j) => j.id)).toEqual(["j2"]);
  });
  it("lists what waits in the order in which it will run", () => {
    const waiting = [
      a_job({ id: "newest", queue_position: 0 }),
      a_job({ id: "unknown", queue_position: null }),
      a_job({ id: "older", queue_position: 2 }),
      a_job({ id: "oldest", queue_position: 1 }),
    ];
    const order = of_status(waiting, "queued").map((j) => j.id);
    expect(order).toEqual(["newest", "oldest", "older", "unknown"]);
    expect(waiting[1]!.id).toBe("unknown");
  });
});

describe("what is told of a job's time", () => {
  const running = a_job({
    status: "running",
    image_count: 9,
    processed_count: 3,
    current_image_filename: "c.jpg",
    eta_seconds: 80,
  });
  it("estimates only what goes on", () => {
    expect(left_words(running, false)).toBe("about 1 min 20 s left");
    expect(left_words(running, true)).toBe("paused");
    expect(when_words(running, false)).toBe("c.jpg, about 1 min 20 s left");
    expect(when_words(running, true)).toBe("paused");
    expect(left_words({ ...running, eta_seconds: 0.4 }, false)).toBe("");
  });
  it("keeps the place of a job that waits in a paused queue", () => {
    const queued = a_job({ queue_position: 1, eta_seconds: 5 });
    expect(when_words(queued, false)).toBe("1 ahead in your queue");
    expect(when_words(queued, true)).toBe("1 ahead in your queue, paused");
    expect(left_words(queued, true)).toBe("paused");
  });
  it("does not call paused what has ended", () => {
    expect(is_held(running, true)).toBe(true);
    expect(is_held(a_job({ status: "completed" }), true)).toBe(false);
    expect(left_words(a_job({ status: "cancelled", eta_seconds: 9 }), true)).toBe("");
  });
  it("says how long it took", () => {
    const times = { started_at: "2026-01-01T00:00:00Z", completed_at: "2026-01-01T00:01:05Z" };
    expect(when_words(a_job({ status: "completed", ...times }), true)).toBe("took 1 min 5 s");
    expect(when_words(a_job({ status: "cancelled" }), false)).toBe("");
  });
});
