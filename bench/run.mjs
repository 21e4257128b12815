// Measures the real server and compares with the goals. Every number is a median over repeats with
// its spread; the disk's fdatasync time stands beside, since durable writes depend on it.
import {spawn, spawnSync} from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

import {clean_up_everything, scratch_folder, set_binary} from '../tests/e2e/lib/server.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, '..');
const names = [
  'scheduler',
  'job_log',
  'fairness',
  'shares',
  'interactive',
  'post_jobs',
  'images',
  'latency',
  'sessions',
  'sockets',
  'fan_out',
  'stalled',
  'get_job',
  'memory',
  'start',
  'sign_in',
  'api_key',
];

const options = {repeats: '3'};
for (let i = 2; i < process.argv.length; i += 2) {
  const name = process.argv[i].replace(/^--/, '');
  if (!['binary', 'load', 'only', 'repeats'].includes(name) || process.argv[i + 1] === undefined) {
    console.error('usage: run.sh [--binary FILE] [--load FILE] [--only a,b] [--repeats N]');
    process.exit(2);
  }
  options[name] = process.argv[i + 1];
}
const binary = path.resolve(options.binary ?? path.join(root, 'build/release/samovar'));
const load = path.resolve(options.load ?? path.join(root, 'build/release/bench/samovar_load'));
const beside = (name) => path.join(path.dirname(load), name);
const parts = ['samovar_latency', 'scheduler_bench', 'job_log_bench', 'engine_bench'];
for (const file of [binary, load, ...parts.map(beside)]) {
  if (!fs.existsSync(file)) {
    console.error(`no program ${file}; build samovar, samovar_load, ${parts.join(', ')} first`);
    process.exit(2);
  }
}
set_binary(binary);
process.on('exit', clean_up_everything);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130));

const repeats = Math.max(3, Number(options.repeats));
const out = path.join(here, 'out');
fs.mkdirSync(out, {recursive: true});

function run_json(program, ...args) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args.map(String), {stdio: ['ignore', 'pipe', 'inherit']});
    let text = '';
    child.stdout.on('data', (d) => (text += d));
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0
        ? resolve(JSON.parse(text))
        : reject(new Error(`${path.basename(program)} ended with ${code}`)),
    );
  });
}
const run_load = (...args) => run_json(load, ...args);

const rows = [];
const context = {
  repeats,
  /// Closed loop against `base`; `lines` are [method, path, authorization, body].
  async http(base, lines, {connections = 64, seconds = 3} = {}) {
    const plan = path.join(scratch_folder('plans'), 'plan.tsv');
    fs.writeFileSync(plan, lines.map((l) => l.join('\t')).join('\n') + '\n');
    const url = new URL(base);
    const r = await run_load(
      'http',
      url.hostname,
      url.port,
      '--plan',
      plan,
      '--connections',
      connections,
      '--seconds',
      seconds,
    );
    const bad = Object.keys(r.status).filter((s) => !/^(2\d\d|304)$/.test(s));
    if (bad.length || r.broken || !r.requests) {
      throw new Error(`answers ${JSON.stringify(r.status)}, ${r.broken} broken connections`);
    }
    return r;
  },
  async fdatasync_us(folder) {
    return (await run_load('fdatasync', folder)).fdatasync_p50_us;
  },
  /// What samovar_latency measures for this client and image.
  latency(client, image, count) {
    const url = new URL(client.base);
    return run_json(
      beside('samovar_latency'),
      url.hostname,
      url.port,
      client.key,
      image,
      '--count',
      count,
    );
  },
  /// Runs a program that lies beside samovar_load and reports the rows it prints.
  async program(name, ...args) {
    const {rows: found} = await run_json(beside(name), ...args, '--repeats', repeats);
    for (const r of found) context.report(r.name, r.values, r.unit, r.goal);
  },
  peer() {
    return new Promise((resolve) => {
      const child = spawn(process.execPath, [path.join(here, 'peer_node.mjs')], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      child.stdout.once('data', (d) =>
        resolve({base: /http:\S+/.exec(String(d))[0], stop: () => child.kill('SIGKILL')}),
      );
    });
  },
  /// `values` of the repeats; `goal` like [">=", 3000] or null when it is only for information.
  report(name, values, unit, goal = null) {
    const sorted = [...values].sort((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)];
    const met = goal ? (goal[0] === '>=' ? median >= goal[1] : median <= goal[1]) : null;
    rows.push({name, median, low: sorted[0], high: sorted.at(-1), unit, goal, met});
    const n = (v) => (Math.abs(v) >= 100 ? v.toFixed(0) : v.toFixed(2));
    const verdict = goal ? `goal ${goal[0]} ${goal[1]}: ${met ? 'met' : 'MISSED'}` : '';
    console.log(
      `${name.padEnd(58)} ${n(median).padStart(8)} ${unit.padEnd(6)} ` +
        `[${n(sorted[0])} .. ${n(sorted.at(-1))}]  ${verdict}`,
    );
  },
};

console.log(`${os.cpus()[0].model}, ${os.cpus().length} cores, load ${os.loadavg()[0].toFixed(2)}`);
const wanted = options.only ? options.only.split(',') : names;
let failed = 0;
for (const name of wanted) {
  const {[name]: body} = await import('./cases.mjs');
  if (!body) throw new Error(`no benchmark "${name}"; there are ${names.join(', ')}`);
  const from = rows.length;
  try {
    await body(context);
  } catch (error) {
    failed += 1;
    console.log(`${name}: could not be measured: ${error.stack}`);
  }
  const commit = spawnSync('git', ['-C', root, 'rev-parse', '--short', 'HEAD'], {encoding: 'utf8'});
  fs.writeFileSync(
    path.join(out, `${name}.json`),
    JSON.stringify(
      {
        name,
        repeats,
        at: new Date().toISOString(),
        commit: commit.stdout.trim(),
        cpu: os.cpus()[0].model,
        cores: os.cpus().length,
        load_average: os.loadavg(),
        rows: rows.slice(from),
      },
      null,
      1,
    ),
  );
}
const missed = rows.filter((r) => r.met === false);
console.log(`${rows.length} numbers, ${missed.length} goals missed, ${failed} not measured`);
process.exit(failed ? 1 : 0);
