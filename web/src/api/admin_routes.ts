// The administrator's routes.
import { call } from "./client";
import { query } from "./routes";
import type {
  audit_page,
  device,
  issued_link,
  link_kind,
  managed_user,
  queue_entry,
  user_change,
} from "./types";

export const list_users = () => call<managed_user[]>("GET", "/admin/users");
export interface new_user {
  email: string;
  display_name?: string;
  role: managed_user["role"];
  /** Without one the answer carries a link to choose it. */
  password?: string;
}
export const create_user = (user: new_user) =>
  call<managed_user & { invite?: issued_link }>("POST", "/admin/users", { body: user });
export const patch_user = (id: string, change: user_change) =>
  call<managed_user>("PATCH", `/admin/users/${id}`, { body: change });
export const delete_user = (id: string) => call<void>("DELETE", `/admin/users/${id}`);
export const issue_link = (id: string, kind: link_kind) =>
  call<issued_link>("POST", `/admin/users/${id}/link`, { body: { kind } });

export const list_queue = () => call<queue_entry[]>("GET", "/admin/queue");
export const list_devices = () => call<device[]>("GET", "/admin/devices");
export const drain_device = (id: string, resume: boolean) =>
  call<device>("POST", `/admin/devices/${encodeURIComponent(id)}/drain`, { body: { resume } });

export const list_audit = (p: {
  limit: number;
  cursor?: string | null;
  action?: string;
  user_id?: string;
  signal?: AbortSignal;
}) =>
  call<audit_page>(
    "GET",
    `/admin/audit${query({ limit: p.limit, cursor: p.cursor, action: p.action, user_id: p.user_id })}`,
    { signal: p.signal },
  );
