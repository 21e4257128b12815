// Masks and exports of real results: does another tool's reading of COCO agree with the masks?
import assert from 'node:assert/strict';
import zlib from 'node:zlib';

import {expect} from '../lib/client.mjs';
import {
  area_of,
  bbox_of,
  counts_from_mask,
  counts_from_string,
  fill_polygons,
  iou,
  mask_from_counts,
  mask_of,
} from '../lib/coco.mjs';
import {photo} from '../lib/photos.mjs';
import {quadrants_jpeg, read_png, rle_vectors, with_orientation} from '../lib/pictures.mjs';
import {start_server} from '../lib/server.mjs';
import {add_box, add_point, run_job} from '../lib/work.mjs';

/// What must hold in any COCO dataset, per annotation, against the mask itself.
function check_dataset(set) {
  const images = new Map(set.images.map((i) => [i.id, i]));
  assert.equal(images.size, set.images.length, 'image ids are unique');
  const categories = new Set(set.categories.map((x) => x.id));
  const seen = new Set();
  for (const image of set.images) {
    assert.ok(Number.isInteger(image.id), `image id ${image.id}`);
    assert.ok(image.file_name && image.width > 0 && image.height > 0);
  }
  for (const a of set.annotations) {
    for (const name of ['id', 'image_id', 'category_id', 'iscrowd']) {
      assert.ok(Number.isInteger(a[name]), `${name} is ${a[name]}`);
    }
    assert.ok(!seen.has(a.id), 'annotation ids are unique');
    seen.add(a.id);
    assert.ok(images.has(a.image_id) && categories.has(a.category_id));
    if (Array.isArray(a.segmentation)) continue;
    const image = images.get(a.image_id);
    assert.deepEqual(a.segmentation.size, [image.height, image.width]);
    const mask = mask_of(a.segmentation);
    assert.equal(a.area, area_of(mask), 'area is of the mask');
    assert.deepEqual(a.bbox, bbox_of(mask, a.segmentation.size), 'bbox is of the mask');
  }
}

/// Names and bytes of a zip archive, from its central directory.
function unzip(bytes) {
  const end = bytes.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  assert.ok(end >= 0, 'the archive has an end record');
  const files = new Map();
  let at = bytes.readUInt32LE(end + 16);
  for (let i = 0; i < bytes.readUInt16LE(end + 10); i++) {
    const name = bytes.toString('utf8', at + 46, at + 46 + bytes.readUInt16LE(at + 28));
    const local = bytes.readUInt32LE(at + 42);
    const from = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    const data = bytes.subarray(from, from + bytes.readUInt32LE(at + 20));
    files.set(name, bytes.readUInt16LE(at + 10) === 8 ? zlib.inflateRawSync(data) : data);
    at +=
      46 + bytes.readUInt16LE(at + 28) + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return files;
}

export default async function (t) {
  await t.test('the reader agrees with the reference vectors', async () => {
    assert.ok(rle_vectors.length > 20);
    for (const v of rle_vectors) {
      const mask = Uint8Array.from(v.rows.join(''), Number);
      assert.deepEqual(counts_from_string(v.counts), v.uncompressed, v.name);
      assert.deepEqual(mask_from_counts(v.uncompressed, v.size), mask, v.name);
      assert.deepEqual(counts_from_mask(mask, v.size), v.uncompressed, v.name);
      assert.equal(area_of(mask), v.area, v.name);
      assert.deepEqual(bbox_of(mask, v.size), v.bbox, v.name);
    }
  });

  const server = await start_server(t);
  const c = await server.add_user('coco@example.org');
  let fruits;
  let turned;
  let result;
  await t.test(
    'real results exist',
    async () => {
      fruits = expect(await c.upload(photo('fruits.jpg'), 'fruits.jpg'), 201);
      await add_box(c, fruits.id, 60, 40, 180, 160);
      await add_box(c, fruits.id, 250, 150, 200, 180);
      turned = expect(await c.upload(with_orientation(quadrants_jpeg, 6), 'turned.jpg'), 201);
      await add_box(c, turned.id, 2, 26, 12, 20);
      const job = await run_job(c, [fruits.id, turned.id]);
      assert.equal(job.status, 'completed');
      assert.equal(job.failed_count, 0);
      const item = expect(await c.get(`/images/${fruits.id}/history`), 200)[0];
      result = expect(await c.get(`/results/${item.id}`), 200);
    },
    {timeout: 120_000},
  );

  await t.test('detections carry bbox, score, area, RLE and polygon that agree', async () => {
    assert.equal(result.detections.length, 2);
    for (const d of result.detections) {
      const rle = d.segmentation?.counts ? d.segmentation : (d.rle ?? d.mask);
      assert.deepEqual(rle.size, [fruits.height, fruits.width]);
      const mask = mask_of(rle);
      assert.equal(d.area, area_of(mask));
      assert.ok(d.area > 100, "a photograph's object is not empty");
      assert.deepEqual(d.bbox, bbox_of(mask, rle.size));
      assert.ok(d.score >= 0 && d.score <= 1);
      assert.ok(Array.isArray(d.polygon ?? d.polygons));
    }
  });

  let set;
  await t.test(
    'export of one image: one annotation per instance, everything from the mask',
    async () => {
      set = expect(await c.get(`/process/export/${fruits.id}`), 200);
      check_dataset(set);
      assert.equal(set.images.length, 1);
      assert.equal(set.images[0].file_name, 'fruits.jpg');
      assert.equal(set.annotations.length, 2);
      for (const a of set.annotations) {
        assert.equal(typeof a.segmentation.counts, 'string');
        assert.ok(area_of(mask_of(a.segmentation)) > 0);
      }
      // A mask belongs to its box: it may not lie elsewhere.
      const boxes = [
        [60, 40, 180, 160],
        [250, 150, 200, 180],
      ];
      set.annotations.forEach((a, i) => {
        const [x, y, w, h] = a.bbox;
        const [bx, by, bw, bh] = boxes[i];
        assert.ok(
          x >= bx && y >= by && x + w <= bx + bw && y + h <= by + bh,
          `mask ${a.bbox} outside its box ${boxes[i]}`,
        );
      });
    },
  );

  await t.test('a rotated photograph has the size of what is seen', async () => {
    const rotated = expect(await c.get(`/process/export/${turned.id}`), 200);
    check_dataset(rotated);
    assert.deepEqual([rotated.images[0].width, rotated.images[0].height], [32, 48]);
    assert.deepEqual(rotated.annotations[0].segmentation.size, [48, 32]);
  });

  await t.test('?rle=uncompressed holds the same masks as lists of runs', async () => {
    const plain = expect(await c.get(`/process/export/${fruits.id}?rle=uncompressed`), 200);
    check_dataset(plain);
    plain.annotations.forEach((a, i) => {
      assert.ok(Array.isArray(a.segmentation.counts));
      const {counts, size} = set.annotations[i].segmentation;
      assert.deepEqual(a.segmentation.counts, counts_from_string(counts));
      assert.deepEqual(a.segmentation.counts, counts_from_mask(mask_of(a.segmentation), size));
    });
  });

  await t.test('?segmentation=polygon outlines the same masks', async () => {
    const outlined = expect(await c.get(`/process/export/${fruits.id}?segmentation=polygon`), 200);
    check_dataset(outlined);
    outlined.annotations.forEach((a, i) => {
      assert.ok(a.segmentation.length > 0);
      for (const polygon of a.segmentation) {
        assert.ok(polygon.length >= 6 && polygon.length % 2 === 0);
        assert.ok(polygon.every((v, k) => v >= 0 && v <= (k % 2 ? fruits.height : fruits.width)));
      }
      const size = [fruits.height, fruits.width];
      const mask = mask_of(set.annotations[i].segmentation);
      const drawn = fill_polygons(a.segmentation, size);
      assert.ok(iou(mask, drawn) > 0.85, `polygon and mask overlap by ${iou(mask, drawn)}`);
      assert.equal(a.area, area_of(mask), 'area stays that of the mask');
    });
  });

  await t.test('mask PNGs: union, one instance, indexed, bit by bit the RLE', async () => {
    const masks = set.annotations.map((a) => mask_of(a.segmentation));
    const png = async (query) => {
      const answer = await c.get(`/results/${result.id}/mask${query}`);
      expect(answer, 200);
      const picture = read_png(answer.bytes);
      assert.deepEqual([picture.width, picture.height], [fruits.width, fruits.height]);
      return picture.data;
    };
    const union = await png('');
    assert.ok(
      union.every((v, i) => v === (masks[0][i] | masks[1][i] ? 255 : 0)),
      'union',
    );
    const newest = await c.get(`/process/mask/${fruits.id}`);
    assert.ok(read_png(newest.bytes).data.equals(union));
    const base = (await c.get(`/results/${result.id}/mask?instance=0`)).status === 200 ? 0 : 1;
    for (const k of [0, 1]) {
      const one = await png(`?instance=${k + base}`);
      assert.ok(
        one.every((v, i) => v === masks[k][i] * 255),
        `instance ${k + base}`,
      );
    }
    expect(await c.get(`/results/${result.id}/mask?instance=99`), [404, 422]);
    expect(await c.get(`/results/${result.id}/mask?instance=x`), 422);
    const labels = await png('?format=indexed');
    assert.ok(
      labels.every((v, i) => (v === 0 ? !(masks[0][i] | masks[1][i]) : masks[v - 1]?.[i])),
      'indexed labels 1..n',
    );
  });

  await t.test(
    'find_all by exemplar: boxes in the history are those of the masks',
    async () => {
      await add_box(c, fruits.id, 60, 40, 180, 160, 'positive_exemplar');
      const job = await run_job(c, [fruits.id], {mode: 'find_all'});
      assert.equal(job.status, 'completed');
      const item = expect(await c.get(`/images/${fruits.id}/history`), 200)[0];
      const found = expect(await c.get(`/process/export/${fruits.id}?mode=find_all`), 200);
      check_dataset(found);
      assert.ok(found.annotations.length >= 1);
      assert.deepEqual(
        item.bboxes,
        found.annotations.map(({bbox: [x, y, width, height]}) => ({x, y, width, height})),
      );
      assert.equal(item.scores.length, found.annotations.length);
    },
    {timeout: 120_000},
  );

  await t.test(
    'point mode: one mask over the positive point',
    async () => {
      await add_point(c, fruits.id, 150, 120);
      assert.equal((await run_job(c, [fruits.id], {mode: 'point'})).status, 'completed');
      const one = expect(await c.get(`/process/export/${fruits.id}?mode=point`), 200);
      check_dataset(one);
      assert.equal(one.annotations.length, 1);
      assert.equal(mask_of(one.annotations[0].segmentation)[120 * fruits.width + 150], 1);
    },
    {timeout: 120_000},
  );

  await t.test('/exports/coco: one dataset of many images; some ids; none', async () => {
    const all = expect(await c.get('/exports/coco'), 200);
    check_dataset(all);
    assert.equal(all.images.length, 2);
    assert.equal(all.annotations.length, 3);
    const some = expect(await c.get(`/exports/coco?mode=inside_box&image_ids=${turned.id}`), 200);
    check_dataset(some);
    assert.deepEqual(
      some.images.map((i) => i.file_name),
      ['turned.jpg'],
    );
    expect(await c.get('/exports/coco?image_ids=nonsense'), 422);
    const plain = expect(await c.get('/exports/coco?rle=uncompressed'), 200);
    check_dataset(plain);
    assert.ok(plain.annotations.every((a) => Array.isArray(a.segmentation.counts)));
  });

  await t.test('/exports/masks and /exports/yolo are archives of what was found', async () => {
    const masks = await c.get('/exports/masks');
    expect(masks, 200);
    assert.match(masks.type, /zip/);
    const pictures = [...unzip(masks.bytes)].filter(([name]) => name.endsWith('.png'));
    assert.ok(pictures.length >= 2, pictures.map(([n]) => n).join());
    for (const [, bytes] of pictures) read_png(bytes);
    const yolo = await c.get('/exports/yolo');
    expect(yolo, 200);
    assert.match(yolo.type, /zip/);
    const lines = [...unzip(yolo.bytes)]
      .filter(([n]) => /labels.*\.txt$|^[^/]*\.txt$/.test(n) && !/classes|names/.test(n))
      .flatMap(([, b]) => b.toString().trim().split('\n'))
      .filter(Boolean);
    assert.ok(lines.length >= 3, `${lines.length} labels`);
    for (const line of lines) {
      const [label, ...numbers] = line.trim().split(/\s+/).map(Number);
      assert.ok(Number.isInteger(label) && numbers.length >= 4);
      assert.ok(
        numbers.every((v) => v >= 0 && v <= 1),
        line.slice(0, 80),
      );
    }
  });
}
