// What a client written for the single-user application does, with its names
// and sentences.
import assert from 'node:assert/strict';

import {expect} from '../lib/client.mjs';
import {png, read_png} from '../lib/pictures.mjs';
import {start_server} from '../lib/server.mjs';
import {
  add_box,
  add_image,
  add_point,
  finished,
  run_job,
  submit,
  time_form,
  unknown_id,
  uuid_form,
} from '../lib/work.mjs';

const has = (object, names) => {
  for (const name of names)
    assert.ok(name in object, `no field "${name}" in ${JSON.stringify(object)}`);
};

export default async function (t) {
  const server = await start_server(t);
  const c = await server.add_user('old-client@example.org');

  await t.test('health at the root and under the base path, without credentials', async () => {
    const open = server.client();
    assert.deepEqual(expect(await open.get('/health'), 200), {status: 'healthy'});
    assert.deepEqual(expect(await open.get('root:/health'), 200), {status: 'healthy'});
  });

  let image;
  await t.test('upload answers 201 with the image', async () => {
    const data = png(120, 80, 7);
    image = expect(await c.upload(data, 'tea cup.png'), 201);
    has(image, [
      'id',
      'filename',
      'blob_path',
      'width',
      'height',
      'created_at',
      'text_prompt',
      'byte_size',
      'content_type',
    ]);
    assert.match(image.id, uuid_form);
    assert.match(image.created_at, time_form);
    assert.equal(image.filename, 'tea cup.png');
    assert.equal(image.width, 120);
    assert.equal(image.height, 80);
    assert.equal(image.text_prompt, null);
    assert.equal(image.byte_size, data.length);
    assert.equal(image.content_type, 'image/png');
    assert.deepEqual(expect(await c.get(`/images/${image.id}`), 200), image);
  });

  await t.test('images are listed newest first with total, paged by cursor', async () => {
    const second = await add_image(c, {name: 'second.png'});
    const third = await add_image(c, {name: 'third.png'});
    const all = expect(await c.get('/images'), 200);
    assert.deepEqual(
      all.images.map((i) => i.id),
      [third.id, second.id, image.id],
    );
    assert.equal(all.total, 3);
    const first = expect(await c.get('/images?limit=2'), 200);
    assert.equal(first.images.length, 2);
    assert.equal(first.total, 3);
    assert.ok(first.next_cursor);
    const rest = expect(
      await c.get(`/images?limit=2&cursor=${encodeURIComponent(first.next_cursor)}`),
      200,
    );
    assert.deepEqual(
      rest.images.map((i) => i.id),
      [image.id],
    );
    assert.ok(!rest.next_cursor);
    const found = expect(await c.get('/images?search=SECOND'), 200);
    assert.deepEqual(
      found.images.map((i) => i.id),
      [second.id],
    );
    assert.equal(found.total, 1);
    for (const bad of ['limit=0', 'limit=1001', 'limit=many', 'cursor=%00nonsense']) {
      expect(await c.get(`/images?${bad}`), [400, 422]);
    }
  });

  await t.test('the stored bytes come back', async () => {
    const data = await c.get(`/images/${image.id}/data`);
    expect(data, 200);
    assert.ok(data.bytes.equals(png(120, 80, 7)));
    assert.equal(data.type, 'image/png');
  });

  await t.test('text prompt: set, absent leaves, null clears', async () => {
    const at = `/images/${image.id}`;
    assert.equal(expect(await c.patch(at, {text_prompt: 'red disc'}), 200).text_prompt, 'red disc');
    assert.equal(expect(await c.patch(at, {}), 200).text_prompt, 'red disc');
    assert.equal(expect(await c.patch(at, {something_else: 1}), 200).text_prompt, 'red disc');
    assert.equal(expect(await c.patch(at, {text_prompt: null}), 200).text_prompt, null);
    expect(await c.patch(at, {text_prompt: 5}), 422);
    expect(await c.patch(at, {text_prompt: 'x'.repeat(1025)}), 422);
  });

  let box;
  await t.test('box annotations: add, list oldest first, filter, move, delete', async () => {
    box = await add_box(c, image.id, 30, 10, 60, 60);
    has(box, [
      'id',
      'image_id',
      'bbox_x',
      'bbox_y',
      'bbox_width',
      'bbox_height',
      'prompt_type',
      'created_at',
    ]);
    assert.equal(box.prompt_type, 'segment');
    assert.equal(box.image_id, image.id);
    const positive = await add_box(c, image.id, 1, 1, 9, 9, 'positive_exemplar');
    const negative = await add_box(c, image.id, 2, 2, 9, 9, 'negative_exemplar');
    const list = expect(await c.get(`/annotations/${image.id}`), 200);
    assert.deepEqual(
      list.annotations.map((a) => a.id),
      [box.id, positive.id, negative.id],
    );
    assert.equal(list.total, 3);
    const some = expect(await c.get(`/annotations/${image.id}?prompt_type=negative_exemplar`), 200);
    assert.deepEqual(
      some.annotations.map((a) => a.id),
      [negative.id],
    );
    expect(await c.get(`/annotations/${image.id}?prompt_type=nonsense`), 422);
    const moved = expect(await c.patch(`/annotations/${box.id}`, {bbox_x: 25}), 200);
    assert.equal(moved.bbox_x, 25);
    assert.equal(moved.bbox_y, 10);
    assert.equal(moved.bbox_width, 60);
    expect(
      await c.patch(`/annotations/${box.id}`, {bbox_width: 200}),
      400,
      'Bounding box exceeds image width',
    );
    for (const id of [positive.id, negative.id]) {
      const gone = await c.delete(`/annotations/${id}`);
      expect(gone, 204);
      assert.equal(gone.bytes.length, 0);
    }
    assert.equal(expect(await c.get(`/annotations/${image.id}`), 200).total, 1);
  });

  await t.test('point annotations: add, list, delete', async () => {
    const p = await add_point(c, image.id, 60, 40);
    has(p, ['id', 'image_id', 'point_x', 'point_y', 'is_positive', 'created_at']);
    assert.equal(p.is_positive, true);
    const n = await add_point(c, image.id, 3, 3, false);
    assert.equal(n.is_positive, false);
    const list = expect(await c.get(`/point-annotations/${image.id}`), 200);
    assert.deepEqual(
      list.annotations.map((a) => a.id),
      [p.id, n.id],
    );
    assert.equal(list.total, 2);
    expect(await c.delete(`/point-annotations/${n.id}`), 204);
  });

  await t.test('geometry that cannot be has the sentences of the original', async () => {
    const b = (x, y, w, h) =>
      c.post('/annotations', {
        image_id: image.id,
        bbox_x: x,
        bbox_y: y,
        bbox_width: w,
        bbox_height: h,
      });
    expect(await b(0, 0, 0, 5), 400, 'Bounding box must have positive dimensions');
    expect(await b(0, 0, 5, -1), 400, 'Bounding box must have positive dimensions');
    expect(await b(-1, 0, 5, 5), 400, 'Bounding box coordinates must be non-negative');
    expect(await b(0, -1, 5, 5), 400, 'Bounding box coordinates must be non-negative');
    expect(await b(100, 0, 21, 5), 400, 'Bounding box exceeds image width');
    expect(await b(0, 79, 5, 2), 400, 'Bounding box exceeds image height');
    expect(await b(2147483647, 0, 2147483647, 5), 400, 'Bounding box exceeds image width');
    const full = expect(await b(0, 0, 120, 80), 201);
    expect(await c.delete(`/annotations/${full.id}`), 204);
    const p = (x, y) => c.post('/point-annotations', {image_id: image.id, point_x: x, point_y: y});
    expect(await p(-1, 0), 400, 'Point coordinates must be non-negative');
    expect(await p(120, 0), 400, 'Point x coordinate exceeds image width');
    expect(await p(0, 80), 400, 'Point y coordinate exceeds image height');
    const corner = expect(await p(119, 79), 201);
    expect(await c.delete(`/point-annotations/${corner.id}`), 204);
  });

  let job;
  await t.test('a job runs and reports its progress', async () => {
    const made = await submit(c, [image.id]);
    has(made, [
      'id',
      'mode',
      'status',
      'image_ids',
      'image_filenames',
      'current_index',
      'image_count',
      'processed_count',
      'failed_count',
      'current_image_filename',
      'is_running',
      'created_at',
      'started_at',
      'completed_at',
      'error',
      'priority',
      'queue_position',
      'eta_seconds',
      'version',
    ]);
    assert.equal(made.mode, 'inside_box');
    assert.deepEqual(made.image_ids, [image.id]);
    assert.deepEqual(made.image_filenames, ['tea cup.png']);
    assert.equal(made.image_count, 1);
    job = await finished(c, made.id);
    assert.equal(job.status, 'completed');
    assert.equal(job.current_index, 1);
    assert.equal(job.processed_count, 1);
    assert.equal(job.failed_count, 0);
    assert.equal(job.is_running, false);
    assert.equal(job.error, null);
    assert.match(job.started_at, time_form);
    assert.match(job.completed_at, time_form);
    const jobs = expect(await c.get('/jobs'), 200);
    assert.ok(Array.isArray(jobs));
    assert.equal(jobs[0].id, job.id);
    assert.equal(expect(await c.get('/jobs?status=completed'), 200).length, 1);
    assert.equal(expect(await c.get('/jobs?status=failed'), 200).length, 0);
    expect(await c.get('/jobs?status=nonsense'), 422);
  });

  await t.test('history of one image and of all', async () => {
    const list = expect(await c.get(`/images/${image.id}/history`), 200);
    assert.ok(Array.isArray(list));
    assert.equal(list.length, 1);
    const item = list[0];
    has(item, [
      'id',
      'job_id',
      'image_id',
      'mode',
      'processed_at',
      'bboxes',
      'mask_blob_path',
      'text_prompt_used',
      'point_count',
      'scores',
      'model',
    ]);
    assert.equal(item.job_id, job.id);
    assert.equal(item.mode, 'inside_box');
    assert.equal(item.bboxes, null);
    assert.equal(item.point_count, null);
    assert.ok(item.mask_blob_path);
    assert.deepEqual(expect(await c.get('/images/history'), 200), list);
  });

  await t.test('mask and export of the newest result', async () => {
    const mask = await c.get(`/process/mask/${image.id}`);
    expect(mask, 200);
    assert.equal(mask.type, 'image/png');
    const {width, height, data} = read_png(mask.bytes);
    assert.deepEqual([width, height], [120, 80]);
    assert.ok(data.every((v) => v === 0 || v === 255));
    assert.ok(data.includes(255));
    const same = await c.get(`/process/mask/${image.id}?mode=inside_box`);
    assert.ok(same.bytes.equals(mask.bytes));
    expect(
      await c.get(`/process/mask/${image.id}?mode=point`),
      404,
      'Mask not found for this image with mode point',
    );
    expect(
      await c.get(`/process/export/${image.id}?mode=find_all`),
      404,
      'Image has not been processed yet with mode find_all',
    );
    expect(await c.get(`/process/mask/${image.id}?mode=sideways`), 422);
    const coco = await c.get(`/process/export/${image.id}`);
    has(expect(coco, 200), ['images', 'annotations', 'categories']);
    assert.match(coco.headers['content-disposition'], /attachment/);
    assert.match(coco.headers['content-disposition'], /tea cup_coco\.json/);
  });

  await t.test('point mode counts its points and exports them', async () => {
    assert.equal((await run_job(c, [image.id], {mode: 'point'})).status, 'completed');
    const item = expect(await c.get(`/images/${image.id}/history`), 200)[0];
    assert.equal(item.mode, 'point');
    assert.equal(item.point_count, 1);
    const coco = expect(await c.get(`/process/export/${image.id}?mode=point`), 200);
    assert.deepEqual(coco.annotations[0].point_prompts, [{x: 60, y: 40, is_positive: true}]);
  });

  await t.test('unknown ids have the sentences of the original', async () => {
    const id = unknown_id;
    for (const at of [
      `/images/${id}`,
      `/images/${id}/data`,
      `/images/${id}/thumbnail`,
      `/images/${id}/history`,
      `/annotations/${id}`,
      `/point-annotations/${id}`,
      `/process/mask/${id}`,
      `/process/export/${id}`,
    ]) {
      expect(await c.get(at), 404, 'Image not found');
    }
    expect(await c.patch(`/images/${id}`, {text_prompt: 'x'}), 404, 'Image not found');
    expect(await c.delete(`/images/${id}`), 404, 'Image not found');
    expect(await c.patch(`/annotations/${id}`, {bbox_x: 1}), 404, 'Annotation not found');
    expect(await c.delete(`/annotations/${id}`), 404, 'Annotation not found');
    expect(await c.delete(`/point-annotations/${id}`), 404, 'Point annotation not found');
    for (const at of [`/jobs/${id}`, `/jobs/${id}/images`]) {
      expect(await c.get(at), 404, 'Job not found');
    }
    expect(await c.post(`/jobs/${id}/cancel`), 404, 'Job not found');
    expect(await c.post(`/jobs/${id}/retry`), 404, 'Job not found');
    expect(await c.patch(`/jobs/${id}`, {priority: 1}), 404, 'Job not found');
    expect(await c.get(`/results/${id}`), 404, 'Processing result not found');
    expect(await c.get(`/results/${id}/mask`), 404, 'Processing result not found');
    expect(await c.post('/jobs', {image_ids: [id]}), 400, 'No valid image IDs provided');
    expect(await c.post('/jobs', {image_ids: []}), [400, 422]);
    expect(
      await c.post('/annotations', {
        image_id: id,
        bbox_x: 0,
        bbox_y: 0,
        bbox_width: 1,
        bbox_height: 1,
      }),
      404,
      'Image not found',
    );
    expect(
      await c.post('/point-annotations', {image_id: id, point_x: 0, point_y: 0}),
      404,
      'Image not found',
    );
  });

  await t.test('delete removes the image with everything that hangs on it', async () => {
    const result = expect(await c.get(`/images/${image.id}/history`), 200)[0].id;
    expect(await c.delete(`/images/${image.id}`), 204);
    expect(await c.get(`/images/${image.id}`), 404, 'Image not found');
    expect(await c.delete(`/annotations/${box.id}`), 404, 'Annotation not found');
    expect(await c.get(`/results/${result}`), 404, 'Processing result not found');
    assert.equal(expect(await c.get('/images'), 200).total, 2);
    const me = expect(await c.get('/auth/me'), 200);
    assert.equal(me.image_count, 2);
  });
}
