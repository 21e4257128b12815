// Images that fail, and jobs that are tried again. The classical segmenter decodes for real: a spoiled
// original fails, a whole one can be retried.
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import fs from 'node:fs';

import {expect} from '../lib/client.mjs';
import {start_server} from '../lib/server.mjs';
import {add_image, add_images, finished, run_job} from '../lib/work.mjs';

const states = async (c, id) => expect(await c.get(`/jobs/${id}/images`), 200);

export default async function (t) {
  const server = await start_server(t);
  const c = await server.add_user('retry@example.org');
  const blob_of = (id) => {
    const found = spawnSync(
      'find',
      [
        server.data,
        '-path',
        '*pg*',
        '-prune',
        '-o',
        '-type',
        'f',
        '-name',
        `${id}.*`,
        '-path',
        '*images*',
        '-print',
      ],
      {encoding: 'utf8'},
    )
      .stdout.trim()
      .split('\n');
    assert.equal(found.length, 1, `blob of ${id}: ${found}`);
    return found[0];
  };

  await t.test('a spoiled image fails alone; retry makes a new job with it only', async () => {
    const images = await add_images(c, 3, {box: true});
    const file = blob_of(images[1].id);
    const whole = fs.readFileSync(file);
    fs.writeFileSync(file, 'spoiled');
    const end = await run_job(
      c,
      images.map((i) => i.id),
    );
    assert.equal(end.status, 'completed');
    assert.equal(end.failed_count, 1);
    assert.equal(end.processed_count, 3);
    const list = await states(c, end.id);
    assert.deepEqual(
      list.map((s) => s.state),
      ['completed', 'failed', 'completed'],
    );
    assert.ok(list[1].error && !list[1].error.includes('/'), list[1].error);
    fs.writeFileSync(file, whole);
    const retried = expect(await c.post(`/jobs/${end.id}/retry`), 201);
    assert.notEqual(retried.id, end.id);
    assert.deepEqual(retried.image_ids, [images[1].id]);
    assert.equal((await finished(c, retried.id)).status, 'completed');
    assert.equal(expect(await c.get('/images/history'), 200).length, 3);
  });

  await t.test('a job in which no image worked is failed and says why', async () => {
    const image = await add_image(c, {box: true});
    fs.writeFileSync(blob_of(image.id), 'spoiled');
    const end = await run_job(c, [image.id]);
    assert.equal(end.status, 'failed');
    assert.equal(end.failed_count, 1);
    // A failed image is covered by nothing: it is taken again without force_all.
    assert.equal((await run_job(c, [image.id])).status, 'failed');
  });

  await t.test(
    'text alone is refused by the classical segmenter with a clear sentence',
    async () => {
      const image = await add_image(c);
      expect(await c.patch(`/images/${image.id}`, {text_prompt: 'a red disc'}), 200);
      const answer = await c.post('/jobs', {image_ids: [image.id], mode: 'find_all'});
      expect(answer, [201, 400]);
      let text = answer.text;
      if (answer.status === 201) {
        const end = await finished(c, answer.json.id);
        assert.equal(end.status, 'failed');
        text = (await states(c, end.id))[0].error;
      }
      assert.match(text, /sam ?3/i);
    },
  );
}
