// The crash campaign: users with open websockets submit jobs over REST through a proxy while server,
// device processes and database are killed, the blob folder's disk fills up and connections break.
// Afterwards every acknowledged job has ended, every image of it was counted once, rows and blobs
// agree, and no user has seen an event number go back. SAMOVAR_CAMPAIGN_SEED=N repeats the faults;
// ./test --long makes it 20 users, 1,000 jobs and 60 faults.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';

import {random} from '../lib/campaign.mjs';
import {Client} from '../lib/client.mjs';
import {befall, schedule} from '../lib/faults.mjs';
import {Follower} from '../lib/follower.mjs';
import {psql} from '../lib/psql.mjs';
import {ResetProxy} from '../lib/reset_proxy.mjs';
import {run_program, Server, synthetic} from '../lib/server.mjs';
import {SmallDisk} from '../lib/small_disk.mjs';
import {SteadyUser} from '../lib/steady_user.mjs';
import {until} from '../lib/work.mjs';

const long = Boolean(process.env.SAMOVAR_TEST_LONG);
const size = long ? {users: 20, jobs: 1000, faults: 60} : {users: 6, jobs: 90, faults: 14};

/// What the faults act on and the users share.
class World {
  pictures = 0;
  jobs_given = 0;
  faults_done = 0;
  record = !long; // thousands of answers would fill the memory of the last group
  constructor(server, proxy, disk) {
    Object.assign(this, {server, proxy, disk});
  }
  /// One more job, as far as the faults have come: so both end together.
  take_job() {
    const due = (size.jobs * (this.faults_done + 1)) / (size.faults + 1);
    if (this.jobs_given >= Math.min(due, size.jobs)) return false;
    this.jobs_given += 1;
    return true;
  }
  get over() {
    return this.broken || (this.faults_done === size.faults && this.jobs_given === size.jobs);
  }
  async readiness() {
    try {
      return await this.server.client().get('root:/readyz', {record: false});
    } catch {
      return {status: 0};
    }
  }
}

export default async function (t) {
  const seed = Number(process.env.SAMOVAR_CAMPAIGN_SEED ?? Math.floor(Math.random() * 2 ** 31));
  delete process.env.SAMOVAR_CAMPAIGN_SEED; // to the server it would be an unknown setting
  const isolated = ['--devices.isolate', 'on', '--devices.list', 'cpu:2'];
  // Sessions that end whenever a user has no work and no socket, and hanging devices soon replaced.
  const impatient = ['--scheduler.session_idle_s', '1', '--scheduler.lease_timeout_s', '5'];
  impatient.push('--database.answer_s', '2');
  const server = new Server({
    args: [...synthetic(15), ...isolated, ...impatient],
    output_max: 20_000_000,
  });
  t.after(() => server.destroy());
  const disk = SmallDisk.mount(path.join(server.data, 'blobs'));
  if (disk) t.after(() => disk.unmount());
  await server.start();
  const port = () => (server.base ? Number(new URL(server.base).port) : null);
  const proxy = await new ResetProxy(port, random(seed + 1)).listen();
  t.after(() => proxy.close());
  const world = new World(server, proxy, disk);

  const users = [];
  const followers = [];
  for (let i = 0; i < size.users; i++) {
    const {key} = await server.add_user(`steady-${i}@example.org`);
    users.push(new SteadyUser(`steady-${i}`, new Client(proxy.url, {key}), world, seed + 2 + i));
    followers.push(new Follower(new Client(proxy.url, {key})));
    followers[i].start();
  }
  t.after(() => Promise.all(followers.map((f) => f.stop())));

  const plan = schedule(seed, size.faults, {disk});
  await t.test(
    `seed ${seed}: ${size.jobs} jobs of ${size.users} users, ${size.faults} faults`,
    async () => {
      await Promise.race([
        Promise.all(users.map((u) => work(u, world))),
        hurt(world, plan).then(() => new Promise(() => {})), // the users end it
      ]).finally(() => (world.broken = true));
      for (const u of users) await u.settle();
    },
    {timeout: long ? 1_500_000 : 240_000},
  );

  const sums = [];
  await t.test('every acknowledged job has ended and every image was counted once', async () => {
    for (const u of users) sums.push(await u.judge());
    const jobs = users.reduce((n, u) => n + u.jobs.size, 0);
    assert.equal(jobs, size.jobs);
  });

  await t.test('the database holds these results and no other', () => {
    const stored = psql(server.data, 'select job_id, image_id, id from processing_results');
    const told = new Map(sums.flatMap((s) => [...s.results]));
    assert.equal(stored.length, told.size);
    for (const [job, image, id] of stored) assert.equal(told.get(`${job} ${image}`), id);
    const [[both, failures]] = psql(
      server.data,
      'select (select count(*) from job_image_failures join processing_results ' +
        'using (job_id, image_id)), (select count(*) from job_image_failures)',
    );
    assert.equal(Number(both), 0, 'no image both failed and came out well');
    assert.equal(Number(failures), sums.reduce((n, s) => n + s.failed, 0));
  });

  await t.test('no event number went back, every end was told once', async () => {
    for (const [i, f] of followers.entries()) {
      await until(async () => f.settled() || f.wrong.length > 0, Boolean, `follower ${i}`);
      f.judge(users[i].name, users[i].statuses());
      const results = new Map(sums.flatMap((s) => [...s.results]));
      for (const [key, id] of f.results) assert.equal(results.get(key), id, `told of ${key}`);
    }
  });

  await t.test('rows and blobs agree, nothing half-written is left', async () => {
    assert.deepEqual(fs.readdirSync(path.join(server.data, 'blobs/spool')), []);
    const says = async (...more) => {
      const {code, out, err} = await run_program(['reconcile', '--data-dir', server.data, ...more]);
      return {code, text: out + err};
    };
    const young = await says();
    assert.equal(young.code, 0, young.text);
    make_old(path.join(server.data, 'blobs/users'));
    // A blob is stored before its row: a kill in between leaves one, and nothing else.
    const old = await says('--fix');
    const drifts = old.text.split('\n').filter((l) => l.startsWith('drift:'));
    assert.deepEqual(
      drifts.filter((l) => !/^drift: blob \S+\/images\/\S+ belongs to no row/.test(l)),
      [],
    );
    const doubts = users.reduce((n, u) => n + u.uploads_in_doubt, 0);
    assert.ok(drifts.length <= doubts, `${drifts.length} orphans, ${doubts} uploads in doubt`);
    const end = await server.stop();
    assert.deepEqual([end.code, end.signal], [0, null]);
    const alone = await says();
    assert.equal(alone.code, 0, alone.text);
    assert.match(alone.text, /no drift/);
  });

  if (long || process.env.E2E_VERBOSE) {
    const total = (list, of) => list.reduce((n, x) => n + of(x), 0);
    const told = {
      faults: plan.map((f) => f.name).join(', '),
      images: total(sums, (s) => s.completed),
      failed: total(sums, (s) => s.failed),
      asked_again: total(users, (u) => u.counts.asked_again),
      full: total(users, (u) => u.counts.full),
      uploads_in_doubt: total(users, (u) => u.uploads_in_doubt),
      ...proxy.counts,
      websockets: total(followers, (f) => f.counts.connections),
      frames: total(followers, (f) => f.counts.frames),
      resyncs: total(followers, (f) => f.counts.resyncs),
    };
    console.log(`  campaign ${seed}: ${JSON.stringify(told)}`);
  }
}

async function work(user, world) {
  while (!world.over) await user.step();
}

async function hurt(world, plan) {
  for (const fault of plan) {
    await sleep(fault.wait_ms);
    if (world.broken) return;
    await befall(world, fault);
    world.faults_done += 1;
  }
}

function make_old(folder) {
  for (const entry of fs.readdirSync(folder, {withFileTypes: true})) {
    const at = path.join(folder, entry.name);
    if (entry.isDirectory()) make_old(at);
    else fs.utimesSync(at, 1, 1);
  }
}
