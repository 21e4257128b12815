// Fairness and clicks on the real server, with a segmenter whose every image costs the same time.
import {performance} from 'node:perf_hooks';
import {setTimeout as sleep} from 'node:timers/promises';

import {synthetic} from '../tests/e2e/lib/server.mjs';
import {add_images, finished, submit} from '../tests/e2e/lib/work.mjs';
import {percentile, users, with_server} from './cases.mjs';

const everything = {force_all: true};
const box = {box: true, w: 16, h: 16};

/// Changes the account of `client` as an admin does.
async function change(admin, client, what) {
  const id = (await client.get('/auth/me')).json.id;
  const answer = await admin.patch(`/admin/users/${id}`, what);
  if (answer.status !== 200) throw new Error(`PATCH /admin/users: ${answer.status}`);
}

/// B's 10 images behind A's 2,000 of 5 ms each: B waits for its fair share only, and costs A no
/// more than B's own work.
export async function fairness(x) {
  const cost = 5;
  await with_server(synthetic(cost), async (server) => {
    const admin = await server.add_user('admin@example.org', {admin: true});
    const [a, b] = await users(server, 2, 10);
    await change(admin, a, {max_images: 10_000});
    a.images.push(...(await add_images(a, 1990, box)).map((i) => i.id));
    const waits = [];
    const longer = [];
    for (let i = 0; i < x.repeats; i++) {
      const total = async (beside) => {
        const from = performance.now();
        const long = await submit(a, a.images, everything);
        await beside();
        await finished(a, long.id);
        return performance.now() - from;
      };
      const alone = await total(async () => {});
      const shared = await total(async () => {
        await sleep(500);
        const from = performance.now();
        const short = await submit(b, b.images, everything);
        await finished(b, short.id);
        // Ideal: the two take turns, so 10 images of B take the time of 20.
        waits.push((performance.now() - from) / (20 * cost));
      });
      longer.push((shared - alone) / (10 * cost));
    }
    x.report("10 images behind another's 2,000 of 5 ms, against the ideal", waits, 'x', [
      '<=',
      1.25,
    ]);
    x.report("  the other's total grows, in units of that work", longer, 'x');
  });
}

/// Images of each user that ended within ten seconds, all backlogged.
async function ten_seconds(all) {
  const done = async () =>
    Promise.all(all.map(async (c) => (await c.get(`/jobs/${c.job.id}`)).json.processed_count));
  for (const c of all) c.job = await submit(c, c.images, everything);
  await sleep(1000);
  const before = await done();
  await sleep(10_000);
  const after = await done();
  for (const c of all) await c.post(`/jobs/${c.job.id}/cancel`);
  for (const c of all) await finished(c, c.job.id);
  return after.map((n, i) => n - before[i]);
}

/// 16 equal users, then three with weights 1, 2 and 4.
export async function shares(x) {
  await with_server(synthetic(5), async (server) => {
    const admin = await server.add_user('admin@example.org', {admin: true});
    const all = await users(server, 16, 200);
    const jain = [];
    for (let i = 0; i < x.repeats; i++) {
      const got = await ten_seconds(all);
      const sum = got.reduce((s, n) => s + n, 0);
      jain.push(sum ** 2 / (got.length * got.reduce((s, n) => s + n * n, 0)));
    }
    x.report("Jain's index, 16 equal backlogged users, 10 s", jain, '', ['>=', 0.99]);
    const three = all.slice(0, 3);
    const weights = [1, 2, 4];
    for (const [i, c] of three.entries()) {
      await change(admin, c, {share_weight: weights[i], max_images: 10_000});
      c.images.push(...(await add_images(c, 1400, box)).map((m) => m.id));
    }
    const worst = [];
    for (let i = 0; i < x.repeats; i++) {
      const got = await ten_seconds(three);
      const sum = got.reduce((s, n) => s + n, 0);
      worst.push(
        Math.max(...got.map((n, k) => Math.abs((100 * n) / sum / (weights[k] / 7) - 100))),
      );
    }
    x.report('weights 1:2:4, worst deviation from the share, 10 s', worst, '%', ['<=', 3]);
  });
}

/// A click while a batch of 100 ms units runs, against the same click on an idle server.
export async function interactive(x) {
  const cost = 100;
  await with_server(synthetic(cost), async (server) => {
    const [a, b] = await users(server, 2, 40);
    const body = {boxes: [{x: 1, y: 1, width: 8, height: 8}]};
    const click = async () => {
      const from = performance.now();
      const answer = await b.post(`/images/${b.images[0]}/segment`, body);
      if (answer.status !== 200) throw new Error(`segment: ${answer.status} ${answer.text}`);
      return performance.now() - from;
    };
    const idle = [];
    for (let k = 0; k < 10; k++) idle.push(await click());
    const alone = percentile(idle, 0.5);
    const medians = [];
    const worst = [];
    for (let i = 0; i < x.repeats; i++) {
      const job = await submit(a, a.images, everything);
      await sleep(250);
      const waits = [];
      for (let k = 0; k < 12; k++) {
        waits.push((Math.max(0, (await click()) - alone)) / cost);
        await sleep(37);
      }
      await a.post(`/jobs/${job.id}/cancel`);
      await finished(a, job.id);
      medians.push(percentile(waits, 0.5));
      worst.push(Math.max(...waits));
    }
    x.report('a click on an idle server, units of 100 ms', idle, 'ms');
    x.report('a click beside a batch waits, median', medians, 'units');
    x.report('  worst of 12', worst, 'units', ['<=', 1]);
  });
}
