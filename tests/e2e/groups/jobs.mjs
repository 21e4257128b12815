// Jobs: snapshots, idempotency, polling, cancel, retry, priority. On the synthetic segmenter, whose
// images cost a fixed time.
import assert from 'node:assert/strict';

import {expect} from '../lib/client.mjs';
import {start_server, synthetic} from '../lib/server.mjs';
import {
  add_box,
  add_image,
  add_images,
  add_point,
  finished,
  run_job,
  submit,
  unknown_id,
  until,
} from '../lib/work.mjs';

const states = async (c, id) => expect(await c.get(`/jobs/${id}/images`), 200);

export default async function (t) {
  const server = await start_server(t, {args: synthetic(60)});
  const c = await server.add_user('jobs@example.org');
  const other = await server.add_user('jobs-too@example.org');

  /// A job that keeps this user's only running place busy for a while.
  async function blocker(client = c, count = 100) {
    const images = await add_images(client, count, {box: true});
    const job = await submit(
      client,
      images.map((i) => i.id),
    );
    await until(
      async () => expect(await client.get(`/jobs/${job.id}`), 200),
      (j) => j.status === 'running',
      'the blocking job runs',
    );
    return job;
  }
  async function release(job) {
    expect(await c.post(`/jobs/${job.id}/cancel`), [200, 409]);
    await finished(c, job.id);
  }

  await t.test('unknown ids and duplicates are dropped, order is kept', async () => {
    const [a, b, d] = await add_images(c, 3, {box: true});
    const job = await submit(c, [d.id, unknown_id, a.id, d.id, b.id, a.id]);
    assert.deepEqual(job.image_ids, [d.id, a.id, b.id]);
    assert.deepEqual(job.image_filenames, [d.filename, a.filename, b.filename]);
    assert.equal(job.image_count, 3);
    const end = await finished(c, job.id);
    assert.equal(end.status, 'completed');
    assert.equal(end.processed_count, 3);
  });

  await t.test('a queued job works on its snapshot, later edits do not touch it', async () => {
    const running = await blocker();
    const image = await add_image(c, {w: 100, h: 80});
    const first = await add_box(c, image.id, 5, 5, 20, 20);
    const second = await add_box(c, image.id, 50, 5, 20, 20);
    await add_point(c, image.id, 10, 10);
    await add_point(c, image.id, 12, 10, false);
    expect(await c.patch(`/images/${image.id}`, {text_prompt: 'before'}), 200);
    const boxes = await submit(c, [image.id]);
    const points = await submit(c, [image.id], {mode: 'point'});
    const all = await submit(c, [image.id], {mode: 'find_all'});
    assert.equal(boxes.status, 'queued');
    expect(await c.delete(`/annotations/${first.id}`), 204);
    expect(await c.patch(`/annotations/${second.id}`, {bbox_x: 1, bbox_y: 60}), 200);
    await add_point(c, image.id, 90, 70);
    expect(await c.patch(`/images/${image.id}`, {text_prompt: 'after'}), 200);
    await release(running);
    for (const job of [boxes, points, all])
      assert.equal((await finished(c, job.id)).status, 'completed');
    const history = expect(await c.get(`/images/${image.id}/history`), 200);
    const of = (job) => history.find((h) => h.job_id === job.id);
    assert.equal(of(points).point_count, 2);
    assert.equal(of(all).text_prompt_used, 'before');
    assert.ok(Array.isArray(of(all).bboxes));
    const result = expect(await c.get(`/results/${of(boxes).id}`), 200);
    assert.equal(result.detections.length, 2);
  });

  await t.test('Idempotency-Key: same body 200 with the same job, other body 422', async () => {
    const [a, b] = await add_images(c, 2, {box: true});
    const options = {headers: {'idempotency-key': 'once-and-only-once'}};
    const first = expect(await c.post('/jobs', {image_ids: [a.id]}, options), 201);
    const again = expect(await c.post('/jobs', {image_ids: [a.id]}, options), 200);
    assert.equal(again.id, first.id);
    expect(await c.post('/jobs', {image_ids: [b.id]}, options), 422);
    await finished(c, first.id);
    const late = expect(await c.post('/jobs', {image_ids: [a.id]}, options), 200);
    assert.equal(late.id, first.id);
    assert.equal(late.status, 'completed');
  });

  await t.test('the same key twenty times at once makes one job', async () => {
    const image = await add_image(c, {box: true});
    const options = {headers: {'idempotency-key': 'all-at-once'}};
    const many = await Promise.all(
      Array.from({length: 20}, () => c.post('/jobs', {image_ids: [image.id]}, options)),
    );
    for (const answer of many) expect(answer, [200, 201]);
    assert.equal(new Set(many.map((m) => m.json.id)).size, 1);
    assert.equal(many.filter((m) => m.status === 201).length, 1);
    await finished(c, many[0].json.id);
  });

  await t.test('polling: ETag, 304, wait answers when something changes', async () => {
    const running = await blocker(c, 20);
    const at = `/jobs/${running.id}`;
    const now = await c.get(at);
    expect(now, 200);
    assert.match(now.headers.etag, /^"[^"]+"$/);
    const changed = await c.get(`${at}?wait=30`, {headers: {'if-none-match': now.headers.etag}});
    expect(changed, 200);
    assert.notEqual(changed.headers.etag, now.headers.etag);
    assert.ok(changed.json.version >= now.json.version);
    const stale = await c.get(`${at}?wait=30`, {headers: {'if-none-match': now.headers.etag}});
    expect(stale, 200);
    // Relative to arrival: without If-None-Match it waits for the next change.
    const next = await c.get(`${at}?wait=30`);
    expect(next, 200);
    assert.ok(
      next.json.processed_count > stale.json.processed_count || next.json.status !== 'running',
    );
    const end = await finished(c, running.id);
    const last = await c.get(`${at}?wait=60`, {timeout: 20_000});
    expect(last, 200);
    assert.equal(last.json.version, end.version);
    expect(
      await c.get(`${at}?wait=60`, {
        headers: {'if-none-match': last.headers.etag},
        timeout: 20_000,
      }),
      304,
    );
    expect(await c.get(at, {headers: {'if-none-match': last.headers.etag}}), 304);
    for (const bad of ['-1', 'soon']) expect(await c.get(`${at}?wait=${bad}`), [400, 422]);
  });

  await t.test('wait ends with 304 when nothing changes', async () => {
    const running = await blocker();
    const image = await add_image(c, {box: true});
    const waiting = await submit(c, [image.id]);
    const now = await c.get(`/jobs/${waiting.id}`);
    assert.equal(now.json.status, 'queued');
    expect(
      await c.get(`/jobs/${waiting.id}?wait=1`, {headers: {'if-none-match': now.headers.etag}}),
      304,
    );
    expect(await c.post(`/jobs/${waiting.id}/cancel`), 200);
    await release(running);
  });

  await t.test('max_concurrent_jobs = 1: the second waits queued and is not refused', async () => {
    const running = await blocker();
    const image = await add_image(c, {box: true});
    const second = await submit(c, [image.id]);
    assert.equal(second.status, 'queued');
    assert.equal(second.is_running, false);
    assert.ok(Number.isInteger(second.queue_position));
    assert.equal(expect(await c.get('/jobs?status=running'), 200).length, 1);
    const me = expect(await c.get('/auth/me'), 200);
    assert.equal(me.running_jobs, 1);
    assert.equal(me.max_concurrent_jobs, 1);
    // Somebody else is not held up by it.
    const theirs = await add_image(other, {box: true});
    assert.equal((await run_job(other, [theirs.id])).status, 'completed');
    await release(running);
    const end = await finished(c, second.id);
    assert.equal(end.status, 'completed');
    assert.equal(end.queue_position, null);
  });

  await t.test('priority orders the own queue, PATCH reorders it', async () => {
    const running = await blocker();
    const [x, y, z] = await add_images(c, 3, {box: true});
    const low = await submit(c, [x.id], {priority: 0});
    const high = await submit(c, [y.id], {priority: 5});
    const late = await submit(c, [z.id], {priority: 0});
    // Positions are told within a moment, not with every change.
    const places = (order) =>
      until(
        () =>
          Promise.all(order.map(async (j) => (await c.get(`/jobs/${j.id}`)).json.queue_position)),
        (list) => list.every((v, i) => v === i),
        'queue positions',
      );
    await places([high, low, late]);
    const before = (await c.get(`/jobs/${late.id}`)).headers.etag;
    const raised = expect(await c.patch(`/jobs/${late.id}`, {priority: 9}), 200);
    assert.equal(raised.priority, 9);
    assert.notEqual((await c.get(`/jobs/${late.id}`)).headers.etag, before);
    await places([late, high, low]);
    expect(await c.patch(`/jobs/${late.id}`, {priority: 'high'}), 422);
    await release(running);
    const ends = [];
    for (const j of [late, high, low]) ends.push(await finished(c, j.id));
    const starts = ends.map((j) => Date.parse(j.started_at));
    assert.ok(starts[0] <= starts[1] && starts[1] <= starts[2], `started ${starts}`);
    expect(await c.patch(`/jobs/${low.id}`, {priority: 1}), 409);
    expect(await c.post(`/jobs/${low.id}/cancel`), 409);
  });

  await t.test('cancel: queued at once; running keeps what is finished', async () => {
    const running = await blocker(c, 30);
    const image = await add_image(c, {box: true});
    const waiting = await submit(c, [image.id]);
    const gone = expect(await c.post(`/jobs/${waiting.id}/cancel`), 200);
    assert.equal(gone.status, 'cancelled');
    assert.ok((await states(c, waiting.id)).every((s) => s.state === 'cancelled'));
    await until(
      async () => expect(await c.get(`/jobs/${running.id}`), 200),
      (j) => j.processed_count >= 3,
      'three images done',
    );
    expect(await c.post(`/jobs/${running.id}/cancel`), 200);
    const end = await finished(c, running.id);
    assert.equal(end.status, 'cancelled');
    assert.ok(end.completed_at);
    assert.ok(end.processed_count < 30);
    // The images that ran when it was cancelled still finish, and keep their results.
    let last = '';
    let since = 0;
    const settled = await until(
      () => states(c, running.id),
      (list) => {
        const now = JSON.stringify(list);
        if (now !== last) since = Date.now();
        last = now;
        const ended = list.every((s) => s.state === 'completed' || s.state === 'cancelled');
        return ended && Date.now() - since > 1000;
      },
      'states settle',
    );
    const done = settled.filter((s) => s.state === 'completed');
    assert.ok(done.length >= 3);
    for (const s of done) expect(await c.get(`/results/${s.result_id}`), 200);
    const history = expect(await c.get('/images/history'), 200).filter(
      (h) => h.job_id === running.id,
    );
    assert.equal(history.length, done.length);
    expect(await c.post(`/jobs/${running.id}/cancel`), [200, 409]);
  });

  await t.test('per-image states while it runs', async () => {
    const running = await blocker(c, 12);
    const seen = new Set();
    await until(
      async () => {
        for (const s of await states(c, running.id)) seen.add(s.state);
        return expect(await c.get(`/jobs/${running.id}`), 200);
      },
      (j) => j.status === 'completed',
      'the job ends',
    );
    const known = ['queued', 'running', 'completed', 'failed', 'cancelled'];
    for (const s of seen) assert.ok(known.includes(s), `state "${s}"`);
    assert.ok(seen.has('queued') && seen.has('running') && seen.has('completed'), [...seen].join());
    const list = await states(c, running.id);
    assert.deepEqual(
      list.map((s) => s.image_id),
      running.image_ids,
    );
    assert.deepEqual(
      list.map((s) => s.filename),
      running.image_filenames,
    );
    assert.ok(list.every((s) => s.state === 'completed' && s.result_id));
  });

  await t.test(
    'an image deleted while it waits fails alone and the counts do not shrink',
    async () => {
      const images = await add_images(c, 12, {box: true});
      const job = await submit(
        c,
        images.map((i) => i.id),
      );
      expect(await c.delete(`/images/${images[11].id}`), 204);
      const end = await finished(c, job.id);
      assert.equal(end.status, 'completed');
      assert.equal(end.image_count, 12);
      assert.equal(end.processed_count, 12);
      assert.equal(end.failed_count, 1);
      const list = await states(c, job.id);
      assert.equal(list.length, 12);
      assert.equal(list[11].state, 'failed');
      assert.ok(list[11].error);
    },
  );

  await t.test(
    'retry of a job in which nothing failed, or that still runs, is 409 or 400',
    async () => {
      const running = await blocker(c, 10);
      expect(await c.post(`/jobs/${running.id}/retry`), [400, 409]);
      await finished(c, running.id);
      expect(await c.post(`/jobs/${running.id}/retry`), [400, 409]);
    },
  );

  await t.test('jobs are paged by the Link header', async () => {
    const all = expect(await c.get('/jobs'), 200);
    const seen = [];
    let path = '/jobs?limit=4';
    while (path) {
      const page = await c.get(path);
      seen.push(...expect(page, 200).map((j) => j.id));
      const next = /<([^>]+)>;\s*rel="?next"?/.exec(page.headers.link ?? '')?.[1];
      path = next ? next.replace(/^https?:\/\/[^/]+/, '').replace(/^\/api\/v1/, '') : null;
    }
    assert.deepEqual(
      seen,
      all.map((j) => j.id),
    );
    const dates = all.map((j) => Date.parse(j.created_at));
    assert.deepEqual(
      dates,
      [...dates].sort((x, y) => y - x),
    );
  });
}
