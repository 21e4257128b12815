// The server's own TLS: https and wss, and certificates exchanged while connections live.
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';

import {make_certificate} from '../lib/certificates.mjs';
import {expect} from '../lib/client.mjs';
import {scratch_folder, Server, start_server, synthetic} from '../lib/server.mjs';
import {Socket} from '../lib/socket.mjs';
import {add_image, submit, until} from '../lib/work.mjs';

export default async function (t) {
  const files = scratch_folder('tls');
  const args = [
    ...synthetic(10),
    '--http.tls-certificate',
    path.join(files, 'chain.pem'),
    '--http.tls-key',
    path.join(files, 'key.pem'),
  ];
  let ca = make_certificate(files, 'first');
  const server = await start_server(t, {args});
  const client = (more = {}) => server.client({ca, ...more});
  const served = async () => (await client().get('root:/health', {record: false})).certificate;

  let user;
  await t.test('https: verified by a client that trusts the certificate', async () => {
    assert.match(server.base, /^https:\/\/127\.0\.0\.1:\d+$/);
    assert.match(server.setup_link(), /^https:\/\/127\.0\.0\.1:/);
    const answer = await client().get('root:/health');
    expect(answer, 200);
    assert.equal(answer.certificate, 'first');
    assert.equal(answer.headers['strict-transport-security'], 'max-age=31536000');
    await assert.rejects(server.client().get('root:/health'), /self.signed/i);
  });

  await t.test('cookies are Secure and pages must come over TLS', async () => {
    const token = /token=([^&#\s]+)/.exec(server.setup_link())[1];
    const open = client({origin: server.base});
    const body = {email: 'a@example.org', password: 'long enough words', token};
    const answer = await open.post('/auth/setup', body);
    expect(answer, 201);
    const cookie = answer.headers['set-cookie'][0];
    assert.match(cookie, /;\s*Secure/);
    const signed_in = {cookie: cookie.split(';')[0], csrf: answer.json.csrf_token};
    user = client({...signed_in, origin: server.base});
    expect(await user.patch('/auth/me', {display_name: 'Ann'}), 200);
    const plain = client({...signed_in, origin: server.base.replace('https:', 'http:')});
    expect(await plain.patch('/auth/me', {display_name: 'Eve'}), 403);
    const page = await client().get('root:/', {record: false});
    assert.equal(page.headers['strict-transport-security'], 'max-age=31536000');
  });

  await t.test('uploads, downloads and events over TLS', async () => {
    const socket = await Socket.open(user);
    await socket.hello();
    const image = await add_image(user, {box: true});
    const data = await user.get(`/images/${image.id}/data`);
    expect(data, 200);
    assert.equal(data.bytes.length, image.byte_size);
    const job = await submit(user, [image.id]);
    await socket.until((f) => f.type === 'job.completed' && f.job.id === job.id);
    socket.close();
  });

  await t.test('plain HTTP to this port is told to speak TLS', async () => {
    const port = new URL(server.base).port;
    const answer = await new Promise((resolve, reject) => {
      const req = http.get({host: '127.0.0.1', port, path: '/health'}, (res) => {
        let text = '';
        res.on('data', (c) => (text += c));
        res.on('end', () => resolve({status: res.statusCode, text}));
      });
      req.on('error', reject);
    });
    assert.equal(answer.status, 400);
    assert.match(answer.text, /TLS/);
  });

  await t.test('SIGHUP: new connections get the new certificate, old ones live', async () => {
    const socket = await Socket.open(user);
    await socket.hello();
    const kept = client({key: null});
    kept.agent.maxSockets = 1;
    assert.equal((await kept.get('root:/health')).certificate, 'first');
    ca = make_certificate(files, 'second');
    server.child.kill('SIGHUP');
    assert.equal(await until(served_or_null, (cn) => cn === 'second', 'second'), 'second');
    // The same sockets go on.
    assert.equal((await kept.get('root:/health')).certificate, 'first');
    const image = await add_image(user, {box: true});
    const job = await submit(user, [image.id]);
    await socket.until((f) => f.type === 'job.completed' && f.job.id === job.id);
    assert.equal(socket.close_code, undefined);
    socket.close();
  });
  /// While the change is under way the client may be shown a certificate it doesn't trust yet.
  async function served_or_null() {
    try {
      return await served();
    } catch {
      return null;
    }
  }

  await t.test('a bad pair: the old one stays and the log says why', async () => {
    const other = path.join(files, 'other');
    make_certificate(other, 'third');
    fs.copyFileSync(path.join(other, 'key.pem'), path.join(files, 'key.pem'));
    server.child.kill('SIGHUP');
    const stays = /the certificate in use stays.*key\.pem.*does not belong to the certificate/;
    await until(
      () => server.log,
      (text) => stays.test(text),
      'the log',
    );
    assert.equal(await served(), 'second');
    fs.writeFileSync(path.join(files, 'chain.pem'), 'not a certificate\n');
    server.child.kill('SIGHUP');
    await until(
      () => server.log,
      (text) => /stays.*chain\.pem.*is no usable PEM certificate/.test(text),
      'the log',
    );
    assert.equal(await served(), 'second');
    assert.equal(server.ended, null);
    assert.ok(!/PRIVATE KEY/.test(server.output));
  });

  await t.test('without a signal, changed files are noticed', async () => {
    ca = make_certificate(files, 'fourth');
    assert.equal(await until(served_or_null, (cn) => cn === 'fourth', 'fourth'), 'fourth');
  });

  await t.test('a pair that cannot be used is named at start', async () => {
    for (const [chain, key, wanted] of [
      ['nowhere.pem', 'key.pem', /http\.tls_certificate: .*nowhere\.pem: No such file/],
      ['chain.pem', 'nowhere.pem', /http\.tls_key: .*nowhere\.pem: No such file/],
      ['key.pem', 'key.pem', /http\.tls_certificate: .*key\.pem: is no usable PEM certificate/],
      ['chain.pem', 'chain.pem', /http\.tls_key: .*chain\.pem: is no usable PEM key/],
      ['chain.pem', 'other/key.pem', /http\.tls_key: .*key\.pem: does not belong to/],
      ['chain.pem', null, /http\.tls_key is needed with http\.tls_certificate/],
    ]) {
      const pair = ['--http.tls-certificate', path.join(files, chain)];
      if (key) pair.push('--http.tls-key', path.join(files, key));
      const bad = new Server({args: pair});
      await assert.rejects(bad.start(), wanted);
      assert.equal(bad.ended.code, 1);
      await bad.destroy();
    }
  });

  await t.test('openssl agrees: 1.2 and 1.3, nothing older', async () => {
    const {host} = new URL(server.base);
    const with_version = (flag) =>
      spawnSync('openssl', ['s_client', '-connect', host, flag, '-brief'], {
        input: '',
        timeout: 20_000,
      });
    assert.match(String(with_version('-tls1_3').stderr), /TLSv1\.3/);
    assert.match(String(with_version('-tls1_2').stderr), /TLSv1\.2/);
    assert.notEqual(with_version('-tls1_1').status, 0);
  });
}
