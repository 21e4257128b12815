// Quotas where many ask at once: exactly the limit is admitted, exactly what is deleted comes back,
// and GET /auth/me and the last quota.changed say the same whenever nothing moves.
import assert from 'node:assert/strict';

import {expect} from '../lib/client.mjs';
import {bmp, png} from '../lib/pictures.mjs';
import {start_server, synthetic} from '../lib/server.mjs';
import {Socket} from '../lib/socket.mjs';
import {add_images, finished, until} from '../lib/work.mjs';

const mebibyte = 1024 * 1024;
const fields = ['image_count', 'storage_bytes', 'running_jobs', 'max_images', 'max_storage_mb'];

export default async function (t) {
  const server = await start_server(t, {args: [...synthetic(30), '--devices.list', 'cpu:6']});
  const admin = await server.add_user('quota-admin@example.org', {admin: true});
  let people = 0;

  /// A user with limits, and a socket that hears of them.
  async function somebody(limits) {
    people += 1;
    const c = await server.add_user(`quota-${people}@example.org`);
    const {id} = expect(await c.get('/auth/me'), 200);
    const socket = await Socket.open(c);
    await socket.hello();
    expect(await admin.patch(`/admin/users/${id}`, limits), 200);
    const agree = async (wanted) => {
      const me = expect(await c.get('/auth/me'), 200);
      for (const [name, value] of Object.entries(wanted)) assert.equal(me[name], value, name);
      const told = () => socket.frames.filter((f) => f.type === 'quota.changed').at(-1);
      const same = (e) => e && fields.every((f) => (e.quota ?? e)[f] === me[f]);
      await until(async () => told(), same, `quota.changed like ${JSON.stringify(me)}`);
    };
    return {c, id, socket, agree, set: (l) => admin.patch(`/admin/users/${id}`, l)};
  }
  const at_once = (count, f) => Promise.all(Array.from({length: count}, (_, i) => f(i)));
  const admitted = (answers, status, code) => {
    for (const a of answers) {
      expect(a, [201, status]);
      if (a.status === status) assert.equal(a.json.code, code);
    }
    return answers.filter((a) => a.status === 201).map((a) => a.json);
  };

  await t.test('max_images: 100 uploads at once, deletions at once, and again', async () => {
    const {c, agree, set} = await somebody({max_images: 13});
    await add_images(c, 3, {w: 16, h: 16});
    await agree({image_count: 3, max_images: 13});
    const upload = (i) => c.upload(png(16, 16, 1000 + i));
    const first = admitted(await at_once(100, upload), 409, 'image_quota_reached');
    assert.equal(first.length, 10);
    await agree({image_count: 13});
    // Each image is deleted by three at once: one succeeds, and the quota comes back once.
    const gone = await at_once(12, (i) => c.delete(`/images/${first[i % 4].id}`));
    assert.equal(gone.filter((a) => a.status === 204).length, 4);
    await agree({image_count: 9});
    assert.equal(admitted(await at_once(100, upload), 409, 'image_quota_reached').length, 4);
    const kept = expect(await c.get('/images'), 200);
    assert.equal(kept.total, 13);
    const bytes = kept.images.reduce((sum, i) => sum + i.byte_size, 0);
    await agree({image_count: 13, storage_bytes: bytes});
    expect(await set({max_images: 5}), 200); // below what is there: nothing is lost, nothing added
    assert.equal(admitted(await at_once(5, upload), 409, 'image_quota_reached').length, 0);
    await agree({image_count: 13, max_images: 5});
    for (const i of kept.images) expect(await c.delete(`/images/${i.id}`), 204);
    await agree({image_count: 0, storage_bytes: 0});
  });

  await t.test('max_storage_mb: 100 uploads at once of one size, then of several', async () => {
    const {c, agree} = await somebody({max_storage_mb: 1});
    const size = bmp(91, 91).length;
    const fit = Math.floor(mebibyte / size);
    const first = admitted(
      await at_once(100, (i) => c.upload(bmp(91, 91, i), 'a.bmp')),
      507,
      'storage_quota_reached',
    );
    assert.equal(first.length, fit);
    await agree({image_count: fit, storage_bytes: fit * size});
    await at_once(7, async (i) => expect(await c.delete(`/images/${first[i].id}`), 204));
    await agree({image_count: fit - 7, storage_bytes: (fit - 7) * size});
    const side = (i) => 40 + (i % 60);
    const mixed = admitted(
      await at_once(100, (i) => c.upload(bmp(side(i), side(i), i), 'b.bmp')),
      507,
      'storage_quota_reached',
    );
    const used = (fit - 7) * size + mixed.reduce((sum, i) => sum + i.byte_size, 0);
    assert.ok(used <= mebibyte, `${used} bytes`);
    assert.ok(used + bmp(40, 40).length > mebibyte || mixed.length === 100, 'the edge was reached');
    await agree({image_count: fit - 7 + mixed.length, storage_bytes: used});
  });

  await t.test('max_concurrent_jobs: 24 jobs at once, limits moved while they run', async () => {
    const {c, socket, agree, set} = await somebody({max_concurrent_jobs: 2});
    const images = await add_images(c, 2, {box: true, w: 16, h: 16});
    const submit_all = (count) =>
      at_once(count, async (i) =>
        expect(
          await c.post('/jobs', {image_ids: images.map((x) => x.id), force_all: true, priority: i}),
          201,
        ),
      );
    const before = socket.frames.length;
    let made = await submit_all(12);
    const states = async () => expect(await c.get('/jobs'), 200);
    const busy = (jobs) => jobs.filter((j) => j.status === 'running').length;
    let most = 0;
    await until(
      states,
      (jobs) => {
        most = Math.max(most, busy(jobs));
        return jobs.every((j) => j.status === 'completed');
      },
      'the end of 12 jobs',
      60_000,
    );
    assert.ok(most <= 2, `${most} ran at once`);
    assert.equal(peak(socket.frames.slice(before)), 2);
    await agree({running_jobs: 0, max_concurrent_jobs: 2});
    expect(await set({max_concurrent_jobs: 5}), 200);
    const later = socket.frames.length;
    made = await submit_all(12);
    for (const j of made) assert.equal((await finished(c, j.id)).status, 'completed');
    assert.equal(peak(socket.frames.slice(later)), 5);
    await agree({running_jobs: 0, max_concurrent_jobs: 5});
  });

  await t.test('an image takes exactly 1,000 boxes and 1,000 points', async () => {
    const {c} = await somebody({});
    const [{id}] = await add_images(c, 1);
    for (const [route, body] of [
      ['annotations', {bbox_x: 0, bbox_y: 0, bbox_width: 5, bbox_height: 5}],
      ['point-annotations', {point_x: 1, point_y: 1}],
    ]) {
      const all = Array.from({length: 1040}, () => c.post(`/${route}`, {image_id: id, ...body}));
      const answers = (await Promise.all(all)).map((a) => a.status);
      assert.equal(answers.filter((s) => s === 201).length, 1000);
      assert.equal(answers.filter((s) => s === 409).length, 40);
      assert.equal(expect(await c.get(`/${route}/${id}?limit=1`), 200).total, 1000);
    }
  });

  await t.test('a higher max_concurrent_jobs lets waiting jobs start at once', async () => {
    const {c, socket, agree, set} = await somebody({max_concurrent_jobs: 1});
    const images = await add_images(c, 40, {box: true, w: 16, h: 16});
    const body = {image_ids: images.map((x) => x.id), force_all: true};
    const jobs = [expect(await c.post('/jobs', body), 201)];
    await socket.until((f) => f.type === 'job.started', 'a start');
    jobs.push(expect(await c.post('/jobs', {...body, priority: 5}), 201)); // next, when it may
    expect(await set({max_concurrent_jobs: 2}), 200);
    await until(
      async () => peak(socket.frames),
      (n) => n === 2,
      'both run',
    );
    for (const j of jobs) expect(await c.post(`/jobs/${j.id}/cancel`), [200, 409]);
    for (const j of jobs) await finished(c, j.id);
    await agree({running_jobs: 0});
  });
}

/// The most jobs that ran at once, as the events tell it.
function peak(frames) {
  const running = new Set();
  let most = 0;
  for (const f of frames) {
    if (f.type === 'job.started') running.add(f.job.id);
    else if (/^job\.(completed|failed|cancelled)$/.test(f.type)) running.delete(f.job.id);
    most = Math.max(most, running.size);
  }
  return most;
}
