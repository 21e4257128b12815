// Two users. Whatever one asks with the other's ids must look exactly as
// with ids that do not exist.
import assert from 'node:assert/strict';
import {randomUUID} from 'node:crypto';

import {expect} from '../lib/client.mjs';
import {Socket} from '../lib/socket.mjs';
import {start_server} from '../lib/server.mjs';
import {add_box, add_image, add_point, finished, run_job, submit} from '../lib/work.mjs';

/// Body without the request id, which differs by nature.
function comparable(answer) {
  if (answer.json === undefined) return {status: answer.status, bytes: answer.bytes.length};
  const text = answer.text.replace(answer.json.request_id ?? '\0', '*');
  return {status: answer.status, text, type: answer.type};
}

/// Every route that takes an id: [method, path of ids, body of ids].
const walks = (ids) => [
  ['GET', `/images/${ids.image}`],
  ['PATCH', `/images/${ids.image}`, {text_prompt: 'mine now'}],
  ['PATCH', `/images/${ids.image}`, {}],
  ['GET', `/images/${ids.image}/data`],
  ['GET', `/images/${ids.image}/thumbnail?size=64`],
  ['GET', `/images/${ids.image}/history`],
  ['GET', `/annotations/${ids.image}`],
  ['GET', `/annotations/${ids.image}?prompt_type=segment`],
  ['GET', `/point-annotations/${ids.image}`],
  [
    'POST',
    '/annotations',
    {image_id: ids.image, bbox_x: 0, bbox_y: 0, bbox_width: 5, bbox_height: 5},
  ],
  [
    'POST',
    '/annotations',
    {image_id: ids.image, bbox_x: 0, bbox_y: 0, bbox_width: 9999, bbox_height: 5},
  ],
  [
    'POST',
    '/annotations',
    {image_id: ids.image, bbox_x: -1, bbox_y: 0, bbox_width: 0, bbox_height: 5},
  ],
  ['POST', '/point-annotations', {image_id: ids.image, point_x: 1, point_y: 1}],
  ['POST', '/point-annotations', {image_id: ids.image, point_x: 9999, point_y: 1}],
  ['PATCH', `/annotations/${ids.box}`, {bbox_x: 1}],
  ['PATCH', `/annotations/${ids.box}`, {bbox_x: 99999}],
  ['DELETE', `/annotations/${ids.box}`],
  ['DELETE', `/point-annotations/${ids.point}`],
  ['POST', '/jobs', {image_ids: [ids.image]}],
  ['POST', '/jobs', {image_ids: [ids.image], force_all: true, mode: 'point'}],
  ['GET', `/jobs/${ids.job}`],
  ['GET', `/jobs/${ids.job}?wait=5`],
  ['GET', `/jobs/${ids.job}/images`],
  ['POST', `/jobs/${ids.job}/cancel`],
  ['POST', `/jobs/${ids.job}/retry`],
  ['PATCH', `/jobs/${ids.job}`, {priority: 3}],
  ['GET', `/results/${ids.result}`],
  ['GET', `/results/${ids.result}/mask`],
  ['GET', `/results/${ids.result}/mask?instance=1`],
  ['GET', `/results/${ids.result}/mask?format=indexed`],
  ['GET', `/process/mask/${ids.image}`],
  ['GET', `/process/mask/${ids.image}?mode=point`],
  ['GET', `/process/export/${ids.image}`],
  ['GET', `/process/export/${ids.image}?mode=find_all`],
  ['GET', `/exports/coco?image_ids=${ids.image}`],
  ['GET', `/exports/yolo?image_ids=${ids.image}`],
  ['GET', `/exports/masks?image_ids=${ids.image}`],
  [
    'POST',
    `/images/${ids.image}/segment`,
    {
      boxes: [
        {x: 1, y: 1, width: 9, height: 9, bbox_x: 1, bbox_y: 1, bbox_width: 9, bbox_height: 9},
      ],
    },
  ],
  ['DELETE', `/api-keys/${ids.key}`],
  ['DELETE', `/images/${ids.image}`],
];

export default async function (t) {
  const server = await start_server(t);
  const a = await server.add_user('anna@example.org');
  const b = await server.add_user('boris@example.org');

  const ids = {};
  let own;
  let a_etag;
  await t.test('both have their things', async () => {
    const image = await add_image(a, {name: 'private.png', w: 96, h: 64});
    ids.image = image.id;
    ids.box = (await add_box(a, image.id)).id;
    ids.point = (await add_point(a, image.id)).id;
    const job = await run_job(a, [image.id]);
    assert.equal(job.status, 'completed');
    assert.equal((await run_job(a, [image.id], {mode: 'point'})).status, 'completed');
    ids.job = job.id;
    ids.result = expect(await a.get('/images/history'), 200).find((r) => r.job_id === job.id).id;
    ids.key = expect(await a.post('/api-keys', {name: 'second'}), 201).id;
    own = await add_image(b, {box: true, name: 'own.png'});
    a_etag = (await a.get(`/images/${ids.image}/data`)).headers.etag;
  });

  await t.test(
    "every route: somebody else's id gives the answer of an unknown id",
    async () => {
      const unknown = Object.fromEntries(Object.keys(ids).map((k) => [k, randomUUID()]));
      const theirs = walks(ids);
      const nobodys = walks(unknown);
      const different = [];
      for (let i = 0; i < theirs.length; i++) {
        const [method, path, json] = theirs[i];
        const [, other_path, other_json] = nobodys[i];
        const got = comparable(await b.call(method, path, {json}));
        const wanted = comparable(await b.call(method, other_path, {json: other_json}));
        const line = `${method} ${path}`;
        if (JSON.stringify(got) !== JSON.stringify(wanted)) {
          different.push(`${line}: ${JSON.stringify(got)} against ${JSON.stringify(wanted)}`);
        }
        const refused = path.startsWith('/exports')
          ? got.status < 500
          : method === 'POST' && path === '/jobs'
            ? got.status === 400
            : got.status === 404;
        if (!refused) different.push(`${line}: status ${got.status}`);
      }
      assert.equal(different.join('\n'), '');
    },
    {timeout: 120_000},
  );

  await t.test('conditional and partial requests give nothing away either', async () => {
    for (const headers of [
      {'if-none-match': a_etag},
      {range: 'bytes=0-1'},
      {'if-none-match': '*'},
    ]) {
      expect(await b.get(`/images/${ids.image}/data`, {headers}), 404, 'Image not found');
    }
    const etag = (await a.get(`/jobs/${ids.job}`)).headers.etag;
    expect(
      await b.get(`/jobs/${ids.job}`, {headers: {'if-none-match': etag}}),
      404,
      'Job not found',
    );
  });

  await t.test('lists and exports of one show nothing of the other', async () => {
    assert.deepEqual(
      expect(await b.get('/images'), 200).images.map((i) => i.id),
      [own.id],
    );
    assert.equal(expect(await b.get('/images?search=private'), 200).total, 0);
    assert.deepEqual(expect(await b.get('/jobs'), 200), []);
    assert.deepEqual(expect(await b.get('/images/history'), 200), []);
    for (const kind of ['coco', 'yolo', 'masks']) {
      const answer = await b.get(`/exports/${kind}`);
      assert.ok(!answer.bytes.includes('private'), `/exports/${kind}`);
      const named = await b.get(`/exports/${kind}?image_ids=${ids.image},${own.id}`);
      assert.ok(!named.bytes.includes('private'), `/exports/${kind}?image_ids=`);
    }
    const keys = expect(await b.get('/api-keys'), 200);
    assert.ok(!JSON.stringify(keys).includes(ids.key));
  });

  await t.test("another's image in a job is dropped like an unknown one", async () => {
    const job = await submit(b, [ids.image, own.id]);
    assert.deepEqual(job.image_ids, [own.id]);
    await finished(b, job.id);
  });

  await t.test('an idempotency key of one means nothing to the other', async () => {
    const options = {headers: {'idempotency-key': 'shared-words'}};
    const first = await submit(a, [ids.image], {force_all: true}, options);
    const second = expect(
      await b.post('/jobs', {image_ids: [own.id], force_all: true}, options),
      201,
    );
    assert.notEqual(first.id, second.id);
    await finished(a, first.id);
    await finished(b, second.id);
  });

  await t.test("events of one do not reach the other's socket", async () => {
    const mine = await Socket.open(a);
    const theirs = await Socket.open(b, {since: 1});
    await mine.hello();
    await theirs.hello();
    const job = await submit(a, [ids.image], {force_all: true});
    await mine.until((f) => f.type === 'job.completed' && f.job.id === job.id, 'job.completed');
    const own_job = await submit(b, [own.id], {force_all: true});
    await theirs.until(
      (f) => f.type === 'job.completed' && f.job.id === own_job.id,
      'own job.completed',
    );
    const text = JSON.stringify(theirs.frames);
    for (const id of [job.id, ids.image, ids.job, ids.result]) {
      assert.ok(!text.includes(id), `the other's socket saw ${id}`);
    }
    mine.close();
    theirs.close();
  });

  await t.test("the other's attempts changed nothing", async () => {
    const image = expect(await a.get(`/images/${ids.image}`), 200);
    assert.equal(image.text_prompt, null);
    assert.deepEqual(
      expect(await a.get(`/annotations/${ids.image}`), 200).annotations.map((x) => [
        x.id,
        x.bbox_x,
      ]),
      [[ids.box, 8]],
    );
    assert.equal(expect(await a.get(`/point-annotations/${ids.image}`), 200).total, 1);
    expect(await a.get(`/results/${ids.result}`), 200);
    assert.ok(JSON.stringify(expect(await a.get('/api-keys'), 200)).includes(ids.key));
  });

  await t.test('admin routes: 401 without credentials, 403 for a user', async () => {
    for (const path of ['/admin/users', '/admin/queue', '/admin/devices']) {
      expect(await server.client().get(path), 401);
      expect(await b.get(path), 403);
    }
  });

  await t.test('401 comes first on every route, whatever the id looks like', async () => {
    const nobody = server.client();
    const wrong = server.client({key: 'A'.repeat(43)});
    for (const [method, path, json] of walks({...ids, image: 'no-uuid'})) {
      expect(await nobody.call(method, path, {json}), 401);
    }
    for (const path of ['/images', '/jobs', '/images/history', '/auth/me', '/api-keys']) {
      expect(await wrong.get(path), 401);
    }
  });
}
