// Development only, never part of the build: a stand-in for the server, in memory, with invented
// masks, to work on the pages without one. node dev/mock.mjs [port]   (after npm run build)
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import {
  account_routes,
  audit,
  new_person,
  open_session,
  person,
  session_of,
} from "./mock_accounts.mjs";
import { ellipse_detection, image_size } from "./mock_masks.mjs";
import { accept } from "./mock_socket.mjs";
import {
  db,
  sockets,
  now,
  csrf,
  push,
  refusal,
  find,
  remove,
  me_of,
  shown,
  prompts_of,
  start_next,
  new_job,
  history,
  seq_now,
} from "./mock_world.mjs";

const port = Number(process.argv[2] ?? 8090);
const dist = new URL("../dist", import.meta.url).pathname;
const csp =
  "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; " +
  "connect-src 'self' ws: wss:; frame-ancestors 'none'";
const types = { js: "text/javascript", css: "text/css", svg: "image/svg+xml", html: "text/html" };

/** Slow enough that one can see the page wait. */
const segment_ms = 400;

/** Ellipses about what was asked for. */
function segment(id, body) {
  const image = find(db.images, id, "Image");
  const side = Math.min(image.width, image.height) / 3;
  const first = body.points?.find((p) => p.is_positive) ?? body.points?.[0];
  const areas =
    body.mode === "point"
      ? [{ x: first.x - side / 2, y: first.y - side / 2, width: side, height: side }]
      : body.boxes;
  return {
    image_id: id,
    mode: body.mode,
    model: "mock",
    device_ms: segment_ms,
    detections: areas.map((a) => ellipse_detection(a, image.width, image.height)),
  };
}
function upload(body) {
  const head_end = body.indexOf("\r\n\r\n");
  const head = body.subarray(0, head_end).toString();
  const boundary = head.slice(0, head.indexOf("\r\n"));
  const bytes = body.subarray(head_end + 4, body.lastIndexOf(`\r\n${boundary}`));
  const size = image_size(bytes);
  if (!size) throw new refusal(415, "The file is not an image this server understands");
  const image = {
    id: randomUUID(),
    filename: /filename="([^"]*)"/.exec(head)[1],
    blob_path: "x",
    width: size[0],
    height: size[1],
    created_at: now(),
    text_prompt: null,
    byte_size: bytes.length,
    content_type: "image/jpeg",
    bytes: Buffer.from(bytes),
  };
  db.images.unshift(image);
  return [201, shown(image)];
}
function dataset(mode) {
  const all = db.images
    .filter((i) => db.results.some((r) => r.image_id === i.id && r.mode === mode))
    .map((i) => coco(i.id, mode));
  return {
    ...all[0],
    images: all.flatMap((c) => c.images),
    annotations: all.flatMap((c) => c.annotations),
  };
}
function coco(id, mode) {
  const image = find(db.images, id, "Image");
  const r = db.results.find((x) => x.image_id === id && x.mode === mode);
  if (!r) throw new refusal(404, `Image has not been processed yet with mode ${mode}`);
  return {
    info: {},
    licenses: [],
    categories: [{ id: 1, name: "object", supercategory: "" }],
    images: [
      { id: 1, file_name: image.filename, width: image.width, height: image.height, uuid: id },
    ],
    annotations: r.detections.map((d, i) => ({
      id: i + 1,
      image_id: 1,
      category_id: 1,
      iscrowd: 0,
      bbox: d.bbox,
      area: d.area,
      score: d.score,
      segmentation: d.segmentation,
    })),
  };
}

const routes = [
  [
    "GET /system",
    () => ({
      version: "0.1.0",
      model: "mock",
      allow_registration: true,
      setup_needed: db.people.length === 0,
      abilities: {
        text: false,
        exemplars: true,
        text_unavailable_reason: "The mock does not read.",
      },
      modes: ["inside_box", "find_all", "point"],
      limits: { password_chars_min: 8 },
    }),
  ],
  [
    "POST /auth/setup",
    (_, b, r, __, { request }) => {
      if (b.token !== "mock" || db.people.length > 0)
        throw new refusal(403, "This set-up link is not valid any more");
      return [201, open_session(new_person(b, "admin"), request, r)];
    },
  ],
  [
    "POST /auth/register",
    (_, b, r, __, { request }) => [201, open_session(new_person(b, "user"), request, r)],
  ],
  [
    "POST /auth/login",
    (_, b, r, __, { request }) => {
      const who = db.people.find((p) => p.email === b.email);
      if (!who || who.disabled || who.password !== b.password) {
        audit(null, "sign_in_failed", { email: b.email });
        throw new refusal(401, "Wrong email or password");
      }
      audit(who, "sign_in", who, { method: "password" });
      return [200, open_session(who, request, r)];
    },
  ],
  [
    "POST /auth/logout",
    (_, __, ___, ____, { session, actor }) => {
      db.sessions = db.sessions.filter((s) => s !== session);
      audit(actor, "sign_out", actor);
    },
  ],
  ["GET /auth/me", (_, __, ___, ____, { actor }) => ({ ...me_of(actor), csrf_token: csrf })],
  [
    "PATCH /auth/me",
    (_, b, ___, ____, { actor }) => ({ ...me_of(Object.assign(actor, b)), csrf_token: csrf }),
  ],
  [
    "POST /images/:id/segment",
    ([id], b) => new Promise((r) => setTimeout(() => r(segment(id, b)), segment_ms)),
  ],
  ["GET /images/history", () => db.results.map(history)],
  [
    "GET /images",
    (_, __, ___, q) => {
      const list = db.images.filter((i) => i.filename.includes(q.get("search") ?? ""));
      if (q.get("order") === "oldest") list.reverse();
      return { images: list.map(shown), total: list.length, next_cursor: null };
    },
  ],
  ["POST /images", (_, b) => upload(b)],
  ["GET /images/:id/history", ([id]) => db.results.filter((r) => r.image_id === id).map(history)],
  ["GET /images/:id/data", ([id]) => find(db.images, id, "Image").bytes],
  ["GET /images/:id/thumbnail", ([id]) => find(db.images, id, "Image").bytes],
  ["GET /images/:id", ([id]) => shown(find(db.images, id, "Image"))],
  ["PATCH /images/:id", ([id], b) => shown(Object.assign(find(db.images, id, "Image"), b))],
  ["DELETE /images/:id", ([id]) => remove("images", id)],
  [
    "GET /annotations/:id",
    ([id]) => ({
      annotations: db.boxes.filter((b) => b.image_id === id),
      total: 0,
      next_cursor: null,
    }),
  ],
  [
    "POST /annotations",
    (_, b) => {
      const made = { id: randomUUID(), created_at: now(), ...b };
      db.boxes.push(made);
      return [201, made];
    },
  ],
  ["PATCH /annotations/:id", ([id], b) => Object.assign(find(db.boxes, id, "Annotation"), b)],
  ["DELETE /annotations/:id", ([id]) => remove("boxes", id)],
  [
    "GET /point-annotations/:id",
    ([id]) => ({
      annotations: db.points.filter((p) => p.image_id === id),
      total: 0,
      next_cursor: null,
    }),
  ],
  [
    "POST /point-annotations",
    (_, b) => {
      const made = { id: randomUUID(), created_at: now(), ...b };
      db.points.push(made);
      return [201, made];
    },
  ],
  ["DELETE /point-annotations/:id", ([id]) => remove("points", id)],
  [
    "GET /jobs",
    (_, __, ___, q) => db.jobs.filter((j) => [null, j.status].includes(q.get("status"))),
  ],
  [
    "POST /jobs",
    (_, b) => {
      const ids = b.image_ids.filter(
        (id) =>
          prompts_of(id, b.mode).length > 0 &&
          (b.force_all || !db.results.some((r) => r.image_id === id && r.mode === b.mode)),
      );
      if (ids.length === 0) throw new refusal(400, "No images need processing");
      return [201, new_job(ids, b.mode)];
    },
  ],
  [
    "GET /jobs/:id/images",
    ([id]) => {
      const j = find(db.jobs, id, "Job");
      return j.image_ids.map((image_id, i) => ({
        image_id,
        filename: j.image_filenames[i],
        state: i < j.current_index ? "completed" : i === j.current_index ? j.status : "queued",
        error: null,
        result_id: null,
      }));
    },
  ],
  [
    "POST /jobs/:id/cancel",
    ([id]) => {
      const j = Object.assign(find(db.jobs, id, "Job"), {
        status: "cancelled",
        is_running: false,
        completed_at: now(),
      });
      j.version += 1;
      start_next();
      return j;
    },
  ],
  ["GET /results/:id", ([id]) => find(db.results, id, "Processing result")],
  [
    "GET /process/export/:id",
    ([id], _, r, q) => {
      r.setHeader("Content-Disposition", 'attachment; filename="image_coco.json"');
      return coco(id, q.get("mode") ?? "inside_box");
    },
  ],
  ["GET /exports/coco", (_, __, ___, q) => dataset(q.get("mode"))],
  ["GET /api-keys", () => db.keys],
  [
    "POST /api-keys",
    (_, b) => {
      const made = {
        id: randomUUID(),
        prefix: "smv_ab12",
        created_at: now(),
        expires_at: null,
        last_used_at: null,
        ...b,
      };
      db.keys.unshift(made);
      return [201, { ...made, secret: "smv_ab12cd34ef56", key: "smv_ab12cd34ef56" }];
    },
  ],
  ["DELETE /api-keys/:id", ([id]) => remove("keys", id)],
  ...account_routes.map(([name, handle]) => [
    name,
    (values, b, reply, query, context) => handle(values, b, { ...context, reply, query }),
  ]),
].map(([name, handle]) => {
  const [method, pattern] = name.split(" ");
  return {
    method,
    path: `/api/v1${pattern.replace(/:id/g, "{id}")}`,
    expression: new RegExp(`^/api/v1${pattern.replace(/:id/g, "([^/]+)")}$`),
    handle,
  };
});

/** Which routes there are, in the shape in which the real server tells it. */
const openapi = { paths: {} };
for (const r of routes) (openapi.paths[r.path] ??= {})[r.method.toLowerCase()] = {};

function serve_file(path, reply) {
  const file =
    existsSync(`${dist}${path}`) && path !== "/" ? `${dist}${path}` : `${dist}/index.html`;
  reply.setHeader("Content-Security-Policy", csp);
  reply.setHeader("Content-Type", types[file.split(".").at(-1)] ?? "application/octet-stream");
  reply.end(readFileSync(file));
}

const server = createServer(async (request, reply) => {
  const url = new URL(request.url, "http://mock");
  if (!url.pathname.startsWith("/api/")) return serve_file(url.pathname, reply);
  const parts = [];
  for await (const part of request) parts.push(part);
  const body = Buffer.concat(parts);
  const send = (status, value) => {
    reply.statusCode = status;
    if (Buffer.isBuffer(value)) return reply.end(value);
    reply.setHeader("Content-Type", "application/json");
    reply.end(value === undefined ? "" : JSON.stringify(value));
  };
  try {
    if (url.pathname === "/api/v1/openapi.json") return send(200, openapi);
    const open = /\/(system|auth\/(setup|login|register|providers|links\/\w+))$/.test(url.pathname);
    const session = session_of(request);
    const actor = session && person(session.user_id);
    if (!open && !actor) throw new refusal(401, "Not signed in");
    if (!open && request.method !== "GET" && request.headers["x-csrf-token"] !== csrf)
      throw new refusal(403, "The CSRF token is missing");
    for (const r of routes) {
      const m = request.method === r.method && r.expression.exec(url.pathname);
      if (!m) continue;
      const json = request.headers["content-type"]?.includes("json");
      const context = { request, session, actor, base: `http://${request.headers.host}` };
      const parsed = json ? JSON.parse(body) : body;
      const answer = await r.handle(m.slice(1), parsed, reply, url.searchParams, context);
      close_orphans();
      if (Array.isArray(answer) && typeof answer[0] === "number") return send(answer[0], answer[1]);
      return send(answer === undefined ? 204 : 200, answer);
    }
    throw new refusal(404, "No such route in the mock");
  } catch (e) {
    send(e.status ?? 500, { detail: e.message, code: e.code ?? "mock", request_id: randomUUID() });
  }
});
function close_orphans() {
  for (const s of sockets) if (!session_of(s.request)) s.socket.destroy();
}
server.on("upgrade", (request, socket) => {
  if (!session_of(request)) return socket.end("HTTP/1.1 401 Unauthorized\r\n\r\n");
  const s = { ...accept(request, socket), request };
  sockets.add(s);
  socket.on("close", () => sockets.delete(s));
  s.send({
    type: "hello",
    seq: seq_now(),
    jobs: db.jobs.filter((j) => ["queued", "running"].includes(j.status)),
  });
});
server.listen(port, "127.0.0.1", () =>
  console.log(`mock at http://127.0.0.1:${port}/setup?token=mock`),
);
