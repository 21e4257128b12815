// The audit log: what is in it after a day's work, who may read it, and what is never in it.
import assert from 'node:assert/strict';

import {Browser} from '../lib/browser_session.mjs';
import {expect} from '../lib/client.mjs';
import {start_server} from '../lib/server.mjs';

export default async function (t) {
  const server = await start_server(t);
  const root = await server.add_user('root@example.org', {admin: true});
  const root_id = expect(await root.get('/auth/me'), 200).id;
  const open = () => new Browser(server.base);
  const secrets = [root.key];
  let uma;
  let user;

  await t.test('a day of one account', async () => {
    const made = expect(await root.post('/admin/users', {email: 'uma@example.org'}), 201);
    user = made.id;
    const token = made.invite.url.split('token=')[1];
    secrets.push(token, 'first password of uma', 'second password of uma', 'a wrong password');
    uma = open();
    const me = expect(
      await uma.post('/auth/links/redeem', {token, password: 'first password of uma'}),
      200,
    );
    uma.csrf = me.csrf_token;
    secrets.push(uma.cookie.split('=')[1], uma.csrf);
    for (const email of ['uma@example.org', 'nobody@example.org', 'my secret password']) {
      expect(await open().post('/auth/login', {email, password: 'a wrong password'}), 401);
    }
    const second = await open().sign_in('uma@example.org', 'first password of uma');
    const third = await open().sign_in('uma@example.org', 'first password of uma');
    secrets.push(second.cookie.split('=')[1]);
    expect(await third.post('/auth/logout'), 204);
    const other = expect(await uma.get('/auth/sessions'), 200).sessions.find((s) => !s.current);
    expect(await uma.delete(`/auth/sessions/${other.id}`), 204);
    const change = {
      current_password: 'first password of uma',
      new_password: 'second password of uma',
    };
    expect(await uma.post('/auth/password', change), 204);
    const key = expect(await uma.post('/api-keys', {name: 'laptop', read_only: true}), 201);
    secrets.push(key.secret);
    expect(await uma.delete(`/api-keys/${key.id}`), 204);
    expect(await root.patch(`/admin/users/${user}`, {max_images: 7, share_weight: 2}), 200);
    expect(await root.patch(`/admin/users/${user}`, {disabled: true}), 200);
    assert.equal((await server.user_command('enable', 'uma@example.org')).code, 0);
    expect(await root.get('/admin/users'), 200);
    expect(await root.get('/admin/users'), 200);
    expect(await root.delete(`/admin/users/${user}`), 204);
  });

  await t.test('is told in order, with who and from where', async () => {
    const about = expect(await root.get(`/admin/audit?user_id=${user}`), 200);
    assert.deepEqual(about.entries.map((e) => e.action).reverse(), [
      'user_created',
      'link_issued',
      'link_redeemed',
      'sign_in',
      'sign_in_failed',
      'sign_in',
      'sign_in',
      'sign_out',
      'session_revoked',
      'password_changed',
      'key_created',
      'key_revoked',
      'user_changed',
      'user_disabled',
      'user_enabled',
      'user_deleted',
    ]);
    assert.equal(about.total, about.entries.length);
    const of = (action) => about.entries.find((e) => e.action === action);
    assert.equal(of('user_created').actor_email, 'root@example.org');
    assert.equal(of('user_created').subject, 'uma@example.org');
    assert.equal(of('user_changed').actor_id, root_id);
    assert.deepEqual(of('user_changed').detail, {max_images: 7, share_weight: 2});
    assert.equal(of('user_changed').address, '127.0.0.1');
    assert.equal(of('user_enabled').actor_id, null);
    assert.equal(of('user_enabled').address, 'command line');
    assert.equal(of('key_created').subject, 'laptop');
    assert.equal(of('key_created').detail.read_only, true);
    assert.equal(of('sign_in').actor_email, 'uma@example.org'); // kept though the user is gone
    assert.deepEqual(of('sign_in_failed').actor_id, null);
    assert.deepEqual(of('user_deleted').subject_id, user);
  });

  await t.test('failed sign-ins name the address tried, never what else was typed', async () => {
    const failed = expect(await root.get('/admin/audit?action=sign_in_failed'), 200);
    assert.deepEqual(
      failed.entries.map((e) => e.subject),
      [null, 'nobody@example.org', 'uma@example.org'],
    );
  });

  await t.test("an administrator's reads are in it, a polling page once", async () => {
    const reads = expect(await root.get('/admin/audit?action=admin_read'), 200);
    const times = (path) => reads.entries.filter((e) => e.subject === path).length;
    assert.equal(times('/api/v1/admin/users'), 1); // read twice within a minute
    assert.ok(times('/api/v1/admin/audit') >= 1);
  });

  await t.test('pages meet without gap or repetition; without a limit all comes', async () => {
    const all = expect(await root.get('/admin/audit'), 200);
    assert.equal(all.next_cursor, null);
    assert.equal(all.entries.length, all.total);
    const seen = [];
    let cursor = null;
    do {
      const page = expect(
        await root.get(`/admin/audit?limit=5${cursor ? `&cursor=${cursor}` : ''}`),
        200,
      );
      assert.ok(page.entries.length <= 5);
      seen.push(...page.entries.map((e) => e.id));
      cursor = page.next_cursor;
    } while (cursor);
    assert.deepEqual(seen, all.entries.map((e) => e.id));
    assert.deepEqual(seen, [...seen].sort((a, b) => b - a));
    expect(await root.get('/admin/audit?limit=0'), 422);
    expect(await root.get('/admin/audit?user_id=7'), 422);
    assert.equal(expect(await root.get('/admin/audit?action=nothing'), 200).total, 0);
  });

  await t.test('no secret is in it, nor in what the server logs', async () => {
    const text = (await root.get('/admin/audit')).text;
    for (const secret of secrets) {
      assert.ok(secret.length >= 16);
      assert.ok(!text.includes(secret), 'the audit log holds a secret');
      assert.ok(!server.output.includes(secret), 'the server logged a secret');
    }
    assert.ok(!text.includes('my secret password'));
    assert.ok(!text.includes('argon2'));
  });

  await t.test('it is for administrators', async () => {
    const plain = await server.add_user('plain@example.org');
    expect(await plain.get('/admin/audit'), 403);
    expect(await server.client().get('/admin/audit'), 401);
  });
}
