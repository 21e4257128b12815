// How the isolation walk (groups/walk.mjs) asks each route of the OpenAPI document. A route without
// an entry fails the walk by its name, and so does an entry without a route.
//
// To add a route, add a line 'METHOD /path/as/in/the/document': {…}. Mostly that is all:
//
//   {}                        nothing to fill in: whoever asks sees own things only
//   {id: 'image'}             the path's placeholder is one of the owner's images: others get 404
//   {id: 'image', fresh: 1}   made anew each time, because the call uses it up
//   {id: 'image', query: 'size=64', json: {priority: 1}}
//   {uses: 'image', json: (x) => ({image_id: x.image})}   the thing is named in the body or query
//   {open: 1}                 needs no sign-in; the document must say so too (security: [])
//
// Under /admin the one who must succeed is an administrator, everybody else gets 403.
//
//   good    statuses that count as success (default 200, 201, 204)
//   other   what another user gets: a status, or 'own' (success, with nothing of the owner in it).
//           Default: 404 with `id`, else 'own'; with `uses` it must be said
//   unknown what the owner gets for an id that does not exist; default: what `other` says
//   form    (x) => multipart parts, instead of json
//   free    the id is any text, not a UUID: a bad one is not 422
//   still   the device is drained while the route is walked, so that jobs stay queued
//   socket  a WebSocket
//
// `kinds` says how a thing is made and returns its id: (w) => id, with w.owner, w.other and w.admin
// (clients) and w.server. `x` has what `uses` and `id` name, and x.n, a number never used before.
import fs from 'node:fs';
import path from 'node:path';

import {expect} from './client.mjs';
import {png} from './pictures.mjs';
import {psql} from './psql.mjs';
import {add_box, add_image, add_point, run_job, submit} from './work.mjs';

export const password = 'correct horse battery';

export const kinds = {
  image: async (w) => (await add_image(w.owner, {box: true, name: 'private.png'})).id,
  box: async (w) => (await add_box(w.owner, await w.shared('image'), 2, 2, 9, 9)).id,
  point: async (w) => (await add_point(w.owner, await w.shared('image'))).id,
  done_image: async (w) => {
    const image = await add_image(w.owner, {box: true, name: 'private.png'});
    await run_job(w.owner, [image.id]);
    return image.id;
  },
  job: async (w) => (await run_job(w.owner, [await w.shared('image')], {force_all: true})).id,
  queued_job: async (w) =>
    (await submit(w.owner, [await w.shared('image')], {force_all: true})).id,
  failed_job: async (w) => {
    const image = await add_image(w.owner, {box: true, name: 'private.png'});
    fs.writeFileSync(path.join(w.server.data, 'blobs', image.blob_path), 'spoiled');
    const job = await run_job(w.owner, [image.id]);
    if (job.failed_count !== 1) throw new Error(`no failed image: ${JSON.stringify(job)}`);
    return job.id;
  },
  result: async (w) => {
    const id = await w.shared('done_image');
    return expect(await w.owner.get(`/images/${id}/history`), 200)[0].id;
  },
  api_key: async (w) => expect(await w.owner.post('/api-keys', {name: 'private-key'}), 201).id,
  web_session: async (w) => {
    const session = await w.login('anna@example.org');
    return expect(await session.get('/auth/sessions'), 200).sessions.find((s) => s.current).id;
  },
  identity: async (w) => {
    // No provider is set up here: what a sign-in there would have left.
    const sql = `insert into oidc_identities (user_id, issuer, subject, email)
      select id, 'https://id.example.org', 'private-${w.next()}', 'private@example.org'
      from users where email = 'anna@example.org' returning id`;
    return psql(w.server.data, sql)[0][0];
  },
  account: async (w) => {
    const body = {email: `made-${w.next()}@example.org`, password};
    return expect(await w.admin.post('/admin/users', body), 201).id;
  },
  device: async (w) => expect(await w.admin.get('/admin/devices'), 200)[0].id,
};

const box_of = (x) => ({
  image_id: x.image,
  bbox_x: 1,
  bbox_y: 1,
  bbox_width: 5,
  bbox_height: 5,
});
const point_of = (x) => ({image_id: x.image, point_x: 1, point_y: 1});
const one_box = {boxes: [{x: 1, y: 1, width: 20, height: 20}]};
const export_of = {uses: 'done_image', query: (x) => `image_ids=${x.done_image}`, other: 400};

export const table = {
  // Signing in
  'POST /api/v1/auth/setup': {open: 1, json: {token: 'x', email: 'a@b.org', password}, good: [409]},
  'POST /api/v1/auth/register': {
    open: 1,
    json: (x) => ({email: `new-${x.n}@example.org`, password}),
  },
  'POST /api/v1/auth/login': {open: 1, json: {email: 'visitor@example.org', password}},
  'POST /api/v1/auth/logout': {},
  'GET /api/v1/auth/me': {},
  'PATCH /api/v1/auth/me': {json: {display_name: 'Somebody'}},
  'POST /api/v1/auth/password': {json: {current_password: password, new_password: password}},
  'GET /api/v1/auth/sessions': {uses: 'web_session', other: 'own'},
  'DELETE /api/v1/auth/sessions': {},
  'DELETE /api/v1/auth/sessions/{id}': {id: 'web_session', fresh: 1},
  'POST /api/v1/auth/links/inspect': {open: 1, json: {token: 'nothing'}, good: [404]},
  'POST /api/v1/auth/links/redeem': {open: 1, json: {token: 'nothing', password}, good: [404]},
  'GET /api/v1/auth/providers': {open: 1},
  'GET /api/v1/auth/oidc/login': {open: 1, good: [404]},
  'GET /api/v1/auth/oidc/callback': {open: 1, good: [404]},
  'POST /api/v1/auth/oidc/link': {good: [404]},
  'GET /api/v1/auth/identities': {uses: 'identity', other: 'own'},
  'DELETE /api/v1/auth/identities/{id}': {id: 'identity', fresh: 1},
  'GET /api/v1/api-keys': {uses: 'api_key', other: 'own'},
  'POST /api/v1/api-keys': {json: (x) => ({name: `key ${x.n}`})},
  'DELETE /api/v1/api-keys/{id}': {id: 'api_key', fresh: 1},

  // Images
  'POST /api/v1/images': {
    form: (x) => [{name: 'file', filename: 'up.png', type: 'image/png', data: png(20, 20, x.n)}],
  },
  'GET /api/v1/images': {uses: 'image', other: 'own'},
  'GET /api/v1/images/history': {uses: 'result', other: 'own'},
  'GET /api/v1/images/{id}': {id: 'image'},
  'PATCH /api/v1/images/{id}': {id: 'image', json: {text_prompt: 'private words'}},
  'DELETE /api/v1/images/{id}': {id: 'image', fresh: 1},
  'GET /api/v1/images/{id}/data': {id: 'image'},
  'GET /api/v1/images/{id}/thumbnail': {id: 'image', query: 'size=64'},
  'POST /api/v1/images/{id}/segment': {id: 'image', json: one_box},
  'GET /api/v1/images/{id}/history': {id: 'done_image'},

  // Prompts
  'POST /api/v1/annotations': {uses: 'image', json: box_of, other: 404},
  'GET /api/v1/annotations/{id}': {id: 'image'},
  'PATCH /api/v1/annotations/{id}': {id: 'box', json: {bbox_x: 3}},
  'DELETE /api/v1/annotations/{id}': {id: 'box', fresh: 1},
  'POST /api/v1/point-annotations': {uses: 'image', json: point_of, other: 404},
  'GET /api/v1/point-annotations/{id}': {id: 'image'},
  'DELETE /api/v1/point-annotations/{id}': {id: 'point', fresh: 1},

  // Jobs
  'POST /api/v1/jobs': {
    uses: 'image',
    json: (x) => ({image_ids: [x.image], force_all: true}),
    other: 400,
  },
  'GET /api/v1/jobs': {uses: 'job', other: 'own'},
  'GET /api/v1/jobs/{id}': {id: 'job'},
  'PATCH /api/v1/jobs/{id}': {id: 'queued_job', fresh: 1, still: 1, json: {priority: 2}},
  'GET /api/v1/jobs/{id}/images': {id: 'job'},
  'POST /api/v1/jobs/{id}/cancel': {id: 'queued_job', fresh: 1, still: 1},
  'POST /api/v1/jobs/{id}/retry': {id: 'failed_job', fresh: 1},

  'GET /api/v1/queue': {},
  'POST /api/v1/queue/pause': {},
  'POST /api/v1/queue/resume': {},

  // Results
  'GET /api/v1/results/{id}': {id: 'result'},
  'GET /api/v1/results/{id}/mask': {id: 'result'},
  'GET /api/v1/process/mask/{image_id}': {id: 'done_image'},
  'GET /api/v1/process/export/{image_id}': {id: 'done_image'},
  'GET /api/v1/exports/coco': export_of,
  'GET /api/v1/exports/yolo': export_of,
  'GET /api/v1/exports/masks': export_of,

  // Administration
  'GET /api/v1/admin/users': {},
  'POST /api/v1/admin/users': {json: (x) => ({email: `made-${x.n}@example.org`, password})},
  'PATCH /api/v1/admin/users/{id}': {id: 'account', json: {max_images: 7}},
  'DELETE /api/v1/admin/users/{id}': {id: 'account', fresh: 1},
  'POST /api/v1/admin/users/{id}/link': {id: 'account', json: {kind: 'reset'}},
  'GET /api/v1/admin/audit': {},
  'GET /api/v1/admin/queue': {},
  'GET /api/v1/admin/devices': {},
  'POST /api/v1/admin/devices/{id}/drain': {id: 'device', free: 1, json: {resume: true}},

  // System
  'GET /api/v1/ws': {socket: 1},
  'GET /api/v1/system': {open: 1},
  'GET /api/v1/openapi.json': {open: 1},
  'GET /api/v1/health': {open: 1},
  'GET /health': {open: 1},
  'GET /healthz': {open: 1},
  'GET /readyz': {open: 1},
  'GET /metrics': {open: 1},
  'GET /docs': {open: 1},
  'GET /docs/docs.js': {open: 1},
  'GET /docs/docs.css': {open: 1},
};
