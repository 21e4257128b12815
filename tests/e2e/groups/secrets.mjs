// What the server writes down: none of the secrets it was given, at the most talkative level.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';

import {Client, expect} from '../lib/client.mjs';
import {start_server, synthetic} from '../lib/server.mjs';
import {Socket} from '../lib/socket.mjs';
import {add_image, run_job} from '../lib/work.mjs';

/// A text that can't be in a log by chance.
let count = 0;
const unlikely = (what) => `${what}-${Date.now().toString(36)}${(++count).toString(36)}-Zq7w`;

export default async function (t) {
  const server = await start_server(t, {
    args: [...synthetic(10), '--log.level', 'trace', '--http.allow-registration', 'on'],
    output_max: 100_000_000,
  });
  const secrets = new Map();
  const keep = (name, value) => {
    assert.ok(value.length >= 8, `${name} is long enough to look for`);
    secrets.set(name, value);
    return value;
  };
  const open = () => server.client({origin: server.base});

  let admin;
  let password;
  await t.test('setting up, signing in and out, changing the password', async () => {
    const token = keep('the setup token', /token=([^&#\s]+)/.exec(server.setup_link())[1]);
    password = keep('the first password', unlikely('first'));
    const set_up = await open().post('/auth/setup', {
      token,
      email: 'root@example.org',
      password,
    });
    expect(set_up, 201);
    const wrong_token = keep('a wrong setup token', unlikely('wrong-token'));
    await open().post('/auth/setup', {token: wrong_token, email: 'e@example.org', password});
    const bad = keep('a wrong password', unlikely('wrong'));
    for (const email of ['root@example.org', 'nobody@example.org'])
      expect(await open().post('/auth/login', {email, password: bad}), 401);
    // Typed into the wrong field, as people do.
    const misplaced = keep('a password typed as the e-mail address', unlikely('misplaced'));
    await open().post('/auth/login', {email: misplaced, password: 'x'});
    const answer = await open().post('/auth/login', {email: 'root@example.org', password});
    expect(answer, 200);
    const cookie = answer.headers['set-cookie'][0].split(';')[0];
    keep('the session token', cookie.split('=')[1]);
    const csrf = keep('the CSRF token', answer.json.csrf_token);
    admin = server.client({cookie, csrf, origin: server.base});
    const changed = keep('the new password', unlikely('changed'));
    expect(
      await admin.post('/auth/password', {current_password: password, new_password: changed}),
      [200, 204],
    );
    expect(
      await admin.post('/auth/password', {current_password: bad, new_password: changed}),
      [401, 403, 422],
    );
    password = changed;
  });

  let key;
  await t.test('keys: made, used, wrong, revoked, in the wrong place', async () => {
    const made = expect(await admin.post('/api-keys', {name: 'script'}), 201);
    const found = Object.values(made).filter(
      (v) => typeof v === 'string' && /^[\w.~-]{40,}$/.test(v),
    );
    key = keep('an API key', found[0]);
    const script = server.client({key});
    const image = await add_image(script, {box: true});
    await run_job(script, [image.id]);
    const socket = await Socket.open(script);
    await socket.hello();
    const stale = keep('a key that never was', unlikely('stale-key-of-forty-characters-or-more'));
    expect(await server.client({key: stale}).get('/images'), 401);
    const header = (headers) => server.client().get('/images', {headers});
    await header({'x-api-key': stale});
    await header({cookie: `samovar_session=${stale}`});
    await header({authorization: `Basic ${keep('Basic', Buffer.from(stale).toString('base64'))}`});
    await header({'x-api-key': `${stale}\u00ff`});
    // In queries and paths, where keys don't belong but end up.
    for (const place of [
      `/images?api_key=${key}`,
      `/images?token=${key}&limit=nonsense`,
      `/images/${key}`,
      `/jobs/${key}?access_token=${key}`,
    ]) {
      await script.get(place, {record: false});
      await server.client().get(place, {record: false});
    }
    await server.client().get(`root:/setup?token=${secrets.get('the setup token')}`, {
      record: false,
    });
    await server.client().get(`root:/missing-${key}.js`, {record: false});
    await script.get('/images', {headers: {'x-request-id': `bad id ${key}`}});
    expect(await admin.delete(`/api-keys/${made.id}`), 204);
    await socket.closed;
    expect(await script.get('/images'), 401);
  });

  await t.test('requests that break rules, with secrets in them', async () => {
    const bad = keep('a password in broken JSON', unlikely('broken'));
    const raw = (body, headers = {}) =>
      open().call('POST', '/auth/login', {
        body: Buffer.from(body),
        headers: {'content-type': 'application/json', ...headers},
      });
    await raw(`{"email":"a@example.org","password":"${bad}"`);
    await raw(`{"email":"a@example.org","password":{"x":"${bad}"}}`);
    await raw(`["${bad}"]`);
    await open().post('/auth/register', {email: 'root@example.org', password: bad}); // taken
    await open().post('/auth/register', {email: 'no address', password: bad});
    const folded = new Client(server.base);
    await new Promise((resolve) => {
      // A head that can't be parsed.
      const socket = folded.agent.createConnection({host: '127.0.0.1', port: folded.base.port});
      socket.write(`GET /images?k=${bad} HTTP/1.1\r\nHost: h\r\nX-API-Key: ${bad}\r\n x\r\n\r\n`);
      socket.resume();
      socket.on('close', resolve);
    });
    const who = await admin.post('/admin/users', {email: 'new@example.org', password: bad});
    expect(who, 201);
    await admin.post('/admin/users', {email: 'new@example.org', password: bad}); // taken
    await server.add_user('printed@example.org', {password: keep('on stdin', unlikely('stdin'))});
    expect(await open().post('/auth/login', {email: 'new@example.org', password: bad}), 200);
    expect(await admin.post('/auth/logout'), 204);
  });

  await t.test('none of them is in the logs', async () => {
    await server.stop();
    const places = {'standard error': server.log};
    for (const name of ['pg.log', 'pg.log.1']) {
      const file = path.join(server.data, name);
      if (fs.existsSync(file)) places[name] = fs.readFileSync(file, 'utf8');
    }
    assert.ok(places['pg.log'] !== undefined, 'the database has a log');
    // The log talks indeed, else this would prove nothing.
    assert.match(places['standard error'], /\[(?:debug|trace)\]/);
    assert.ok(places['standard error'].split('\n').length > 10, places['standard error']);
    assert.ok(secrets.size >= 12);
    const found = [];
    for (const [name, secret] of secrets) {
      for (const form of [
        secret,
        encodeURIComponent(secret),
        Buffer.from(secret).toString('base64').replace(/=+$/, ''),
        Buffer.from(secret).toString('hex'),
      ]) {
        for (const [place, text] of Object.entries(places))
          if (text.includes(form)) found.push(`${name} in ${place}`);
      }
    }
    assert.deepEqual(found, []);
    // The setup link is printed for whoever starts the server, once, and is not a log line.
    const printed = server.output.split(secrets.get('the setup token')).length - 1;
    assert.equal(printed, 1);
  });
}
