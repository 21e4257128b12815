// devices.isolate: a device's process may crash or hang; it costs a try of one image, never the
// server, and every image still ends once. And a user's own queue, paused and resumed.
import assert from 'node:assert/strict';
import fs from 'node:fs';

import {expect} from '../lib/client.mjs';
import {start_server, synthetic} from '../lib/server.mjs';
import {add_images, each_once, progress, run_job, submit, until} from '../lib/work.mjs';

export default async function (t) {
  const isolated = ['--devices.isolate', 'on'];
  const server = await start_server(t, {
    args: [...synthetic(15), ...isolated, '--devices.list', 'cpu:2', '--scheduler.lease_timeout_s', '5'],
  });
  const c = await server.add_user('isolate@example.org');
  const ids = (await add_images(c, 120, {box: true, w: 16, h: 16})).map((i) => i.id);

  await t.test('each device has a process, without the settings that hold passwords', async () => {
    const pids = server.device_processes();
    assert.equal(pids.length, 2);
    for (const pid of pids) {
      assert.ok(!/(^|\0)SAMOVAR_/.test(fs.readFileSync(`/proc/${pid}/environ`, 'utf8')));
      const open = fs.readdirSync(`/proc/${pid}/fd`).map(Number);
      const own = (fd) => fs.readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith('anon_inode');
      // 0 to 2, and the socket to the server; nothing of the server's is inherited.
      assert.deepEqual(
        open.filter((fd) => fd > 2 && !own(fd)),
        [3],
      );
    }
  });

  await t.test('processes that die in the middle of a job: every image ends once', async () => {
    const job = await submit(c, ids, {force_all: true});
    for (const n of [10, 30, 50, 70, 90]) {
      await progress(c, job.id, n);
      const signal = n % 20 === 10 ? 'SIGSEGV' : 'SIGKILL';
      process.kill(server.device_processes()[0], signal);
    }
    await each_once(c, job.id, ids.length);
    assert.equal(server.ended, null, 'the server lives');
    assert.match(server.output, /had ended by itself/);
  });

  await t.test('a process that hangs is replaced and its device goes on', async () => {
    const job = await submit(c, ids.slice(0, 40), {force_all: true});
    await progress(c, job.id, 5);
    const [stuck] = server.device_processes();
    process.kill(stuck, 'SIGSTOP');
    await each_once(c, job.id, 40);
    assert.ok(!server.device_processes().includes(stuck), 'it was replaced');
  });

  await t.test('when the server is killed its device processes end', async () => {
    const pids = server.device_processes();
    await server.kill9();
    const lives = (pid) => {
      try {
        return fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1][0] !== 'Z';
      } catch {
        return false;
      }
    };
    await until(
      async () => pids.filter(lives),
      (left) => left.length === 0,
      'device processes ended',
    );
    await server.start();
  });

  await t.test('a paused queue finishes what runs, begins nothing, and stays so over a restart', async () => {
    const user = server.client({key: c.key}); // the server has started anew
    const job = await submit(user, ids, {force_all: true});
    await progress(user, job.id, 5);
    const paused = expect(await user.post('/queue/pause', {}), 200);
    assert.equal(paused.paused, true);
    // What was on its way ends; then the count stands still.
    let before = -1;
    let since = 0;
    await until(
      async () => expect(await user.get(`/jobs/${job.id}`), 200).processed_count,
      (n) => {
        if (n !== before) since = Date.now();
        before = n;
        return Date.now() - since > 700;
      },
      'the count stands still',
    );
    assert.ok(before < ids.length, 'the pause came in time');
    const queue = expect(await user.get('/queue'), 200);
    assert.deepEqual(queue, {
      paused: true,
      queued_jobs: 0,
      running_jobs: 1,
      waiting_images: ids.length - before,
    });
    await server.kill9();
    await server.start();
    const again = server.client({key: c.key});
    assert.equal(expect(await again.get('/queue'), 200).paused, true);
    const still = expect(await again.get(`/jobs/${job.id}`), 200);
    assert.equal(still.processed_count, before);
    assert.equal(expect(await again.post('/queue/resume', {}), 200).paused, false);
    await each_once(again, job.id, ids.length);
  });

  await t.test('the classical segmenter works in a process of its own', async () => {
    const real = await start_server(t, {args: isolated});
    const user = await real.add_user('real@example.org');
    const [image] = await add_images(user, 1, {box: true, w: 120, h: 90});
    const job = await run_job(user, [image.id]);
    assert.equal(job.status, 'completed');
    const [row] = expect(await user.get(`/images/${image.id}/history`), 200);
    assert.match(row.model, /^classical/);
  });

  await t.test('an image that never ends is given up, whatever progress it shows', async () => {
    const slow = await start_server(t, {
      args: [...synthetic(50_000), ...isolated, '--scheduler.unit_timeout_s', '1'],
    });
    const user = await slow.add_user('slow@example.org');
    const [image] = await add_images(user, 1, {box: true, w: 16, h: 16});
    const pids = slow.device_processes();
    const ended = await run_job(user, [image.id], {force_all: true});
    assert.equal(ended.status, 'failed');
    assert.match(ended.error, /no progress/);
    assert.ok(!slow.device_processes().some((pid) => pids.includes(pid)), 'it was replaced');
  });
}
