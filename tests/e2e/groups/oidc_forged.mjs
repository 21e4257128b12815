// A provider that lies: every forged answer is refused with its own word, nobody is signed in, and
// nothing secret reaches the log.
import assert from 'node:assert/strict';
import {setTimeout as sleep} from 'node:timers/promises';

import {expect} from '../lib/client.mjs';
import {EvilProvider, callback_path, client_id, client_secret, forge} from '../lib/providers.mjs';
import {start_server} from '../lib/server.mjs';

const login_path = '/auth/oidc/login';

/// What a dishonest provider may send in place of a token, and what we call it.
function forgeries(evil) {
  const now = () => Math.floor(Date.now() / 1000);
  const claim = (name, value) => (t) => (t.claims[name] = value);
  const header = (name, value) => (t) => (t.header[name] = value);
  const hmac = (secret) => (t) => {
    t.header.alg = 'HS256';
    t.with = {secret};
  };
  const pem = evil.key.publicKey.export({type: 'spki', format: 'pem'});
  const modulus = Buffer.from(evil.key.jwk.n, 'base64url');
  return [
    ['signed by another key', (t) => (t.with = {key: evil.other_key}), 'oidc_token_signature'],
    [
      'alg none, no signature',
      (t) => {
        t.header.alg = 'none';
        t.with = {};
      },
      'oidc_token_algorithm',
    ],
    ['alg none, but signed', header('alg', 'none'), 'oidc_token_algorithm'],
    ['alg nOnE', header('alg', 'nOnE'), 'oidc_token_algorithm'],
    ['RS256 without a signature', (t) => (t.with = {}), 'oidc_token_signature'],
    ['HS256 with the public key as PEM', hmac(pem), 'oidc_token_algorithm'],
    ['HS256 with the modulus', hmac(modulus), 'oidc_token_algorithm'],
    ['HS256 with the published JWK', hmac(JSON.stringify(evil.key.jwk)), 'oidc_token_algorithm'],
    ['HS256 with the client secret', hmac(client_secret), 'oidc_token_algorithm'],
    [
      'a key of its own in the header',
      (t) => {
        t.header.jwk = evil.other_key.jwk;
        t.with = {key: evil.other_key};
      },
      'oidc_token_signature',
    ],
    ['no kid', (t) => delete t.header.kid, 'oidc_token_key_unknown'],
    ['a kid nobody knows', header('kid', 'another'), 'oidc_token_key_unknown'],
    ['an algorithm that does not fit the key', header('alg', 'ES256'), 'oidc_token_key_unknown'],
    ['a critical extension', header('crit', ['exp']), 'oidc_token_malformed'],
    ['an access token in its place', header('typ', 'at+jwt'), 'oidc_token_malformed'],
    [
      'alg twice',
      (t) => {
        const claims = Buffer.from(JSON.stringify(t.claims)).toString('base64url');
        const head = `{"alg":"none","alg":"RS256","kid":"${evil.key.kid}"}`;
        t.raw = `${Buffer.from(head).toString('base64url')}.${claims}.c2ln`;
      },
      'oidc_token_malformed',
    ],
    [
      'claims changed after signing',
      (t) => {
        const parts = forge(t.header, t.claims, t.with).split('.');
        const changed = {...t.claims, sub: 'somebody else'};
        parts[1] = Buffer.from(JSON.stringify(changed)).toString('base64url');
        t.raw = parts.join('.');
      },
      'oidc_token_signature',
    ],
    ['expired', (t) => (t.claims.exp = now() - 3600), 'oidc_token_expired'],
    ['without an end', (t) => delete t.claims.exp, 'oidc_token_malformed'],
    ['an end that is text', claim('exp', '9999999999'), 'oidc_token_malformed'],
    ['not yet valid (nbf)', (t) => (t.claims.nbf = now() + 3600), 'oidc_token_not_yet_valid'],
    ['issued in the future', (t) => (t.claims.iat = now() + 3600), 'oidc_token_not_yet_valid'],
    ['for another client', claim('aud', 'another'), 'oidc_token_audience'],
    ['for several, without azp', claim('aud', [client_id, 'another']), 'oidc_token_audience'],
    ['used by another client', claim('azp', 'another'), 'oidc_token_audience'],
    ['of another issuer', claim('iss', 'https://id.example.org'), 'oidc_token_issuer'],
    ['of almost the same issuer', claim('iss', `${evil.issuer}/`), 'oidc_token_issuer'],
    ['of another sign-in', claim('nonce', 'another'), 'oidc_token_nonce'],
    ['without a nonce', (t) => delete t.claims.nonce, 'oidc_token_nonce'],
    ['with another access token', claim('at_hash', 'AAAAAAAAAAAAAAAAAAAAAA'), 'oidc_token_hash'],
    ['without a subject', (t) => delete t.claims.sub, 'oidc_token_malformed'],
    ['no JWT at all', (t) => (t.raw = 'nonsense'), 'oidc_token_malformed'],
    ['a JWT that is huge', (t) => (t.claims.pad = 'x'.repeat(70_000)), 'oidc_token_malformed'],
    ['unverified address', claim('email_verified', false), 'oidc_email_unverified'],
    ['no address', (t) => delete t.claims.email, 'oidc_email_missing'],
  ];
}

/// Answers that are no answers.
const broken = (evil) => ({
  'broken JSON': (_, res) => res.end('{"access_token":'),
  'a web page': (_, res) => res.end('<html></html>'),
  'a member twice': (_, res) => res.end('{"issuer":"a","issuer":"b","keys":[],"keys":[]}'),
  'a deep pit': (_, res) => res.end(`{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}`),
  'a huge answer': (_, res) => res.end(`{"a":"${'x'.repeat(1_000_000)}"}`),
  'an endless answer': (_, res) => {
    const more = () => res.write('x'.repeat(65_536), (error) => error || setImmediate(more));
    more();
  },
  'a redirect': (_, res) => {
    res.writeHead(302, {location: `${evil.issuer}/elsewhere`});
    res.end();
  },
  'an error': (_, res) => {
    res.writeHead(500);
    res.end('{}');
  },
  'a hang-up': (req) => req.socket.destroy(),
});

export default async function (t) {
  const evil = await new EvilProvider().start();
  t.after(() => evil.stop());
  const server = await start_server(t, {
    args: [
      ...['--oidc.issuer', evil.issuer, '--oidc.client-id', client_id, '--oidc.cache-s', '1'],
      ...['--oidc.client-secret', client_secret, '--oidc.client-auth', 'post'],
      ...['--oidc.timeout-s', '5', '--http.pool-threads', '4'],
    ],
  });
  const client = server.client();
  const secrets = evil.secrets;
  secrets.add(client_secret).add(encodeURIComponent(client_secret)).add(evil.access_token);

  /// As a browser begins: where it is sent, and the cookie it got.
  async function begin(headers = {}) {
    const answer = await client.get(login_path, {headers});
    expect(answer, 302);
    const to = new URL(answer.headers.location, server.base);
    const cookie = (answer.headers['set-cookie'] ?? []).map((c) => c.split(';')[0]).join('; ');
    const sent = Object.fromEntries(to.searchParams);
    for (const name of ['state', 'nonce']) if (sent[name]) secrets.add(sent[name]);
    if (cookie) secrets.add(cookie.split('=')[1]);
    return {to, cookie, ...sent};
  }
  /// As it comes back: {code: the word of the refusal, or null; cookie: the session's, or null}.
  async function come_back(begun, query = {}, cookie = begun.cookie) {
    evil.nonce = begun.nonce;
    const code = `code-${Math.random().toString(36).slice(2)}`;
    secrets.add(code);
    const all = {code, state: begun.state, iss: evil.issuer, ...query};
    for (const name of Object.keys(all)) if (all[name] === null) delete all[name];
    const target = `${callback_path}?${new URLSearchParams(all)}`.replace('/api/v1', '');
    const answer = await client.get(target, {headers: {cookie: cookie || null}});
    expect(answer, 302);
    const to = new URL(answer.headers.location, server.base);
    const set = (answer.headers['set-cookie'] ?? []).find((c) => c.startsWith('samovar_session='));
    if (to.pathname === '/sign-in') assert.equal(set, undefined, 'refused, and yet signed in');
    return {code: to.searchParams.get('error'), cookie: set?.split(';')[0] ?? null};
  }
  const users = async () => {
    const chief = await server.add_user(`c${Math.random()}@example.org`, {admin: true});
    const list = expect(await chief.get('/admin/users'), 200);
    return (Array.isArray(list) ? list : list.users).map((u) => u.email);
  };

  await t.test('every forged token is refused with its own word', async () => {
    for (const [name, spoil, code] of forgeries(evil)) {
      evil.spoil = spoil;
      assert.equal((await come_back(await begin())).code, code, name);
    }
    evil.reset();
    assert.ok(!(await users()).includes('mallory@example.org'), 'a forgery made a user');
  });

  await t.test('the same answer without a lie signs in: the test can tell', async () => {
    const begun = await begin();
    assert.equal(begun.redirect_uri, server.base + callback_path);
    const {code, cookie} = await come_back(begun);
    assert.equal(code, null);
    const me = expect(await server.client({cookie}).get('/auth/me'), 200);
    assert.equal(me.email, 'mallory@example.org');
    secrets.add(cookie.split('=')[1]);
    const exchange = evil.asked.filter((a) => a.path === '/token').pop();
    const form = new URLSearchParams(exchange.body);
    assert.equal(form.get('client_secret'), client_secret);
    assert.equal(exchange.authorization, undefined);
    assert.ok(form.get('code_verifier').length >= 43);
    secrets.add(form.get('code_verifier'));
  });

  await t.test('a state works once, and only in its own browser', async () => {
    const mine = await begin();
    const theirs = await begin();
    const asked = evil.asked.filter((a) => a.path === '/token').length;
    assert.equal((await come_back(mine, {}, theirs.cookie)).code, 'oidc_state_invalid');
    assert.equal((await come_back(mine, {}, '')).code, 'oidc_state_invalid');
    assert.equal((await come_back(mine, {state: 'guessed'})).code, 'oidc_state_invalid');
    assert.equal((await come_back(mine, {state: null})).code, 'oidc_state_invalid');
    assert.equal(evil.asked.filter((a) => a.path === '/token').length, asked);
    assert.equal((await come_back(mine)).code, null);
    assert.equal((await come_back(mine)).code, 'oidc_state_invalid');
  });

  await t.test('an answer of another provider is noticed before the code is used', async () => {
    const asked = evil.asked.filter((a) => a.path === '/token').length;
    for (const iss of ['https://id.example.org', `${evil.issuer}/`, '', null])
      assert.equal((await come_back(await begin(), {iss})).code, 'oidc_issuer_mismatch');
    for (const [error, code] of [
      ['access_denied', 'oidc_cancelled'],
      ['invalid_scope', 'oidc_refused'],
      ['temporarily_unavailable', 'oidc_unavailable'],
    ])
      assert.equal((await come_back(await begin(), {error})).code, code);
    assert.equal(evil.asked.filter((a) => a.path === '/token').length, asked);
  });

  await t.test('odd answers of the token endpoint', async () => {
    for (const [name, respond] of Object.entries(broken(evil))) {
      evil.respond = {'/token': respond};
      const {code} = await come_back(await begin());
      assert.equal(code, 'oidc_unavailable', name);
    }
    evil.respond = {
      '/token': (_, res) => {
        res.writeHead(400);
        res.end('{"error":"invalid_grant","error_description":"secret words"}');
      },
    };
    assert.equal((await come_back(await begin())).code, 'oidc_code_refused');
    evil.reset();
    assert.ok(!evil.asked.some((a) => a.path === '/elsewhere'), 'a redirect was followed');
  });

  await t.test('odd discovery documents and keys', async () => {
    // What was fetched is kept for a second, and a failure is for three.
    const pause = () => sleep(4_200);
    const documents = {
      'another issuer': {issuer: 'https://id.example.org'},
      'a token endpoint without TLS': {token_endpoint: 'http://id.example.org/token'},
      'keys without TLS': {jwks_uri: 'http://id.example.org/keys'},
    };
    const odd = Object.entries(documents).map(([name, change]) => [
      name,
      (_, res) => res.end(JSON.stringify({...evil.discovery(), ...change})),
    ]);
    const {'broken JSON': no_json, 'a huge answer': huge, 'a redirect': away} = broken(evil);
    for (const [name, respond] of [...odd, ['broken JSON', no_json], ['huge', huge], ['away', away]]) {
      await pause();
      evil.respond = {'/.well-known/openid-configuration': respond};
      assert.equal((await begin()).to.searchParams.get('error'), 'oidc_unavailable', name);
    }
    for (const [name, respond] of [
      ['no JSON', no_json],
      ['no set', (_, res) => res.end('{"keys":{}}')],
    ]) {
      await pause();
      evil.respond = {'/keys': respond};
      assert.equal((await come_back(await begin())).code, 'oidc_unavailable', name);
    }
    await pause();
    evil.respond = {'/keys': (_, res) => res.end(JSON.stringify({keys: []}))};
    assert.equal((await come_back(await begin())).code, 'oidc_token_key_unknown');
    evil.reset();
    await pause();
    assert.equal((await come_back(await begin())).code, null);
  });

  await t.test('a provider that hangs holds nothing else up', async () => {
    const held = [];
    evil.respond = {'/token': (_, res) => held.push(res)};
    const begun = [];
    for (let i = 0; i < 6; i += 1) begun.push(await begin());
    let ended = 0;
    const waiting = begun.map((b) =>
      come_back(b).then((r) => {
        ended += 1;
        return r.code;
      }),
    );
    while (held.length < 2) await sleep(20);
    expect(await client.get('/auth/providers'), 200); // this one needs a thread of the pool
    assert.ok(ended <= 4, 'the two that wait still wait');
    const codes = (await Promise.all(waiting)).sort();
    assert.equal(held.length, 2, 'two at most wait for the provider');
    assert.deepEqual(codes, [...Array(4).fill('oidc_busy'), ...Array(2).fill('oidc_unavailable')]);
    // A word now and then is no answer either: the whole exchange has one deadline.
    evil.respond = {
      '/token': (_, res) => {
        const drip = setInterval(() => res.write(' '), 200);
        res.on('close', () => clearInterval(drip));
      },
    };
    assert.equal((await come_back(await begin())).code, 'oidc_unavailable');
    evil.reset();
  });

  await t.test('nothing secret is in the log', async () => {
    assert.ok(secrets.size > 100, 'there were secrets to look for');
    for (const secret of secrets)
      assert.ok(!server.output.includes(secret), `the log holds ${secret.slice(0, 12)}…`);
    for (const word of ['eyJ', 'secret words', 'mallory'])
      assert.ok(!server.output.includes(word), `the log holds ${word}`);
  });
}
