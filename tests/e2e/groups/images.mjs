// Uploads of every kind, good and bad, and the ways to read one back.
import assert from 'node:assert/strict';
import net from 'node:net';

import jpeg from 'jpeg-js';

import {expect, multipart} from '../lib/client.mjs';
import {
  bmp,
  png,
  png_bomb,
  quadrants_jpeg,
  quadrants_webp,
  tiff,
  with_orientation,
} from '../lib/pictures.mjs';
import {start_server} from '../lib/server.mjs';
import {add_image} from '../lib/work.mjs';

// Where the stored corners (red, green / blue, white) are seen after orientation k, row by row.
const corners = {
  1: 'rgbw',
  2: 'grwb',
  3: 'wbgr',
  4: 'bwrg',
  5: 'rbgw',
  6: 'brwg',
  7: 'wgbr',
  8: 'gwrb',
};

function corner_colours(bytes) {
  const {width, height, data} = jpeg.decode(bytes, {useTArray: true});
  const at = (fx, fy) => {
    const i = 4 * (Math.floor(height * fy) * width + Math.floor(width * fx));
    const [r, g, b] = [data[i] > 128, data[i + 1] > 128, data[i + 2] > 128];
    return r && g && b ? 'w' : r ? 'r' : g ? 'g' : b ? 'b' : '?';
  };
  return {width, height, text: at(0.25, 0.25) + at(0.75, 0.25) + at(0.25, 0.75) + at(0.75, 0.75)};
}

/// Sends bytes as they are and gives the status of the answer.
function raw_status(base, bytes) {
  const url = new URL(base);
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(url.port), url.hostname, () => socket.write(bytes));
    let text = '';
    socket.on('data', (d) => {
      text += d;
      const found = /^HTTP\/1\.[01] (\d+)/.exec(text);
      if (found) {
        resolve(Number(found[1]));
        socket.destroy();
      }
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed without an answer')));
    socket.setTimeout(20_000, () => socket.destroy());
  });
}

export default async function (t) {
  const server = await start_server(t);
  const c = await server.add_user('images@example.org');

  for (const [name, data, type, w, h] of [
    ['a.jpg', quadrants_jpeg, 'image/jpeg', 48, 32],
    ['a.png', png(), 'image/png', 64, 48],
    ['a.webp', quadrants_webp, 'image/webp', 48, 32],
    ['a.tiff', tiff(), 'image/tiff', 64, 48],
    ['a.bmp', bmp(), 'image/bmp', 64, 48],
  ]) {
    await t.test(`${type} is taken by its content, whatever name and header say`, async () => {
      const image = expect(await c.upload(data, 'lies.txt', {type: 'text/plain'}), 201);
      assert.equal(image.content_type, type);
      assert.deepEqual([image.width, image.height], [w, h]);
      assert.equal(image.filename, 'lies.txt');
      const back = await c.get(`/images/${image.id}/data`);
      assert.equal(back.type, type);
      assert.ok(back.bytes.equals(data));
      const thumb = await c.get(`/images/${image.id}/thumbnail?size=32`);
      expect(thumb, 200);
      assert.match(thumb.type, /^image\/(jpeg|webp)$/);
    });
  }

  await t.test('EXIF orientation turns width, height and pixels alike (1 to 8)', async () => {
    for (let k = 1; k <= 8; k++) {
      const image = expect(await c.upload(with_orientation(quadrants_jpeg, k), `o${k}.jpg`), 201);
      const turned = k >= 5;
      assert.deepEqual(
        [image.width, image.height],
        turned ? [32, 48] : [48, 32],
        `orientation ${k}`,
      );
      const thumb = await c.get(`/images/${image.id}/thumbnail?size=256`);
      expect(thumb, 200);
      if (thumb.type === 'image/jpeg') {
        const seen = corner_colours(thumb.bytes);
        assert.equal(seen.text, corners[k], `corners with orientation ${k}`);
        assert.equal(seen.width < seen.height, turned);
      }
      const y = turned ? 47 : 31;
      expect(await c.post('/point-annotations', {image_id: image.id, point_x: 0, point_y: y}), 201);
      expect(
        await c.post('/point-annotations', {image_id: image.id, point_x: 0, point_y: y + 1}),
        400,
      );
    }
  });

  let image;
  await t.test('strong ETag, private cache, 304', async () => {
    image = expect(await c.upload(png(64, 48, 99), 'range.png'), 201);
    const whole = await c.get(`/images/${image.id}/data`);
    assert.match(whole.headers.etag, /^"[^"]+"$/);
    assert.match(whole.headers['cache-control'], /private/);
    assert.equal(whole.headers['accept-ranges'], 'bytes');
    assert.equal(Number(whole.headers['content-length']), whole.bytes.length);
    const same = await c.get(`/images/${image.id}/data`, {
      headers: {'if-none-match': whole.headers.etag},
    });
    expect(same, 304);
    assert.equal(same.bytes.length, 0);
    assert.equal(same.headers.etag, whole.headers.etag);
    expect(await c.get(`/images/${image.id}/data`, {headers: {'if-none-match': '"other"'}}), 200);
  });

  await t.test('Range: first, middle, suffix, open end, outside, If-Range', async () => {
    const at = `/images/${image.id}/data`;
    const {bytes, headers} = await c.get(at);
    const n = bytes.length;
    for (const [range, from, to] of [
      ['bytes=0-0', 0, 1],
      ['bytes=10-19', 10, 20],
      ['bytes=-5', n - 5, n],
      [`bytes=${n - 3}-`, n - 3, n],
      ['bytes=5-999999', 5, n],
    ]) {
      const part = await c.get(at, {headers: {range}});
      expect(part, 206);
      assert.ok(part.bytes.equals(bytes.subarray(from, to)), range);
      assert.equal(part.headers['content-range'], `bytes ${from}-${to - 1}/${n}`);
    }
    const outside = await c.get(at, {headers: {range: `bytes=${n}-`}});
    expect(outside, 416);
    assert.equal(outside.headers['content-range'], `bytes */${n}`);
    expect(await c.get(at, {headers: {range: 'bytes=0-3', 'if-range': headers.etag}}), 206);
    expect(await c.get(at, {headers: {range: 'bytes=0-3', 'if-range': '"other"'}}), 200);
    expect(await c.get(at, {headers: {range: 'lines=1-2'}}), 200);
    const head = await c.call('HEAD', at);
    expect(head, 200);
    assert.equal(Number(head.headers['content-length']), n);
    assert.equal(head.bytes.length, 0);
  });

  await t.test('thumbnail: bounded by size, never larger, bad sizes refused', async () => {
    const big = await add_image(c, {w: 600, h: 300});
    const thumb = await c.get(`/images/${big.id}/thumbnail?size=100`);
    if (thumb.type === 'image/jpeg') {
      const {width, height} = corner_colours(thumb.bytes);
      assert.deepEqual([width, height], [100, 50]);
    }
    expect(await c.get(`/images/${big.id}/thumbnail`), 200);
    for (const size of ['0', '-1', '100000', 'big']) {
      expect(await c.get(`/images/${big.id}/thumbnail?size=${size}`), [400, 422]);
    }
  });

  const before = async () => expect(await c.get('/images?limit=1'), 200).total;
  async function refused(data, status, name = 'bad.jpg') {
    const count = await before();
    const answer = await c.upload(data, name, {type: 'image/jpeg'});
    expect(answer, status);
    assert.equal(await before(), count);
    return answer.json;
  }
  await t.test('truncated files of every kind are 415', async () => {
    for (const [name, data] of [
      ['jpg', quadrants_jpeg],
      ['png', png(64, 48, 5)],
      ['webp', quadrants_webp],
      ['tiff', tiff()],
      ['bmp', bmp()],
    ]) {
      for (const part of [0.4, 0.9]) {
        try {
          await refused(data.subarray(0, Math.floor(data.length * part)), 415, `cut.${name}`);
        } catch (error) {
          throw new Error(`${name} cut at ${part * 100} %: ${error.message}`);
        }
      }
    }
  });
  await t.test('an empty file, text and GIF are 415', async () => {
    await refused(Buffer.alloc(0), 415);
    await refused(Buffer.from('this is no image'), 415);
    await refused(
      Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64'),
      415,
    );
    await refused(Buffer.concat([quadrants_jpeg.subarray(0, 20), Buffer.alloc(500, 0x5a)]), 415);
  });
  await t.test('a header of 100,000 x 100,000 pixels is 413 and costs no memory', async () => {
    const rss = server.rss_mib();
    await refused(png_bomb(100_000, 100_000), 413);
    await refused(png_bomb(29_000, 29_000), 413);
    assert.ok(server.rss_mib() - rss < 100, `memory grew by ${server.rss_mib() - rss} MiB`);
  });

  await t.test('multipart that is wrong is refused clearly', async () => {
    const count = await before();
    const post = (form, type = form.type) =>
      c.call('POST', '/images', {body: form.body, headers: {'content-type': type}});
    const other = multipart([{name: 'picture', filename: 'a.png', data: png()}]);
    expect(await post(other), [400, 422]);
    expect(await post(multipart([])), [400, 422]);
    expect(await post(multipart([{name: 'file', data: 'plain text field'}])), [400, 415, 422]);
    const good = multipart([{name: 'file', filename: 'a.png', data: png()}]);
    expect(await post(good, 'multipart/form-data'), [400, 415, 422]);
    expect(await post(good, 'application/json'), [400, 415, 422]);
    expect(await post(good, 'multipart/form-data; boundary=something-else'), [400, 422]);
    const cut = {...good, body: good.body.subarray(0, good.body.length - 20)};
    expect(await post(cut), [400, 415, 422]);
    expect(await c.call('POST', '/images', {json: {file: 'x'}}), [400, 415, 422]);
    const two = multipart([
      {name: 'file', filename: 'a.png', data: png()},
      {name: 'file', filename: 'b.png', data: png()},
    ]);
    expect(await post(two), [400, 422]);
    assert.equal(await before(), count);
    const extra = multipart([
      {name: 'note', data: 'hello'},
      {name: 'file', filename: 'a.png', data: png()},
    ]);
    expect(await post(extra), 201);
  });

  await t.test(
    'file names: paths are cut off, too long ones do not break, UTF-8 stays',
    async () => {
      for (const [given, wanted] of [
        ['../../etc/passwd.png', 'passwd.png'],
        ['C:\\\\dir\\\\x.png', 'x.png'],
        ['чай 茶.png', 'чай 茶.png'],
      ]) {
        const made = expect(await c.upload(png(), given), 201);
        assert.equal(made.filename, wanted);
      }
      const long = expect(await c.upload(png(), `${'н'.repeat(400)}.png`), 201);
      assert.equal(long.filename, `${'н'.repeat(251)}.png`, 'cut to 255, the extension stays');
    },
  );

  await t.test('a huge header is refused and the server lives', async () => {
    const head = `GET /api/v1/images HTTP/1.1\r\nHost: x\r\nX-Big: ${'a'.repeat(40_000)}\r\n\r\n`;
    const status = await raw_status(server.base, head);
    assert.ok([400, 413, 431].includes(status), `status ${status}`);
    assert.equal(await raw_status(server.base, 'not http at all\r\n\r\n'), 400);
    expect(await c.get('/health'), 200);
  });

  await t.test('a body over the limit is 413 without reading it all', async () => {
    const head = (path, type, n) =>
      `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ` +
      `${c.key}\r\nContent-Type: ${type}\r\nContent-Length: ${n}\r\n\r\n{`;
    assert.equal(
      await raw_status(server.base, head('/api/v1/annotations', 'application/json', 50_000_000)),
      413,
    );
    assert.equal(
      await raw_status(
        server.base,
        head('/api/v1/images', 'multipart/form-data; boundary=x', 20_000_000_000),
      ),
      413,
    );
  });

  await t.test('values of the wrong type are 422 and name the field', async () => {
    const right = {image_id: image.id, bbox_x: 1, bbox_y: 1, bbox_width: 5, bbox_height: 5};
    for (const [field, value] of [
      ['bbox_x', '1'],
      ['bbox_y', 1.5],
      ['bbox_width', null],
      ['bbox_height', [5]],
      ['bbox_x', 1e12],
      ['image_id', 7],
      ['image_id', 'not-a-uuid'],
      ['prompt_type', 'sideways'],
      ['bbox_x', true],
    ]) {
      const answer = await c.post('/annotations', {...right, [field]: value});
      expect(answer, 422);
      assert.ok(answer.text.includes(field), `the answer must name ${field}: ${answer.text}`);
    }
    const {bbox_width, ...without} = right;
    const missing = await c.post('/annotations', without);
    expect(missing, 422);
    assert.ok(missing.text.includes('bbox_width'), `${bbox_width}`);
    expect(await c.post('/annotations', {...right, unknown_field: {deep: [1]}}), 201);
    expect(
      await c.post('/point-annotations', {
        image_id: image.id,
        point_x: 1,
        point_y: 1,
        is_positive: 'yes',
      }),
      422,
    );
    expect(await c.post('/jobs', {image_ids: [image.id], force_all: 'true'}), 422);
    expect(await c.post('/jobs', {image_ids: [image.id], mode: 'sideways'}), 422);
    expect(await c.post('/jobs', {image_ids: image.id}), 422);
    expect(await c.post('/jobs', {image_ids: [image.id], priority: '1'}), 422);
    expect(await c.post('/jobs', {}), 422);
  });

  await t.test(
    'a body that is no JSON is 400; an array where an object belongs is 422',
    async () => {
      for (const body of ['{', '', '{"a":1}x', '\xff\xfe']) {
        const answer = await c.call('POST', '/annotations', {
          body: Buffer.from(body, 'latin1'),
          headers: {'content-type': 'application/json'},
        });
        expect(answer, 400);
      }
      expect(await c.post('/annotations', [1]), [400, 422]);
      const deep = '['.repeat(100_000);
      expect(
        await c.call('POST', '/annotations', {
          body: deep,
          headers: {'content-type': 'application/json'},
        }),
        [400, 422],
      );
    },
  );

  await t.test('a path id that is no UUID is 422', async () => {
    for (const at of [
      '/images/1',
      '/images/x/data',
      '/images/x/history',
      '/annotations/x',
      '/point-annotations/x',
      '/jobs/x',
      '/jobs/x/images',
      '/results/x',
      '/results/x/mask',
      '/process/mask/x',
      '/process/export/x',
      `/images/${image.id}0`,
    ]) {
      expect(await c.get(at), 422);
    }
    expect(await c.delete('/annotations/zzz'), 422);
    expect(await c.post('/jobs/zzz/cancel'), 422);
    expect(await c.get(`/images/${image.id.toUpperCase()}`), 200);
  });

  await t.test('unknown routes are 404, wrong methods 405 with Allow', async () => {
    expect(await c.get('/no-such-thing', {record: false}), 404);
    const wrong = await c.call('PUT', `/images/${image.id}`, {json: {}, record: false});
    expect(wrong, 405);
    assert.match(wrong.headers.allow, /GET/);
  });

  await t.test('X-Request-Id is echoed, and replaced when it is unfit', async () => {
    const mine = await c.get('/images/history', {headers: {'x-request-id': 'trace-42'}});
    assert.equal(mine.headers['x-request-id'], 'trace-42');
    const unfit = await c.get('/images/history', {headers: {'x-request-id': 'x'.repeat(2000)}});
    assert.notEqual(unfit.headers['x-request-id'], 'x'.repeat(2000));
  });
}
