// Backup while people work, restore into an empty directory: what was acknowledged is there, rows
// and files agree, jobs end once. Files that are not whole, and half restores, are refused.
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';

import {expect} from '../lib/client.mjs';
import {spawn_cluster} from '../lib/cluster.mjs';
import {command, must, run_command} from '../lib/command.mjs';
import {png} from '../lib/pictures.mjs';
import {psql, psql_url} from '../lib/psql.mjs';
import {Server, scratch_folder, start_server, synthetic} from '../lib/server.mjs';
import {add_box, add_images, finished, submit, until} from '../lib/work.mjs';

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const holds_until = (out) =>
  Date.parse(/holds everything acknowledged before (\S+)/.exec(out)[1]);

function originals_of(data) {
  const root = path.join(data, 'blobs');
  return fs
    .readdirSync(root, {recursive: true})
    .filter((f) => f.includes('/images/') && fs.statSync(path.join(root, f)).isFile());
}

/// Every row has its file with the right content, every file its row, every counter its sum.
function rows_and_files_agree(data) {
  const rows = psql(data, 'select blob_path, sha256 from images');
  for (const [blob, digest] of rows) {
    assert.equal(sha256(fs.readFileSync(path.join(data, 'blobs', blob))), digest, blob);
  }
  assert.deepEqual(originals_of(data).sort(), rows.map((r) => r[0]).sort());
  const wrong = psql(
    data,
    'select u.email from users u left join images i on i.user_id = u.id group by u.id having ' +
      'u.image_count <> count(i.id) or u.storage_bytes <> coalesce(sum(i.byte_size), 0)',
  );
  assert.deepEqual(wrong, []);
}

/// Uploads, prompts, submits and deletes until told to stop; keeps what was acknowledged and when.
class Worker {
  constructor(client) {
    Object.assign(this, {client, images: [], jobs: [], stopping: false, longest: 0});
  }
  async timed(call) {
    const from = Date.now();
    const answer = await call;
    this.longest = Math.max(this.longest, Date.now() - from);
    return answer;
  }
  async run(k) {
    for (let i = 0; !this.stopping; i++) {
      const data = png(20 + (i % 7), 16, k * 10_000 + i);
      const image = expect(await this.timed(this.client.upload(data, `${k}-${i}.png`)), 201);
      this.images.push({id: image.id, at: Date.now(), sha256: sha256(data)});
      await add_box(this.client, image.id, 1, 1, 8, 8);
      if (i % 3 === 2) {
        const ids = this.images.slice(-3).map((m) => m.id);
        const job = await submit(this.client, ids, {force_all: true});
        this.jobs.push({id: job.id, at: Date.now(), images: ids.length});
      }
      if (i % 4 === 3) {
        const victim = this.images.at(-4);
        victim.deleting = Date.now();
        expect(await this.timed(this.client.delete(`/images/${victim.id}`)), 204);
        victim.deleted = Date.now();
      }
    }
  }
}

export default async function (t) {
  const backups = scratch_folder('backups');
  const server = await start_server(t, {args: synthetic(5)});
  const file = path.join(backups, 'load.backup');
  const empty = () => {
    const s = new Server({args: synthetic(0)});
    t.after(() => s.destroy());
    return s;
  };
  const restore = (from, target) => ['restore', from, '--data-dir', target.data];
  const backup = (to) => ['backup', to, '--data-dir', server.data];
  const not_restored = async (from, target, said) => {
    const end = await must(restore(from, target), 1);
    assert.match(end.err, said);
    assert.match(end.err, /^samovar: [^\n]+\n$/);
  };
  let admin;

  await t.test(
    '20 users upload, submit and delete while the backup runs',
    async () => {
      admin = await server.add_user('admin@example.org', {admin: true});
      await add_images(admin, 300, {w: 16, h: 16});
      const workers = [];
      for (let k = 0; k < 20; k++) {
        const user = await server.add_user(`user${k}@example.org`);
        workers.push(new Worker(user));
      }
      const working = workers.map((w, k) =>
        w.run(k).catch((e) => {
          w.failed = e;
        }),
      );
      t.after(() => workers.forEach((w) => (w.stopping = true)));
      await until(
        async () => workers.every((w) => w.images.length >= 4),
        (all) => all,
        'everybody works',
        60_000,
      );
      const end = await must(backup(file)).finally(() =>
        setTimeout(() => workers.forEach((w) => (w.stopping = true)), 300),
      );
      const until_ms = holds_until(end.out);
      await Promise.all(working);
      for (const w of workers) assert.equal(w.failed, undefined, String(w.failed));
      console.log(`  ${end.out.trim().replaceAll('\n', '\n  ')}`);
      console.log(`  longest upload or deletion: ${Math.max(...workers.map((w) => w.longest))} ms`);
      const paused = Number(/paused for (\d+) ms/.exec(end.out)[1]);
      assert.ok(paused > 0, 'writes were paused');
      assert.deepEqual(fs.readdirSync(backups), ['load.backup'], 'nothing else is left');
      assert.equal(fs.statSync(file).mode & 0o777, 0o600);

      const target = empty();
      const restored = await must(restore(file, target));
      assert.equal(holds_until(restored.out) <= until_ms, true);
      assert.ok(!fs.existsSync(path.join(target.data, 'restoring')));
      await target.start();
      rows_and_files_agree(target.data);
      let checked = 0;
      for (const w of workers) {
        const c = target.client({key: w.client.key});
        for (const m of w.images) {
          const answer = await c.get(`/images/${m.id}/data`);
          const there = answer.status === 200;
          if (there) assert.equal(sha256(answer.bytes), m.sha256);
          if (m.at < until_ms && (m.deleting ?? Infinity) > until_ms) {
            assert.ok(there, `image acknowledged ${until_ms - m.at} ms before the end`);
            checked += 1;
          }
          if (m.deleted < until_ms) assert.ok(!there, 'a deletion acknowledged before the end');
        }
        for (const j of w.jobs) {
          if (j.at >= until_ms) continue;
          const done = await finished(c, j.id);
          assert.ok(['completed', 'failed'].includes(done.status), JSON.stringify(done));
          assert.equal(done.processed_count, j.images);
          checked += 1;
        }
      }
      assert.ok(checked > 50, `${checked} acknowledged things were looked for`);
      const twice = psql(
        target.data,
        'select job_id, image_id from processing_results group by 1, 2 having count(*) > 1 ' +
          'union all ' +
          'select job_id, image_id from processing_results natural join job_image_failures',
      );
      assert.deepEqual(twice, []);
      const wrong = psql(
        target.data,
        "select j.id from processing_jobs j where j.status in ('queued', 'running') or " +
          'j.failed_count <> (select count(*) from job_image_failures f where f.job_id = j.id)',
      );
      assert.deepEqual(wrong, []);
      // A new upload works: sequences, rights and counters came along.
      const c = target.client({key: admin.key});
      await add_images(c, 2);
      rows_and_files_agree(target.data);
    },
    {timeout: 600_000},
  );

  await t.test('the file is a tar archive whose parts can be checked with sha256sum', async () => {
    const folder = scratch_folder('unpacked');
    // The digest behind the archive's end is no business of tar's.
    const tar = spawnSync('tar', ['xf', file, '-C', folder], {encoding: 'utf8'});
    assert.equal(tar.status, 0, tar.stderr);
    const check = spawnSync('sha256sum', ['--check', '--strict', '--quiet', 'SHA256SUMS'], {
      cwd: folder,
      encoding: 'utf8',
    });
    assert.equal(check.status, 0, check.stderr + check.stdout);
  });

  await t.test('without a server; again to the same name is refused', async () => {
    const small = await start_server(t, {args: synthetic(0)});
    const user = await small.add_user('one@example.org');
    await add_images(user, 3);
    await small.stop();
    const to = path.join(backups, 'small.backup');
    await must(['backup', to, '--data-dir', small.data]);
    assert.equal(small.postmaster(), null);
    const before = sha256(fs.readFileSync(to));
    assert.match((await must(['backup', to, '--data-dir', small.data], 1)).err, /exists already/);
    assert.equal(sha256(fs.readFileSync(to)), before);
    const nowhere = await must(['backup', `${to}.2`, '--data-dir', empty().data], 1);
    assert.match(nowhere.err, /there is no database in/);

    // An image without its file: the backup is made, and says so.
    const [blob] = originals_of(small.data);
    fs.rmSync(path.join(small.data, 'blobs', blob));
    const end = await must(['backup', `${to}.3`, '--data-dir', small.data], 1);
    assert.match(end.err, new RegExp(`missing or damaged: ${blob}`));
    const target = empty();
    await must(restore(`${to}.3`, target));
    await target.start();
    assert.deepEqual(psql(target.data, 'select count(*) from images'), [['3']]);
    assert.equal(originals_of(target.data).length, 2);
  }, {timeout: 300_000});

  await t.test("with a PostgreSQL of one's own", async () => {
    const small = path.join(backups, 'small.backup');
    psql(server.data, 'create database outer_one', 'postgres');
    const as = (user) => psql_url(server.data, 'outer_one', user);
    const url = ['--database.url', as('samovar_app')];
    const target = new Server({args: [...synthetic(0), ...url]});
    t.after(() => target.destroy());
    const more = [...url, '--superuser-url', as('postgres')];
    assert.match((await must([...restore(small, target), ...url], 1)).err, /needs --superuser-url/);
    assert.ok(!fs.existsSync(target.data));
    await must([...restore(small, target), ...more]);
    assert.ok(!fs.existsSync(path.join(target.data, 'pg')));
    await target.start();
    const rows = psql(server.data, 'select blob_path from images', 'outer_one').map((r) => r[0]);
    assert.equal(rows.length, 3);
    assert.deepEqual(originals_of(target.data).sort(), rows.sort());
    const again = path.join(backups, 'outer.backup');
    const bound = ['backup', again, '--data-dir', target.data, ...url, '--superuser-url'];
    assert.match((await must([...bound, as('samovar_owner')], 1)).err, /security binds the role/);
    await must(['backup', again, '--data-dir', target.data, ...more]);
    const second = empty();
    const full = await must([...restore(again, second), ...more], 1);
    assert.match(full.err, /the database is not empty/);
    assert.ok(!fs.existsSync(second.data));
    await must(restore(again, empty()));
    await target.stop();
  });

  await t.test('truncated, changed and foreign files are refused, nothing is made', async () => {
    const whole = fs.readFileSync(file);
    const bad = path.join(backups, 'bad');
    const target = empty();
    const tried = (bytes) => {
      fs.writeFileSync(bad, bytes);
      return not_restored(bad, target, /not a whole backup/);
    };
    for (const n of [0, 10, 512, Math.floor(whole.length / 2), whole.length - 1]) {
      await tried(whole.subarray(0, n));
    }
    for (const n of [5, 700, Math.floor(whole.length / 3), whole.length - 100, whole.length - 5]) {
      const changed = Buffer.from(whole);
      changed[n] ^= 1;
      await tried(changed);
    }
    await tried(Buffer.concat([whole, Buffer.from('x')]));
    await tried(png(20, 20, 1));
    assert.ok(!fs.existsSync(target.data));
    fs.mkdirSync(target.data);
    fs.writeFileSync(path.join(target.data, 'thesis.txt'), 'precious');
    await not_restored(file, target, /is not empty/);
    await not_restored(file, server, /is not empty/);
    assert.deepEqual(fs.readdirSync(target.data), ['thesis.txt']);
  });

  await t.test(
    'kill -9 of the backup leaves no file of that name, and holds nobody off',
    async () => {
      const to = path.join(backups, 'killed.backup');
      for (const ms of [30, 120, 400]) {
        const running = command(backup(to));
        await Promise.race([
          sleep(ms),
          until(
            async () => fs.existsSync(`${to}.partial`),
            (there) => there,
            'it began',
          ).then(() => sleep(ms / 4)),
        ]);
        running.kill9();
        if ((await running.ended).signal === 'SIGKILL') assert.ok(!fs.existsSync(to));
        fs.rmSync(to, {force: true});
        await add_images(admin, 1);
      }
      await must(backup(to));
      const left = fs.readdirSync(backups).filter((f) => f.startsWith('killed'));
      assert.deepEqual(left, ['killed.backup'], 'the next one cleared what was left');
    },
    {timeout: 300_000},
  );

  await t.test(
    'kill -9 of the restore: no server starts on it, a second restore does the whole',
    async () => {
      const target = empty();
      const marker = path.join(target.data, 'restoring');
      const refused = async () => {
        await assert.rejects(target.start(), (e) => {
          assert.equal(target.ended.code, 1);
          assert.match(e.message, /restore into .* did not finish: run `samovar restore` again/);
          return true;
        });
        const end = await run_command(['user', 'list', '--data-dir', target.data]);
        assert.equal(end.code, 1);
      };
      const killed_when = async (there, what) => {
        const running = command(restore(file, target));
        await until(async () => there(), (yes) => yes, what);
        running.kill9();
        assert.equal((await running.ended).signal, 'SIGKILL');
        assert.ok(fs.existsSync(marker));
        await refused();
      };
      await killed_when(() => fs.existsSync(marker), 'it has begun');
      const blobs = path.join(target.data, 'blobs/users');
      await killed_when(() => fs.existsSync(blobs), 'files come');
      await killed_when(
        () => fs.existsSync(path.join(target.data, 'restoring.log')),
        'the rows come',
      );
      await must(restore(file, target));
      assert.ok(!fs.existsSync(marker));
      await target.start();
      rows_and_files_agree(target.data);
    },
    {timeout: 600_000},
  );

  await t.test('data of a newer version: refused, and left as they are', async () => {
    const newer = await start_server(t, {args: synthetic(0)});
    await newer.add_user('one@example.org');
    psql(
      newer.data,
      "insert into schema_migrations values (999, '999_future', 'x');" +
        'grant usage on schema public to public;',
    );
    const to = path.join(backups, 'newer.backup');
    assert.match(
      (await must(['backup', to, '--data-dir', newer.data], 1)).err,
      /newer \(version 999\) than this program/,
    );
    assert.ok(!fs.existsSync(to));
    await newer.stop();
    for (const args of [['serve', '--http.port', '0'], ['migrate'], ['user', 'list']]) {
      const end = await run_command([...args, '--data-dir', newer.data]);
      assert.equal(end.code, 1, args[0]);
      assert.match(end.err, /^samovar: The database is newer \(version 999\) than this program/m);
      assert.ok(!end.out.includes('listening'));
    }
    assert.equal(newer.postmaster(), null);
    // The rights that the newer program gave are still there.
    const stop = await spawn_cluster(newer.data);
    try {
      const rows = psql(
        newer.data,
        "select max(version), has_schema_privilege('public', 'public', 'usage') " +
          'from schema_migrations',
      );
      assert.deepEqual(rows, [['999', 't']]);
    } finally {
      await stop();
    }
  });
}
