// Development only: accounts, sessions, links, the audit log and the own queue of the mock server.
import { randomUUID } from "node:crypto";
import { csrf, db, find, me_of, now, refusal } from "./mock_world.mjs";

const day_ms = 24 * 3600 * 1000;
const ahead = (ms) => new Date(Date.now() + ms).toISOString();
const plain = ({ password, ...user }) => ({ ...me_of(user), ...user, csrf_token: undefined });

export const person = (id) => db.people.find((p) => p.id === id);
export function audit(actor, action, subject = null, detail = {}) {
  db.audit.unshift({
    id: randomUUID(),
    at: now(),
    actor_id: actor?.id ?? null,
    actor_email: actor?.email ?? null,
    action,
    subject_id: subject?.id ?? null,
    subject: subject?.email ?? subject?.name ?? null,
    address: "127.0.0.1",
    detail,
  });
}
export function new_person(body, role) {
  if (db.people.some((p) => p.email === body.email)) {
    throw new refusal(409, "There is an account with this email address already");
  }
  const made = {
    id: randomUUID(),
    email: body.email,
    password: body.password ?? null,
    display_name: body.display_name ?? "",
    role,
    max_concurrent_jobs: 1,
    max_images: 1000,
    max_storage_mb: 5000,
    share_weight: 1,
    created_at: now(),
    disabled: false,
    disabled_at: null,
  };
  db.people.push(made);
  return made;
}
export function open_session(who, request, reply) {
  const session = {
    id: randomUUID(),
    user_id: who.id,
    created_at: now(),
    last_seen_at: now(),
    expires_at: ahead(30 * day_ms),
    address: "127.0.0.1",
    user_agent: request.headers["user-agent"] ?? null,
  };
  db.sessions.push(session);
  reply.setHeader("Set-Cookie", `mock=${session.id}; Path=/; HttpOnly; SameSite=Lax`);
  return { ...me_of(who), csrf_token: csrf };
}
/** The session of a request, or undefined. */
export function session_of(request) {
  const id = /mock=([\w-]+)/.exec(request.headers.cookie ?? "")?.[1];
  const session = db.sessions.find((s) => s.id === id);
  return session && !person(session.user_id)?.disabled ? session : undefined;
}
function end_others(session) {
  db.sessions = db.sessions.filter((s) => s.user_id !== session.user_id || s === session);
}
function new_link(kind, who, base) {
  db.links = db.links.filter((l) => l.user_id !== who.id);
  const link = { kind, token: randomUUID(), user_id: who.id, expires_at: ahead(7 * day_ms) };
  db.links.push(link);
  return { kind, url: `${base}/#/${kind}?token=${link.token}`, expires_at: link.expires_at };
}
function open_link(token) {
  const link = db.links.find((l) => l.token === token);
  if (!link) throw new refusal(404, "This link is not valid", "link_invalid");
  return link;
}
const queue = () => ({
  paused: db.paused,
  queued_jobs: db.jobs.filter((j) => j.status === "queued").length,
  running_jobs: db.jobs.filter((j) => j.status === "running").length,
  waiting_images: db.jobs
    .filter((j) => j.status === "queued")
    .reduce((n, j) => n + j.image_count, 0),
});
const devices = ["cpu:0", "cpu:1"].map((id) => ({
  id,
  model: "mock",
  healthy: true,
  draining: false,
  units_done: 12,
  busy_seconds: 83,
  leases_out: 0,
}));

/** handle(path values, body, context): context has actor, session, query, base, request, reply. */
export const account_routes = [
  [
    "GET /auth/providers",
    () => ({
      password: true,
      registration: true,
      oidc: { name: "Example ID", login_url: "/api/v1/auth/oidc/login" },
    }),
  ],
  [
    "GET /auth/sessions",
    (_, __, { session }) => {
      const mine = db.sessions.filter((s) => s.user_id === session.user_id);
      const sessions = mine.map(({ user_id, ...s }) => ({ ...s, current: s.id === session.id }));
      return { sessions, total: sessions.length };
    },
  ],
  [
    "DELETE /auth/sessions/:id",
    ([id], _, { session, actor }) => {
      const other = db.sessions.find((s) => s.id === id && s.user_id === session.user_id);
      if (!other) throw new refusal(404, "Session not found");
      db.sessions = db.sessions.filter((s) => s !== other);
      audit(actor, "session_revoked", actor);
    },
  ],
  ["DELETE /auth/sessions", (_, __, { session }) => end_others(session)],
  [
    "POST /auth/password",
    (_, b, { actor, session }) => {
      if (actor.password !== null && b.current_password !== actor.password) {
        throw new refusal(403, "The current password is wrong");
      }
      actor.password = b.new_password;
      end_others(session);
      audit(actor, "password_changed", actor);
    },
  ],
  [
    "POST /auth/links/inspect",
    (_, b) => {
      const { kind, user_id, expires_at } = open_link(b.token);
      const { email, display_name } = person(user_id);
      return { kind, email, display_name, expires_at };
    },
  ],
  [
    "POST /auth/links/redeem",
    (_, b, { request, reply }) => {
      const link = open_link(b.token);
      const who = person(link.user_id);
      db.links = db.links.filter((l) => l !== link);
      who.password = b.password;
      if (b.display_name) who.display_name = b.display_name;
      audit(who, "link_redeemed", who, { kind: link.kind });
      return open_session(who, request, reply);
    },
  ],
  ["GET /auth/identities", () => ({ identities: db.identities, total: db.identities.length })],
  [
    "DELETE /auth/identities/:id",
    ([id], _, { actor }) => {
      find(db.identities, id, "Identity");
      db.identities = db.identities.filter((i) => i.id !== id);
      audit(actor, "identity_unlinked", actor);
    },
  ],
  [
    "POST /auth/oidc/link",
    (_, __, { actor }) => {
      // The other service says yes at once.
      db.identities.push({
        id: randomUUID(),
        issuer: "https://id.example.org/realms/lab",
        email: actor.email,
        created_at: now(),
      });
      return { location: "/#/account?linked=1" };
    },
  ],
  ["GET /queue", queue],
  [
    "POST /queue/pause",
    () => {
      db.paused = true;
      return queue();
    },
  ],
  [
    "POST /queue/resume",
    () => {
      db.paused = false;
      return queue();
    },
  ],
  ["GET /admin/users", () => db.people.map(plain)],
  [
    "POST /admin/users",
    (_, b, { actor, base }) => {
      const made = new_person(b, b.role ?? "user");
      audit(actor, "user_created", made);
      return [201, { ...plain(made), ...(b.password ? {} : { invite: new_link("invite", made, base) }) }];
    },
  ],
  [
    "PATCH /admin/users/:id",
    ([id], b, { actor }) => {
      const who = find(db.people, id, "User");
      const change = Object.fromEntries(
        Object.entries(b).map(([name, to]) => [name, { from: who[name], to }]),
      );
      Object.assign(who, b);
      const turned = b.disabled ? "user_disabled" : "user_enabled";
      if (b.disabled === undefined) audit(actor, "user_changed", who, { changes: change });
      else audit(actor, turned, who);
      return plain(who);
    },
  ],
  [
    "DELETE /admin/users/:id",
    ([id], _, { actor }) => {
      const who = find(db.people, id, "User");
      if (who === actor) throw new refusal(409, "You can't delete your own account");
      db.people = db.people.filter((p) => p !== who);
      audit(actor, "user_deleted", who);
    },
  ],
  [
    "POST /admin/users/:id/link",
    ([id], b, { actor, base }) => {
      const who = find(db.people, id, "User");
      audit(actor, "link_issued", who, { kind: b.kind });
      return [201, new_link(b.kind, who, base)];
    },
  ],
  [
    "GET /admin/audit",
    (_, __, { query }) => {
      const all = db.audit.filter(
        (e) =>
          (!query.get("action") || e.action === query.get("action")) &&
          (!query.get("user_id") || [e.actor_id, e.subject_id].includes(query.get("user_id"))),
      );
      const from = Number(query.get("cursor") ?? 0);
      const limit = Number(query.get("limit") ?? 50);
      const next = from + limit < all.length ? String(from + limit) : null;
      return { entries: all.slice(from, from + limit), total: all.length, next_cursor: next };
    },
  ],
  [
    "GET /admin/queue",
    () =>
      db.jobs.some((j) => ["queued", "running"].includes(j.status))
        ? [
            {
              user_id: db.people[0].id,
              waiting_units: queue().waiting_images,
              leases_out: queue().running_jobs,
              served_seconds: 75,
              share_weight: 1,
            },
          ]
        : [],
  ],
  ["GET /admin/devices", () => devices],
  [
    "POST /admin/devices/:id/drain",
    ([id], b) => Object.assign(find(devices, decodeURIComponent(id), "Device"), { draining: !b.resume }),
  ],
];
