// Small things several groups do: pictures with prompts, jobs that end, waiting without guessing.
import assert from 'node:assert/strict';
import {setTimeout as sleep} from 'node:timers/promises';

import {expect} from './client.mjs';
import {png} from './pictures.mjs';

export const unknown_id = '0192f0aa-0000-7000-8000-00000000dead';
export const uuid_form = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
export const time_form = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)$/;

let seed = 0;
export async function add_image(client, {box = false, w = 64, h = 48, name} = {}) {
  seed += 1;
  const image = expect(await client.upload(png(w, h, seed), name ?? `picture-${seed}.png`), 201);
  if (box) await add_box(client, image.id, 1, 1, Math.floor(w / 2), Math.floor(h / 2));
  return image;
}
/// Several at once, in the order of their names.
export async function add_images(client, count, options = {}) {
  const made = [];
  for (let i = 0; i < count; i += 8) {
    const some = Array.from({length: Math.min(8, count - i)}, () => add_image(client, options));
    made.push(...(await Promise.all(some)));
  }
  return made;
}
export async function add_box(client, image_id, x = 8, y = 8, w = 40, h = 30, type) {
  const body = {image_id, bbox_x: x, bbox_y: y, bbox_width: w, bbox_height: h};
  if (type) body.prompt_type = type;
  return expect(await client.post('/annotations', body), 201);
}
export async function add_point(client, image_id, x = 30, y = 20, is_positive) {
  const body = {image_id, point_x: x, point_y: y};
  if (is_positive !== undefined) body.is_positive = is_positive;
  return expect(await client.post('/point-annotations', body), 201);
}
export async function submit(client, image_ids, more = {}, options = {}) {
  return expect(await client.post('/jobs', {image_ids, ...more}, options), [201, 200]);
}
export const terminal = (job) => ['completed', 'failed', 'cancelled'].includes(job.status);

/// Long-polls until the job ends.
export async function finished(client, id, ms = 180_000) {
  const deadline = Date.now() + ms;
  let etag = null;
  let last = null;
  while (Date.now() < deadline) {
    const answer = await client.get(`/jobs/${id}?wait=10`, {
      headers: etag ? {'if-none-match': etag} : {},
    });
    if (answer.status === 304) continue;
    last = expect(answer, 200);
    if (terminal(last)) return last;
    etag = answer.headers.etag;
  }
  throw new Error(`job ${id} did not end: ${JSON.stringify(last)}`);
}
export async function run_job(client, image_ids, more = {}) {
  return finished(client, (await submit(client, image_ids, more)).id);
}

/// Asks again until `wanted(value)` holds.
export async function until(ask, wanted, what, ms = 90_000) {
  const deadline = Date.now() + ms;
  for (;;) {
    const value = await ask();
    if (wanted(value)) return value;
    if (Date.now() > deadline) throw new Error(`${what}: last seen ${JSON.stringify(value)}`);
    await sleep(25);
  }
}

export const progress = (c, id, n) =>
  until(
    async () => expect(await c.get(`/jobs/${id}`), 200),
    (j) => j.processed_count >= n,
    `${n} images processed`,
  );

/// Every image of the job once: states, history rows, counts, readable results.
export async function each_once(c, id, count) {
  const job = await finished(c, id, 120_000);
  assert.equal(job.status, 'completed', JSON.stringify(job).slice(0, 300));
  assert.equal(job.failed_count, 0);
  assert.equal(job.processed_count, count);
  const states = expect(await c.get(`/jobs/${id}/images`), 200);
  assert.equal(states.length, count);
  assert.ok(states.every((s) => s.state === 'completed' && s.result_id));
  const history = expect(await c.get('/images/history'), 200).filter((h) => h.job_id === id);
  assert.equal(history.length, count, 'one history row per image');
  assert.equal(new Set(history.map((h) => h.image_id)).size, count);
  assert.deepEqual(new Set(history.map((h) => h.id)), new Set(states.map((s) => s.result_id)));
}
