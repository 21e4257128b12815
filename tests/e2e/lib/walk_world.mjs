// The people of the isolation walk, and how a route of the table becomes a request.
import {randomUUID} from 'node:crypto';
import {setTimeout as sleep} from 'node:timers/promises';

import {expect, multipart} from './client.mjs';
import {start_server} from './server.mjs';
import {kinds, password} from './walk_table.mjs';

/// Everything of the owner that an answer to somebody else must not contain.
export const private_words = ['private', 'anna@example.org'];

export class World {
  static async make(group) {
    const w = new World();
    w.server = await start_server(group, {args: ['--http.allow-registration', 'on']});
    w.admin = await w.server.add_user('root@example.org', {admin: true, password});
    w.owner = await w.server.add_user('anna@example.org', {password});
    w.other = await w.server.add_user('boris@example.org', {password});
    await w.server.add_user('visitor@example.org', {password});
    w.gone = await w.server.add_user('dora@example.org', {password});
    w.things = new Map();
    w.sessions = new Map();
    w.marks = new Set(private_words);
    w.number = 0;
    for (const who of ['owner', 'admin']) {
      const body = {name: 'private-read-only', read_only: true};
      const key = expect(await w[who].post('/api-keys', body), 201);
      w[`${who}_read_only`] = w.server.client({key: key.secret ?? key.key});
    }
    await w.lock_people_out();
    return w;
  }

  /// Credentials that were good once: each was used before, so that a cache knows it.
  async lock_people_out() {
    const key = expect(await this.owner.post('/api-keys', {name: 'private-revoked'}), 201);
    this.revoked = this.server.client({key: key.secret ?? key.key});
    expect(await this.revoked.get('/auth/me'), 200);
    expect(await this.owner.delete(`/api-keys/${key.id}`), 204);
    this.ended = await this.login('anna@example.org');
    const copy = this.server.client({cookie: this.ended.cookie});
    expect(await this.ended.post('/auth/logout'), 204);
    this.ended = copy;
    this.gone_session = await this.login('dora@example.org');
    expect(await this.gone.get('/auth/me'), 200);
    const id = expect(await this.gone_session.get('/auth/me'), 200).id;
    expect(await this.admin.patch(`/admin/users/${id}`, {disabled: true}), 200);
  }

  async login(email) {
    const answer = await this.server
      .client({origin: this.server.base})
      .post('/auth/login', {email, password});
    expect(answer, 200);
    const cookie = answer.headers['set-cookie'][0].split(';')[0];
    const options = {cookie, csrf: answer.json.csrf_token, origin: this.server.base};
    return this.server.client(options);
  }

  /// A session that is alive; signing in costs too much to do it for each route.
  async session(email) {
    const known = this.sessions.get(email);
    if (known && (await known.get('/auth/me')).status === 200) return known;
    const fresh = await this.login(email);
    this.sessions.set(email, fresh);
    return fresh;
  }

  next() {
    this.number += 1;
    return this.number;
  }
  async make(kind) {
    if (!kinds[kind]) throw new Error(`the table has no kind "${kind}"`);
    const id = await kinds[kind](this);
    if (!id) throw new Error(`no ${kind} was made`);
    if (kind !== 'device') this.marks.add(id);
    return id;
  }
  /// One that stays: made when it is first asked for.
  async shared(kind) {
    if (!this.things.has(kind)) this.things.set(kind, await this.make(kind));
    return this.things.get(kind);
  }

  /// What the table's entry needs: the owner's things, ids of nothing, or texts that are no ids.
  async fill(entry, what) {
    const x = {n: this.next()};
    for (const kind of [entry.id, ...(entry.uses ?? '').split(' ')].filter(Boolean)) {
      if (what === 'own') x[kind] = await (entry.fresh ? this.make(kind) : this.shared(kind));
      else x[kind] = what === 'unknown' ? randomUUID() : 'no-uuid';
    }
    return x;
  }

  /// {path, options} for Client.call; the same `x` gives the same request.
  request(route, entry, x) {
    const [, template] = route.split(' ');
    let path = template.replace(/\{[^}]+\}/g, entry.id ? encodeURIComponent(x[entry.id]) : '');
    path = path.startsWith('/api/v1') ? path.slice('/api/v1'.length) : `root:${path}`;
    const of = (value) => (typeof value === 'function' ? value(x) : value);
    if (entry.query) path += `?${of(entry.query)}`;
    const options = {};
    if (entry.json) options.json = of(entry.json);
    if (entry.form) {
      const form = multipart(of(entry.form));
      options.body = form.body;
      options.headers = {'content-type': form.type};
    }
    return {path, options, text: path + JSON.stringify(options.json ?? '')};
  }

  /// Asks; a limit on the rate of requests is waited out, because it speaks before the rights do.
  async ask(client, method, {path, options}, headers = {}) {
    for (let tries = 0; ; tries++) {
      const all = {...options.headers, ...headers};
      const answer = await client.call(method, path, {...options, headers: all});
      if (answer.status !== 429 || tries === 5) return answer;
      await sleep(1000 * Math.min(10, Number(answer.headers['retry-after'] ?? 1)));
    }
  }

  /// The owner's and the administrator's view of what refused requests could have changed.
  async snapshot() {
    const seen = [];
    for (const path of ['/auth/me', '/images', '/images/history', '/jobs', '/api-keys', '/queue']) {
      seen.push(expect(await this.owner.get(path), 200));
    }
    for (const kind of ['image', 'done_image']) {
      const id = this.things.get(kind);
      if (!id) continue;
      seen.push(expect(await this.owner.get(`/annotations/${id}`), 200));
      seen.push(expect(await this.owner.get(`/point-annotations/${id}`), 200));
    }
    const people = expect(await this.admin.get('/admin/users'), 200);
    for (const u of people.users ?? people) {
      if (u.email === 'boris@example.org') continue; // may change what is his
      const same = ['id', 'email', 'display_name', 'role', 'max_images', 'disabled'];
      seen.push(same.map((name) => u[name]));
    }
    const moving = ['last_used_at', 'last_seen_at', 'queue_position', 'eta_seconds'];
    return JSON.stringify(seen, (key, value) => (moving.includes(key) ? undefined : value));
  }
}
