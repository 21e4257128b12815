// Shapes of routes that the OpenAPI document does not describe yet, written by hand after the
// contract. Once the document has them, `types.ts` takes its place and this file goes.
export interface session_entry {
  id: string;
  created_at: string;
  last_seen_at: string | null;
  expires_at: string;
  address: string | null;
  user_agent: string | null;
  current: boolean;
}
export interface session_list {
  sessions: session_entry[];
  total: number;
}

export type link_kind = "invite" | "reset";
/** What a link is for, told to whoever holds it. */
export interface link_info {
  kind: link_kind;
  email: string;
  display_name: string;
  expires_at: string;
}
/** A link just made; its address is not shown again. */
export interface issued_link {
  kind: link_kind;
  url: string;
  expires_at: string;
}

export type audit_action =
  | "sign_in"
  | "sign_in_failed"
  | "sign_out"
  | "password_changed"
  | "session_revoked"
  | "key_created"
  | "key_revoked"
  | "user_created"
  | "user_changed"
  | "user_deleted"
  | "user_disabled"
  | "user_enabled"
  | "link_issued"
  | "link_redeemed"
  | "identity_linked"
  | "identity_unlinked"
  | "admin_read";
export interface audit_entry {
  id: string | number;
  at: string;
  actor_id: string | null;
  actor_email: string | null;
  /** One of `audit_action` from this server; a newer one may know more. */
  action: string;
  subject_id: string | null;
  subject: string | null;
  address: string | null;
  detail: Record<string, unknown>;
}
export interface audit_page {
  entries: audit_entry[];
  total: number;
  next_cursor: string | null;
}

export interface providers {
  password: boolean;
  registration: boolean;
  oidc: { name: string; login_url: string } | null;
}
export interface identity {
  id: string;
  issuer: string;
  email: string | null;
  created_at: string;
}
export interface identity_list {
  identities: identity[];
  total: number;
}

export interface own_queue {
  paused: boolean;
  queued_jobs: number;
  running_jobs: number;
  waiting_images: number;
}
