// Follows one user's websocket through everything: reconnects with the last number it has seen and
// checks what a client may rely on. Numbers never go back, of a job nothing comes after its end and
// the end comes once, a result is announced once, and whoever folds the events into the open jobs of
// `hello` is never left with a job that has ended.
import assert from 'node:assert/strict';
import {setTimeout as sleep} from 'node:timers/promises';

import {Socket, terminal_event} from './socket.mjs';

export class Follower {
  constructor(client) {
    this.client = client;
    this.top = 0; // the highest number seen in any frame of any connection
    this.since = undefined; // of the last event, for the next connection
    this.open = new Set(); // jobs that aren't over, as the frames tell it
    this.missing = new Set(); // open here and not in the last hello: their end must come
    this.ends = new Map(); // job id -> type of the terminal event
    this.versions = new Map();
    this.results = new Map(); // "job image" -> result id
    this.wrong = [];
    this.counts = {connections: 0, frames: 0, resyncs: 0};
  }

  start() {
    this.running = this.run();
  }
  async run() {
    while (!this.stopped) {
      try {
        this.deaf = false;
        this.socket = await Socket.open(this.client, {
          since: this.since,
          on_frame: (f) => this.take(f),
        });
        this.counts.connections += 1;
        if (this.stopped || this.deaf) this.socket.close();
        await this.socket.closed;
      } catch (error) {
        if (error.status && ![503, 429].includes(error.status)) this.wrong.push(String(error));
      }
      if (!this.stopped) await sleep(50);
    }
  }
  async stop() {
    this.stopped = true;
    this.socket?.close();
    await this.running;
  }

  take(f) {
    if (this.deaf) return;
    this.counts.frames += 1;
    try {
      this.fold(f);
    } catch (error) {
      this.wrong.push(error.message);
    }
  }
  fold(f) {
    if (f.type === 'hello') {
      assert.ok(f.seq >= this.top, `hello with ${f.seq} after ${this.top}`);
      const there = new Set(f.jobs.map((j) => j.id));
      const known = [...this.open, ...this.missing]; // a replay may have been cut
      this.missing = new Set(known.filter((id) => !there.has(id)));
      this.open = there;
      this.top = f.seq;
      if (this.since === undefined) {
        this.missing.clear();
        this.since = f.seq;
      }
      return;
    }
    if (f.type === 'resync') return this.start_over();
    // Replayed events lie between the last one seen and hello's number.
    assert.ok(
      Number.isSafeInteger(f.seq) && f.seq > this.since,
      `${f.type} ${f.seq} after ${this.since}`,
    );
    this.since = f.seq;
    this.top = Math.max(this.top, f.seq);
    if (f.type === 'result.ready') this.result(f);
    else if (f.job) this.job(f);
  }
  /// What was missed can't be had: another hello, which lists what is open.
  start_over() {
    this.counts.resyncs += 1;
    this.missing.clear();
    this.since = undefined;
    this.deaf = true;
    this.socket?.close();
  }
  result(f) {
    const key = `${f.job_id} ${f.image_id}`;
    assert.ok(!this.results.has(key), `a second result.ready of ${key}`);
    this.results.set(key, f.result_id);
    const end = this.ends.get(f.job_id);
    // What ran when a job was cancelled is kept, so it may be told after the end; no other may.
    assert.ok(!end || end === 'job.cancelled', `result.ready after ${end} of ${key}`);
  }
  job(f) {
    const {id, version} = f.job;
    assert.ok(!this.ends.has(id), `${f.type} of ${id} after ${this.ends.get(id)}`);
    const known = this.versions.get(id) ?? 0;
    assert.ok(version >= known, `${f.type} of ${id}: version ${version} after ${known}`);
    this.versions.set(id, version);
    if (!terminal_event.test(f.type)) {
      this.open.add(id);
      return;
    }
    this.ends.set(id, f.type);
    this.open.delete(id);
    this.missing.delete(id);
    this.versions.delete(id);
  }

  /// Nothing is open any more, nothing was wrong. `jobs`: status by job id, as polling gives it.
  settled() {
    return this.open.size === 0 && this.missing.size === 0;
  }
  judge(name, jobs) {
    assert.deepEqual(this.wrong, [], `${name}: the websocket`);
    assert.deepEqual([...this.open], [], `${name}: jobs that never ended on the websocket`);
    assert.deepEqual([...this.missing], [], `${name}: jobs whose end was not replayed`);
    for (const [id, type] of this.ends) assert.equal(`job.${jobs.get(id)}`, type, id);
  }
}
