// The shapes of the HTTP contract, named as this client calls them. They are generated from the
// OpenAPI document (npm run generate-types); only the events of the WebSocket are written by hand.
import type { components } from "./openapi";

type schemas = components["schemas"];

export type mode = schemas["Mode"];
export type prompt_type = schemas["PromptType"];
export type job_status = schemas["JobStatus"];
export type error_body = schemas["Error"];
export type me = schemas["Me"];
export type managed_user = schemas["AdminUser"];
export type user_change = schemas["AdminUserChange"];
export type queue_entry = schemas["QueueEntry"];
export type device = schemas["Device"];
export type session_entry = schemas["WebSession"];
export type session_list = schemas["WebSessionList"];
export type link_kind = schemas["LinkKind"];
/** What a link is for, told to whoever holds it. */
export type link_info = schemas["AccountLink"];
export type issued_link = schemas["IssuedLink"];
export type audit_entry = schemas["AuditEntry"];
export type audit_action = audit_entry["action"];
export type audit_page = schemas["AuditList"];
export type own_queue = schemas["OwnQueue"];
export type api_key = schemas["ApiKey"];
export type new_api_key = schemas["NewApiKey"];
export type image = schemas["Image"];
export type image_list = schemas["ImageList"];
export type box_annotation = schemas["Annotation"];
export type box_list = schemas["AnnotationList"];
export type point_annotation = schemas["PointAnnotation"];
export type point_list = schemas["PointAnnotationList"];
export type job = schemas["Job"];
export type job_image = schemas["JobImage"];
export type history_item = schemas["HistoryItem"];
export type detection = schemas["Detection"];
export type result = schemas["Result"];
export type segment_request = schemas["SegmentRequest"];
export type segment_answer = schemas["SegmentAnswer"];
export type system_info = schemas["System"];
export type providers = schemas["Providers"];
export type identity = schemas["Identity"];
export type identity_list = schemas["IdentityList"];

/** COCO compressed run lengths, column-major; size = [height, width]. */
export interface coco_rle {
  size: number[];
  counts: string;
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
  | ({ type: "quota.changed"; seq: number } & quota_use)
  | { type: "server.draining"; seq: number };
