// A database that hangs: its processes stand still, or the network swallows what is sent, and no
// connection closes. Every request is answered all the same, and what goes on afterwards goes on
// without a restart: nothing acknowledged is lost, nothing is done twice.
import assert from 'node:assert/strict';
import path from 'node:path';

import {expect} from '../lib/client.mjs';
import {spawn_cluster} from '../lib/cluster.mjs';
import {HoleProxy} from '../lib/hole_proxy.mjs';
import {png} from '../lib/pictures.mjs';
import {start_server, synthetic} from '../lib/server.mjs';
import {add_image, add_images, each_once, finished, progress, run_job, submit, until} from '../lib/work.mjs';

/// What a client waits at most; whoever is not answered by then fails the test.
const patience = 30_000;

export default async function (t) {
  const server = await start_server(t, {args: synthetic(20)});
  const c = await server.add_user('frozen@example.org');
  const ids = (await add_images(c, 100, {box: true, w: 16, h: 16})).map((i) => i.id);
  const everything = {force_all: true};
  const ready = () =>
    until(() => c.get('root:/readyz'), (a) => a.status === 200, 'ready again', 60_000);
  /// Freezes, and lets go on whatever becomes of the test.
  const frozen_test = (title, body) =>
    t.test(
      title,
      async () => {
        try {
          await body();
        } finally {
          server.thaw_database();
        }
      },
      {timeout: 180_000},
    );
  const refused_or = (answer, status) => {
    expect(answer, [status, 503]);
    if (answer.status !== 503) return answer;
    assert.ok(answer.headers['retry-after']);
    assert.equal(answer.json.code, 'unavailable');
    return answer;
  };

  await frozen_test(
    'frozen whole: all requests are answered, the process lives, afterwards all goes on',
    async () => {
      const job = await submit(c, ids, everything);
      const other = await submit(c, ids.slice(0, 2), everything);
      await progress(c, job.id, 10);
      const o = {timeout: patience};
      const keys = Array.from({length: 8}, (_, i) => `frozen ${i}`);
      const post = (key) =>
        c.post('/jobs', {image_ids: [ids[1]], ...everything}, {
          ...o,
          headers: {'idempotency-key': key},
        });
      server.freeze_database();
      const asked = [
        ...keys.map((key) => post(key).then((a) => refused_or(a, 201))),
        ...Array.from({length: 16}, () =>
          c.get('/images?limit=1', o).then((a) => refused_or(a, 200)),
        ),
        c.patch(`/images/${ids[0]}`, {text_prompt: 'late'}, o).then((a) => refused_or(a, 200)),
        c.post(`/jobs/${other.id}/cancel`, undefined, o).then((a) => refused_or(a, 200)),
        c.upload(png(16, 16, 7)).then((a) => refused_or(a, 201)),
        c.get('/exports/coco', o).then((a) => refused_or(a, 200)),
        c.get('root:/readyz', o).then((a) => expect(a, 503)),
      ];
      for (let i = 0; i < 5; i++) expect(await c.get('root:/healthz', {timeout: 5000}), 200);
      const answers = await Promise.all(asked);
      // It still hangs, and everybody learns it; the reason is told to whoever looks after it.
      for (let i = 0; i < 20; i++) expect(await c.get('/images?limit=1', o), 503);
      const state = expect(await c.get('root:/readyz', o), 503);
      assert.equal(state.checks.database, 'failing');
      expect(await c.get('root:/healthz'), 200);
      server.thaw_database();
      await ready();
      expect(await c.patch(`/images/${ids[0]}`, {text_prompt: 'new'}), 200);
      await each_once(c, job.id, ids.length);
      // Repeated with their keys, the eight are eight jobs, whether acknowledged or not.
      const made = [];
      for (const [i, key] of keys.entries()) {
        const again = expect(await post(key), [200, 201]);
        if (answers[i].status === 201) assert.equal(again.id, answers[i].json.id);
        made.push(again.id);
        assert.equal((await finished(c, again.id)).status, 'completed');
      }
      assert.equal(new Set(made).size, keys.length);
      const jobs = expect(await c.get('/jobs'), 200).map((j) => j.id);
      assert.equal(new Set(jobs).size, jobs.length);
      assert.equal(jobs.length, 2 + keys.length, 'no job was made twice');
      const image = expect(await c.get(`/images/${ids[0]}`), 200);
      assert.equal(image.text_prompt, 'new', 'nothing that was given up is done later');
      assert.equal(server.ended, null, 'the server itself lived on');
    },
  );

  await frozen_test(
    'only the backends frozen: others take their place',
    async () => {
      const job = await submit(c, ids, everything);
      await progress(c, job.id, 10);
      server.freeze(server.database_backends());
      const o = {timeout: patience};
      const asked = Array.from({length: 12}, () =>
        c.get('/images?limit=1', o).then((a) => refused_or(a, 200)),
      );
      await Promise.all(asked);
      await until(
        () => c.get('/images?limit=1', o),
        (a) => a.status === 200,
        'served by new backends',
        60_000,
      );
      server.thaw_database();
      await ready();
      await each_once(c, job.id, ids.length);
    },
  );

  await frozen_test(
    'a server that starts on a frozen database ends with a sentence, and starts after it',
    async () => {
      server.freeze_database();
      await server.kill9();
      await assert.rejects(server.start(), /does not answer/);
      server.thaw_database();
      await server.start();
      const u = server.client({key: c.key});
      const image = await add_image(u, {box: true});
      assert.equal((await run_job(u, [image.id])).status, 'completed');
    },
  );

  await frozen_test(
    'SIGTERM while it is frozen: exit 0 all the same, and the next start goes on',
    async () => {
      await server.stop();
      // Long enough for the hang to be known by its end.
      server.args.push('--shutdown.grace_s', '20');
      await server.start();
      const u = server.client({key: c.key});
      const job = await submit(u, ids, everything);
      await progress(u, job.id, 10);
      server.freeze_database();
      const asked = u.get('/images?limit=1', {timeout: patience, record: false}).catch(() => null);
      const end = await server.stop(40);
      assert.deepEqual([end.code, end.signal], [0, null]);
      assert.doesNotMatch(server.output, /ending by force/);
      await asked;
      server.thaw_database();
      await server.start();
      await each_once(server.client({key: c.key}), job.id, ids.length);
    },
  );

  await t.test(
    'a network that swallows everything, with a database of its own',
    async () => {
      await server.stop();
      const stop_cluster = await spawn_cluster(server.data);
      const hole = await new HoleProxy(
        path.join(server.data, 'pg-socket', '.s.PGSQL.5432'),
      ).listen();
      try {
        const url = `postgresql://samovar_app@127.0.0.1:${hole.port}/samovar`;
        server.args.push('--database.url', url, '--database.answer_s', '3');
        await server.start();
        const u = server.client({key: c.key});
        const job = await submit(u, ids, everything);
        await progress(u, job.id, 10);
        const o = {timeout: patience};
        hole.swallow();
        const asked = [
          u.patch(`/images/${ids[0]}`, {text_prompt: 'late'}, o).then((a) => refused_or(a, 200)),
          u.post('/jobs', {image_ids: [ids[1]], ...everything}, o).then((a) => refused_or(a, 201)),
          ...Array.from({length: 12}, () =>
            u.get('/images?limit=1', o).then((a) => refused_or(a, 200)),
          ),
        ];
        await Promise.all(asked);
        expect(await u.get('root:/readyz', o), 503);
        hole.fill();
        await until(() => u.get('root:/readyz'), (a) => a.status === 200, 'ready again', 60_000);
        expect(await u.patch(`/images/${ids[0]}`, {text_prompt: 'newer'}), 200);
        await each_once(u, job.id, ids.length);
        const image = expect(await u.get(`/images/${ids[0]}`), 200);
        assert.equal(image.text_prompt, 'newer', 'nothing that was given up is done later');
        assert.equal(server.ended, null);
        await server.stop();
      } finally {
        hole.close();
        await server.kill9();
        await stop_cluster();
      }
    },
    {timeout: 180_000},
  );
}
