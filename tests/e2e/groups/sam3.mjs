// The sam3 segmenter in the product, with the tiny golden checkpoint and a small made-up vocabulary:
// its weights are random, so what is found means nothing; that it is found, stored and told does.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import {expect} from '../lib/client.mjs';
import {photo_folder} from '../lib/photos.mjs';
import {product_root, run_program, scratch_folder, start_server} from '../lib/server.mjs';
import {add_box, add_image, add_point, run_job, until} from '../lib/work.mjs';

const identity_form = /^sam3\/1-[0-9a-f]{16}-fp32$/;

export default async function (t, {root}) {
  const golden = path.join(root, 'tests/golden/sam3');
  const checkpoint = path.join(golden, 'weights.safetensors');
  const vocabulary = path.join(root, 'tests/e2e/files/merges.txt');
  const sam3 = (file = checkpoint) => [
    '--model.segmenter',
    'sam3',
    '--model.checkpoint',
    file,
    '--model.dtype',
    'fp32',
    '--model.score-min-percent',
    '0',
  ];
  const reading = ['--model.vocabulary', vocabulary];

  /// Waits until the server is ready; every answer before must say that its devices are not.
  async function ready(server) {
    const c = server.client();
    await until(
      async () => {
        const answer = await c.get('root:/readyz');
        if (answer.status !== 200) assert.equal(answer.json.checks.devices, 'failing', answer.text);
        return answer.status;
      },
      (status) => status === 200,
      'ready',
    );
  }
  const system_of = async (c) => expect(await c.get('/system'), 200);
  const newest = async (c, image) => expect(await c.get(`/images/${image}/history`), 200)[0];
  const has_libtorch = (pid) => /libtorch/.test(fs.readFileSync(`/proc/${pid}/maps`, 'utf8'));

  const server = await start_server(t, {args: [...sam3(), ...reading]});
  await ready(server);
  const c = await server.add_user('sam3@example.org', {admin: true});

  await t.test('when it is ready its device has the model, and text is offered', async () => {
    const system = await system_of(c);
    assert.match(system.model, identity_form);
    assert.deepEqual(system.abilities, {
      text: true,
      exemplars: true,
      text_unavailable_reason: null,
    });
    const [device] = expect(await c.get('/admin/devices'), 200);
    assert.equal(device.model, system.model);
    assert.equal(device.healthy, true);
    assert.match(server.output, /the vocabulary has \d+ entries/);
    assert.match(server.output, /OpenBLAS multiplies with its kernels for \w+/);
  });

  await t.test('a text finds instances with scores, and the result names the model', async () => {
    const image = await add_image(c, {w: 150, h: 110});
    expect(await c.patch(`/images/${image.id}`, {text_prompt: 'red disc; cat'}), 200);
    const job = await run_job(c, [image.id], {mode: 'find_all'});
    assert.equal(job.status, 'completed');
    const row = await newest(c, image.id);
    assert.equal(row.model, (await system_of(c)).model);
    assert.equal(row.text_prompt_used, 'red disc; cat');
    assert.ok(row.scores.length > 0);
    assert.deepEqual([...row.scores].sort((a, b) => b - a), row.scores);
    const result = expect(await c.get(`/results/${row.id}`), 200);
    assert.equal(result.detections.length, row.scores.length);
    for (const d of result.detections) {
      assert.ok(d.score > 0 && d.score <= 1);
      assert.ok(d.area > 0);
    }
    const mask = await c.get(`/results/${row.id}/mask`);
    assert.equal(mask.status, 200);

    // Each concept alone finds its part of that.
    let alone = 0;
    for (const text_prompt of ['red disc', 'cat']) {
      expect(await c.patch(`/images/${image.id}`, {text_prompt}), 200);
      await run_job(c, [image.id], {mode: 'find_all'});
      alone += (await newest(c, image.id)).scores.length;
    }
    assert.equal(alone, row.scores.length);
  });

  await t.test('boxes and points, as jobs and at a click', async () => {
    const image = await add_image(c, {w: 120, h: 90});
    for (const x of [4, 30, 50]) await add_box(c, image.id, x, 10, 40, 50);
    await run_job(c, [image.id]);
    assert.equal((await newest(c, image.id)).scores.length, 3);
    await add_point(c, image.id, 60, 45);
    await run_job(c, [image.id], {mode: 'point'});
    assert.equal((await newest(c, image.id)).scores.length, 1);
    const click = {points: [{x: 60, y: 45, is_positive: true}], mode: 'point'};
    const found = expect(await c.post(`/images/${image.id}/segment`, click), 200);
    assert.equal(found.detections.length, 1);
    assert.match(found.model, identity_form);
    const words = expect(
      await c.post(`/images/${image.id}/segment`, {text: 'dog', mode: 'find_all'}),
      200,
    );
    assert.ok(words.detections.length > 0);
  });

  await t.test('the page offers the text and shows what it finds', async () => {
    const photos = photo_folder(scratch_folder('sam3-photos'), [
      'fruits.jpg',
      'baboon.jpg',
      'home.jpg',
    ]);
    const fresh = await start_server(t, {args: [...sam3(), ...reading]});
    const out = path.join(root, 'artifacts/browser');
    fs.mkdirSync(out, {recursive: true});
    const script = path.join(product_root(), 'web/e2e/text_job.mjs');
    const child = spawn(
      process.execPath,
      [script, '--base', fresh.base, '--setup-url', fresh.setup_link(), '--photos', photos, '--out', out],
      {cwd: path.dirname(path.dirname(script)), stdio: ['ignore', 'pipe', 'pipe'], detached: true},
    );
    t.after(() => {
      try {
        process.kill(-child.pid, 'SIGKILL'); // a browser that outlived its script
      } catch {
        // nothing was left
      }
    });
    let text = '';
    child.stdout.on('data', (d) => (text += d));
    child.stderr.on('data', (d) => (text += d));
    const code = await new Promise((resolve) => child.on('close', resolve));
    await fresh.destroy();
    assert.equal(code, 0, text.slice(-1200));
  });

  await t.test('without a vocabulary text is off, with the reason; exemplars work', async () => {
    const mute = await start_server(t, {args: [...sam3(), '--model.idle-unload-s', '1']});
    await ready(mute);
    const user = await mute.add_user('mute@example.org');
    const {abilities} = await system_of(user);
    assert.equal(abilities.text, false);
    assert.match(abilities.text_unavailable_reason, /vocabulary/);
    const image = await add_image(user, {w: 90, h: 90});
    expect(await user.patch(`/images/${image.id}`, {text_prompt: 'cat'}), 200);
    const job = await run_job(user, [image.id], {mode: 'find_all'});
    assert.equal(job.status, 'failed');
    const [state] = expect(await user.get(`/jobs/${job.id}/images`), 200);
    assert.equal(state.error, abilities.text_unavailable_reason);
    await add_box(user, image.id, 20, 20, 40, 40, 'positive_exemplar');
    assert.equal((await run_job(user, [image.id], {mode: 'find_all'})).status, 'completed');

    // The model goes when there is nothing to do, and comes back for the next image.
    const said = (words) => until(() => mute.log, (log) => words.test(log), String(words));
    await said(/the model is unloaded[^]*$/);
    assert.equal((await user.get('root:/readyz')).status, 200);
    const next = await add_image(user, {box: true});
    assert.equal((await run_job(user, [next.id])).status, 'completed');
    await said(/the model is loaded again \(sam3\/1-/);
    await mute.destroy();
  });

  await t.test('in a process of its own, and the server stays without LibTorch', async () => {
    const apart = await start_server(t, {
      args: [...sam3(), ...reading, '--devices.isolate', 'on', '--devices.list', 'cpu:2'],
    });
    await ready(apart);
    const user = await apart.add_user('apart@example.org');
    const image = await add_image(user, {w: 90, h: 70});
    expect(await user.patch(`/images/${image.id}`, {text_prompt: 'dog'}), 200);
    assert.equal((await run_job(user, [image.id], {mode: 'find_all'})).status, 'completed');
    assert.match((await newest(user, image.id)).model, identity_form);
    assert.equal(has_libtorch(apart.pid), false);
    assert.equal(has_libtorch(server.pid), true, 'the probe sees it where it is');
    await apart.destroy();
  });

  await t.test('files and devices that will not do are refused at the start, by name', async () => {
    const folder = scratch_folder('sam3-bad');
    fs.copyFileSync(path.join(golden, 'config.json'), path.join(folder, 'config.json'));
    const bytes = fs.readFileSync(checkpoint);
    const at = bytes.indexOf('"tracker.no_mem_embed"');
    assert.ok(at > 0);
    const renamed = path.join(folder, 'renamed.safetensors');
    fs.writeFileSync(renamed, Buffer.concat([bytes.subarray(0, at), Buffer.from('"tracker.no_mem_other"'), bytes.subarray(at + 22)]));
    const short = path.join(folder, 'short.safetensors');
    fs.writeFileSync(short, bytes.subarray(0, 1_000_000));
    const nowhere = path.join(folder, 'absent.safetensors');
    const refused = async (args, words) => {
      const data = path.join(folder, 'data');
      const {code, err} = await run_program(['serve', '--data-dir', data, '--http.port', '0', ...args]);
      assert.notEqual(code, 0);
      for (const w of words) assert.match(err, w);
      assert.ok(!fs.existsSync(path.join(data, 'pg')), 'refused before the database is made');
    };
    await refused(sam3(renamed), [/model\.checkpoint/, /renamed\.safetensors/, /tracker\.no_mem_embed/]);
    await refused(sam3(short), [/model\.checkpoint/, /short\.safetensors/]);
    await refused(sam3(nowhere), [/model\.checkpoint/, /absent\.safetensors/]);
    await refused([...sam3(), '--model.vocabulary', nowhere], [/model\.vocabulary/, /absent/]);
    await refused([...sam3(), '--devices.list', 'cuda:63'], [/devices\.list: cuda:63 can't be used/]);
    await refused(['--model.segmenter', 'sam3'], [/model\.checkpoint/]);
  });

  await t.test('the command line segments a file by box and by text', async () => {
    const folder = scratch_folder('sam3-file');
    const out = path.join(folder, 'mask.png');
    const picture = path.join(golden, '../images/quadrants.jpg');
    const done = await run_program([
      'segment', picture, '--box', '4,4,20,20', '--text', 'dog', '--out', out, ...sam3(), ...reading,
    ]);
    assert.equal(done.code, 0, done.err);
    assert.ok(done.out.split('\n').filter((l) => /^score/.test(l)).length > 1, done.out);
    assert.equal(fs.readFileSync(out).subarray(1, 4).toString(), 'PNG');
    const mute = await run_program(['segment', picture, '--text', 'dog', '--out', out, ...sam3()]);
    assert.notEqual(mute.code, 0);
    assert.match(mute.err, /vocabulary/);
  });
}
