// import-samui: a single-user database comes over whole, also when the import is killed on the way.
import assert from 'node:assert/strict';
import {createHash} from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

import {expect} from '../lib/client.mjs';
import {area_of, bbox_of, mask_of} from '../lib/coco.mjs';
import {command, must, run_command} from '../lib/command.mjs';
import {psql, psql_url, slow_inserts} from '../lib/psql.mjs';
import {Samui, old_schema} from '../lib/samui.mjs';
import {Server, scratch_folder, start_server, synthetic} from '../lib/server.mjs';
import {finished, until} from '../lib/work.mjs';

const tables = [
  'images',
  'bbox_annotations',
  'point_annotations',
  'processing_jobs',
  'processing_results',
];
const counts = (data, database = 'samovar') =>
  Object.fromEntries(
    tables.map((t) => [t, Number(psql(data, `select count(*) from ${t}`, database)[0][0])]),
  );
/// Everything of the import's rows, so that two states can be compared.
const fingerprint = (data) =>
  tables.map((t) => psql(data, `select md5(string_agg(r::text, '|' order by id)) from ${t} r`));
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const files_below = (folder) =>
  fs.existsSync(folder)
    ? fs
        .readdirSync(folder, {recursive: true})
        .filter((f) => fs.statSync(path.join(folder, f)).isFile())
    : [];

const arguments_for = (source, target, more = []) => [
  'import-samui',
  '--from',
  psql_url(source.data, source.database),
  '--blobs',
  source.folder,
  '--user',
  'somebody@example.org',
  '--data-dir',
  target.data,
  ...more,
];

/// Detections of a result, decoded, next to what the old file meant.
function same_masks(stored, result) {
  const detections = JSON.parse(stored);
  assert.equal(detections.length, result.masks.length);
  const size = [result.image.h, result.image.w];
  detections.forEach((d, i) => {
    const mask = mask_of(d);
    assert.deepEqual(d.size, size);
    assert.deepEqual(mask, result.masks[i], 'the mask, no longer inverted');
    assert.equal(d.area, area_of(mask));
    assert.deepEqual(d.bbox, bbox_of(mask, size));
    assert.equal(d.score, 1);
  });
}

/// Rows, files, counters: all of `source` is in `target`, once.
function all_there(source, target) {
  assert.deepEqual(counts(target.data), counts(source.data, source.database));
  const user = psql(target.data, 'select id, image_count, storage_bytes from users')[0];
  const rows = psql(
    target.data,
    'select id, user_id, filename, blob_path, content_type, byte_size, sha256, width, height, ' +
      "coalesce(text_prompt, ''), extract(epoch from created_at) from images",
  );
  const found = new Map(rows.map((r) => [r[0], r]));
  let bytes = 0;
  source.images.forEach((image, n) => {
    const r = found.get(image.id);
    const blob = `users/${user[0]}/images/${image.id}.png`;
    assert.deepEqual(r.slice(1), [
      user[0],
      image.filename,
      blob,
      'image/png',
      String(image.bytes),
      image.sha256,
      String(image.w),
      String(image.h),
      image.text ?? '',
      `${1_700_000_000 + n}.000123`,
    ]);
    assert.equal(sha256(fs.readFileSync(path.join(target.data, 'blobs', blob))), image.sha256);
    bytes += image.bytes;
  });
  assert.deepEqual(user.slice(1), [String(source.images.length), String(bytes)]);
  const files = files_below(path.join(target.data, 'blobs'));
  const originals = files.filter((f) => f.includes('/images/'));
  assert.equal(originals.length, source.images.length, 'no file twice or left over');
}

export default async function (t) {
  // Every command starts a process, some a cluster: a busy machine needs minutes for it.
  const test = (title, body) => t.test(title, body, {timeout: 600_000});
  // One server lends its cluster to the old databases.
  const host = await start_server(t, {args: synthetic(0)});
  let made = 0;
  const source_of = (fill) => {
    made += 1;
    const source = new Samui(host.data, `samui_${made}`, scratch_folder(`samui-${made}`));
    fill(source);
    return source.save();
  };
  const target_of = async () => {
    const server = await start_server(t, {args: synthetic(0)});
    return Object.assign(server, {user: await server.add_user('somebody@example.org')});
  };

  await test('dry run, kill -9 at several points, then once more: all is there once', async () => {
    const source = source_of((s) => s.fill(300));
    assert.ok(Object.values(counts(host.data, source.database)).reduce((a, b) => a + b) > 2000);
    const target = await target_of();
    const before = fingerprint(target.data);
    const dry = await must(arguments_for(source, target, ['--dry-run']));
    assert.match(dry.out, /images +300 +300 +0 +0/);
    assert.match(dry.out, /results +600 +600 +0 +0/);
    assert.match(dry.out, /dry run: nothing was written/);
    assert.deepEqual(fingerprint(target.data), before);
    assert.deepEqual(psql(target.data, 'select * from imports'), []);
    assert.deepEqual(files_below(path.join(target.data, 'blobs')), []);

    // Each row of that table takes a while, so that the import is still at it when it is killed.
    const kill_when = async (table, rows) => {
      const at_full_speed = slow_inserts(target.data, table);
      const running = command(arguments_for(source, target));
      await until(
        async () => Number(psql(target.data, `select count(*) from ${table}`)[0][0]),
        (n) => n >= rows,
        `${rows} rows of ${table}`,
      );
      running.kill9();
      const end = await running.ended;
      assert.equal(end.signal, 'SIGKILL', `it ended before it could be killed: ${end.out}`);
      at_full_speed();
      return counts(target.data);
    };
    const first = await kill_when('images', 20);
    assert.ok(first.images < 300 && first.bbox_annotations === 0, JSON.stringify(first));
    const second = await kill_when('images', first.images + 20);
    assert.ok(second.images > first.images, 'it went on');
    const third = await kill_when('processing_results', 60);
    assert.ok(third.processing_results < 600, 'killed between results');
    assert.equal(third.images, 300);
    const last = await must(arguments_for(source, target));
    assert.match(last.out, /images +300 +0 +300 +0/);
    assert.match(last.out, /verified: 2[0-9]+ rows and 300 files agree/);
    all_there(source, target);
    const stored = psql(
      target.data,
      'select id, detections, model, bboxes from processing_results',
    );
    const by_id = new Map(stored.map((r) => [r[0], r]));
    for (const result of source.results) {
      same_masks(by_id.get(result.id)[1], result);
      assert.equal(by_id.get(result.id)[2], 'imported');
      assert.equal(by_id.get(result.id)[3] !== '', result.job.mode === 'FIND_ALL');
    }

    const after = fingerprint(target.data);
    const again = await must(arguments_for(source, target));
    assert.match(again.out, /imported for this user already .*: nothing to do/);
    assert.deepEqual(fingerprint(target.data), after);
    all_there(source, target);

    // The page's own routes read it.
    const c = target.user;
    assert.equal(expect(await c.get('/images/history?limit=1000'), 200).length, 600);
    const result = source.results.find((r) => r.masks.length > 1);
    const job = expect(await c.get(`/jobs/${result.job.id}`), 200);
    assert.equal(job.status, 'completed');
    assert.equal(job.processed_count, 5);
    const snapshot = psql(
      target.data,
      `select annotations_snapshot from processing_jobs where id = '${result.job.id}'`,
    )[0][0];
    assert.deepEqual(JSON.parse(snapshot), result.job.snapshot);
    const me = expect(await c.get('/auth/me'), 200);
    assert.ok(JSON.stringify(me).includes('300'), 'use against quota counts them');
    // Nothing changed, so nothing needs to be processed again.
    const images = result.job.images.map((i) => i.id);
    const mode = result.job.mode.toLowerCase();
    expect(await c.post('/jobs', {image_ids: images, mode}), 400);
  });

  await test('what is broken is reported and left out, and can follow later', async () => {
    const source = source_of((s) => {
      s.fill(10);
      const some = Array.from({length: 7}, () => s.add_image());
      const [missing, broken, turned, no_coco, bad_coco, nothing] = some;
      turned.row[3] = 999;
      s.add_box(missing);
      s.add_point(broken);
      s.special = s.add_job(some);
      s.special_results = some.map((image) => s.add_result(s.special, image, {masks: 2}));
      s.newer = s.add_result(s.special, turned, {masks: 1, when: 100_000});
      s.results.at(-1).row[6] = '2030-01-01 00:00:00+00';
      Object.assign(s, {missing, broken, no_coco, bad_coco, nothing});
      s.add_job([s.images[0]], {ids: [s.images[0].id, '11111111-2222-4333-8444-555555555555']});
      s.gone_job = s.jobs.at(-1);
      s.bad_job = s.add_job([s.images[0]], {ids: ['not an id']});
      s.unrecorded = s.add_job([s.images[1]], {snapshot: false});
      s.add_result(s.unrecorded, s.images[1]);
      s.failed = s.add_job([s.images[1]], {status: 'FAILED', error: 'out of memory'});
    });
    source.sql(
      `update processing_jobs set image_filenames = '["a"]' where id = '${source.gone_job.id}'`,
    );
    const result_of = (image) => source.special_results.find((r) => r.image === image);
    fs.renameSync(source.file(source.missing.path), source.file('away'));
    fs.writeFileSync(source.file(source.broken.path), 'no picture');
    fs.rmSync(source.file(result_of(source.no_coco).coco_path));
    fs.writeFileSync(source.file(result_of(source.bad_coco).coco_path), '{"annotations": [{');
    fs.rmSync(source.file(result_of(source.nothing).coco_path));
    fs.rmSync(source.file(result_of(source.nothing).mask_path));

    const target = await target_of();
    const end = await must(arguments_for(source, target));
    assert.match(end.out, new RegExp(`image ${source.missing.id} left out: its file .* missing`));
    assert.match(end.out, new RegExp(`image ${source.broken.id} left out: .*not usable`));
    assert.match(end.out, /is 24x18, recorded as 999x18/);
    assert.match(end.out, new RegExp(`box .* left out: image ${source.missing.id} is not there`));
    assert.match(end.out, new RegExp(`point .* left out: image ${source.broken.id} is not there`));
    assert.match(end.out, new RegExp(`job ${source.bad_job.id} left out`));
    assert.match(end.out, /2 results rebuilt from the union mask/);
    assert.match(end.out, new RegExp(`result ${result_of(source.nothing).id} left out: its COCO`));
    assert.match(end.out, /left out: job .* has a newer one of this image/);
    assert.match(end.out, /jobs whose prompts were not recorded/);
    assert.match(end.out, /verified:/);
    const detections = (r) =>
      psql(target.data, `select detections from processing_results where id = '${r.id}'`)[0][0];
    for (const image of [source.no_coco, source.bad_coco]) {
      const found = JSON.parse(detections(result_of(image)));
      assert.equal(found.length, 1, 'the union mask as one detection');
      assert.deepEqual(mask_of(found[0]), result_of(image).union);
    }
    same_masks(detections(source.newer), source.newer);
    const job = (id) =>
      psql(
        target.data,
        `select status, error, failed_count from processing_jobs where id = '${id}'`,
      )[0];
    assert.deepEqual(job(source.failed.id), ['failed', 'out of memory', '1']);
    assert.equal(job(source.gone_job.id)[0], 'completed', 'a job may name a deleted image');
    const had = counts(target.data);
    const c = target.user;
    const states = expect(await c.get(`/jobs/${source.failed.id}/images`), 200);
    assert.deepEqual(
      states.map((s) => [s.state, s.error]),
      [['failed', 'out of memory']],
    );

    // The user deletes something; then the missing file turns up.
    expect(await c.delete(`/images/${source.images[0].id}`), 204);
    fs.renameSync(source.file('away'), source.file(source.missing.path));
    const later = await must(arguments_for(source, target));
    assert.match(later.out, /images +17 +1 +15 +1/);
    assert.match(later.out, /boxes +31 +1 +30 +0/);
    const now = counts(target.data);
    assert.equal(now.bbox_annotations, had.bbox_annotations - 3 + 1);
    assert.equal(now.images, had.images, 'one deleted and not brought back, one came');
    const rows = psql(
      target.data,
      `select id from processing_results where image_id = '${source.missing.id}'`,
    );
    assert.deepEqual(rows, [[result_of(source.missing).id]]);

    // What has no file at all comes without pixels, when asked for.
    const pixels = await must(arguments_for(source, target, ['--allow-missing']));
    assert.match(pixels.out, /1 images without their file/);
    assert.match(pixels.out, new RegExp(`result ${result_of(source.nothing).id} has no masks`));
    const row = psql(
      target.data,
      `select byte_size, width from images where id = '${source.broken.id}'`,
    );
    assert.deepEqual(row, [['0', '24']]);
    expect(await c.get(`/images/${source.broken.id}`), 200);
    expect(await c.get(`/images/${source.broken.id}/data`), 404);
    assert.equal(counts(target.data).images, now.images + 1);
  });

  await test('unfinished jobs fail, or wait again with --requeue', async () => {
    const source = source_of((s) => {
      s.fill(10);
      for (const image of s.images) s.add_box(image, 0);
      s.queued = s.add_job(s.images.slice(0, 3), {status: 'QUEUED', snapshot: false});
      s.running = s.add_job(s.images.slice(3, 9), {status: 'RUNNING'});
      s.jobs.at(-1).mode = s.jobs.at(-1).row[1] = 'INSIDE_BOX';
      s.jobs.at(-2).mode = s.jobs.at(-2).row[1] = 'INSIDE_BOX';
      s.add_result(s.running, s.images[3]);
    });
    const target = await target_of();
    const end = await must(arguments_for(source, target));
    assert.match(end.out, /2 unfinished jobs marked as failed/);
    const failed = expect(await target.user.get(`/jobs/${source.running.id}`), 200);
    assert.equal(failed.status, 'failed');
    assert.equal(failed.error_message ?? failed.error, 'imported before completion');
    assert.equal(failed.failed_count, 5);

    // Without a server this time; the next start goes on with them.
    const other = await target_of();
    await other.stop();
    const queued = await must(arguments_for(source, other, ['--requeue']));
    assert.match(queued.out, /2 unfinished jobs queued again/);
    assert.equal(other.postmaster(), null, 'the command stopped the cluster it had started');
    await other.start();
    const c = other.client({key: other.user.key});
    for (const [job, images] of [
      [source.queued, 3],
      [source.running, 6],
    ]) {
      const done = await finished(c, job.id);
      assert.equal(done.status, 'completed', JSON.stringify(done));
      const rows = psql(
        other.data,
        'select count(*), count(distinct image_id) from processing_results ' +
          `where job_id = '${job.id}'`,
      );
      assert.deepEqual(rows, [[String(images), String(images)]]);
    }
    const kept = psql(
      other.data,
      `select model from processing_results where job_id = '${source.running.id}' ` +
        `and image_id = '${source.images[3].id}'`,
    );
    assert.deepEqual(kept, [['imported']], 'what was done stays done');
  });

  await test('one source for two users: the second is refused, nothing arrives', async () => {
    const source = source_of((s) => s.fill(5));
    const target = await target_of();
    await must(arguments_for(source, target));
    await target.add_user('other@example.org');
    const args = arguments_for(source, target).map((a) =>
      a === 'somebody@example.org' ? 'other@example.org' : a,
    );
    const end = await must(args, 1);
    assert.match(end.err, /^samovar: image .* belongs to another user: a source can be [^\n]+\n$/);
    const rows = psql(target.data, 'select count(distinct user_id), count(*) from images');
    assert.deepEqual(rows, [['1', '5']]);
  });

  await test('more than the quota allows is taken, and said', async () => {
    const source = source_of((s) => s.fill(5));
    const target = await target_of();
    psql(target.data, 'update users set max_images = 3, max_storage_mb = 0');
    const end = await must(arguments_for(source, target));
    assert.match(end.out, /5 images, more than the 3 allowed/);
    assert.match(end.out, /bytes, more than the 0 allowed/);
    all_there(source, target);
  });

  await test('other versions and wrong names are refused with a sentence', async () => {
    const target = await target_of();
    const refused = async (change, said) => {
      const source = source_of((s) => s.fill(5));
      source.sql(change);
      const end = await must(arguments_for(source, target), 1);
      assert.match(end.err, said);
      assert.match(end.err, /^samovar: [^\n]+\n$/, 'one sentence');
    };
    await refused(
      'drop table point_annotations; alter table bbox_annotations rename to annotations',
      /early version with one table `annotations`; supported is the last single-user version/,
    );
    await refused(
      'alter table processing_jobs drop column annotations_snapshot',
      /before processing_jobs.annotations_snapshot; supported is/,
    );
    await refused(
      'alter table bbox_annotations add column source text',
      /a column `source` in `bbox_annotations`; supported is/,
    );
    await refused('drop table processing_results', /no table `processing_results`; supported is/);
    await refused('alter table images drop column text_prompt', /no column `text_prompt`/);
    await refused('drop table images cascade', /no table `images`: it is not a single-user/);
    const samovar = {data: host.data, database: 'samovar', folder: scratch_folder('none')};
    assert.match((await must(arguments_for(samovar, target), 1)).err, /is a Samovar database/);
    const nowhere = {...samovar, data: '/nowhere'};
    assert.match((await must(arguments_for(nowhere, target), 1)).err, /can't be reached/);
    const source = source_of((s) => s.fill(5));
    const stranger = arguments_for(source, target).map((a) =>
      a === 'somebody@example.org' ? 'stranger@example.org' : a,
    );
    assert.match((await must(stranger, 1)).err, /there is no user stranger@example.org/);
    assert.equal(counts(target.data).images, 0);
    const empty = new Server();
    t.after(() => empty.destroy());
    const dry = await run_command(arguments_for(source, empty, ['--dry-run']));
    assert.ok(dry.code === 1 && !fs.existsSync(empty.data), 'a dry run makes nothing');
    assert.ok(old_schema.includes('annotations_snapshot'));
  });
}
