// A user whose client gives up on nothing: what was cut off or refused with 503 is asked again, as
// the contract allows, and whatever was acknowledged is remembered and demanded at the end.
import assert from 'node:assert/strict';
import {createHash} from 'node:crypto';
import {setTimeout as sleep} from 'node:timers/promises';

import {random} from './campaign.mjs';
import {expect} from './client.mjs';
import {png} from './pictures.mjs';
import {terminal, until} from './work.mjs';

const patience_ms = 120_000;
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

export class SteadyUser {
  /// `client` speaks through the proxy; `campaign` hands out jobs and pictures.
  constructor(name, client, campaign, seed) {
    Object.assign(this, {name, client, campaign, next: random(seed)});
    this.images = new Map(); // id -> SHA-256 of what was uploaded
    this.uploads_in_doubt = 0;
    this.jobs = new Map(); // id -> {key, images, cancelled, priority, seen}
    this.counts = {asked_again: 0, full: 0, repeated: 0};
  }
  below(n) {
    return Math.floor(this.next() * n);
  }
  pick(list) {
    return list[this.below(list.length)];
  }
  open_jobs() {
    return [...this.jobs].filter(([, j]) => !j.seen || !terminal(j.seen));
  }

  /// One try: the answer, or null when the connection broke or the server said "not now".
  async once(method, path, options = {}) {
    try {
      const record = this.campaign.record;
      const answer = await this.client.call(method, path, {timeout: 30_000, record, ...options});
      if (answer.status !== 503) return answer;
      assert.ok(answer.headers['retry-after'], `503 without Retry-After: ${answer.text}`);
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
    }
    this.counts.asked_again += 1;
    await sleep(20 + this.below(200));
    return null;
  }
  /// Asks until there is an answer; `in_doubt` says whether an earlier try may have worked.
  async ask(method, path, options) {
    const deadline = Date.now() + patience_ms;
    for (let in_doubt = false; ; in_doubt = true) {
      const answer = await this.once(method, path, options);
      if (answer) {
        assert.ok(answer.status < 500, `${method} ${path}: ${answer.status} ${answer.text}`);
        return Object.assign(answer, {in_doubt});
      }
      assert.ok(Date.now() < deadline, `${method} ${path}: no answer for ${patience_ms} ms`);
    }
  }

  /// Uploads can't be repeated without perhaps doubling: one try, and in doubt otherwise.
  async upload() {
    const bytes = png(24, 16, (this.campaign.pictures += 1));
    let answer;
    try {
      answer = await this.client.upload(bytes, `${this.name}.png`, {record: this.campaign.record});
    } catch {
      answer = {status: 0};
    }
    if (answer.status === 201) {
      this.images.set(answer.json.id, sha256(bytes));
    } else if (answer.status === 507) {
      assert.equal(answer.json.code, 'storage_full');
      this.counts.full += 1;
      await sleep(100);
    } else {
      if (answer.status !== 0) expect(answer, 503);
      this.uploads_in_doubt += 1;
      await sleep(50);
    }
  }

  async submit() {
    const all = [...this.images.keys()];
    const ids = new Set(Array.from({length: 1 + this.below(5)}, () => this.pick(all)));
    const json = {image_ids: [...ids], force_all: true, priority: this.below(3)};
    const key = `${this.name}-${this.jobs.size}-${this.below(1e9)}`;
    const send = () => this.ask('POST', '/jobs', {json, headers: {'idempotency-key': key}});
    const answer = await send();
    // Only a job that an unanswered try has made may be there already.
    const job = expect(answer, answer.in_doubt ? [200, 201] : 201);
    assert.deepEqual(job.image_ids, json.image_ids);
    assert.ok(!this.jobs.has(job.id), `job ${job.id} was given for two keys`);
    this.jobs.set(job.id, {key, images: json.image_ids, priority: json.priority});
    this.observe(job);
    if (this.next() < 0.1) {
      const again = expect(await send(), 200);
      assert.equal(again.id, job.id, 'the same key and body give the same job');
      this.counts.repeated += 1;
    }
  }
  /// States of one job as they come, one after another: never back.
  observe(job) {
    const mine = this.jobs.get(job.id);
    const before = mine.seen;
    if (before) {
      const story = `${job.id}: ${JSON.stringify(before)} then ${JSON.stringify(job)}`;
      assert.ok(job.version >= before.version, story);
      assert.ok(job.processed_count >= before.processed_count, story);
      if (terminal(before)) assert.equal(job.status, before.status, story);
    }
    mine.seen = job;
    return job;
  }
  async look(id) {
    return this.observe(expect(await this.ask('GET', `/jobs/${id}`), 200));
  }
  async wait(id) {
    const tag = (await this.ask('GET', `/jobs/${id}`)).headers.etag;
    const options = {headers: {'if-none-match': tag}};
    const answer = await this.ask('GET', `/jobs/${id}?wait=1`, options);
    if (expect(answer, [200, 304]).id) this.observe(answer.json);
  }
  async cancel(id) {
    const answer = await this.ask('POST', `/jobs/${id}/cancel`);
    if (answer.status === 200) {
      assert.equal(this.observe(answer.json).status, 'cancelled');
    } else {
      expect(answer, 409);
      assert.ok(terminal(await this.look(id)), 'a cancel is refused only when the job is over');
    }
  }
  async reorder(id) {
    const priority = this.below(10);
    const answer = await this.ask('PATCH', `/jobs/${id}`, {json: {priority}});
    const mine = this.jobs.get(id);
    if (answer.status === 200) mine.priority = this.observe(answer.json).priority;
    // Refused as over, but an unanswered try may have come in time.
    else if (expect(answer, 409) && answer.in_doubt) mine.priority = null;
  }
  /// A rendering is cached in the blob store: on a full disk it must come all the same.
  async mask() {
    const ended = [...this.jobs].filter(([, j]) => j.seen?.status === 'completed');
    if (ended.length === 0) return;
    const images = expect(await this.ask('GET', `/jobs/${this.pick(ended)[0]}/images`), 200);
    const done = images.filter((i) => i.result_id);
    if (done.length === 0) return;
    const {result_id} = this.pick(done);
    assert.equal(expect(await this.ask('GET', `/results/${result_id}/mask`), 200).type, 'image/png');
  }

  async step() {
    const open = this.open_jobs().map(([id]) => id);
    const dice = this.next();
    if (this.images.size === 0 || dice < 0.08) return this.upload();
    // A few at a time: the work is to last as long as the faults.
    if (dice < 0.55 && open.length < 4 && this.campaign.take_job()) return this.submit();
    if (dice < 0.57 && open.length > 0) return this.cancel(this.pick(open));
    if (dice < 0.6 && open.length > 0) return this.reorder(this.pick(open));
    if (dice < 0.66) return this.mask();
    if (open.length > 0) return dice < 0.85 ? this.look(this.pick(open)) : this.wait(this.pick(open));
    await sleep(50);
  }

  /// After all faults: every acknowledged job ends.
  async settle() {
    for (const id of this.jobs.keys()) {
      const ended = () => this.look(id);
      await until(ended, terminal, `${this.name}: the end of ${id}`, patience_ms);
    }
  }
  statuses() {
    return new Map([...this.jobs].map(([id, j]) => [id, j.seen.status]));
  }

  /// Nothing acknowledged is missing, nothing is there twice, every image of every job was counted
  /// once. Gives how many images ended well and badly.
  async judge() {
    const jobs = expect(await this.ask('GET', '/jobs'), 200);
    const known = jobs.map((j) => j.id).sort();
    assert.deepEqual(known, [...this.jobs.keys()].sort(), `${this.name}: one job for each key`);
    const sum = {completed: 0, failed: 0, results: new Map()};
    for (const job of jobs) await this.judge_job(job, sum);
    const history = expect(await this.ask('GET', '/images/history'), 200);
    assert.equal(history.length, sum.completed, `${this.name}: one history row for each result`);
    assert.equal(new Set(history.map((h) => `${h.job_id} ${h.image_id}`)).size, sum.completed);
    await this.judge_images();
    return sum;
  }
  async judge_job(job, sum) {
    const mine = this.jobs.get(job.id);
    assert.deepEqual(job.image_ids, mine.images);
    if (mine.priority !== null) {
      assert.equal(job.priority, mine.priority, `${job.id}: the acknowledged priority`);
    }
    assert.equal(job.status, mine.seen.status);
    const states = expect(await this.ask('GET', `/jobs/${job.id}/images`), 200);
    assert.deepEqual(states.map((s) => s.image_id), mine.images, 'every image once');
    const of = (state) => states.filter((s) => s.state === state);
    const [completed, failed] = [of('completed'), of('failed')];
    const story = `${JSON.stringify(job)}: ${JSON.stringify(states)}`;
    assert.equal(job.processed_count, completed.length + failed.length, story);
    assert.equal(job.failed_count, failed.length, story);
    if (job.status !== 'cancelled') assert.equal(job.processed_count, mine.images.length, story);
    // The segmenter fails nothing by itself: three deaths of what worked on the image, or none.
    for (const f of failed) assert.match(f.error, /ended while|died 3 times|no progress|stopped/);
    for (const s of completed) sum.results.set(`${job.id} ${s.image_id}`, s.result_id);
    assert.ok(completed.every((s) => s.result_id), story);
    sum.completed += completed.length;
    sum.failed += failed.length;
  }
  async judge_images() {
    const {images} = expect(await this.ask('GET', '/images'), 200);
    const found = new Map(images.map((i) => [i.id, i]));
    for (const [id, digest] of this.images) {
      assert.ok(found.has(id), `acknowledged image ${id} of ${this.name} is gone`);
      const {bytes} = expect(await this.ask('GET', `/images/${id}/data`), 200);
      assert.equal(sha256(bytes), digest, `the bytes of ${id}`);
    }
    const extra = images.length - this.images.size;
    assert.ok(extra <= this.uploads_in_doubt, `${extra} images of ${this.name} too many`);
    const me = expect(await this.ask('GET', '/auth/me'), 200);
    assert.equal(me.image_count, images.length);
    assert.equal(me.storage_bytes, images.reduce((sum, i) => sum + i.byte_size, 0));
  }
}
