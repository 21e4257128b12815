// Web sessions, keys and accounts as they live: rotation, revocation from here and from another
// process, changes by an administrator that reach what runs.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';

import {Browser} from '../lib/browser_session.mjs';
import {expect} from '../lib/client.mjs';
import {Socket} from '../lib/socket.mjs';
import {start_server, synthetic} from '../lib/server.mjs';
import {add_images, finished, run_job, submit, until} from '../lib/work.mjs';

const password = 'correct horse battery';

/// All blobs below a user's folder.
function blobs_of(server, user) {
  const folder = path.join(server.data, 'blobs/users', user);
  if (!fs.existsSync(folder)) return [];
  return fs.readdirSync(folder, {recursive: true, withFileTypes: true}).filter((e) => e.isFile());
}

export default async function (t) {
  const server = await start_server(t, {args: synthetic(300)});
  const root = await server.add_user('root@example.org', {admin: true});
  const uma = await server.add_user('uma@example.org');
  const sign_in = (email = 'uma@example.org', with_password = password) =>
    new Browser(server.base).sign_in(email, with_password);

  await t.test('sessions are listed with address and browser; one or all others end', async () => {
    const [here, there, third] = [await sign_in(), await sign_in(), await sign_in()];
    const list = expect(
      await here.get('/auth/sessions', {headers: {'user-agent': 'ignored here'}}),
      200,
    );
    assert.equal(list.total, 3);
    assert.deepEqual(
      list.sessions.map((s) => s.current),
      [false, false, true],
    );
    assert.equal(list.sessions[0].address, '127.0.0.1');
    const sockets = await Promise.all([here, there, third].map((c) => Socket.open(c)));
    await Promise.all(sockets.map((s) => s.hello()));
    const by_key = await Socket.open(uma);
    await by_key.hello();
    expect(await here.delete(`/auth/sessions/${list.sessions[1].id}`), 204);
    await sockets[1].closed;
    expect(await there.get('/auth/me'), 401);
    expect(await root.delete(`/auth/sessions/${list.sessions[0].id}`), 404);
    expect(await here.delete('/auth/sessions'), 204);
    await sockets[2].closed;
    expect(await third.get('/auth/me'), 401);
    expect(await here.get('/auth/me'), 200);
    assert.equal(sockets[0].close_code, undefined);
    assert.equal(by_key.close_code, undefined);
    for (const s of [sockets[0], by_key]) s.close();
  });

  await t.test('a password change signs the others out at once, not me and not keys', async () => {
    const [here, there] = [await sign_in(), await sign_in()];
    const sockets = await Promise.all([here, there, uma].map((c) => Socket.open(c)));
    await Promise.all(sockets.map((s) => s.hello()));
    const change = {current_password: password, new_password: password};
    expect(await here.post('/auth/password', change), 204);
    await sockets[1].closed;
    expect(await there.get('/auth/me'), 401);
    expect(await here.get('/auth/me'), 200);
    expect(await uma.get('/images'), 200);
    assert.deepEqual([sockets[0].close_code, sockets[2].close_code], [undefined, undefined]);
    sockets.forEach((s) => s.close());
  });

  await t.test('every state change with the cookie needs CSRF token and Origin', async () => {
    const browser = await sign_in();
    const doc = expect(await browser.get('/openapi.json'), 200);
    const changes = [];
    for (const [route, methods] of Object.entries(doc.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        const open = operation.security && operation.security.length === 0;
        if (method === 'get' || open) continue;
        changes.push([
          method.toUpperCase(),
          `root:${route.replace(/\{[^}]+\}/g, '0192f0aa-0000-7000-8000-00000000dead')}`,
        ]);
      }
    }
    assert.ok(changes.length >= 25, `only ${changes.length} state changes in the document`);
    for (const [method, route] of changes) {
      for (const headers of [
        {'x-csrf-token': null},
        {'x-csrf-token': 'A'.repeat(43)},
        {origin: null},
        {origin: 'http://evil.example'},
      ]) {
        const answer = await browser.call(method, route, {json: {}, headers});
        const admin_only = route.includes('/admin/');
        assert.equal(answer.status, 403, `${method} ${route} ${JSON.stringify(headers)}`);
        if (!admin_only) assert.equal(answer.json.code, 'csrf_failed', `${method} ${route}`);
      }
    }
    expect(await browser.get('/auth/me'), 200);
    assert.equal(expect(await browser.get('/auth/sessions'), 200).sessions[0].current, true);
  });

  await t.test('what another process takes away ends here at once', async () => {
    const leaver = await server.add_user('leaver@example.org');
    const browser = await sign_in('leaver@example.org');
    const sockets = [await Socket.open(leaver), await Socket.open(browser)];
    await Promise.all(sockets.map((s) => s.hello()));
    const done = await server.user_command('disable', 'leaver@example.org');
    assert.equal(done.code, 0, done.err);
    // Within this test's limit: by itself a socket looks its credential up once a minute only.
    await Promise.all(sockets.map((s) => s.closed));
    expect(await leaver.get('/images'), 401);
    expect(await browser.get('/auth/me'), 401);
    assert.equal((await server.user_command('enable', 'leaver@example.org')).code, 0);
    expect(await leaver.get('/images'), 200);
    expect(await browser.get('/auth/me'), 401);
  }, {timeout: 30_000});

  await t.test('more concurrent jobs reach a live session at once', async () => {
    const me = expect(await uma.get('/auth/me'), 200);
    const images = await add_images(uma, 12, {box: true});
    const socket = await Socket.open(uma);
    await socket.hello();
    const ids = images.map((i) => i.id);
    const first = await submit(uma, ids.slice(0, 10), {force_all: true});
    const second = await submit(uma, ids.slice(10), {force_all: true});
    const started = (id) =>
      socket.until((f) => f.type === 'job.started' && f.job.id === id, 'start');
    await started(first.id);
    expect(await root.patch(`/admin/users/${me.id}`, {max_concurrent_jobs: 2}), 200);
    // The first job's start announced the quota as well, with the old limit.
    const raised = (f) => f.type === 'quota.changed' && f.max_concurrent_jobs === 2;
    await socket.until(raised, 'quota.changed with the new limit');
    await started(second.id);
    const order = socket.frames
      .filter((f) => f.job && /started|completed/.test(f.type))
      .map((f) => `${f.type} ${f.job.id === first.id ? 1 : 2}`);
    assert.ok(!order.includes('job.completed 1'), order.join());
    await finished(uma, first.id);
    await finished(uma, second.id);
    expect(await root.patch(`/admin/users/${me.id}`, {max_concurrent_jobs: 1}), 200);
    socket.close();
  });

  await t.test("a disabled user's jobs wait, also over a restart, and go on", async () => {
    const busy = await server.add_user('busy@example.org');
    const me = expect(await busy.get('/auth/me'), 200);
    const images = await add_images(busy, 16, {box: true});
    const job = await submit(busy, images.map((i) => i.id), {force_all: true});
    await until(
      async () => expect(await busy.get(`/jobs/${job.id}`), 200),
      (j) => j.processed_count >= 1,
      'the first image',
    );
    const place = async () =>
      expect(await root.get('/admin/queue'), 200).find((q) => q.user_id === me.id);
    await until(place, (q) => q?.devices.join() === 'cpu:0', 'who runs where');
    expect(await root.patch(`/admin/users/${me.id}`, {disabled: true}), 200);
    const devices = async () => expect(await root.get('/admin/devices'), 200);
    const idle = (list) => list.every((d) => d.leases_out === 0);
    const before = await until(devices, idle, 'what runs ends');
    await sleep(700); // more than two images' time
    const after = await devices();
    assert.deepEqual(
      after.map((d) => d.units_done),
      before.map((d) => d.units_done),
    );
    await server.stop();
    await server.start();
    root.base = busy.base = uma.base = new URL(server.base);
    await until(async () => (await root.get('root:/readyz')).status, (s) => s === 200, 'ready');
    await sleep(700);
    assert.ok((await devices()).every((d) => d.units_done === 0));
    expect(await root.patch(`/admin/users/${me.id}`, {disabled: false}), 200);
    assert.ok(expect(await busy.get(`/jobs/${job.id}`), 200).processed_count < 16);
    const end = await finished(busy, job.id);
    assert.deepEqual([end.status, end.processed_count, end.failed_count], ['completed', 16, 0]);
  });

  await t.test('a deleted user leaves nothing, even when the server is killed', async () => {
    const gone = await server.add_user('gone@example.org');
    const browser = await sign_in('gone@example.org');
    const me = expect(await gone.get('/auth/me'), 200);
    const images = await add_images(gone, 6, {box: true});
    const done = await run_job(gone, [images[0].id]);
    assert.equal(done.status, 'completed');
    expect(await gone.get(`/images/${images[0].id}/thumbnail?size=64`), 200);
    expect(await gone.get(`/process/mask/${images[0].id}`), 200);
    assert.ok(blobs_of(server, me.id).length >= 8);
    const running = await submit(gone, images.map((i) => i.id), {force_all: true});
    const sockets = [await Socket.open(gone), await Socket.open(browser)];
    await Promise.all(sockets.map((s) => s.hello()));
    expect(await root.delete(`/admin/users/${me.id}`), 204);
    await server.kill9();
    await server.start();
    root.base = gone.base = uma.base = new URL(server.base);
    expect(await gone.get('/images'), 401);
    await until(() => blobs_of(server, me.id).length, (n) => n === 0, 'the outbox is emptied');
    const users = expect(await root.get('/admin/users'), 200);
    assert.ok(!users.some((u) => u.id === me.id));
    assert.deepEqual(expect(await root.get('/admin/queue'), 200), []);
    expect(await root.delete(`/admin/users/${me.id}`), 404);
    assert.ok(running.id);
  });

  await t.test('of a user deleted while running, sockets close and units stop', async () => {
    const gone = await server.add_user('gone2@example.org');
    const me = expect(await gone.get('/auth/me'), 200);
    const images = await add_images(gone, 8, {box: true});
    await submit(gone, images.map((i) => i.id), {force_all: true});
    const socket = await Socket.open(gone);
    await socket.hello();
    expect(await root.delete(`/admin/users/${me.id}`), 204);
    await socket.closed;
    const idle = (list) => list.every((d) => d.leases_out === 0);
    const devices = async () => expect(await root.get('/admin/devices'), 200);
    const before = await until(devices, idle, 'what runs ends');
    await sleep(700);
    assert.deepEqual((await devices()).map((d) => d.units_done), before.map((d) => d.units_done));
    await until(() => blobs_of(server, me.id).length, (n) => n === 0, 'the blobs are gone');
  });

  await rotation(t);
}

async function rotation(t) {
  const args = ['--sign-in.rotate-s', '1', '--sign-in.grace-s', '1', '--sign-in.idle-s', '4'];
  const server = await start_server(t, {args: [...synthetic(0), ...args]});
  await server.add_user('uma@example.org');
  const sign_in = () => new Browser(server.base).sign_in('uma@example.org', password);
  const next_token = async (browser) => {
    const before = browser.cookie;
    await until(
      async () => {
        expect(await browser.get('/auth/me'), 200);
        return browser.cookie;
      },
      (c) => c !== before,
      'a new token',
    );
    return before;
  };

  await t.test('tokens rotate, parallel requests go through, the socket stays', async () => {
    const browser = await sign_in();
    const socket = await Socket.open(browser);
    await socket.hello();
    const csrf = browser.csrf;
    for (let round = 0; round < 3; round++) {
      await sleep(1100);
      const at_once = await Promise.all(
        Array.from({length: 20}, (_, i) => browser.get(i % 2 ? '/images' : '/auth/me')),
      );
      for (const answer of at_once) expect(answer, 200);
    }
    assert.ok(browser.cookies_seen >= 3, `${browser.cookies_seen} cookies were set`);
    expect(await browser.patch('/auth/me', {display_name: 'Uma'}), 200);
    assert.equal(expect(await browser.get('/auth/me'), 200).csrf_token, csrf);
    assert.equal(expect(await browser.get('/auth/sessions'), 200).total, 1);
    assert.equal(socket.close_code, undefined);
    socket.close();
    expect(await browser.post('/auth/logout'), 204);
  });

  await t.test('a stolen old token, used later, ends the session for thief and owner', async () => {
    const browser = await sign_in();
    await sleep(1100);
    const stolen = await next_token(browser);
    expect(await browser.get('/auth/me'), 200); // the new one is in use
    const thief = server.client({cookie: stolen});
    await until(
      async () => {
        await sleep(600);
        return (await thief.get('/auth/me')).status;
      },
      (s) => s === 401,
      'the old token dies',
    );
    await until(
      async () => (await browser.get('/auth/me')).status,
      (s) => s === 401,
      'both are out',
    );
  });

  await t.test('an idle session ends', async () => {
    const browser = await sign_in();
    await sleep(4300);
    expect(await browser.get('/auth/me'), 401);
  });
}
