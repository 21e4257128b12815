// The routes of signing in, images, prompts, jobs and results, one function each.
import { base, call, etag_of } from "./client";
import type {
  api_key,
  box_annotation,
  box_list,
  history_item,
  image,
  image_list,
  job,
  job_image,
  job_status,
  me,
  mode,
  new_api_key,
  point_annotation,
  point_list,
  prompt_type,
  result,
  segment_answer,
  segment_request,
  system_info,
} from "./types";

export function query(values: Record<string, string | number | undefined | null>): string {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && value !== null && value !== "") parts.set(name, String(value));
  }
  const text = parts.toString();
  return text === "" ? "" : `?${text}`;
}

export const system = () => call<system_info>("GET", "/system");

// Signing in
const attempt = { credentials_attempt: true };
export const setup = (token: string, email: string, password: string) =>
  call<me>("POST", "/auth/setup", {
    body: { token, email, password },
    ...attempt,
  });
export const register = (email: string, password: string) =>
  call<me>("POST", "/auth/register", { body: { email, password }, ...attempt });
export const login = (email: string, password: string) =>
  call<me>("POST", "/auth/login", { body: { email, password }, ...attempt });
export const logout = () => call<void>("POST", "/auth/logout", attempt);
export const get_me = () => call<me>("GET", "/auth/me", attempt);
export const patch_me = (change: { display_name: string }) =>
  call<me>("PATCH", "/auth/me", { body: change });
export const change_password = (current_password: string, new_password: string) =>
  call<void>("POST", "/auth/password", { body: { current_password, new_password }, ...attempt });

export const list_keys = () => call<api_key[]>("GET", "/api-keys");
export const create_key = (name: string, read_only: boolean, expires_at: string | null) =>
  call<new_api_key>("POST", "/api-keys", {
    body: expires_at === null ? { name, read_only } : { name, read_only, expires_at },
  });
export const delete_key = (id: string) => call<void>("DELETE", `/api-keys/${id}`);

// Images
export const list_images = (p: {
  limit?: number;
  cursor?: string | null;
  search?: string;
  order?: "newest" | "oldest";
  signal?: AbortSignal;
}) => {
  const { signal, ...asked } = p;
  return call<image_list>("GET", `/images${query(asked)}`, { signal });
};
export const get_image = (id: string) => call<image>("GET", `/images/${id}`);
export const patch_text_prompt = (id: string, text_prompt: string | null) =>
  call<image>("PATCH", `/images/${id}`, { body: { text_prompt } });
/** Masks for these prompts now; nothing is stored. */
export const segment = (id: string, body: segment_request, signal: AbortSignal) =>
  call<segment_answer>("POST", `/images/${id}/segment`, { body, signal });
export const delete_image = (id: string) => call<void>("DELETE", `/images/${id}`);
export const image_url = (id: string) => `${base}/images/${id}/data`;
/** SHA-256 of the stored bytes in lower-case hex; null from a server that does not tell it. */
export const image_digest = async (id: string) => {
  const tag = await etag_of(`/images/${id}/data`);
  return tag !== null && /^[0-9a-f]{64}$/.test(tag) ? tag : null;
};
export const thumbnail_url = (id: string, size = 256) =>
  `${base}/images/${id}/thumbnail?size=${size}`;
export const image_history = (id: string) => call<history_item[]>("GET", `/images/${id}/history`);
export const all_history = (limit: number) =>
  call<history_item[]>("GET", `/images/history${query({ limit })}`);

// Prompts
export interface new_box {
  image_id: string;
  bbox_x: number;
  bbox_y: number;
  bbox_width: number;
  bbox_height: number;
  prompt_type: prompt_type;
}
export interface new_point {
  image_id: string;
  point_x: number;
  point_y: number;
  is_positive: boolean;
}
export const list_boxes = (id: string) => call<box_list>("GET", `/annotations/${id}`);
export const create_box = (b: new_box) => call<box_annotation>("POST", "/annotations", { body: b });
export const patch_box = (
  id: string,
  change: Partial<Pick<box_annotation, "bbox_x" | "bbox_y" | "bbox_width" | "bbox_height">>,
) => call<box_annotation>("PATCH", `/annotations/${id}`, { body: change });
export const delete_box = (id: string) => call<void>("DELETE", `/annotations/${id}`);
export const list_points = (id: string) => call<point_list>("GET", `/point-annotations/${id}`);
export const create_point = (p: new_point) =>
  call<point_annotation>("POST", "/point-annotations", { body: p });
export const delete_point = (id: string) => call<void>("DELETE", `/point-annotations/${id}`);

// Jobs
/** The same key and content again: the job that was made before. */
const keyed = (key: string) => ({ headers: { "Idempotency-Key": key } });
export const create_job = (image_ids: string[], mode: mode, force_all: boolean, key: string) =>
  call<job>("POST", "/jobs", { body: { image_ids, mode, force_all }, ...keyed(key) });
export const list_jobs = (limit?: number, status: job_status | null = null) =>
  call<job[]>("GET", `/jobs${query({ limit, status })}`);
export const get_job = (id: string) => call<job>("GET", `/jobs/${id}`);
export const job_images = (id: string) => call<job_image[]>("GET", `/jobs/${id}/images`);
export const cancel_job = (id: string) => call<job>("POST", `/jobs/${id}/cancel`);
/** Among the user's own jobs, -1000 … 1000; the highest goes first. */
export const prioritise_job = (id: string, priority: number) =>
  call<job>("PATCH", `/jobs/${id}`, { body: { priority } });
export const retry_job = (id: string, key: string) =>
  call<job>("POST", `/jobs/${id}/retry`, keyed(key));

// Results
export const get_result = (id: string) => call<result>("GET", `/results/${id}`);
export const mask_url = (id: string) => `${base}/results/${id}/mask`;
export type dataset = "coco" | "yolo" | "masks";
export const dataset_url = (format: dataset, mode: mode, image_ids: string[]) =>
  `${base}/exports/${format}${query({ mode, image_ids: image_ids.join(",") })}`;
export const coco_url = (image_id: string, mode: mode) =>
  `${base}/process/export/${image_id}?mode=${mode}`;
