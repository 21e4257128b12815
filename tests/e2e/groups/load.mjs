// Many, slow and hostile clients: everyone else is still served and memory stays flat.
import assert from 'node:assert/strict';
import net from 'node:net';

import {expect} from '../lib/client.mjs';
import {png, quadrants_jpeg} from '../lib/pictures.mjs';
import {Socket} from '../lib/socket.mjs';
import {start_server, synthetic} from '../lib/server.mjs';
import {add_image, run_job} from '../lib/work.mjs';

const connect = (base) =>
  new Promise((resolve, reject) => {
    const url = new URL(base);
    const socket = net.connect(Number(url.port), url.hostname, () => resolve(socket));
    socket.on('error', reject);
  });

export default async function (t) {
  const server = await start_server(t, {args: synthetic(1)});
  const c = await server.add_user('load@example.org');
  const image = await add_image(c, {box: true});

  await t.test('slow senders of headers and bodies do not hold up others', async () => {
    const slow = [];
    for (let i = 0; i < 120; i++) {
      const socket = await connect(server.base);
      socket.on('error', () => {});
      if (i % 2) socket.write('GET /api/v1/images HTTP/1.1\r\nHost: x\r\nX-Sl');
      else {
        socket.write(
          `POST /api/v1/images HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${c.key}\r\n` +
            'Content-Type: multipart/form-data; boundary=b\r\n' +
            'Content-Length: 100000\r\n\r\n--b\r\n',
        );
      }
      slow.push(socket);
    }
    const drip = setInterval(() => slow.forEach((s) => s.writable && s.write('o')), 200);
    for (let i = 0; i < 20; i++) {
      expect(await c.get('/images'), 200);
      expect(await c.upload(png(20, 20, i)), 201);
    }
    assert.equal((await run_job(c, [image.id], {force_all: true})).status, 'completed');
    clearInterval(drip);
    slow.forEach((s) => s.destroy());
  });

  await t.test('a reader that takes nothing does not hold up others', async () => {
    const stuck = [];
    const ask =
      `GET /api/v1/images/${image.id}/data HTTP/1.1\r\nHost: x\r\n` +
      `Authorization: Bearer ${c.key}\r\n\r\n`;
    for (let i = 0; i < 30; i++) {
      const socket = await connect(server.base);
      socket.on('error', () => {});
      socket.pause();
      socket.write(ask.repeat(200));
      stuck.push(socket);
    }
    for (let i = 0; i < 20; i++) expect(await c.get('/images?limit=5'), 200);
    stuck.forEach((s) => s.destroy());
  });

  await t.test('requests sent in one go are answered in order', async () => {
    const socket = await connect(server.base);
    let text = '';
    socket.on('data', (d) => (text += d));
    const one = (id) =>
      `GET /api/v1/health HTTP/1.1\r\nHost: x\r\nX-Request-Id: pipe-${id}\r\n\r\n`;
    socket.write(Array.from({length: 20}, (_, i) => one(i)).join(''));
    const from = Date.now();
    while ((text.match(/HTTP\/1\.1 200/g) ?? []).length < 20 && Date.now() - from < 20_000) {
      await new Promise((r) => setTimeout(r, 10));
    }
    const ids = [...text.matchAll(/x-request-id: pipe-(\d+)/gi)].map((m) => Number(m[1]));
    assert.deepEqual(
      ids,
      Array.from({length: 20}, (_, i) => i),
    );
    socket.destroy();
  });

  await t.test('300 connections at once, each with several requests', async () => {
    const client = () => Object.assign(server.client({key: c.key}));
    const all = await Promise.all(
      Array.from({length: 300}, async () => {
        const one = client();
        const got = [];
        for (let i = 0; i < 3; i++) got.push((await one.get(`/images/${image.id}`)).status);
        one.agent.destroy();
        return got;
      }),
    );
    assert.ok(
      all.flat().every((s) => s === 200),
      `${all.flat().filter((s) => s !== 200)}`,
    );
  });

  await t.test('200 sockets of one user all see a job end', async () => {
    const sockets = await Promise.all(Array.from({length: 200}, () => Socket.open(c)));
    await Promise.all(sockets.map((s) => s.hello()));
    const job = await run_job(c, [image.id], {force_all: true});
    await Promise.all(
      sockets.map((s) =>
        s.until((f) => f.type === 'job.completed' && f.job.id === job.id, 'the end'),
      ),
    );
    sockets.forEach((s) => s.close());
  });

  await t.test(
    'memory stays flat over 500 bad uploads',
    async () => {
      const bad = [
        Buffer.concat([quadrants_jpeg.subarray(0, 300), Buffer.alloc(60_000, 7)]),
        png(200, 200, 3).subarray(0, 700),
        Buffer.alloc(100_000, 65),
        Buffer.alloc(0),
      ];
      const some = async (n) => {
        for (let i = 0; i < n; i += 10) {
          const answers = await Promise.all(
            Array.from({length: 10}, (_, k) => c.upload(bad[(i + k) % bad.length], 'bad.jpg')),
          );
          for (const a of answers) expect(a, 415);
        }
      };
      await some(200);
      const before = server.rss_mib();
      await some(500);
      const grown = server.rss_mib() - before;
      assert.ok(grown < 24, `resident memory grew by ${grown.toFixed(1)} MiB`);
    },
    {timeout: 120_000},
  );

  await t.test('an upload of 60 MB streams to disk', async () => {
    const before = server.rss_mib();
    const big = Buffer.alloc(60 * 1024 * 1024, 1);
    let top = 0;
    const watch = setInterval(() => (top = Math.max(top, server.rss_mib())), 20);
    expect(await c.upload(big, 'big.jpg'), 415);
    clearInterval(watch);
    assert.ok(top - before < 30, `resident memory rose by ${(top - before).toFixed(1)} MiB`);
  });

  await t.test('100 uploads at once at the limit admit exactly the limit', async () => {
    const admin = await server.add_user('limits@example.org', {admin: true});
    const small = await server.add_user('small@example.org');
    const {id} = expect(await small.get('/auth/me'), 200);
    const changed = expect(await admin.patch(`/admin/users/${id}`, {max_images: 7}), 200);
    assert.equal(changed.max_images, 7);
    const answers = await Promise.all(
      Array.from({length: 100}, (_, i) => small.upload(png(16, 16, i))),
    );
    assert.equal(answers.filter((a) => a.status === 201).length, 7);
    for (const a of answers.filter((x) => x.status !== 201)) {
      expect(a, 409);
      assert.equal(a.json.code, 'image_quota_reached');
    }
    const me = expect(await small.get('/auth/me'), 200);
    assert.equal(me.image_count, 7);
  });
}
