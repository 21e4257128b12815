// Development only: what the mock server remembers, and its one slow invented "GPU".
import { randomUUID } from "node:crypto";
import { ellipse_detection } from "./mock_masks.mjs";

const step_ms = 900;

export const db = {
  people: [],
  sessions: [],
  links: [],
  identities: [],
  audit: [],
  paused: false,
  images: [],
  boxes: [],
  points: [],
  jobs: [],
  results: [],
  keys: [],
};
export const sockets = new Set();
let seq = 100;
export const seq_now = () => seq;
export const now = () => new Date().toISOString();
export const csrf = "mock-token";

export function push(event) {
  const whole = { ...event, seq: ++seq };
  for (const s of sockets) s.send(whole);
}
export class refusal extends Error {
  constructor(status, detail, code = "mock") {
    super(detail);
    this.status = status;
    this.code = code;
  }
}
export const find = (list, id, what) => {
  const found = list.find((x) => x.id === id);
  if (!found) throw new refusal(404, `${what} not found`);
  return found;
};
export const remove = (name, id) => {
  db[name] = db[name].filter((x) => x.id !== id);
};
/** The images belong to everybody here: it is no test of isolation. */
export const me_of = (who) => ({
  id: who.id,
  email: who.email,
  display_name: who.display_name,
  role: who.role,
  max_concurrent_jobs: who.max_concurrent_jobs,
  max_images: who.max_images,
  max_storage_mb: who.max_storage_mb,
  image_count: db.images.length,
  storage_bytes: db.images.reduce((n, i) => n + i.byte_size, 0),
  running_jobs: db.jobs.filter((j) => j.status === "running").length,
  share_weight: who.share_weight,
  created_at: who.created_at,
});
export const shown = ({ bytes, ...image }) => image;

export function prompts_of(id, mode) {
  const image = find(db.images, id, "Image");
  if (mode === "point") {
    const mine = db.points.filter((p) => p.image_id === id);
    if (mine.length === 0) return [];
    const [p] = mine;
    const side = Math.min(image.width, image.height) / 3;
    return [{ x: p.point_x - side / 2, y: p.point_y - side / 2, width: side, height: side }];
  }
  const want = mode === "inside_box" ? ["segment"] : ["positive_exemplar"];
  return db.boxes
    .filter((b) => b.image_id === id && want.includes(b.prompt_type))
    .flatMap((b) => {
      const box = { x: b.bbox_x, y: b.bbox_y, width: b.bbox_width, height: b.bbox_height };
      return mode === "find_all"
        ? [box, { ...box, x: (box.x + box.width * 1.2) % image.width }]
        : [box];
    });
}

export function run_job(job) {
  const change = (type, to) => {
    Object.assign(job, to, { version: job.version + 1 });
    push({ type, job: { ...job } });
  };
  const step = () => {
    if (job.status !== "running") return;
    const i = job.current_index;
    if (i >= job.image_count) {
      change("job.completed", {
        status: "completed",
        is_running: false,
        completed_at: now(),
        eta_seconds: null,
        current_image_filename: null,
      });
      return start_next();
    }
    const image = db.images.find((x) => x.id === job.image_ids[i]);
    const boxes = image ? prompts_of(image.id, job.mode) : [];
    const failed = boxes.length === 0;
    const result = !failed && {
      id: randomUUID(),
      job_id: job.id,
      image_id: image.id,
      mode: job.mode,
      processed_at: now(),
      model: "mock",
      device_ms: 1,
      width: image.width,
      height: image.height,
      detections: boxes.map((b) => ellipse_detection(b, image.width, image.height)),
    };
    if (result) db.results.unshift(result);
    change("job.progress", {
      current_index: i + 1,
      processed_count: i + 1,
      failed_count: job.failed_count + (failed ? 1 : 0),
      current_image_filename: job.image_filenames[i + 1] ?? null,
      eta_seconds: ((job.image_count - i - 1) * step_ms) / 1000,
    });
    if (result)
      push({ type: "result.ready", job_id: job.id, image_id: image.id, result_id: result.id });
    setTimeout(step, step_ms);
  };
  change("job.started", {
    status: "running",
    is_running: true,
    started_at: now(),
    queue_position: null,
    current_image_filename: job.image_filenames[0],
  });
  setTimeout(step, step_ms);
}
export function start_next() {
  if (db.jobs.some((j) => j.status === "running")) return;
  const next = db.jobs.filter((j) => j.status === "queued").at(-1);
  if (next && !db.paused) setTimeout(() => next.status === "queued" && run_job(next), 300);
}
export function new_job(image_ids, mode) {
  const images = image_ids.map((id) => find(db.images, id, "Image"));
  const job = {
    id: randomUUID(),
    mode,
    status: "queued",
    image_ids,
    image_filenames: images.map((i) => i.filename),
    current_index: 0,
    image_count: images.length,
    processed_count: 0,
    failed_count: 0,
    current_image_filename: null,
    is_running: false,
    created_at: now(),
    started_at: null,
    completed_at: null,
    error: null,
    priority: 0,
    queue_position: db.jobs.filter((j) => j.status === "queued").length,
    eta_seconds: null,
    version: 1,
  };
  db.jobs.unshift(job);
  push({ type: "job.queued", job: { ...job } });
  start_next();
  return job;
}
export const history = (r) => ({
  id: r.id,
  job_id: r.job_id,
  image_id: r.image_id,
  mode: r.mode,
  processed_at: r.processed_at,
  bboxes:
    r.mode === "find_all"
      ? r.detections.map((d) => ({
          x: d.bbox[0],
          y: d.bbox[1],
          width: d.bbox[2],
          height: d.bbox[3],
        }))
      : null,
  mask_blob_path: "x",
  text_prompt_used: null,
  point_count: r.mode === "point" ? 1 : null,
  scores: r.detections.map((d) => d.score),
  model: r.model,
});
