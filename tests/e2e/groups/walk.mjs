// Every route of the running server's OpenAPI document, asked by everybody who must not get through
// and then, with the very same request, by the one who must. What to ask is lib/walk_table.mjs; a
// route without an entry there fails.
import assert from 'node:assert/strict';

import {expect} from '../lib/client.mjs';
import {Socket} from '../lib/socket.mjs';
import {table} from '../lib/walk_table.mjs';
import {World} from '../lib/walk_world.mjs';
import {until} from '../lib/work.mjs';

const good_of = (entry) => entry.good ?? [200, 201, 204];
const comparable = (a) => `${a.status} ${a.text.replace(a.json?.request_id ?? '\0', '*')}`;

/// Collects what is wrong instead of ending at the first: one run tells everything.
class Findings {
  list = [];
  status(who, answer, wanted) {
    const all = [wanted].flat();
    if (!all.includes(answer.status)) {
      this.list.push(`${who} gets ${answer.status} instead of ${all.join('/')}: ${answer.text}`);
    }
  }
  nothing_private(who, answer, w, request) {
    for (const mark of w.marks) {
      if (!request.text.includes(mark) && answer.bytes.includes(mark)) {
        this.list.push(`${who} is shown "${mark}" (${answer.status})`);
      }
    }
  }
  check(route) {
    assert.equal(this.list.length, 0, `${route}:\n${this.list.join('\n')}`);
  }
}

/// Who is refused before any id is looked at: [name, client, status].
async function refused(w, method, admin_route) {
  const change = method !== 'GET';
  const people = [
    ['nobody', w.server.client(), 401],
    ['an unknown key', w.server.client({key: 'smv_' + 'A'.repeat(43)}), 401],
    ['a revoked key', w.revoked, 401],
    ['an ended session', w.ended, 401],
    ['a disabled user by key', w.gone, 401],
    ['a disabled user by cookie', w.gone_session, 401],
  ];
  if (admin_route) {
    people.push(['a user', w.owner, 403], ['another user', w.other, 403]);
    people.push(['a user by cookie', await w.session('anna@example.org'), 403]);
  }
  if (!change) return people;
  const email = admin_route ? 'root@example.org' : 'anna@example.org';
  const {cookie, csrf} = await w.session(email);
  const foreign = await w.session('boris@example.org');
  const key = admin_route ? w.admin_read_only : w.owner_read_only;
  const base = w.server.base;
  people.push(
    ['a read-only key', key, 403],
    ['the cookie without a CSRF token', w.server.client({cookie, origin: base}), 403],
    ["the cookie with another's token", w.server.client({cookie, csrf: foreign.csrf}), 403],
    ['another site', w.server.client({cookie, csrf, origin: 'https://evil.example'}), 403],
  );
  return people;
}

async function ask_as_another(w, found, route, entry, request) {
  const [method] = route.split(' ');
  const wanted = entry.other ?? (entry.id ? 404 : 'own');
  const answer = await w.ask(w.other, method, request);
  found.status('another user', answer, wanted === 'own' ? good_of(entry) : wanted);
  found.nothing_private('another user', answer, w, request);
  if (method === 'GET') {
    const head = await w.ask(w.other, 'HEAD', request);
    found.status('another user with HEAD', head, answer.status);
  }
  return answer;
}

/// Ids of nothing, as the owner: the very answer that another user got for the owner's.
async function ask_for_nothing(w, found, route, entry, asker, others) {
  const [method] = route.split(' ');
  for (let i = 0; i < 3; i++) {
    const request = w.request(route, entry, await w.fill(entry, 'unknown'));
    const answer = await w.ask(asker, method, request);
    found.status('an unknown id', answer, entry.unknown ?? (entry.id ? 404 : others.status));
    if (others && entry.id && comparable(answer) !== comparable(others)) {
      found.list.push(`unknown: ${comparable(answer)}, another's: ${comparable(others)}`);
    }
  }
  if (!entry.id || entry.free) return;
  const bad = w.request(route, entry, await w.fill(entry, 'bad'));
  found.status('a bad id', await w.ask(asker, method, bad), 422);
  found.status('nobody with a bad id', await w.ask(w.server.client(), method, bad), 401);
}

async function walk_closed(w, route, entry) {
  const found = new Findings();
  const [method, path] = route.split(' ');
  const admin_route = path.startsWith('/api/v1/admin/');
  const owner = admin_route ? w.admin : w.owner;
  const x = await w.fill(entry, 'own');
  const request = w.request(route, entry, x);
  const people = await refused(w, method, admin_route);
  const before = await w.snapshot();
  for (const [who, client, status] of people) {
    const answer = await w.ask(client, method, request);
    found.status(who, answer, status);
    found.nothing_private(who, answer, w, request);
  }
  let others = null;
  if (!admin_route) others = await ask_as_another(w, found, route, entry, request);
  if (entry.id || entry.uses) await ask_for_nothing(w, found, route, entry, owner, others);
  const after = await w.snapshot();
  if (after !== before) found.list.push(`what was refused changed something:\n${before}\n${after}`);
  // The same request now succeeds: all of the above had something to find.
  found.status('the owner', await w.ask(owner, method, request), good_of(entry));
  if (method === 'GET') {
    const key = admin_route ? w.admin_read_only : w.owner_read_only;
    found.status('the owner by a read-only key', await w.ask(key, method, request), good_of(entry));
  }
  const session = await w.session(admin_route ? 'root@example.org' : 'anna@example.org');
  const again = w.request(route, entry, await w.fill(entry, 'own'));
  found.status('the owner by cookie', await w.ask(session, method, again), good_of(entry));
  found.check(route);
}

/// An open route takes no notice of who asks, and tells nothing about anybody.
async function walk_open(w, route, entry) {
  const found = new Findings();
  const [method] = route.split(' ');
  for (const [who, client] of [
    ['nobody', w.server.client()],
    ['a revoked key', w.revoked],
    ['a disabled user', w.gone],
    ['a read-only key', w.owner_read_only],
    ['the owner', w.owner],
  ]) {
    const request = w.request(route, entry, await w.fill(entry, 'own'));
    const answer = await w.ask(client, method, request);
    found.status(who, answer, good_of(entry));
    found.nothing_private(who, answer, w, request);
  }
  if (method !== 'GET') {
    const request = w.request(route, entry, await w.fill(entry, 'own'));
    const headers = {origin: 'https://evil.example'};
    const answer = await w.ask(w.server.client(), method, request, headers);
    found.status('another site', answer, 403);
  }
  found.check(route);
}

async function walk_socket(w, route, entry) {
  const found = new Findings();
  const {path} = w.request(route, entry, await w.fill(entry, 'own'));
  assert.equal(path, '/ws');
  const session = await w.session('anna@example.org');
  const status_of = (client, options) =>
    Socket.open(client, options).then(
      (s) => (s.close(), 101),
      (e) => e.status ?? String(e),
    );
  for (const [who, client, wanted, options] of [
    ['nobody', w.server.client(), 401],
    ['an unknown key', w.server.client({key: 'smv_' + 'A'.repeat(43)}), 401],
    ['a revoked key', w.revoked, 401],
    ['an ended session', w.ended, 401],
    ['a disabled user by key', w.gone, 401],
    ['a disabled user by cookie', w.gone_session, 401],
    ['another site', session, 403, {headers: {origin: 'https://evil.example'}}],
    ['the cookie without Origin', w.server.client({cookie: session.cookie}), 403],
    ['the owner by cookie', session, 101],
    ['the owner by a read-only key', w.owner_read_only, 101],
  ]) {
    const got = await status_of(client, options);
    if (got !== wanted) found.list.push(`${who} gets ${got} instead of ${wanted}`);
  }
  // One job of the owner is open: the owner's first frame names it, nobody else's does.
  const id = await w.make('queued_job');
  const mine = await Socket.open(w.owner);
  const theirs = await Socket.open(w.other, {since: 1});
  assert.ok(JSON.stringify(await mine.hello()).includes(id));
  await theirs.hello();
  expect(await w.owner.post(`/jobs/${id}/cancel`), 200);
  await mine.until((f) => f.type === 'job.cancelled' && f.job.id === id, 'job.cancelled');
  const text = JSON.stringify(theirs.frames);
  for (const mark of w.marks) if (text.includes(mark)) found.list.push(`another sees ${mark}`);
  mine.close();
  theirs.close();
  found.check(route);
}

async function walk(w, route, entry, open) {
  const quiet = (jobs) => jobs.every((j) => !['queued', 'running'].includes(j.status));
  await until(async () => expect(await w.owner.get('/jobs'), 200), quiet, 'no open job');
  const still = entry.still || entry.socket;
  const drain = (resume) => w.admin.post('/admin/devices/cpu:0/drain', {resume});
  if (still) expect(await drain(false), 200);
  try {
    if (entry.socket) await walk_socket(w, route, entry);
    else if (open) await walk_open(w, route, entry);
    else await walk_closed(w, route, entry);
  } finally {
    if (still) expect(await drain(true), 200);
  }
}

export default async function (t) {
  const w = await World.make(t);
  const doc = expect(await w.server.client().get('/openapi.json'), 200);
  const routes = new Map();
  for (const [path, item] of Object.entries(doc.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      if (operation.responses) routes.set(`${method.toUpperCase()} ${path}`, operation);
    }
  }

  await t.test('the table has every route of the document and no other', async () => {
    assert.ok(routes.size > 50, `only ${routes.size} routes`);
    const missing = [...routes.keys()].filter((r) => !table[r]);
    const dead = Object.keys(table).filter((r) => !routes.has(r));
    assert.deepEqual({missing, dead}, {missing: [], dead: []}, 'see tests/e2e/lib/walk_table.mjs');
  });

  await t.test('a route is open only where both the table and the document say so', async () => {
    const wrong = [];
    for (const [route, operation] of routes) {
      const open = operation.security?.length === 0;
      if (table[route] && Boolean(table[route].open) !== open) wrong.push(route);
    }
    assert.deepEqual(wrong, []);
  });

  await t.test("the running server's methods of each path are the document's", async () => {
    const wrong = [];
    for (const [path, item] of Object.entries(doc.paths)) {
      const target = path.startsWith('/api/v1') ? path.slice(7) : `root:${path}`;
      const filled = target.replace(/\{[^}]+\}/g, '0192f0aa-0000-7000-8000-00000000dead');
      const answer = await w.admin.call('PUT', filled, {record: false});
      const known = Object.keys(item).map((m) => m.toUpperCase());
      if (known.includes('GET')) known.push('HEAD');
      const served = (answer.headers.allow ?? '').split(', ');
      const same = known.sort().join() === served.sort().join();
      if (!same || answer.status !== 405) wrong.push(`${path}: ${answer.status} ${served}`);
    }
    assert.deepEqual(wrong, []);
  });

  for (const [route, operation] of routes) {
    const entry = table[route];
    if (!entry) continue; // named by the first test
    const open = operation.security?.length === 0;
    await t.test(route, () => walk(w, route, entry, open));
  }
}
