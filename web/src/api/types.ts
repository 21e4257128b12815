// The shapes of the HTTP and WebSocket contract, as the server sends them.

export type mode = "inside_box" | "find_all" | "point";
export type prompt_type = "segment" | "positive_exemplar" | "negative_exemplar";
export type job_status = "queued" | "running" | "completed" | "failed" | "cancelled";

export interface error_body {
  detail: string;
  code: string;
  request_id: string;
}

export interface system_info {
  version: string;
  model: string;
  abilities: { text: boolean; text_unavailable_reason?: string | null; exemplars: boolean };
  registration_allowed: boolean;
  setup_needed: boolean;
  limits: Record<string, number>;
}

export interface me {
  id: string;
  email: string;
  display_name: string;
  role: "user" | "admin";
  max_concurrent_jobs: number;
  max_images: number;
  max_storage_mb: number;
  image_count: number;
  storage_bytes: number;
  running_jobs: number;
  share_weight: number;
  created_at: string;
  csrf_token?: string;
}

/** A row of GET /admin/users. */
export interface managed_user extends me {
  disabled_at?: string | null;
}

export interface api_key {
  id: string;
  name: string;
  prefix?: string;
  read_only: boolean;
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
  /** Only in the answer that creates it. */
  secret?: string;
}

export interface image {
  id: string;
  filename: string;
  blob_path: string;
  width: number;
  height: number;
  created_at: string;
  text_prompt: string | null;
  byte_size: number;
  content_type: string;
}

export interface image_list {
  images: image[];
  total: number;
  next_cursor?: string | null;
}

export interface box_annotation {
  id: string;
  image_id: string;
  bbox_x: number;
  bbox_y: number;
  bbox_width: number;
  bbox_height: number;
  prompt_type: prompt_type;
  created_at: string;
}

export interface point_annotation {
  id: string;
  image_id: string;
  point_x: number;
  point_y: number;
  is_positive: boolean;
  created_at: string;
}

export interface annotation_list<T> {
  annotations: T[];
  total: number;
}

export interface job {
  id: string;
  mode: mode;
  status: job_status;
  image_ids: string[];
  image_filenames: string[];
  current_index: number;
  image_count: number;
  processed_count: number;
  failed_count: number;
  current_image_filename: string | null;
  is_running: boolean;
  created_at: string;
  started_at: string | null;
  completed_at: string | null;
  error: string | null;
  priority: number;
  /** 0 = next; only while queued. */
  queue_position: number | null;
  eta_seconds: number | null;
  version: number;
}

export interface job_image {
  image_id: string;
  filename: string;
  state: string;
  error?: string | null;
  result_id?: string | null;
}

export interface history_item {
  id: string;
  job_id: string;
  image_id: string;
  mode: mode;
  processed_at: string;
  bboxes: { x: number; y: number; width: number; height: number }[] | null;
  mask_blob_path: string;
  text_prompt_used: string | null;
  point_count: number | null;
  scores: number[] | null;
  model: string;
}

/** COCO compressed run lengths, column-major; size = [height, width]. */
export interface coco_rle {
  size: [number, number];
  counts: string;
}

export interface detection {
  bbox: [number, number, number, number];
  score: number;
  area: number;
  rle?: coco_rle;
  segmentation?: coco_rle;
  polygon?: number[][];
}

export interface result {
  id: string;
  job_id: string;
  image_id: string;
  mode: mode;
  width?: number;
  height?: number;
  detections: detection[];
}

export interface quota_use {
  image_count: number;
  storage_bytes: number;
  running_jobs: number;
  max_images: number;
  max_storage_mb: number;
  max_concurrent_jobs: number;
}

export type job_event_type =
  | "job.queued"
  | "job.started"
  | "job.progress"
  | "job.completed"
  | "job.failed"
  | "job.cancelled"
  | "queue.position";

export type live_event =
  | { type: "hello"; seq: number; jobs: job[] }
  | { type: "resync"; seq?: number }
  | { type: job_event_type; seq: number; job: job }
  | { type: "result.ready"; seq: number; job_id: string; image_id: string; result_id: string }
  | ({ type: "quota.changed"; seq: number } & Partial<quota_use> & { quota?: quota_use })
  | { type: "server.draining"; seq: number };
