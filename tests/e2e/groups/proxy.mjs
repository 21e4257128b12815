// Behind a proxy that ends TLS: whose word counts about addresses, scheme and host.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';

import {make_certificate} from '../lib/certificates.mjs';
import {Client, expect} from '../lib/client.mjs';
import {scratch_folder, Server, start_server} from '../lib/server.mjs';
import {Socket} from '../lib/socket.mjs';

/// A reverse proxy as nginx is usually set up: appends the client's address, says https, passes
/// WebSockets. The client's address is what the test names in X-Test-Address.
async function start_proxy(t, target, files) {
  const forwarded = (req) => {
    const headers = {...req.headers};
    const seen = headers['x-forwarded-for'];
    const address = headers['x-test-address'] ?? '203.0.113.1';
    delete headers['x-test-address'];
    headers['x-forwarded-for'] = seen ? `${seen}, ${address}` : address;
    headers['x-forwarded-proto'] = 'https';
    headers['x-forwarded-host'] = req.headers.host;
    headers.host = 'backend.internal';
    return headers;
  };
  const to = {host: target.hostname, port: target.port};
  const proxy = https.createServer({
    key: fs.readFileSync(path.join(files, 'key.pem')),
    cert: fs.readFileSync(path.join(files, 'chain.pem')),
  });
  proxy.on('request', (req, res) => {
    const out = http.request(
      {...to, method: req.method, path: req.url, headers: forwarded(req)},
      (answer) => {
        res.writeHead(answer.statusCode, answer.headers);
        answer.pipe(res);
      },
    );
    out.on('error', () => res.destroy());
    req.pipe(out);
  });
  proxy.on('upgrade', (req, socket) => {
    const out = net.connect(to.port, to.host, () => {
      const lines = Object.entries(forwarded(req)).map(([name, value]) => `${name}: ${value}`);
      out.write(`GET ${req.url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
      out.pipe(socket).pipe(out);
    });
    for (const s of [socket, out]) s.on('error', () => [socket, out].forEach((x) => x.destroy()));
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  return `https://127.0.0.1:${proxy.address().port}`;
}

/// Asks to set the server up, which it was long ago, until told to wait: an address may do so 60
/// times, then every 3 seconds. `headers_of` gets a number. The 429, or null.
async function knock(client, headers_of, most = 100) {
  const body = {token: 'x'.repeat(43), email: 'eve@example.org', password: 'long enough words'};
  for (let i = 0; i < most; i++) {
    const answer = await client.post('/auth/setup', body, {headers: headers_of(i)});
    expect(answer, [409, 429]);
    if (answer.status === 429) return answer;
  }
  return null;
}

export default async function (t) {
  const files = scratch_folder('proxy');
  const ca = make_certificate(files, 'proxy');
  const args = ['--http.trusted-proxies', '127.0.0.0/8,::1'];
  const server = await start_server(t, {args});
  const base = await start_proxy(t, new URL(server.base), files);
  const outside = (more = {}) => new Client(base, {ca, ...more});
  const ann = await server.add_user('ann@example.org');

  await t.test('signing in through the proxy: Secure cookie, HSTS, the public origin', async () => {
    const open = outside({origin: base});
    const credentials = {email: ann.email, password: ann.password};
    const answer = await open.post('/auth/login', credentials);
    expect(answer, 200);
    assert.match(answer.headers['set-cookie'][0], /;\s*Secure/);
    assert.match(answer.headers['strict-transport-security'], /^max-age=\d+$/);
    const signed_in = {
      cookie: answer.headers['set-cookie'][0].split(';')[0],
      csrf: answer.json.csrf_token,
    };
    const user = outside({...signed_in, origin: base});
    expect(await user.patch('/auth/me', {display_name: 'Ann'}), 200);
    for (const origin of ['https://backend.internal', base.replace('https', 'http')]) {
      const stranger = outside({...signed_in, origin});
      expect(await stranger.patch('/auth/me', {display_name: 'Eve'}), 403);
    }
    const socket = await Socket.open(user);
    await socket.hello();
    socket.close();
    // Whoever reaches the server past the proxy over plain HTTP gets neither.
    const past = await server.client({origin: server.base}).post('/auth/login', credentials);
    expect(past, 200);
    assert.doesNotMatch(past.headers['set-cookie'][0], /;\s*Secure/);
    assert.equal(past.headers['strict-transport-security'], undefined);
  });

  await t.test('limits count the client behind the proxy', async () => {
    const client = outside();
    // A made-up address further left changes nothing: the proxy's word comes last.
    const refused = await knock(client, (i) => ({
      'x-test-address': '203.0.113.7',
      'x-forwarded-for': `198.51.100.${i}`,
    }));
    assert.ok(refused, 'an address that knocks and knocks is told to wait');
    assert.ok(Number(refused.headers['retry-after']) >= 1);
    assert.equal(await knock(client, () => ({'x-test-address': '203.0.113.8'}), 20), null);
  });

  await t.test('an untrusted peer is taken for who it is', async () => {
    const plain = await start_server(t);
    await plain.add_user('bob@example.org');
    const claims = {
      'x-forwarded-for': '203.0.113.9',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'evil.example',
    };
    const body = {email: 'bob@example.org', password: 'correct horse battery'};
    const answer = await plain.client().post('/auth/login', body, {headers: claims});
    expect(answer, 200);
    assert.doesNotMatch(answer.headers['set-cookie'][0], /;\s*Secure/);
    assert.equal(answer.headers['strict-transport-security'], undefined);
    const evil = plain.client({origin: 'https://evil.example'});
    expect(await evil.post('/auth/login', body, {headers: claims}), 403);
    const spread = (i) => ({...claims, 'x-forwarded-for': `203.0.113.${i}`});
    assert.ok(await knock(plain.client(), spread), 'claimed addresses do not spread the knocks');
  });

  await t.test('http.public_url wins over what the proxy says', async () => {
    const named = await start_server(t, {
      args: [...args, '--http.public-url', 'https://seg.example.org/'],
    });
    assert.match(named.setup_link(), /^https:\/\/seg\.example\.org\/[^/]/);
    await named.add_user('carl@example.org');
    const body = {email: 'carl@example.org', password: 'correct horse battery'};
    const headers = {'x-forwarded-proto': 'http', 'x-forwarded-host': 'other.example'};
    const good = named.client({origin: 'https://seg.example.org'});
    const answer = await good.post('/auth/login', body, {headers});
    expect(answer, 200);
    assert.match(answer.headers['set-cookie'][0], /;\s*Secure/);
    const other = named.client({origin: 'https://other.example'});
    expect(await other.post('/auth/login', body, {headers}), 403);
  });

  await t.test('a mistake in the list is named at start', async () => {
    const bad = new Server({args: ['--http.trusted-proxies', '10.0.0.0/40']});
    await assert.rejects(bad.start(), /http\.trusted_proxies: "10\.0\.0\.0\/40" is neither/);
    await bad.destroy();
  });
}
