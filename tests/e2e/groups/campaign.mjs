// A campaign: thousands of random operations by several users, with kill -9 of the server and of
// its database in between; then every acknowledged thing is there, and `samovar reconcile` finds no
// drift, beside the server and without it. SAMOVAR_TEST_SEED repeats one; ./test --long makes it
// 10,000 operations and 20 crashes.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';

import {Actor, random} from '../lib/campaign.mjs';
import {expect} from '../lib/client.mjs';
import {run_program, start_server, synthetic} from '../lib/server.mjs';
import {until} from '../lib/work.mjs';

const long = Boolean(process.env.SAMOVAR_TEST_LONG);
const operations = long ? 10_000 : 1000;
const crashes = long ? 20 : 3;
const users = 5;

class Campaign {
  pictures = 0;
  done = 0;
  constructor(server) {
    this.server = server;
  }
  /// Resolves when the server answers again; the crashing hand starts it.
  async alive() {
    await until(
      async () => {
        try {
          return await this.server.client().get('root:/readyz');
        } catch {
          return {status: 0}; // not even an address yet
        }
      },
      (a) => a.status === 200,
      'the server is back',
      60_000,
    );
  }
  async crash(next) {
    const database = this.server.postmaster();
    const what = next() < 0.5 ? 'server' : next() < 0.6 ? 'database' : 'both';
    if (what !== 'database') await this.server.kill9();
    if (what !== 'server' && database) {
      try {
        process.kill(database, 'SIGKILL');
      } catch {
        // it went down with the server
      }
    }
    if (what !== 'database') await this.server.start();
    await this.alive();
    return what;
  }
}

export default async function (t) {
  const seed = Number(process.env.SAMOVAR_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
  const next = random(seed);
  const server = await start_server(t, {args: [...synthetic(3), '--devices.list', 'cpu:2']});
  const campaign = new Campaign(server);
  const admin = await server.add_user('head@example.org', {admin: true});
  const admin_key = admin.key;
  const actors = [];
  for (let i = 0; i < users; i++) {
    const c = await server.add_user(`worker-${i}@example.org`);
    const {id} = expect(await c.get('/auth/me'), 200);
    // A limit that is reached again and again.
    expect(await admin.patch(`/admin/users/${id}`, {max_images: 25 + i}), 200);
    actors.push(new Actor(campaign, `worker-${i}`, c.key, seed + i + 1));
  }
  const says = async (...more) => {
    const {code, out, err} = await run_program(['reconcile', '--data-dir', server.data, ...more]);
    return {code, text: out + err};
  };

  await t.test(
    `seed ${seed}: ${operations} operations and ${crashes} crashes`,
    async () => {
      const told = [];
      const work = Promise.all(
        actors.map(async (a) => {
          while (campaign.done < operations) {
            campaign.done += 1;
            await a.step();
          }
        }),
      );
      const ends = work.then(
        () => true,
        () => true,
      );
      for (let i = 1; i <= crashes; i++) {
        const at = (operations * i) / (crashes + 1);
        const waited = until(
          async () => campaign.done,
          (n) => n >= at,
          `operation ${at}`,
          1_500_000,
        );
        await Promise.race([waited, ends]);
        told.push(await campaign.crash(next));
      }
      await work;
      for (const a of actors) await a.settle();
      if (long) console.log(`  campaign ${seed}: ${told.join(', ')}`);
    },
    {timeout: long ? 1_700_000 : 240_000},
  );

  await t.test('reconcile finds no drift beside the server', async () => {
    const young = await says();
    assert.equal(young.code, 0, young.text);
    assert.match(young.text, /compared 6 users, \d+ images, \d+ jobs.*no drift/);
    // As if an hour had passed: what crashes left behind counts at once.
    make_old(path.join(server.data, 'blobs', 'users'));
    const first = await says();
    const only_orphans = first.text
      .split('\n')
      .filter((l) => l.startsWith('drift:') && !/^drift: blob \S+ belongs to no row$/.test(l));
    assert.deepEqual(only_orphans, []);
    // A blob is stored before its row: a kill in between leaves one, which --fix takes away.
    const fixed = await says('--fix');
    assert.equal(fixed.code, 0, fixed.text);
    const again = await says();
    assert.equal(again.code, 0, again.text);
    assert.match(again.text, /no drift/);
  });

  await t.test('a drift made on purpose is found: exit code 1, named, fixed', async () => {
    const c = server.client({key: actors[0].key});
    const image = expect(await c.get('/images?limit=1'), 200).images[0];
    const file = path.join(server.data, 'blobs', image.blob_path);
    const whole = fs.readFileSync(file);
    fs.writeFileSync(file, 'cut');
    const found = await says();
    assert.equal(found.code, 1, found.text);
    assert.match(found.text, new RegExp(`drift: image ${image.id} of worker-0@example.org`));
    fs.writeFileSync(file, whole);
    const stray = path.join(path.dirname(file), '0192f0aa-0000-7000-8000-00000000dead.png');
    fs.writeFileSync(stray, 'stray');
    assert.equal((await says()).code, 0, 'a young blob may belong to an upload');
    fs.utimesSync(stray, 1, 1);
    assert.equal((await says()).code, 1);
    assert.equal((await says('--fix')).code, 0);
    assert.ok(!fs.existsSync(stray));
    assert.equal((await says()).code, 0);
  });

  await t.test('reconcile works without a server too, and refuses a wrong folder', async () => {
    await server.stop();
    const alone = await says();
    assert.equal(alone.code, 0, alone.text);
    assert.match(alone.text, /no drift/);
    const wrong = await run_program(['reconcile', '--data-dir', `${server.data}-not`]);
    assert.equal(wrong.code, 1);
    assert.match(wrong.err, /no such data directory/);
    await server.start();
    const root = server.client({key: admin_key});
    expect(await root.get('/auth/me'), 200);
  });
}

function make_old(folder) {
  for (const entry of fs.readdirSync(folder, {withFileTypes: true})) {
    const at = path.join(folder, entry.name);
    if (entry.isDirectory()) make_old(at);
    else fs.utimesSync(at, 1, 1);
  }
}
