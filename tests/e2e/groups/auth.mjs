// First start, signing in and out, cookies, CSRF, API keys, disabled users.
import assert from 'node:assert/strict';

import {expect} from '../lib/client.mjs';
import {png} from '../lib/pictures.mjs';
import {Socket} from '../lib/socket.mjs';
import {start_server} from '../lib/server.mjs';
import {add_box, add_image, until, uuid_form} from '../lib/work.mjs';

const cookie_of = (answer) => {
  const list = answer.headers['set-cookie'] ?? [];
  assert.equal(list.length, 1, 'one cookie is set');
  return list[0];
};
/// The one long random string in the answer that shows a new key.
const secret_of = (json) => {
  const long = Object.values(json).filter(
    (v) => typeof v === 'string' && !uuid_form.test(v) && /^[\w.~-]{40,}$/.test(v),
  );
  assert.equal(new Set(long).size, 1, `one secret in ${Object.keys(json)}`);
  return long[0];
};

export default async function (t) {
  const server = await start_server(t);
  const open = () => server.client({origin: server.base});
  async function login(email, password) {
    const answer = await open().post('/auth/login', {email, password});
    expect(answer, 200);
    const cookie = cookie_of(answer).split(';')[0];
    return server.client({cookie, csrf: answer.json.csrf_token, origin: server.base});
  }

  let token;
  await t.test('the first start prints a setup link that works once', async () => {
    const link = server.setup_link();
    assert.ok(link, `no link with token= in:\n${server.output.slice(-600)}`);
    assert.ok(link.startsWith('http://127.0.0.1'), link);
    assert.ok(server.greeting.includes(link), 'the link came after the address was said');
    token = /token=([^&#\s]+)/.exec(link)[1];
    assert.ok(token.length >= 32);
    const page = await server.client().get(`root:${new URL(link).pathname}`, {record: false});
    assert.ok([200, 302].includes(page.status), `the link's page answers ${page.status}`);
    const body = {email: 'Admin@Example.org', password: 'long enough words'};
    expect(
      await open().post('/auth/setup', {...body, token: 'x'.repeat(token.length)}),
      [401, 403],
    );
    expect(await open().post('/auth/setup', {...body, token, password: 'short'}), 422);
    expect(await open().post('/auth/setup', {...body, token, email: 'no address'}), 422);
    expect(await open().post('/auth/setup', {...body, token}), [200, 201]);
    expect(
      await open().post('/auth/setup', {...body, email: 'b@example.org', token}),
      [401, 403, 404, 409],
    );
  });

  let admin;
  await t.test('sign in: cookie flags, csrf_token, me', async () => {
    const answer = await open().post('/auth/login', {
      email: 'admin@example.ORG',
      password: 'long enough words',
    });
    expect(answer, 200);
    const cookie = cookie_of(answer);
    assert.match(cookie, /;\s*HttpOnly/i);
    assert.match(cookie, /;\s*SameSite=Lax/i);
    assert.match(cookie, /;\s*Path=\//i);
    assert.doesNotMatch(cookie, /;\s*Secure/i);
    assert.ok(answer.json.csrf_token.length >= 20);
    assert.ok(!cookie.includes(answer.json.csrf_token));
    admin = await login('admin@example.org', 'long enough words');
    const me = expect(await admin.get('/auth/me'), 200);
    for (const name of [
      'id',
      'email',
      'display_name',
      'role',
      'max_concurrent_jobs',
      'max_images',
      'max_storage_mb',
      'image_count',
      'storage_bytes',
      'running_jobs',
      'share_weight',
      'created_at',
    ]) {
      assert.ok(name in me, name);
    }
    assert.equal(me.role, 'admin');
    assert.equal(me.email.toLowerCase(), 'admin@example.org');
    assert.deepEqual([me.max_concurrent_jobs, me.max_images, me.max_storage_mb], [1, 1000, 5000]);
    assert.ok(!JSON.stringify(me).includes('argon2'));
  });

  await t.test('a wrong password and an unknown account give the same 401', async () => {
    const wrong = await open().post('/auth/login', {
      email: 'admin@example.org',
      password: 'wrong words',
    });
    const unknown = await open().post('/auth/login', {
      email: 'nobody@example.org',
      password: 'wrong words',
    });
    expect(wrong, 401);
    expect(unknown, 401);
    assert.equal(wrong.json.detail, unknown.json.detail);
    assert.equal(wrong.json.code, unknown.json.code);
    assert.ok(!wrong.headers['set-cookie']);
  });

  await t.test('self-registration is on when bound to loopback', async () => {
    const body = {email: 'user@example.org', password: 'another long one'};
    expect(await open().post('/auth/register', body), [200, 201]);
    expect(await open().post('/auth/register', {...body, email: 'USER@example.org'}), 409);
    expect(await open().post('/auth/register', {email: 'x@example.org', password: 'short'}), 422);
    const me = expect(await (await login(body.email, body.password)).get('/auth/me'), 200);
    assert.equal(me.role, 'user');
  });

  await t.test('with the cookie a change needs the CSRF token and a matching Origin', async () => {
    const user = await login('user@example.org', 'another long one');
    const change = (headers) => user.patch('/auth/me', {display_name: 'Uma'}, {headers});
    expect(await change({'x-csrf-token': null}), 403);
    expect(await change({'x-csrf-token': 'x'.repeat(43)}), 403);
    expect(await change({'x-csrf-token': admin.csrf}), 403);
    expect(await change({origin: 'http://evil.example'}), 403);
    expect(await change({origin: `${server.base}.evil.example`}), 403);
    expect(await change({origin: 'null'}), 403);
    expect(await change({origin: null}), 403);
    assert.equal(expect(await user.get('/auth/me'), 200).display_name === 'Uma', false);
    assert.equal(expect(await change({}), 200).display_name, 'Uma');
    expect(await user.upload(png(), 'a.png', {headers: {'x-csrf-token': null}}), 403);
    expect(await user.upload(png()), 201);
  });

  await t.test('a socket with the cookie is bound to the Origin', async () => {
    const user = await login('user@example.org', 'another long one');
    await assert.rejects(
      Socket.open(user, {headers: {origin: 'http://evil.example'}}),
      (e) => e.status === 403 || e.status === 401 || assert.fail(e.message),
    );
    const socket = await Socket.open(user);
    await socket.hello();
    socket.close();
  });

  await t.test('sign-out ends the session and closes its sockets, others stay', async () => {
    const user = await login('user@example.org', 'another long one');
    const second = await login('user@example.org', 'another long one');
    const socket = await Socket.open(user);
    const staying = await Socket.open(second);
    await Promise.all([socket.hello(), staying.hello()]);
    expect(await user.post('/auth/logout'), [200, 204]);
    await socket.closed;
    expect(await user.get('/auth/me'), 401);
    assert.equal(staying.close_code, undefined);
    expect(await second.get('/auth/me'), 200);
    staying.close();
  });

  await t.test('changing the password needs the old one and ends the other sessions', async () => {
    const user = await login('user@example.org', 'another long one');
    const other = await login('user@example.org', 'another long one');
    const doc = expect(await open().get('/openapi.json'), 200);
    const schema =
      doc.paths['/api/v1/auth/password']?.post?.requestBody?.content['application/json']?.schema ??
      {};
    const names = Object.keys(
      (schema.$ref
        ? schema.$ref
            .slice(2)
            .split('/')
            .reduce((at, k) => at[k], doc)
        : schema
      ).properties ?? {},
    );
    const old_name = names.find((n) => /old|current/.test(n)) ?? 'current_password';
    const new_name = names.find((n) => /new/.test(n)) ?? 'new_password';
    const body = (before, after) => ({[old_name]: before, [new_name]: after});
    expect(
      await user.post('/auth/password', body('wrong one here', 'third long words')),
      [401, 403, 422],
    );
    expect(
      await user.post('/auth/password', body('another long one', 'third long words')),
      [200, 204],
    );
    expect(await other.get('/auth/me'), 401);
    expect(await user.get('/auth/me'), 200);
    expect(
      await open().post('/auth/login', {email: 'user@example.org', password: 'another long one'}),
      401,
    );
    await login('user@example.org', 'third long words');
  });

  await t.test(
    'API keys: shown once, both headers, read-only 403, revoked 401 and sockets closed',
    async () => {
      const user = await login('user@example.org', 'third long words');
      const made = expect(await user.post('/api-keys', {name: 'full'}), 201);
      const full = server.client({key: secret_of(made)});
      const reader_made = expect(
        await user.post('/api-keys', {name: 'reader', read_only: true}),
        201,
      );
      assert.equal(reader_made.read_only, true);
      const reader = server.client({key: secret_of(reader_made)});
      const list = await user.get('/api-keys');
      expect(list, 200);
      assert.ok(
        !list.text.includes(full.key) && !list.text.includes(reader.key),
        'shown once only',
      );
      expect(await full.get('/images'), 200);
      expect(await server.client().get('/images', {headers: {'x-api-key': full.key}}), 200);
      const image = await add_image(full);
      expect(await reader.get(`/images/${image.id}`), 200);
      const noted = async () =>
        expect(await user.get('/api-keys'), 200).find((k) => k.id === reader_made.id).last_used_at;
      await until(noted, (at) => at !== null, 'the only use of a key is noted', 5000);
      const writes = [
        reader.upload(png()),
        reader.patch(`/images/${image.id}`, {text_prompt: 'x'}),
        reader.delete(`/images/${image.id}`),
        reader.post('/jobs', {image_ids: [image.id]}),
        reader.post('/api-keys', {name: 'more'}),
        reader.post('/annotations', {
          image_id: image.id,
          bbox_x: 0,
          bbox_y: 0,
          bbox_width: 5,
          bbox_height: 5,
        }),
      ];
      for (const answer of await Promise.all(writes)) expect(answer, 403);
      await add_box(full, image.id);
      const socket = await Socket.open(full);
      await socket.hello();
      expect(await user.delete(`/api-keys/${made.id}`), 204);
      await socket.closed;
      const refused = expect(await full.get('/images'), 401);
      assert.match(refused.detail, /API key is unknown, expired or revoked/);
      await assert.rejects(Socket.open(full), (e) => e.status === 401);
      expect(await user.delete(`/api-keys/${made.id}`), 404);
      expect(await user.post('/api-keys', {name: 5}), 422);
    },
  );

  await t.test('an expired key is 401', async () => {
    const user = await login('user@example.org', 'third long words');
    const soon = new Date(Date.now() + 1500).toISOString();
    const answer = await user.post('/api-keys', {name: 'short-lived', expires_at: soon});
    const key = server.client({key: secret_of(expect(answer, 201))});
    await until(
      () => key.get('/images'),
      (a) => a.status === 401,
      'the key expires',
    );
  });

  await t.test('a disabled user: sessions, keys and sockets end; enabled again works', async () => {
    const body = {email: 'leaver@example.org', password: 'before I leave'};
    expect(await open().post('/auth/register', body), [200, 201]);
    const user = await login(body.email, body.password);
    const key = server.client({
      key: secret_of(expect(await user.post('/api-keys', {name: 'k'}), 201)),
    });
    const me = expect(await user.get('/auth/me'), 200);
    const sockets = [await Socket.open(user), await Socket.open(key)];
    for (const s of sockets) await s.hello();
    expect(await user.patch(`/admin/users/${me.id}`, {disabled: true}), 403);
    expect(await admin.patch(`/admin/users/${me.id}`, {disabled: true}), 200);
    for (const s of sockets) await s.closed;
    expect(await user.get('/auth/me'), 401);
    expect(await key.get('/images'), 401);
    expect(await open().post('/auth/login', body), 401);
    expect(await admin.patch(`/admin/users/${me.id}`, {disabled: false}), 200);
    await login(body.email, body.password);
  });

  await t.test('the admin sees the users, with a key as well', async () => {
    const users = expect(await admin.get('/admin/users'), 200);
    const list = Array.isArray(users) ? users : users.users;
    assert.ok(list.some((u) => u.email === 'user@example.org' && 'max_images' in u));
    const key = secret_of(expect(await admin.post('/api-keys', {name: 'admin'}), 201));
    for (const path of ['/admin/users', '/admin/queue', '/admin/devices']) {
      expect(await server.client({key}).get(path), 200);
    }
  });

  await t.test('failed sign-ins are limited: 429 with Retry-After, keys go on', async () => {
    let limited = null;
    for (let i = 0; i < 60 && !limited; i++) {
      const answer = await open().post('/auth/login', {
        email: 'target@example.org',
        password: 'guess it',
      });
      expect(answer, [401, 429]);
      if (answer.status === 429) limited = answer;
    }
    assert.ok(limited, 'no 429 after 60 wrong passwords');
    assert.ok(Number(limited.headers['retry-after']) > 0);
    expect(await admin.get('/images'), 200);
  });

  await t.test('no setup link once there is a user', async () => {
    await server.stop();
    await server.start();
    assert.equal(server.setup_link(), null);
    expect(await server.client({cookie: admin.cookie}).get('/auth/me'), 200);
    expect(
      await server
        .client({origin: server.base})
        .post('/auth/setup', {token, email: 'c@example.org', password: 'long enough words'}),
      [401, 403, 404, 409],
    );
  });

  await t.test('system routes: open ones open, the rest of the API closed', async () => {
    const nobody = server.client();
    for (const path of [
      'root:/healthz',
      'root:/readyz',
      'root:/health',
      '/health',
      '/openapi.json',
    ]) {
      expect(await nobody.get(path), 200);
    }
    const metrics = await nobody.get('root:/metrics', {record: false});
    expect(metrics, 200);
    assert.match(metrics.type, /^text\/plain/);
    assert.match(metrics.bytes.toString(), /^# TYPE \w+ \w+$/m);
    const docs = await nobody.get('root:/docs', {record: false});
    expect(docs, 200);
    assert.match(docs.type, /html/);
    const page = await nobody.get('root:/', {record: false});
    expect(page, 200);
    assert.match(page.type, /html/);
    for (const path of [
      '/../../etc/passwd',
      '/%2e%2e/%2e%2e/etc/passwd',
      '/assets/..%2f..%2fetc/passwd',
    ]) {
      const answer = await nobody.get(`root:${path}`, {record: false});
      expect(answer, [200, 400, 404]);
      assert.ok(!answer.bytes.includes('root:'), `${path} leaves the web folder`);
    }
  });
}
