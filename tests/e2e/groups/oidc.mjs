// OpenID Connect with the certified provider of npm in a real browser; forged tokens are in
// oidc_forged.mjs.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';

import {chromium} from 'playwright-core';

import {expect} from '../lib/client.mjs';
import {CertifiedProvider, client_id, client_secret} from '../lib/providers.mjs';
import {Server, scratch_folder, start_server} from '../lib/server.mjs';

const verified = (name, more = {}) => ({
  email: `${name}@example.org`,
  email_verified: true,
  name: `${name} of the lab`,
  ...more,
});

export default async function (t) {
  const people = {
    ada: verified('ada'),
    bob: verified('bob'),
    boss: verified('boss', {groups: ['staff', 'samovar-admins']}),
    eve: verified('eve', {email: 'eve@elsewhere.example'}),
    shy: verified('shy', {email_verified: false}),
    late: verified('late'),
  };
  const provider = await new CertifiedProvider(people).start();
  t.after(() => provider.stop());
  const secret_file = path.join(scratch_folder('oidc'), 'secret');
  fs.writeFileSync(secret_file, `${client_secret}\n`, {mode: 0o600});
  const server = await start_server(t, {
    args: [
      ...['--oidc.issuer', provider.issuer, '--oidc.client-id', client_id],
      ...['--oidc.client-secret-file', secret_file, '--oidc.name', 'The lab'],
      ...['--oidc.allowed-domains', 'example.org', '--oidc.admin-group', 'samovar-admins'],
    ],
  });
  provider.set_up(server.base);

  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  });
  t.after(() => browser.close());

  async function new_page() {
    const profile = await browser.newContext();
    profile.setDefaultTimeout(30_000);
    // The provider's pages ask for a font of another site.
    await profile.route(/googleapis/, (route) => route.abort());
    return profile.newPage();
  }
  /// Goes through the provider's pages until the browser is back.
  async function at_provider(page, login) {
    let arrived = null; // what the server answered with: the page may go on from there at once
    for (let i = 0; i < 4 && page.url().startsWith(provider.issuer); i += 1) {
      if (await page.locator('input[name=login]').count()) {
        await page.fill('input[name=login]', login);
        await page.fill('input[name=password]', 'anything');
      }
      [arrived] = await Promise.all([
        page.waitForNavigation(),
        page.click('button[type=submit]'),
      ]);
    }
    assert.ok(page.url().startsWith(server.base), `still at ${page.url().split('?')[0]}`);
    const at = new URL(arrived?.url() ?? page.url());
    return at.pathname + at.search + at.hash;
  }
  async function sign_in(login, {page = null, query = ''} = {}) {
    page ??= await new_page();
    await page.goto(`${server.base}/api/v1/auth/oidc/login${query}`);
    const landed = await at_provider(page, login);
    return {page, landed};
  }
  const fetch_in = (page, method, route, body) =>
    page.evaluate(
      async ([m, r, b]) => {
        const me = await (await fetch('/api/v1/auth/me')).json();
        const headers = {'x-csrf-token': me.csrf_token ?? ''};
        if (b) headers['content-type'] = 'application/json';
        const answer = await fetch(`/api/v1${r}`, {method: m, headers, body: b ?? undefined});
        const text = await answer.text();
        return {status: answer.status, json: text ? JSON.parse(text) : null};
      },
      [method, route, body ? JSON.stringify(body) : null],
    );
  const me = (page) => fetch_in(page, 'GET', '/auth/me');

  await t.test('the ways to sign in are told to everybody', async () => {
    const answer = expect(await server.client().get('/auth/providers'), 200);
    assert.deepEqual(answer, {
      password: true,
      registration: true,
      oidc: {name: 'The lab', login_url: '/api/v1/auth/oidc/login'},
    });
  });

  let ada;
  await t.test('the first sign-in makes a user, the second finds the same', async () => {
    const first = await sign_in('ada');
    assert.equal(first.landed, '/');
    const user = await me(first.page);
    assert.equal(user.status, 200);
    ada = user.json;
    assert.equal(ada.email, 'ada@example.org');
    assert.equal(ada.display_name, 'ada of the lab');
    assert.equal(ada.role, 'user');
    const cookies = await first.page.context().cookies(server.base);
    const session = cookies.find((c) => c.name === 'samovar_session');
    assert.ok(session.httpOnly && session.sameSite === 'Lax');
    assert.ok(!cookies.some((c) => c.name === 'samovar_oidc'), 'the binding cookie is gone');
    const again = await sign_in('ada', {query: '?return_to=/account'});
    assert.equal(again.landed, '/account');
    assert.equal((await me(again.page)).json.id, ada.id);
    const list = await fetch_in(again.page, 'GET', '/auth/identities');
    assert.equal(list.json.total, 1);
    assert.equal(list.json.identities[0].issuer, provider.issuer);
    assert.equal(list.json.identities[0].email, 'ada@example.org');
    const only = list.json.identities[0].id;
    const last = await fetch_in(again.page, 'DELETE', `/auth/identities/${only}`);
    assert.equal(last.status, 409);
    assert.equal(last.json.code, 'last_sign_in');
    // Signing out here leaves nothing of the session.
    assert.equal((await fetch_in(again.page, 'POST', '/auth/logout')).status, 204);
    assert.equal((await me(again.page)).status, 401);
  });

  await t.test('it never leads to another site', async () => {
    const {landed, page} = await sign_in('ada', {query: '?return_to=//elsewhere.example/x'});
    assert.equal(landed, '/');
    await page.context().close();
  });

  await t.test('other domains and unverified addresses stay outside', async () => {
    for (const [login, code] of [
      ['eve', 'oidc_domain_not_allowed'],
      ['shy', 'oidc_email_unverified'],
    ]) {
      const {landed, page} = await sign_in(login);
      assert.equal(landed, `/sign-in?error=${code}`);
      assert.equal((await me(page)).status, 401);
      await page.context().close();
    }
  });

  await t.test('saying no at the provider leads back', async () => {
    const page = await new_page();
    await page.goto(`${server.base}/api/v1/auth/oidc/login`);
    const cancel = page.locator('a[href*="/abort"]').first();
    await Promise.all([page.waitForURL(`${server.base}/**`), cancel.click()]);
    assert.equal(new URL(page.url()).search, '?error=oidc_cancelled');
    await page.context().close();
  });

  await t.test('an account with the same address is linked only by its owner', async () => {
    const local = await server.add_user('bob@example.org', {password: 'bobs own password'});
    const bob = expect(await local.get('/auth/me'), 200);
    const refused = await sign_in('bob');
    assert.equal(refused.landed, '/sign-in?error=oidc_account_exists');
    assert.equal((await me(refused.page)).status, 401);

    const page = await new_page();
    await page.goto(server.base);
    await fetch_in(page, 'POST', '/auth/login', {
      email: 'bob@example.org',
      password: 'bobs own password',
    });
    assert.equal((await me(page)).json.id, bob.id);
    const link = await fetch_in(page, 'POST', '/auth/oidc/link');
    assert.equal(link.status, 200);
    assert.ok(link.json.location.startsWith(provider.issuer));
    await page.goto(link.json.location);
    assert.equal(await at_provider(page, 'bob'), '/account?linked=1');
    assert.equal((await me(page)).json.id, bob.id);

    const now = await sign_in('bob');
    assert.equal(now.landed, '/');
    assert.equal((await me(now.page)).json.id, bob.id);

    // Ada's identity is Ada's: Bob can't take it.
    assert.equal((await sign_in('ada')).landed, '/');
    const taken = await fetch_in(page, 'POST', '/auth/oidc/link');
    const other = await new_page();
    // The same browser to us, a fresh one to the provider (cookies know no ports).
    const cookies = await page.context().cookies(server.base);
    await other.context().addCookies(cookies.filter((c) => c.name.startsWith('samovar_')));
    await other.goto(taken.json.location);
    assert.equal(await at_provider(other, 'ada'), '/account?link_error=oidc_identity_taken');

    // With a password there is another way in: unlinking is allowed, and effective.
    const list = await fetch_in(page, 'GET', '/auth/identities');
    assert.equal(list.json.total, 1);
    const id = list.json.identities[0].id;
    assert.equal((await fetch_in(page, 'DELETE', `/auth/identities/${id}`)).status, 204);
    assert.equal((await fetch_in(page, 'DELETE', `/auth/identities/${id}`)).status, 404);
    assert.equal((await sign_in('bob')).landed, '/sign-in?error=oidc_account_exists');
    // An API key is no browser.
    expect(await local.post('/auth/oidc/link'), 403);
  });

  await t.test('the buttons of the page link, sign in by it, and unlink', async () => {
    people.carl = verified('carl');
    await server.add_user('carl@example.org', {password: 'carls own password'});
    const page = await new_page();
    const by = (id) => page.locator(`[data-testid="${id}"]`);
    const wrong = [];
    page.on('pageerror', (e) => wrong.push(e.message));

    await page.goto(`${server.base}/account`);
    await by('email').fill('carl@example.org');
    await by('password').fill('carls own password');
    await by('submit').click();
    await by('identities').waitFor();
    assert.equal(await by('identity-row').count(), 0);
    await by('identity-link').click();
    await page.waitForURL(`${provider.issuer}/**`);
    assert.equal(await at_provider(page, 'carl'), '/account?linked=1');
    await by('identity-row').getByText('carl@example.org').waitFor();
    const {id} = (await me(page)).json;

    assert.equal((await fetch_in(page, 'POST', '/auth/logout')).status, 204);
    await page.goto(`${server.base}/sign-in`);
    await by('provider').click();
    await page.waitForURL((url) => url.origin === server.base && url.pathname === '/');
    assert.equal((await me(page)).json.id, id);

    await page.goto(`${server.base}/account`);
    await by('identity-unlink').click();
    await by('dialog-confirm').click();
    await by('identity-row').waitFor({state: 'detached'});
    assert.equal((await fetch_in(page, 'GET', '/auth/identities')).json.total, 0);
    assert.deepEqual(wrong, []);
    await page.context().close();
  });

  await t.test('a linking whose session ended links nothing', async () => {
    const page = await new_page();
    await page.goto(server.base);
    await fetch_in(page, 'POST', '/auth/login', {
      email: 'bob@example.org',
      password: 'bobs own password',
    });
    const link = await fetch_in(page, 'POST', '/auth/oidc/link');
    await fetch_in(page, 'POST', '/auth/logout');
    await page.goto(link.json.location);
    assert.equal(await at_provider(page, 'bob'), '/account?link_error=oidc_session_ended');
    assert.equal((await sign_in('bob')).landed, '/sign-in?error=oidc_account_exists');
  });

  await t.test('a group makes an administrator, and its end an ordinary user', async () => {
    const boss = await sign_in('boss');
    assert.equal((await me(boss.page)).json.role, 'admin');
    assert.equal((await fetch_in(boss.page, 'GET', '/admin/users')).status, 200);
    people.boss.groups = ['staff'];
    const later = await sign_in('boss');
    assert.equal((await me(later.page)).json.role, 'user');
    assert.equal((await fetch_in(boss.page, 'GET', '/admin/users')).status, 403);
    // What an administrator gave stays, whatever the groups say.
    const chief = await server.add_user('chief@example.org', {admin: true});
    const id = (await me(later.page)).json.id;
    expect(await chief.patch(`/admin/users/${id}`, {role: 'admin'}), 200);
    assert.equal((await me((await sign_in('boss')).page)).json.role, 'admin');
  });

  await t.test('a disabled user stays outside', async () => {
    const chief = await server.add_user('chief2@example.org', {admin: true});
    expect(await chief.patch(`/admin/users/${ada.id}`, {disabled: true}), 200);
    assert.equal((await sign_in('ada')).landed, '/sign-in?error=oidc_account_disabled');
    expect(await chief.patch(`/admin/users/${ada.id}`, {disabled: false}), 200);
    assert.equal((await sign_in('ada')).landed, '/');
  });

  await t.test('new keys at the provider are noticed while we run', async () => {
    for (let i = 0; i < 2; i += 1) {
      // With the claims in the ID token itself, as most providers do.
      provider.set_up(server.base, {claims_in_token: true});
      const {page, landed} = await sign_in('late');
      assert.equal(landed, '/');
      assert.equal((await me(page)).json.email, 'late@example.org');
    }
  });

  await t.test('settings that do not fit together are refused at the start', async () => {
    const base = ['--oidc.issuer', 'https://id.example.org', '--oidc.client-id', 'x'];
    const tenants = ['--oidc.issuer', 'https://id.example.org/{tenantid}/v2', ...base.slice(2)];
    const odd = [
      [['--oidc.client-id', 'x'], 'oidc.issuer is not'],
      [['--oidc.issuer', 'https://id.example.org'], 'oidc.client_id is not'],
      [['--oidc.issuer', 'http://id.example.org', ...base.slice(2)], 'oidc.issuer: https'],
      [['--oidc.issuer', 'https://me@id.example.org', ...base.slice(2)], 'oidc.issuer: https'],
      [[...base, '--oidc.client-secret-file', '/nowhere/x'], 'cannot be read'],
      [
        [...base, '--oidc.client-secret', 'top5ecret', '--oidc.client-secret-file', secret_file],
        'both set',
      ],
      [[...base, '--oidc.tenants', 'any'], 'oidc.tenants goes with'],
      [tenants, 'oidc.tenants goes with'],
      [[...tenants, '--oidc.tenants', 'contoso.com'], 'oidc.tenants: ids like'],
      [[...tenants, '--oidc.tenants', 'any', '--oidc.trust-email', 'on'], 'oidc.trust_email'],
      [[...base, '--oidc.allowed-domains', '*.example.org'], 'oidc.allowed_domains'],
      [[...base, '--http.public-url', 'http://segment.example.org'], 'http.public_url'],
      [[...base, '--oidc.scopes', 'email'], 'oidc.scopes'],
    ];
    for (const [args, sentence] of odd) {
      const refused = new Server({args});
      const started = refused.start();
      const closed = new Promise((resolve) => refused.child.once('close', resolve));
      await assert.rejects(started, /ended at start/, args.join(' '));
      await closed;
      assert.ok(refused.output.includes(sentence), `${args.join(' ')}: ${refused.output}`);
      assert.ok(!refused.output.includes('top5ecret'));
      assert.notEqual(refused.ended.code, 0);
      refused.destroy_now();
    }
  });

  await t.test('nothing secret is in the log', async () => {
    for (const secret of [client_secret, encodeURIComponent(client_secret), 'eyJ', 'code='])
      assert.ok(!server.output.includes(secret), `the log holds ${secret}`);
    assert.match(server.output, /oidc: sign-in refused \[[^\]]+\]: oidc_domain_not_allowed/);
  });
}
