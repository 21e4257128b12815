// kill -9 and SIGTERM in the middle of work: everything ends, nothing twice.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';

import {expect} from '../lib/client.mjs';
import {png} from '../lib/pictures.mjs';
import {psql} from '../lib/psql.mjs';
import {Server, start_server, synthetic} from '../lib/server.mjs';
import {SmallDisk} from '../lib/small_disk.mjs';
import {add_image, add_images, each_once, finished, progress, run_job, submit, until} from '../lib/work.mjs';

export default async function (t) {
  const server = await start_server(t, {args: synthetic(20)});
  let c = await server.add_user('crash@example.org');
  const {key} = c;
  const restart = async () => {
    await server.start();
    c = server.client({key});
  };
  const images = await add_images(c, 200, {box: true, w: 16, h: 16}).catch((e) => {
    throw new Error(`200 uploads: ${e.message}`);
  });
  const ids = images.map((i) => i.id);
  const everything = {force_all: true};
  /// The database that runs once `old` is gone, when the server calls itself ready with it.
  async function another_postmaster(old) {
    const found = await until(
      async () => server.postmaster(),
      (pid) => pid !== null && pid !== old,
      'another postmaster',
      60_000,
    );
    await until(
      () => c.get('root:/readyz').catch(() => ({status: 0})),
      (a) => a.status === 200,
      'ready again',
      60_000,
    );
    return found;
  }

  await t.test(
    'kill -9 of the server in the middle of 200 images',
    async () => {
      const job = await submit(c, ids, everything);
      const waiting = await submit(c, [ids[0], ids[1]], everything);
      for (const n of [20, 80, 140]) {
        await progress(c, job.id, n);
        await server.kill9();
        await restart();
        const found = expect(await c.get(`/jobs/${job.id}`), 200);
        assert.ok(found.processed_count >= n, 'progress that was told is kept');
      }
      await each_once(c, job.id, 200);
      await each_once(c, waiting.id, 2);
    },
    {timeout: 180_000},
  );

  await t.test(
    'an image that takes the server down three times is given up, the rest goes on',
    async () => {
      const slow = await start_server(t, {args: [...synthetic(1500), '--devices.slots', '1']});
      let u = await slow.add_user('poison@example.org');
      const two = (await add_images(u, 2, {box: true, w: 16, h: 16})).map((i) => i.id);
      const job = await submit(u, two, everything);
      const at_work = () => fs.readFileSync(path.join(slow.data, 'units_at_work'), 'utf8');
      for (let death = 0; death < 3; death++) {
        await until(
          async () => at_work(),
          (text) => text.includes(`R ${job.id} ${two[0]}`),
          'a device at work on the first image',
        );
        await slow.kill9();
        await slow.start();
        u = slow.client({key: u.key});
      }
      const ended = await finished(u, job.id);
      assert.equal(ended.status, 'completed');
      assert.equal(ended.failed_count, 1);
      const [first, second] = expect(await u.get(`/jobs/${job.id}/images`), 200);
      assert.equal(first.state, 'failed');
      assert.match(first.error, /died 3 times/);
      assert.equal(second.state, 'completed');
      assert.equal(at_work().trim(), '');
    },
    {timeout: 120_000},
  );

  await t.test(
    'jobs acknowledged just before kill -9 are there after it',
    async () => {
      const made = [];
      const sending = Promise.all(
        Array.from({length: 8}, async (_, k) => {
          for (let i = 0; i < 50; i++) {
            try {
              const answer = await c.post('/jobs', {image_ids: [ids[k]], force_all: true});
              if (answer.status === 201) made.push(answer.json.id);
            } catch {
              return; // the connection broke with the server: not acknowledged
            }
          }
        }),
      );
      await until(
        async () => made.length,
        (n) => n >= 60,
        '60 jobs',
      );
      await server.kill9();
      await sending;
      await restart();
      for (const id of made) expect(await c.get(`/jobs/${id}`), 200);
      for (const id of made) assert.equal((await finished(c, id)).status, 'completed');
      const history = expect(await c.get('/images/history'), 200);
      for (const id of made) assert.equal(history.filter((h) => h.job_id === id).length, 1);
    },
    {timeout: 180_000},
  );

  await t.test(
    'SIGTERM with work in progress: exit 0 in time, the job goes on afterwards',
    async () => {
      const job = await submit(c, ids, everything);
      await progress(c, job.id, 30);
      const end = await server.stop(15);
      assert.deepEqual([end.code, end.signal], [0, null]);
      assert.ok(end.seconds <= 10.5, `took ${end.seconds} s`);
      assert.equal(server.postmaster(), null, 'the embedded database is stopped as well');
      await restart();
      await each_once(c, job.id, 200);
    },
    {timeout: 120_000},
  );

  await t.test(
    'SIGTERM with a long poll and a half-sent request open',
    async () => {
      const job = await submit(c, ids.slice(0, 100), everything);
      const now = await c.get(`/jobs/${job.id}`);
      const polls = Array.from({length: 5}, () =>
        c
          .get(`/jobs/${job.id}?wait=50`, {
            headers: {'if-none-match': now.headers.etag},
            record: false,
          })
          .catch(() => null),
      );
      const end = await server.stop(15);
      assert.deepEqual([end.code, end.signal], [0, null]);
      await Promise.all(polls);
      await restart();
      await each_once(c, job.id, 100);
    },
    {timeout: 120_000},
  );

  await t.test(
    'kill -9 of the database while a job runs',
    async () => {
      const job = await submit(c, ids, everything);
      await progress(c, job.id, 40);
      const pid = server.postmaster();
      assert.ok(pid, 'the postmaster is known');
      process.kill(pid, 'SIGKILL');
      await another_postmaster(pid);
      await each_once(c, job.id, 200);
      const image = await add_image(c, {box: true});
      assert.equal((await run_job(c, [image.id])).status, 'completed');
      assert.equal(server.ended, null, 'the server itself lived on');
    },
    {timeout: 180_000},
  );

  await t.test(
    'while the database is away: 503 with Retry-After, never 500',
    async () => {
      const pid = await another_postmaster(null);
      process.kill(pid, 'SIGKILL');
      for (let i = 0; i < 40; i++) {
        const answer = await c.get('/images?limit=1');
        expect(answer, [200, 503]);
        if (answer.status === 503) assert.ok(answer.headers['retry-after']);
      }
      await until(
        () => c.get('/images?limit=1'),
        (a) => a.status === 200,
        'it comes back',
        60_000,
      );
      await another_postmaster(pid);
    },
    {timeout: 120_000},
  );

  await t.test(
    'kill -9 of both',
    async () => {
      const job = await submit(c, ids, everything);
      await progress(c, job.id, 40);
      const pid = server.postmaster();
      await server.kill9();
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // it went down with the server
      }
      await restart();
      await each_once(c, job.id, 200);
    },
    {timeout: 180_000},
  );

  await t.test(
    'no room on the disk of the database: work waits, and goes on when there is some',
    async () => {
      const other = new Server({args: synthetic(20)});
      const disk = SmallDisk.mount(other.data, 400);
      if (disk) t.after(() => disk.unmount());
      t.after(() => other.destroy());
      if (!disk) return;
      await other.start();
      const u = await other.add_user('full@example.org');
      const some = (await add_images(u, 60, {box: true, w: 16, h: 16})).map((i) => i.id);
      const job = await submit(u, some, everything);
      await progress(u, job.id, 5);
      disk.fill();
      // The log of changes needs a new file now and can't have one.
      for (let i = 0; i < 3; i++) {
        try {
          psql(other.data, 'select pg_switch_wal()');
        } catch {
          break; // which ends all connections
        }
      }
      for (let i = 0; i < 20; i++) {
        const answer = await u.post('/point-annotations', {
          image_id: some[i],
          point_x: 3,
          point_y: 3,
        });
        expect(answer, [201, 503]);
        expect(await u.get('root:/healthz'), 200);
        expect(await u.upload(png(16, 16, i)), [503, 507]);
      }
      expect(await u.get('root:/readyz'), 503);
      disk.empty();
      await until(() => u.get('root:/readyz'), (a) => a.status === 200, 'ready again', 90_000);
      await each_once(u, job.id, some.length);
      assert.equal(other.ended, null, 'the server itself lived on');
    },
    {timeout: 180_000},
  );

  await t.test('a second server on the same data directory is refused', async () => {
    const second = new Server({data: server.data, args: synthetic(20)});
    await assert.rejects(second.start(), (e) => {
      assert.notEqual(second.ended?.code, 0);
      assert.match(e.message, /lock|already|use|running/i);
      return true;
    });
    expect(await c.get('/images?limit=1'), 200);
  });
}
