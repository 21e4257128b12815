// The WebSocket: hello, order, replay, resync.
import assert from 'node:assert/strict';

import {expect} from '../lib/client.mjs';
import {Socket, terminal_event} from '../lib/socket.mjs';
import {start_server, synthetic} from '../lib/server.mjs';
import {add_box, add_image, add_images, finished, run_job, submit, until} from '../lib/work.mjs';

const rising = (frames) => {
  const numbers = frames.filter((f) => f.seq !== undefined && f.type !== 'hello').map((f) => f.seq);
  for (let i = 1; i < numbers.length; i++) {
    assert.ok(numbers[i] > numbers[i - 1], `seq ${numbers[i]} after ${numbers[i - 1]}`);
  }
  assert.ok(numbers.every((n) => Number.isSafeInteger(n)));
};
const ended = (id) => (f) => terminal_event.test(f.type) && f.job.id === id;

export default async function (t) {
  const server = await start_server(t, {args: synthetic(25)});
  const c = await server.add_user('events@example.org');

  await t.test('without credentials 401 before the upgrade', async () => {
    for (const who of [
      server.client(),
      server.client({key: 'B'.repeat(43)}),
      server.client({cookie: 'session=nonsense', origin: server.base}),
    ]) {
      await assert.rejects(Socket.open(who), (e) => e.status === 401 || assert.fail(e.message));
    }
    expect(await server.client().get('/ws', {record: false}), 401);
  });

  await t.test('X-API-Key opens a socket as well; the subprotocol is agreed on', async () => {
    const socket = await Socket.open(server.client(), {
      headers: {'x-api-key': c.key},
      protocol: 'samovar.v1',
    });
    assert.equal(socket.ws.protocol, 'samovar.v1');
    assert.equal(socket.ws.extensions, '');
    await socket.hello();
    socket.close();
  });

  await t.test('hello comes first with seq and the open jobs', async () => {
    const images = await add_images(c, 20, {box: true});
    const job = await submit(
      c,
      images.map((i) => i.id),
    );
    const socket = await Socket.open(c);
    await socket.until(ended(job.id), 'the end');
    const hello = socket.frames[0];
    assert.equal(hello.type, 'hello');
    assert.ok(Number.isSafeInteger(hello.seq));
    assert.deepEqual(
      hello.jobs.map((j) => j.id),
      [job.id],
    );
    assert.ok('processed_count' in hello.jobs[0]);
    assert.ok(socket.frames.slice(1).every((f) => f.seq === undefined || f.seq > hello.seq));
    rising(socket.frames);
    socket.close();
    const idle = await Socket.open(c);
    assert.deepEqual((await idle.hello()).jobs, []);
    idle.close();
  });

  await t.test(
    'one job: queued, started, progress, results, completed, in this order',
    async () => {
      const socket = await Socket.open(c);
      await socket.hello();
      const images = await add_images(c, 8, {box: true});
      const job = await submit(
        c,
        images.map((i) => i.id),
      );
      await socket.until(ended(job.id), 'the end');
      const mine = socket.of_job(job.id).filter((f) => f.type !== 'queue.position');
      const types = mine.map((f) => f.type);
      assert.equal(types[0], 'job.queued');
      assert.ok(types.indexOf('job.started') > 0);
      assert.ok(types.indexOf('job.started') < types.indexOf('result.ready'));
      assert.equal(types.at(-1), 'job.completed', 'nothing of the job comes after its end');
      const ready = mine.filter((f) => f.type === 'result.ready');
      assert.equal(ready.length, 8);
      assert.deepEqual(new Set(ready.map((f) => f.image_id)), new Set(job.image_ids));
      for (const f of ready) expect(await c.get(`/results/${f.result_id}`), 200);
      const counts = mine.filter((f) => f.job).map((f) => f.job.processed_count);
      assert.deepEqual(
        counts,
        [...counts].sort((x, y) => x - y),
      );
      const versions = mine.filter((f) => f.job).map((f) => f.job.version);
      assert.deepEqual(
        versions,
        [...versions].sort((x, y) => x - y),
      );
      assert.ok(types.includes('job.progress'));
      const end = mine.at(-1).job;
      const polled = expect(await c.get(`/jobs/${job.id}`), 200);
      assert.deepEqual(end, polled, 'the event carries the full job as a poll sees it');
      rising(socket.frames);
      socket.close();
    },
  );

  await t.test('what was announced is stored: each result.ready can be read at once', async () => {
    const socket = await Socket.open(c);
    await socket.hello();
    const images = await add_images(c, 6, {box: true});
    const bad = [];
    socket.ws.on('message', async (data) => {
      const f = JSON.parse(String(data));
      if (f.type !== 'result.ready') return;
      const answer = await c.get(`/results/${f.result_id}`);
      if (answer.status !== 200) bad.push(answer.status);
    });
    const job = await submit(
      c,
      images.map((i) => i.id),
    );
    await socket.until(ended(job.id), 'the end');
    await finished(c, job.id);
    assert.deepEqual(bad, []);
    socket.close();
  });

  await t.test('?since= gives the missed events in order after hello', async () => {
    const first = await Socket.open(c);
    const {seq} = await first.hello();
    const images = await add_images(c, 4, {box: true});
    const job = await submit(
      c,
      images.map((i) => i.id),
    );
    await first.until(ended(job.id), 'the end');
    const lived = first.frames.filter((f) => f.seq > seq && f.type !== 'hello');
    first.close();
    const late = await Socket.open(c, {since: seq});
    await late.until(ended(job.id), 'the replayed end');
    assert.equal(late.frames[0].type, 'hello');
    assert.ok(late.frames[0].seq >= lived.at(-1).seq);
    const key = (f) => `${f.seq} ${f.type}`;
    // Progress, positions and quotas are states: a newer one may stand for older ones.
    const merged = ['hello', 'job.progress', 'queue.position', 'quota.changed'];
    const solid = (list) => list.filter((f) => !merged.includes(f.type)).map(key);
    assert.deepEqual(solid(late.frames).slice(0, solid(lived).length), solid(lived));
    assert.ok(!late.frames.some((f) => f.type === 'resync'));
    rising(late.frames);
    late.close();
    const middle = lived[Math.floor(lived.length / 2)].seq;
    const part = await Socket.open(c, {since: middle});
    await part.until(ended(job.id), 'the replayed end');
    assert.ok(part.frames.every((f) => f.type === 'hello' || f.seq > middle));
    part.close();
    const none = await Socket.open(c, {since: lived.at(-1).seq});
    await none.hello();
    const next = await run_job(c, [images[0].id], {force_all: true});
    await none.until(ended(next.id), 'the next job');
    assert.ok(!none.of_job(job.id).length, 'nothing that was seen comes again');
    none.close();
  });

  await t.test('too old or unknown since: hello, then one resync', async () => {
    for (const since of [1, 2 ** 52]) {
      const socket = await Socket.open(c, {since});
      await socket.until((f) => f.type === 'resync', `resync for since=${since}`);
      assert.equal(socket.frames[0].type, 'hello');
      assert.equal(socket.frames.filter((f) => f.type === 'resync').length, 1);
      socket.close();
    }
  });

  await t.test('more events than are kept: resync instead of a hole', async () => {
    const first = await Socket.open(c);
    const {seq} = await first.hello();
    const {id} = await add_image(c, {box: true});
    const jobs = await Promise.all(
      Array.from({length: 420}, () => c.post('/jobs', {image_ids: [id], force_all: true})),
    );
    for (const j of jobs) expect(await c.post(`/jobs/${j.json.id}/cancel`), [200, 409]);
    await until(
      async () => expect(await c.get('/jobs?status=running'), 200),
      (l) => !l.length,
      'rest',
    );
    const late = await Socket.open(c, {since: seq});
    // Either every end comes, or the client is told to reload: when too old, and also when the
    // replay is more than one socket's outbox holds. What may not happen is a silent hole.
    for (const j of jobs) {
      const told = await late.until(
        (f) => f.type === 'resync' || ended(j.json.id)(f),
        'the end of each job, or resync',
      );
      if (told.type === 'resync') break;
    }
    first.close();
    late.close();
  });

  await t.test('two sockets of one user see the same', async () => {
    const [x, y] = [await Socket.open(c), await Socket.open(c)];
    await x.hello();
    await y.hello();
    const {id} = await add_image(c, {box: true});
    const job = await submit(c, [id]);
    await Promise.all([x, y].map((s) => s.until(ended(job.id), 'the end')));
    const list = (s) =>
      s
        .of_job(job.id)
        .filter((f) => f.type !== 'job.progress')
        .map((f) => `${f.seq} ${f.type}`);
    assert.deepEqual(list(x), list(y));
    x.close();
    y.close();
  });

  await t.test('quota.changed follows an upload, with seq', async () => {
    const socket = await Socket.open(c);
    await socket.hello();
    await add_image(c);
    const event = await socket.until((f) => f.type === 'quota.changed', 'quota.changed');
    assert.ok(Number.isSafeInteger(event.seq));
    assert.ok(JSON.stringify(event).includes('image_count'));
    socket.close();
  });

  await t.test('a cancelled job is announced, and frames are text', async () => {
    const socket = await Socket.open(c);
    await socket.hello();
    const images = await add_images(c, 20, {box: true});
    const job = await submit(
      c,
      images.map((i) => i.id),
    );
    expect(await c.post(`/jobs/${job.id}/cancel`), 200);
    const event = await socket.until(ended(job.id), 'the end');
    assert.equal(event.type, 'job.cancelled');
    assert.ok(!socket.binary);
    socket.close();
    await finished(c, job.id);
  });

  await t.test('a sleeping reader does not slow others and gets a consistent rest', async () => {
    const slow = await Socket.open(c);
    await slow.hello();
    slow.ws.pause();
    const images = await add_images(c, 10, {box: true});
    const ids = images.map((i) => i.id);
    let last;
    for (let i = 0; i < 6; i++) last = await run_job(c, ids, {force_all: true});
    slow.ws.resume();
    await slow.until((f) => f.type === 'resync' || ended(last.id)(f), 'the rest');
    rising(slow.frames);
    slow.close();
  });

  await t.test('what a client sends does not hurt', async () => {
    const socket = await Socket.open(c);
    await socket.hello();
    for (const text of ['{"type":"ping"}', 'no json', '[]', '']) socket.ws.send(text);
    const pong = new Promise((resolve) => socket.ws.on('pong', resolve));
    socket.ws.ping();
    await Promise.race([pong, socket.closed]);
    const other = await Socket.open(c);
    await other.hello();
    other.ws.send(Buffer.alloc(1024 * 1024, 65));
    await other.closed;
    assert.ok([1006, 1009].includes(other.close_code), `closed with ${other.close_code}`);
    expect(await c.get('/health'), 200);
    socket.close();
  });

  await t.test('a restart keeps seq rising and tells a socket of before to resync', async () => {
    const image = await add_image(c);
    await add_box(c, image.id);
    const socket = await Socket.open(c);
    const {seq} = await socket.hello();
    const closed = socket.closed;
    const stopped = await server.stop();
    assert.equal(stopped.code, 0);
    await closed;
    assert.ok(
      socket.frames.some((f) => f.type === 'server.draining'),
      'server.draining was told',
    );
    await server.start();
    const again = server.client({key: c.key});
    const next = await Socket.open(again, {since: seq});
    const hello = await next.hello();
    assert.ok(hello.seq > seq, `${hello.seq} after ${seq}`);
    await next.until((f) => f.type === 'resync', 'resync');
    next.close();
  });
}
