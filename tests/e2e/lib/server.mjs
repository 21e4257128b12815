// Starts, stops and kills real servers, each with its own data directory; leaves nothing.
import {spawn, spawnSync} from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';

import {Client} from './client.mjs';

const live = new Set();
let binary = null;
let scratch = null;

export function set_binary(file) {
  binary = path.resolve(file);
  scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'samovar-e2e-'));
  fs.chmodSync(scratch, 0o755); // the database's own account must be able to walk through
}
export const program = () => binary;
export function scratch_folder(name) {
  const folder = path.join(scratch, name);
  fs.mkdirSync(folder, {recursive: true});
  return folder;
}
/// The tree the program was built from: the web UI is found from there.
export function product_root() {
  for (let at = path.dirname(binary); at !== '/'; at = path.dirname(at)) {
    if (fs.existsSync(path.join(at, 'CMakePresets.json'))) return at;
  }
  return process.cwd();
}

/// Runs the program with these arguments to its end.
export async function run_program(args, input = '') {
  const child = spawn(binary, args, {cwd: product_root(), stdio: ['pipe', 'pipe', 'pipe']});
  let out = '';
  let err = '';
  child.stdout.on('data', (d) => (out += d));
  child.stderr.on('data', (d) => (err += d));
  child.stdin.end(input);
  const code = await new Promise((resolve) => child.on('close', resolve));
  return {code, out, err};
}

function children_of(pid, thread) {
  try {
    const text = fs.readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8');
    return text.trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return []; // it has just ended
  }
}
function command_line(pid) {
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [''];
  }
}

/// False when there is no such process any more.
function signal(pid, name) {
  try {
    process.kill(pid, name);
    return true;
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
    return false;
  }
}

export class Server {
  /// `args` are added to the command line; `data` names an existing data directory to go on with.
  /// `output_max`: how many characters of what it prints are kept.
  constructor({args = [], data = null, output_max = 200_000} = {}) {
    this.args = args;
    this.output_max = output_max;
    this.data = data ?? path.join(fs.mkdtempSync(path.join(scratch, 'd-')), 'data');
    fs.chmodSync(path.dirname(this.data), 0o755);
    this.output = '';
    this.frozen = [];
    live.add(this);
  }

  async start() {
    const args = [
      'serve',
      '--data-dir',
      this.data,
      '--http.address',
      '127.0.0.1',
      '--http.port',
      '0',
      ...this.args,
    ];
    this.output = '';
    this.log = ''; // what it wrote to standard error alone
    this.base = null;
    this.ended = null;
    const child = spawn(binary, args, {cwd: product_root(), stdio: ['ignore', 'pipe', 'pipe']});
    this.child = child;
    this.exit = new Promise((resolve) => {
      child.on('exit', (code, signal) => resolve((this.ended = {code, signal})));
      child.on('error', (error) => resolve((this.ended = {code: -1, signal: String(error)})));
    });
    const kept = process.env.SAMOVAR_TEST_LOG;
    const take = (chunk) => {
      if (kept) fs.appendFileSync(kept, chunk);
      this.output = (this.output + chunk).slice(-this.output_max);
      const found = /listening on (https?:\/\/[^\s/]+)/.exec(this.output);
      if (found && !this.base) {
        this.base = found[1];
        this.greeting = this.output; // whoever waits for the address goes on from here
      }
    };
    child.stdout.on('data', take);
    child.stderr.on('data', (chunk) => {
      take(chunk);
      this.log = (this.log + chunk).slice(-this.output_max);
    });
    const deadline = Date.now() + 60_000;
    while (!this.base) {
      if (this.ended) {
        throw new Error(
          `the server ended at start ${JSON.stringify(this.ended)}:\n` + this.output.slice(-1000),
        );
      }
      if (Date.now() > deadline) {
        throw new Error(`no "listening on" line within 60 s:\n${this.output.slice(-1000)}`);
      }
      await sleep(20);
    }
    return this;
  }

  get pid() {
    return this.child.pid;
  }
  get url() {
    return this.base;
  }
  setup_link() {
    return /https?:\/\/\S*[?&#]token=[\w.~%-]+/.exec(this.output)?.[0] ?? null;
  }
  client(options = {}) {
    return new Client(this.base, options);
  }

  /// Resident memory of the server's own process in MiB.
  rss_mib() {
    const text = fs.readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(text)[1]) / 1024;
  }

  /// `samovar user …` on this data directory, with or without the server: {code, out, err}.
  async user_command(verb, ...args) {
    const child = spawn(binary, ['user', verb, ...args, '--data-dir', this.data], {
      cwd: product_root(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (d) => (out += d));
    child.stderr.on('data', (d) => (err += d));
    const code = await new Promise((resolve) => child.on('close', resolve));
    return {code, out, err};
  }

  /// `samovar user add` beside the running server; gives a client that uses the printed key.
  async add_user(email, {admin = false, password = 'correct horse battery'} = {}) {
    const args = ['user', 'add', email, '--data-dir', this.data, '--password-stdin', '--api-key'];
    if (admin) args.push('--admin');
    const child = spawn(binary, args, {cwd: product_root(), stdio: ['pipe', 'pipe', 'pipe']});
    let out = '';
    let err = '';
    child.stdout.on('data', (d) => (out += d));
    child.stderr.on('data', (d) => (err += d));
    child.stdin.end(`${password}\n`);
    const code = await new Promise((resolve) => child.on('close', resolve));
    if (code !== 0) throw new Error(`user add ${email} ended with ${code}: ${err || out}`);
    if (!/^\S{20,}\n?$/.test(out)) {
      throw new Error(`user add must print the key alone on stdout, got ${JSON.stringify(out)}`);
    }
    return Object.assign(this.client({key: out.trim()}), {email, password});
  }

  /// SIGTERM; resolves with {code, signal, seconds}.
  async stop(limit_s = 20) {
    if (!this.child || this.ended) return this.ended;
    const from = Date.now();
    this.child.kill('SIGTERM');
    await Promise.race([this.exit, sleep(limit_s * 1000)]);
    if (!this.ended) {
      await this.kill9();
      return {code: null, signal: `no exit ${limit_s} s after SIGTERM`};
    }
    return {...this.ended, seconds: (Date.now() - from) / 1000};
  }
  async kill9() {
    this.child.kill('SIGKILL');
    await this.exit;
  }

  /// The postmaster of this data directory, or null. Only ours: its working folder is checked.
  postmaster() {
    const folder = path.join(this.data, 'pg');
    try {
      const pid = Number(
        fs.readFileSync(path.join(folder, 'postmaster.pid'), 'utf8').split('\n')[0],
      );
      return pid > 1 && fs.realpathSync(`/proc/${pid}/cwd`) === fs.realpathSync(folder)
        ? pid
        : null;
    } catch {
      return null; // no file, or no such process: nothing runs
    }
  }

  /// The processes of its devices (devices.isolate).
  device_processes() {
    const found = new Set();
    for (const thread of fs.readdirSync(`/proc/${this.pid}/task`)) {
      for (const pid of children_of(this.pid, thread)) {
        if (command_line(pid)[1] === 'device-process') found.add(pid);
      }
    }
    return [...found];
  }
  /// The postmaster's children that serve the server's connections.
  database_backends() {
    const postmaster = this.postmaster();
    if (!postmaster) return [];
    return children_of(postmaster, postmaster).filter((pid) =>
      command_line(pid)[0].startsWith('postgres: samovar_app'),
    );
  }

  /// Every process of the database stands still, its connections open, until thaw_database().
  freeze_database() {
    const postmaster = this.postmaster();
    if (!postmaster) return; // there is none just now
    this.freeze([postmaster]); // first: it makes no more of them
    this.freeze(children_of(postmaster, postmaster));
  }
  freeze(pids) {
    this.frozen.push(...pids.filter((pid) => signal(pid, 'SIGSTOP')));
  }
  thaw_database() {
    for (const pid of this.frozen.splice(0)) signal(pid, 'SIGCONT');
  }

  /// Ends whatever still runs and removes the data directory.
  async destroy() {
    this.thaw_database();
    if (this.child && !this.ended) await this.stop(15);
    this.destroy_now();
  }
  destroy_now() {
    this.thaw_database();
    if (this.child && !this.ended) this.child.kill('SIGKILL');
    const pid = this.postmaster();
    if (pid) process.kill(pid, 'SIGQUIT');
    live.delete(this);
    const [kept, log] = [process.env.SAMOVAR_TEST_LOG, path.join(this.data, 'pg.log')];
    if (kept && fs.existsSync(log)) fs.appendFileSync(kept, fs.readFileSync(log));
    spawnSync('rm', ['-rf', path.dirname(this.data)]);
  }
}

export async function start_server(group, options) {
  const server = new Server(options);
  group.after(() => server.destroy());
  return server.start();
}

/// Arguments for a segmenter whose every image costs `cost_ms` of device time.
export const synthetic = (cost_ms) => [
  '--model.segmenter',
  'synthetic',
  '--model.synthetic-cost-ms',
  String(cost_ms),
];

export function clean_up_everything() {
  for (const server of [...live]) server.destroy_now();
  if (scratch) spawnSync('rm', ['-rf', scratch]);
}
