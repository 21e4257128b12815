// Invite and password-reset links: from an administrator and from the command line.
import assert from 'node:assert/strict';

import {Browser} from '../lib/browser_session.mjs';
import {expect} from '../lib/client.mjs';
import {Socket} from '../lib/socket.mjs';
import {start_server} from '../lib/server.mjs';

const token_of = (url) => new URL(url).hash.match(/\?token=([\w-]{43})$/)?.[1];

export default async function (t) {
  const server = await start_server(t);
  const root = await server.add_user('root@example.org', {admin: true});
  const open = () => new Browser(server.base);
  const inspect = (token) => open().post('/auth/links/inspect', {token});
  const redeem = (token, password = 'a password of mine', more = {}) =>
    open().post('/auth/links/redeem', {token, password, ...more});

  await t.test('an invite creates the account, sets the password once, and signs in', async () => {
    const made = expect(await root.post('/admin/users', {email: 'ida@example.org'}), 201);
    assert.equal(made.invite.kind, 'invite');
    assert.ok(made.invite.url.startsWith(`${server.base}/#/invite?token=`), made.invite.url);
    const token = token_of(made.invite.url);
    const seen = expect(await inspect(token), 200);
    assert.deepEqual([seen.kind, seen.email], ['invite', 'ida@example.org']);
    expect(await open().post('/auth/login', {email: 'ida@example.org', password: token}), 401);
    expect(await redeem(token, 'short'), 422);
    const browser = open();
    const me = expect(
      await browser.post('/auth/links/redeem', {
        token,
        password: 'a password of mine',
        display_name: 'Ida B.',
      }),
      200,
    );
    assert.deepEqual([me.email, me.display_name], ['ida@example.org', 'Ida B.']);
    browser.csrf = me.csrf_token;
    expect(await browser.patch('/auth/me', {display_name: 'Ida'}), 200);
    const again = [await inspect(token), await redeem(token), await redeem('A'.repeat(43))];
    for (const answer of again) {
      expect(answer, 404);
      assert.equal(answer.json.code, 'link_invalid');
      assert.equal(answer.json.detail, again[0].json.detail);
    }
    await open().sign_in('ida@example.org', 'a password of mine');
  });

  await t.test('of ten redeeming at once exactly one wins', async () => {
    const made = expect(await root.post('/admin/users', {email: 'race@example.org'}), 201);
    const token = token_of(made.invite.url);
    const answers = await Promise.all(
      Array.from({length: 10}, (_, i) => redeem(token, `password number ${i}`)),
    );
    const won = answers.filter((a) => a.status === 200);
    assert.equal(won.length, 1);
    for (const a of answers) expect(a, [200, 404]);
    const which = answers.indexOf(won[0]);
    await open().sign_in('race@example.org', `password number ${which}`);
  });

  await t.test('a reset ends every session, its sockets and earlier links, no key', async () => {
    const vera = await server.add_user('vera@example.org');
    const browser = await open().sign_in('vera@example.org', vera.password);
    const sockets = [await Socket.open(browser), await Socket.open(vera)];
    await Promise.all(sockets.map((s) => s.hello()));
    const id = browser.id;
    const first = expect(await root.post(`/admin/users/${id}/link`, {kind: 'reset'}), 201);
    const second = expect(await root.post(`/admin/users/${id}/link`, {kind: 'reset'}), 201);
    assert.ok(second.url.startsWith(`${server.base}/#/reset?token=`), second.url);
    expect(await inspect(token_of(first.url)), 404);
    expect(await browser.get('/auth/me'), 200); // only using it ends sessions
    expect(await redeem(token_of(second.url), 'a new password'), 200);
    await sockets[0].closed;
    expect(await browser.get('/auth/me'), 401);
    expect(await vera.get('/images'), 200);
    assert.equal(sockets[1].close_code, undefined);
    sockets[1].close();
    const old = await open().post('/auth/login', {email: vera.email, password: vera.password});
    expect(old, 401);
    await open().sign_in(vera.email, 'a new password');
  });

  await t.test('a password change and disabling end open links', async () => {
    const nora = await server.add_user('nora@example.org');
    const browser = await open().sign_in(nora.email, nora.password);
    const link = async () => {
      const answer = await root.post(`/admin/users/${browser.id}/link`, {kind: 'reset'});
      return token_of(expect(answer, 201).url);
    };
    const before = await link();
    const change = {current_password: nora.password, new_password: 'quite another one'};
    expect(await browser.post('/auth/password', change), 204);
    expect(await inspect(before), 404);
    const second = await link();
    expect(await root.patch(`/admin/users/${browser.id}`, {disabled: true}), 200);
    expect(await redeem(second), 404);
    expect(await root.patch(`/admin/users/${browser.id}`, {disabled: false}), 200);
    expect(await redeem(second), 404);
  });

  await t.test('only administrators issue them, and only for somebody', async () => {
    const user = await server.add_user('plain@example.org');
    const me = expect(await user.get('/auth/me'), 200);
    expect(await user.post(`/admin/users/${me.id}/link`, {kind: 'reset'}), 403);
    expect(await server.client().post(`/admin/users/${me.id}/link`, {kind: 'reset'}), 401);
    const nobody = '0192f0aa-0000-7000-8000-00000000dead';
    expect(await root.post(`/admin/users/${nobody}/link`, {kind: 'reset'}), 404);
    expect(await root.post(`/admin/users/${me.id}/link`, {kind: 'gift'}), 422);
  });

  await t.test('samovar user invite and reset beside the server name its address', async () => {
    const invited = await server.user_command('invite', 'Cleo@example.org', '--admin');
    assert.equal(invited.code, 0, invited.err);
    const url = invited.out.trim();
    assert.ok(url.startsWith(`${server.base}/#/invite?token=`), url);
    assert.equal(expect(await redeem(token_of(url)), 200).role, 'admin');
    const reset = await server.user_command('reset', 'cleo@example.org');
    assert.equal(reset.code, 0, reset.err);
    expect(await redeem(token_of(reset.out.trim()), 'yet another one'), 200);
    await open().sign_in('cleo@example.org', 'yet another one');
    const unknown = await server.user_command('reset', 'nobody@example.org');
    assert.deepEqual([unknown.code, unknown.out], [1, '']);
    assert.match(unknown.err, /not found/i);
    assert.equal((await server.user_command('invite', 'no address')).code, 1);
  });

  await t.test('and without a server; the link works after the next start', async () => {
    await server.stop();
    const made = await server.user_command(
      'invite',
      'late@example.org',
      '--http.public-url',
      'https://team.example.org/',
    );
    assert.equal(made.code, 0, made.err);
    const url = made.out.trim();
    assert.ok(url.startsWith('https://team.example.org/#/invite?token='), url);
    await server.start();
    expect(await redeem(token_of(url)), 200);
    await open().sign_in('late@example.org', 'a password of mine');
  });
}
