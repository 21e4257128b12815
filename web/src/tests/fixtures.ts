import type { box_annotation, job } from "../api/types";

export function a_job(change: Partial<job> = {}): job {
  return {
    id: "j1",
    mode: "inside_box",
    status: "queued",
    image_ids: ["i1", "i2"],
    image_filenames: ["a.jpg", "b.jpg"],
    current_index: 0,
    image_count: 2,
    processed_count: 0,
    failed_count: 0,
    current_image_filename: null,
    is_running: false,
    created_at: "2026-01-01T00:00:00Z",
    started_at: null,
    completed_at: null,
    error: null,
    priority: 0,
    queue_position: 0,
    eta_seconds: null,
    version: 1,
    ...change,
  };
}

export function a_box(change: Partial<box_annotation> = {}): box_annotation {
  return {
    id: "b1",
    image_id: "i1",
    bbox_x: 10,
    bbox_y: 20,
    bbox_width: 30,
    bbox_height: 40,
    prompt_type: "segment",
    created_at: "2026-01-01T00:00:00Z",
    ...change,
  };
}
