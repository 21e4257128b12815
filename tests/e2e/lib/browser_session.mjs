// A browser's side of signing in: keeps the cookie that the server sets last.
import assert from 'node:assert/strict';

import {Client, expect} from './client.mjs';

export const cookie_of = (answer) => {
  const list = answer.headers['set-cookie'] ?? [];
  assert.ok(list.length <= 1, 'at most one cookie is set');
  return list[0] ?? null;
};

export class Browser extends Client {
  constructor(base) {
    super(base, {origin: new URL(base).origin});
    this.cookies_seen = 0;
  }
  async call(...args) {
    const answer = await super.call(...args);
    const cookie = cookie_of(answer);
    if (cookie) {
      this.cookies_seen += 1;
      this.cookie = cookie.split(';')[0];
      if (/Max-Age=0/.test(cookie)) this.cookie = null;
    }
    return answer;
  }
  async sign_in(email, password) {
    const me = expect(await this.post('/auth/login', {email, password}), 200);
    this.csrf = me.csrf_token;
    this.id = me.id;
    return this;
  }
}
