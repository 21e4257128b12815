// Lines of the audit log as sentences. Everything in them was written by the server, but an unknown
// action or detail of a newer one must still read well.
import type { audit_action, audit_entry } from "../api/types";
import { when } from "../lib/format";

export const action_names: Record<audit_action, string> = {
  sign_in: "Signed in",
  sign_in_failed: "Failed sign-in",
  sign_out: "Signed out",
  password_changed: "Password changed",
  session_revoked: "Session revoked",
  key_created: "API key created",
  key_revoked: "API key revoked",
  user_created: "User created",
  user_changed: "User changed",
  user_deleted: "User deleted",
  user_disabled: "User disabled",
  user_enabled: "User enabled",
  link_issued: "Link issued",
  link_redeemed: "Link used",
  identity_linked: "Identity linked",
  identity_unlinked: "Identity unlinked",
  admin_read: "Read by an administrator",
};

export function action_name(action: string): string {
  return Object.hasOwn(action_names, action)
    ? action_names[action as audit_action]
    : action.replaceAll("_", " ").replace(/^./, (c) => c.toUpperCase());
}

/** What an administrator should look at first. */
export function action_tone(action: string): "bad" | "warn" | "plain" {
  if (action === "sign_in_failed" || action === "user_deleted") return "bad";
  return ["user_disabled", "key_revoked", "session_revoked", "link_issued"].includes(action)
    ? "warn"
    : "plain";
}

function text_of(value: unknown): string | null {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") return String(value);
  if (typeof value !== "string" || value === "") return null;
  return /^\d{4}-\d\d-\d\dT/.test(value) ? when(value) : value;
}

/** "max images 10 → 20, role user → admin": whichever way the change is told. */
export function change_words(detail: Record<string, unknown>): string {
  const parts: string[] = [];
  for (const [name, value] of Object.entries(detail)) {
    const words = name.replaceAll("_", " ");
    if (Array.isArray(value)) {
      const items = value.map(text_of).filter((t) => t !== null);
      if (items.length > 0) parts.push(`${words}: ${items.join(", ").replaceAll("_", " ")}`);
    } else if (value !== null && typeof value === "object") {
      const { from, to } = value as { from?: unknown; to?: unknown };
      const [a, b] = [text_of(from), text_of(to)];
      if (b !== null) parts.push(a === null ? `${words} ${b}` : `${words} ${a} → ${b}`);
      else parts.push(change_words(value as Record<string, unknown>));
    } else {
      const text = text_of(value);
      if (text !== null) parts.push(`${words} ${text}`);
    }
  }
  return parts.filter((p) => p !== "").join(", ");
}

const read_things: Record<string, string> = {
  users: "the list of users",
  queue: "everybody's queue",
  audit: "the audit log",
  devices: "the devices",
};
/** What an administrator looked at: the log names the route. */
function read_words(subject: string | null): string {
  const name = /\/admin\/(\w+)$/.exec(subject ?? "")?.[1] ?? "";
  return Object.hasOwn(read_things, name)
    ? read_things[name]!
    : (subject ?? "what administrators see");
}

/** Nobody signed in: the server by itself, the command line, or somebody who was just coming in. */
function actor_words(e: audit_entry): string {
  if (e.actor_email !== null) return e.actor_email;
  if (e.actor_id !== null) return "A deleted user";
  if (e.action === "session_revoked") return "The server";
  return e.address === null ? "The command line" : "Somebody not signed in";
}

export function audit_sentence(e: audit_entry): string {
  const actor = actor_words(e);
  const self = e.subject === null || e.subject === e.actor_email || e.subject_id === e.actor_id;
  const whom = e.subject ?? "an account";
  const method = text_of(e.detail.method);
  const kind = text_of(e.detail.kind) === "reset" ? "a password-reset link" : "an invite link";
  switch (e.action as audit_action) {
    case "sign_in":
      return `${actor} signed in${method === null ? "" : ` by ${method.replaceAll("_", " ")}`}`;
    case "sign_in_failed":
      return `A sign-in as ${e.subject ?? e.actor_email ?? "an unknown account"} failed`;
    case "sign_out":
      return `${actor} signed out`;
    case "password_changed":
      return self ? `${actor} changed their own password` : `${actor} changed the password of ${whom}`;
    case "session_revoked":
      return self ? `${actor} ended a session` : `${actor} ended a session of ${whom}`;
    case "key_created":
      return `${actor} created the API key ${e.subject ?? ""}`.trim();
    case "key_revoked":
      return `${actor} revoked the API key ${e.subject ?? ""}`.trim();
    case "user_created":
      if (e.actor_id === null && e.address !== null) return `${whom} registered`;
      return self ? `${actor} registered` : `${actor} created the account ${whom}`;
    case "user_changed":
      return `${actor} changed ${self ? "their own account" : whom}`;
    case "user_deleted":
      return `${actor} deleted the account ${whom} with everything in it`;
    case "user_disabled":
      return `${actor} disabled ${whom}`;
    case "user_enabled":
      return `${actor} enabled ${whom}`;
    case "link_issued":
      return `${actor} issued ${kind} for ${whom}`;
    case "link_redeemed":
      return `${actor} used ${kind}`;
    case "identity_linked":
      return `${actor} linked another way to sign in`;
    case "identity_unlinked":
      return `${actor} unlinked a way to sign in`;
    case "admin_read":
      return `${actor} looked at ${read_words(e.subject)}`;
    default:
      return `${actor}: ${action_name(e.action).toLowerCase()}${self ? "" : ` (${whom})`}`;
  }
}

/** What the sentence has said already is not said again beside it. */
export function audit_detail(e: audit_entry): string {
  const rest = Object.fromEntries(
    Object.entries(e.detail).filter(([name]) => name !== "method" && name !== "kind"),
  );
  return change_words(rest);
}
