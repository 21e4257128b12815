// What accounts cost: signing in beside other people's requests, and an API key per request.
import {performance} from 'node:perf_hooks';

import {Server, synthetic} from '../tests/e2e/lib/server.mjs';
import {add_images, finished, submit} from '../tests/e2e/lib/work.mjs';

const percentile = (values, q) =>
  [...values].sort((a, b) => a - b)[Math.floor(q * (values.length - 1))];

async function with_user(body) {
  const server = await new Server({args: synthetic(0)}).start();
  try {
    const client = await server.add_user('user@example.org');
    client.images = (await add_images(client, 20, {box: true, w: 16, h: 16})).map((x) => x.id);
    client.job = await finished(client, (await submit(client, client.images)).id);
    return await body(server, client);
  } finally {
    await server.destroy();
  }
}

async function sign_in_once(server, client) {
  const browser = server.client({origin: server.base});
  const words = {email: client.email, password: client.password};
  const from = performance.now();
  const answer = await browser.post('/auth/login', words, {record: false});
  browser.agent.destroy();
  if (answer.status !== 200) throw new Error(`sign-in answered ${answer.status}`);
  return performance.now() - from;
}

/// `width` people sign in, each again as soon as it is in, until `over` says so.
async function crowd(server, client, width, over) {
  let count = 0;
  await Promise.all(
    Array.from({length: width}, async () => {
      while (!over.now) {
        await sign_in_once(server, client);
        count += 1;
      }
    }),
  );
  return count;
}

/// The p99 of other people's requests alone, and beside 20 sign-ins at a time.
export async function sign_in(x) {
  await with_user(async (server, client) => {
    const bearer = `Bearer ${client.key}`;
    const kinds = {
      'GET /jobs/{id}': [['GET', `/api/v1/jobs/${client.job.id}`, bearer, '']],
      'GET /images': [['GET', '/api/v1/images?limit=20', bearer, '']],
    };
    const load = {connections: 4, seconds: 4};
    const alone = [];
    const per_second = [];
    const found = Object.fromEntries(Object.keys(kinds).map((k) => [k, {quiet: [], beside: []}]));
    for (let i = 0; i < x.repeats; i++) {
      const single = [];
      for (let k = 0; k < 10; k++) single.push(await sign_in_once(server, client));
      alone.push(percentile(single, 0.5));
      for (const [name, lines] of Object.entries(kinds)) {
        found[name].quiet.push((await x.http(server.base, lines, load)).p99_us / 1000);
        const over = {now: false};
        const from = performance.now();
        const people = crowd(server, client, 20, over);
        found[name].beside.push((await x.http(server.base, lines, load)).p99_us / 1000);
        over.now = true;
        per_second.push((await people) / ((performance.now() - from) / 1000));
      }
    }
    x.report('one sign-in alone (argon2id, session, audit), p50', alone, 'ms', ['<=', 100]);
    for (const [name, ms] of Object.entries(found)) {
      x.report(`${name}, p99, nobody signs in`, ms.quiet, 'ms');
      x.report(`${name}, p99, beside 20 parallel sign-ins`, ms.beside, 'ms', ['<=', 50]);
    }
    x.report('  sign-ins meanwhile', per_second, '/s');
  });
}

/// The same request by a key that the connection knows already (the cheapest authentication there
/// is: one comparison), and by keys that change with each request, so that each is hashed and
/// looked up in the cache of verified keys. Runs alternate, on one connection, so that the
/// machine's moods meet both.
export async function api_key(x) {
  await with_user(async (server, client) => {
    const second = await client.post('/api-keys', {name: 'second'}, {record: false});
    const path = `/api/v1/jobs/${client.job.id}`;
    const line = (key) => ['GET', path, `Bearer ${key}`, ''];
    const same = [line(client.key)];
    const changing = [line(client.key), line(second.json.secret)];
    const open = [['GET', '/api/v1/health', '', '']];
    const one = {connections: 1, seconds: 2};
    const added = [];
    const whole = [];
    const cheapest = [];
    for (let i = 0; i < Math.max(5, x.repeats); i++) {
      const mean = async (lines) => 1e6 / (await x.http(server.base, lines, one)).per_second;
      const known = await mean(same);
      const looked_up = await mean(changing);
      const nothing = await mean(open);
      cheapest.push(known);
      added.push(looked_up - known);
      whole.push(known - nothing);
    }
    x.report('GET /jobs/{id} by a key the connection knows, mean', cheapest, 'us');
    x.report('  added when the key is hashed and looked up each time', added, 'us', ['<=', 30]);
    x.report('  GET /jobs/{id} by key against open GET /health', whole, 'us');
  });
}
