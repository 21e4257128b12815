// The routes of one's own account beyond signing in: sessions, links, other identities, the queue.
import { call } from "./client";
import type { identity_list, link_info, me, own_queue, providers, session_list } from "./types";

/** 401 is an answer here, not an ended session: nobody has to be signed in. */
const attempt = { credentials_attempt: true };

export const get_providers = () => call<providers>("GET", "/auth/providers", attempt);

export const list_sessions = () => call<session_list>("GET", "/auth/sessions");
export const revoke_session = (id: string) => call<void>("DELETE", `/auth/sessions/${id}`);
export const revoke_other_sessions = () => call<void>("DELETE", "/auth/sessions");

export const inspect_link = (token: string) =>
  call<link_info>("POST", "/auth/links/inspect", { body: { token }, ...attempt });
export const redeem_link = (token: string, password: string, display_name: string | null) =>
  call<me>("POST", "/auth/links/redeem", {
    body: display_name === null ? { token, password } : { token, password, display_name },
    ...attempt,
  });

export const list_identities = () => call<identity_list>("GET", "/auth/identities");
export const unlink_identity = (id: string) => call<void>("DELETE", `/auth/identities/${id}`);
export const link_identity = () => call<{ location: string }>("POST", "/auth/oidc/link");

export const get_queue = () => call<own_queue>("GET", "/queue");
export const pause_queue = () => call<own_queue>("POST", "/queue/pause");
export const resume_queue = () => call<own_queue>("POST", "/queue/resume");
