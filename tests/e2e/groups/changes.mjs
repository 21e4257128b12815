// Change detection: which images a job without force_all takes.
import assert from 'node:assert/strict';

import {expect} from '../lib/client.mjs';
import {start_server, synthetic} from '../lib/server.mjs';
import {
  add_box,
  add_image,
  add_images,
  add_point,
  finished,
  run_job,
  submit,
  until,
} from '../lib/work.mjs';

const nothing = 'No images need processing';

export default async function (t) {
  const server = await start_server(t, {args: synthetic(15)});
  const c = await server.add_user('changes@example.org');
  const ask = (id, more = {}) => c.post('/jobs', {image_ids: [id], ...more});
  /// The image is taken, and the job ends well.
  async function taken(id, more = {}) {
    const job = expect(await ask(id, more), 201);
    assert.deepEqual(job.image_ids, [id]);
    assert.equal((await finished(c, job.id)).status, 'completed');
  }
  const left = async (id, more = {}) => expect(await ask(id, more), 400, nothing);
  const clear = async (kind, id) => expect(await c.delete(`/${kind}/${id}`), 204);

  await t.test('never covered: taken only when it has a prompt for this mode', async () => {
    const {id} = await add_image(c);
    for (const mode of ['inside_box', 'find_all', 'point']) await left(id, {mode});
    await add_box(c, id);
    await left(id, {mode: 'find_all'});
    await left(id, {mode: 'point'});
    await taken(id);
    await left(id);
    await add_point(c, id);
    await left(id);
    await left(id, {mode: 'find_all'});
    await taken(id, {mode: 'point'});
    await left(id, {mode: 'point'});
  });

  await t.test('boxes: added, moved, resized, retyped by deletion, made anew', async () => {
    const {id} = await add_image(c);
    const first = await add_box(c, id, 1, 1, 20, 20);
    await taken(id);
    const second = await add_box(c, id, 25, 1, 20, 20);
    await taken(id);
    expect(await c.patch(`/annotations/${second.id}`, {bbox_x: 26}), 200);
    await taken(id);
    expect(await c.patch(`/annotations/${second.id}`, {bbox_height: 21}), 200);
    await taken(id);
    expect(await c.patch(`/annotations/${second.id}`, {bbox_height: 21}), 200);
    await left(id);
    await clear('annotations', second.id);
    await taken(id);
    // Equal geometry under a new id counts as a change.
    await clear('annotations', first.id);
    await add_box(c, id, 1, 1, 20, 20);
    await taken(id);
    await left(id);
  });

  await t.test('going back to an older state differs from the newest job', async () => {
    const {id} = await add_image(c);
    const box = await add_box(c, id, 1, 1, 20, 20);
    await taken(id);
    expect(await c.patch(`/annotations/${box.id}`, {bbox_x: 5}), 200);
    await taken(id);
    expect(await c.patch(`/annotations/${box.id}`, {bbox_x: 1}), 200);
    await taken(id);
    await left(id);
  });

  await t.test('exemplars and text belong to find_all, not to inside_box', async () => {
    const {id} = await add_image(c);
    const mode = 'find_all';
    await add_box(c, id);
    await taken(id);
    await add_box(c, id, 2, 2, 10, 10, 'positive_exemplar');
    await left(id);
    await taken(id, {mode});
    await left(id, {mode});
    await add_box(c, id, 3, 3, 10, 10, 'negative_exemplar');
    await taken(id, {mode});
    await add_box(c, id, 4, 4, 10, 10);
    await left(id, {mode});
    await taken(id);
    expect(await c.patch(`/images/${id}`, {text_prompt: 'disc'}), 200);
    await left(id);
    await taken(id, {mode});
    expect(await c.patch(`/images/${id}`, {text_prompt: 'discs'}), 200);
    await taken(id, {mode});
    expect(await c.patch(`/images/${id}`, {text_prompt: null}), 200);
    await taken(id, {mode});
    await left(id, {mode});
  });

  await t.test('in find_all a text alone counts, a blank one does not', async () => {
    const {id} = await add_image(c);
    expect(await c.patch(`/images/${id}`, {text_prompt: '   '}), [200, 422]);
    await left(id, {mode: 'find_all'});
    expect(await c.patch(`/images/${id}`, {text_prompt: 'cup'}), 200);
    await taken(id, {mode: 'find_all'});
    await left(id, {mode: 'find_all'});
  });

  await t.test('points: added, deleted, flipped by making anew', async () => {
    const {id} = await add_image(c);
    const mode = 'point';
    await add_point(c, id, 10, 10);
    await taken(id, {mode});
    const p = await add_point(c, id, 20, 10, false);
    await taken(id, {mode});
    await clear('point-annotations', p.id);
    await taken(id, {mode});
    await left(id, {mode});
  });

  await t.test('force_all takes what is covered and unchanged', async () => {
    const {id} = await add_image(c, {box: true});
    await taken(id);
    await taken(id, {force_all: true});
    await left(id);
  });

  await t.test('only the changed images of a request are in the job', async () => {
    const images = await add_images(c, 4, {box: true});
    const ids = images.map((i) => i.id);
    await run_job(c, ids);
    await add_box(c, ids[2], 1, 1, 5, 5);
    await add_box(c, ids[0], 1, 1, 5, 5);
    const job = await submit(c, [ids[3], ids[2], ids[1], ids[0]]);
    assert.deepEqual(job.image_ids, [ids[2], ids[0]]);
    await finished(c, job.id);
    expect(await c.post('/jobs', {image_ids: ids}), 400, nothing);
  });

  await t.test(
    'queued and running jobs cover; a cancelled one without result does not',
    async () => {
      const images = await add_images(c, 40, {box: true});
      const blocking = await submit(
        c,
        images.map((i) => i.id),
      );
      await until(
        async () => expect(await c.get(`/jobs/${blocking.id}`), 200),
        (j) => j.status === 'running',
        'it runs',
      );
      await left(images[39].id);
      const {id} = await add_image(c, {box: true});
      const queued = await submit(c, [id]);
      await left(id);
      expect(await c.post(`/jobs/${queued.id}/cancel`), 200);
      const again = await submit(c, [id]);
      assert.deepEqual(again.image_ids, [id]);
      expect(await c.post(`/jobs/${blocking.id}/cancel`), 200);
      await finished(c, blocking.id);
      await finished(c, again.id);
      await left(id);
      await taken(images[39].id);
      await left(images[0].id);
    },
  );
}
