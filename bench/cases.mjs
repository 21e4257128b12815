// The benchmarks. Each takes the context of run.mjs, starts its own servers and reports rows.
import {performance} from 'node:perf_hooks';
import {setTimeout as sleep} from 'node:timers/promises';

import {expect} from '../tests/e2e/lib/client.mjs';
import {Server, synthetic} from '../tests/e2e/lib/server.mjs';
import {Socket, terminal_event} from '../tests/e2e/lib/socket.mjs';
import {add_images, finished, submit, terminal, until} from '../tests/e2e/lib/work.mjs';

export {api_key, sign_in} from './account_cases.mjs';
export {fairness, interactive, shares} from './fair_cases.mjs';

const everything = {force_all: true};

export const scheduler = (x) => x.program('scheduler_bench');
export const job_log = (x) => x.program('job_log_bench');
export const sessions = (x) => x.program('engine_bench', 'sessions');
export const sockets = (x) => x.program('engine_bench', 'sockets');
export const fan_out = (x) => x.program('engine_bench', 'fan_out');
export const stalled = (x) => x.program('engine_bench', 'stalled');

export async function with_server(args, body) {
  const server = await new Server({args}).start();
  try {
    return await body(server);
  } finally {
    await server.destroy();
  }
}
export async function users(server, count, images_each) {
  const made = [];
  for (let i = 0; i < count; i++) {
    const client = await server.add_user(`user-${i}@example.org`);
    client.images = (await add_images(client, images_each, {box: true, w: 16, h: 16})).map(
      (x) => x.id,
    );
    made.push(client);
  }
  return made;
}
export const percentile = (values, q) =>
  [...values].sort((a, b) => a - b)[Math.floor(q * (values.length - 1))];

/// GET /jobs/{id}, keep-alive, against a bare Node server in the same minute.
export async function get_job(x) {
  await with_server(synthetic(0), async (server) => {
    const [c] = await users(server, 1, 1);
    const job = await finished(c, (await submit(c, c.images)).id);
    const ours = [['GET', `/api/v1/jobs/${job.id}`, `Bearer ${c.key}`, '']];
    const peer = await x.peer();
    const rates = {ours: [], peer: [], ratio: [], p99: []};
    try {
      for (let i = 0; i < x.repeats; i++) {
        const theirs = await x.http(peer.base, [['GET', '/', '', '']]);
        const mine = await x.http(server.base, ours);
        rates.ours.push(mine.per_second);
        rates.peer.push(theirs.per_second);
        rates.ratio.push(mine.per_second / theirs.per_second);
        rates.p99.push(mine.p99_us / 1000);
      }
    } finally {
      peer.stop();
    }
    x.report('GET /jobs/{id}, 64 connections', rates.ours, '/s');
    x.report('GET /jobs/{id}, 64 connections, p99', rates.p99, 'ms');
    x.report('  bare Node http server, same load', rates.peer, '/s');
    x.report('  ratio to the bare Node server', rates.ratio, 'x', ['>=', 0.6]);
  });
}

/// Durable submissions: one image, force_all. Once with a device too slow to matter, once working.
export async function post_jobs(x) {
  for (const [what, cost, goal] of [
    ['nothing else running', 60_000, ['>=', 10_000]],
    ['and processed meanwhile at no cost', 0, null],
  ]) {
    const rates = {one: [], eight: [], p99: [], disk: []};
    for (let i = 0; i < x.repeats; i++) {
      await with_server(synthetic(cost), async (server) => {
        const all = await users(server, 8, 1);
        const line = (c) => [
          'POST',
          '/api/v1/jobs',
          `Bearer ${c.key}`,
          JSON.stringify({image_ids: c.images, force_all: true}),
        ];
        const eight = await x.http(server.base, all.map(line), {seconds: 2});
        const one = await x.http(server.base, [line(all[0])], {seconds: 2});
        rates.eight.push(eight.per_second);
        rates.p99.push(eight.p99_us / 1000);
        rates.one.push(one.per_second);
        rates.disk.push(await x.fdatasync_us(server.data));
      });
    }
    x.report(`POST /jobs, 64 connections, 8 users, ${what}`, rates.eight, '/s', goal);
    x.report('  p99', rates.p99, 'ms');
    x.report('  64 connections, 1 user', rates.one, '/s', goal);
    x.report('  fdatasync of 4 KiB beside', rates.disk, 'us');
  }
}

/// Images from submission to the last stored result, no cost in the model.
export async function images(x) {
  await with_server(synthetic(0), async (server) => {
    const all = await users(server, 4, 250);
    const rounds = 12;
    const rates = [];
    for (let i = 0; i < x.repeats; i++) {
      const from = performance.now();
      await Promise.all(
        all.map(async (c) => {
          const jobs = [];
          for (let k = 0; k < rounds; k++) jobs.push(await submit(c, c.images, everything));
          // They run in order. Asked now and then: a long poll for each image would measure the
          // client that reads the answers.
          const of = async (j) => expect(await c.get(`/jobs/${j.id}`), 200);
          await until(() => of(jobs.at(-1)), terminal, 'the end of the jobs', 300_000);
          for (const j of jobs) {
            const end = await of(j);
            if (end.status !== 'completed' || end.failed_count)
              throw new Error(JSON.stringify(end));
          }
        }),
      );
      const seconds = (performance.now() - from) / 1000;
      rates.push((all.length * 250 * rounds) / seconds);
    }
    x.report('images finished end to end, 4 users, no model cost', rates, '/s', ['>=', 10_000]);
    x.report('  fdatasync of 4 KiB beside', [await x.fdatasync_us(server.data)], 'us');
  });
}

/// An idle server: one image submitted, seen completed on the socket and by long polling.
export async function latency(x) {
  await with_server(synthetic(0), async (server) => {
    const [c] = await users(server, 1, 1);
    const socket = await Socket.open(c);
    await socket.hello();
    const seen = new Map();
    socket.ws.on('message', () => {
      const f = socket.frames.at(-1);
      if (f.job) seen.set(`${f.job.id} ${f.type}`, performance.now());
    });
    const medians = {socket: [], poll: [], event: [], bound: []};
    const lean = {p50: [], p99: [], answered: []};
    for (let i = 0; i < x.repeats; i++) {
      const one = {socket: [], poll: [], event: [], bound: []};
      for (let k = 0; k < 150; k++) {
        const from = performance.now();
        const job = await submit(c, c.images, everything);
        const answered = performance.now();
        await socket.until((f) => terminal_event.test(f.type) && f.job.id === job.id, 'the end');
        one.socket.push(seen.get(`${job.id} job.completed`) - from);
        const queued = seen.get(`${job.id} job.queued`);
        one.event.push(Math.max(0, queued - answered));
        one.bound.push(queued - from);
        socket.frames.length = 0;
        seen.clear();
        await sleep(5);
      }
      for (let k = 0; k < 100; k++) {
        const from = performance.now();
        const job = await submit(c, c.images, everything);
        await finished(c, job.id);
        one.poll.push(performance.now() - from);
        await sleep(5);
      }
      for (const name of Object.keys(one)) medians[name].push(percentile(one[name], 0.5));
      const r = await x.latency(c, c.images[0], 300);
      lean.p50.push(r.completed_p50_us / 1000);
      lean.p99.push(r.completed_p99_us / 1000);
      lean.answered.push(r.answered_p50_us / 1000);
    }
    socket.close();
    x.report('submit -> job.completed on a socket, idle, p50', lean.p50, 'ms', ['<=', 2]);
    x.report('  p99', lean.p99, 'ms', ['<=', 6]);
    x.report('  submit -> 201 (stored), p50', lean.answered, 'ms');
    x.report('  the same by a Node client, p50', medians.socket, 'ms');
    x.report('  by a Node client and long poll, p50', medians.poll, 'ms');
    // The answer leaves after the commit, so an event that comes with it is as fresh as the commit.
    x.report('commit -> event on the socket (against the 201), p50', medians.event, 'ms', [
      '<=',
      2,
    ]);
    x.report('  upper bound: request sent -> job.queued, p50', medians.bound, 'ms');
    x.report('  fdatasync of 4 KiB beside', [await x.fdatasync_us(server.data)], 'us');
  });
}

/// Resident memory of the server's own process with the classical segmenter.
export async function memory(x) {
  const idle = [];
  const more = [];
  for (let i = 0; i < x.repeats; i++) {
    await with_server([], async (server) => {
      const all = [];
      for (let k = 0; k < 10; k++) all.push(await server.add_user(`idle-${k}@example.org`));
      await sleep(2000);
      const before = server.rss_mib();
      idle.push(before);
      const sockets = [];
      for (let k = 0; k < 2000; k += 50) {
        sockets.push(
          ...(await Promise.all(
            Array.from({length: 50}, (_, n) => Socket.open(all[(k + n) % all.length])),
          )),
        );
      }
      await Promise.all(sockets.map((s) => s.hello()));
      await sleep(1000);
      more.push(server.rss_mib() - before);
      sockets.forEach((s) => s.close());
      await Promise.all(sockets.map((s) => s.closed));
    });
  }
  x.report('idle server, classical, resident', idle, 'MiB', ['<=', 150]);
  x.report('2,000 idle websockets, added', more, 'MiB', ['<=', 40]);
}

/// From exec to "listening on" and to /readyz 200, with a data directory that exists.
export async function start(x) {
  const server = await new Server({args: []}).start();
  const seconds = [];
  const first = [];
  try {
    await server.add_user('start@example.org');
    for (let i = 0; i < x.repeats; i++) {
      await server.stop();
      const from = performance.now();
      await server.start();
      first.push((performance.now() - from) / 1000);
      const c = server.client();
      while ((await c.get('root:/readyz')).status !== 200) await sleep(10);
      seconds.push((performance.now() - from) / 1000);
    }
  } finally {
    await server.destroy();
  }
  x.report('start to "listening on", existing data', first, 's');
  x.report('start to ready, existing data', seconds, 's', ['<=', 3]);
}
