// Random operations of several users against a server that is killed now and then. Everything that
// was acknowledged is noted; what was cut off by a kill may or may not have happened.
import assert from 'node:assert/strict';
import {setTimeout as sleep} from 'node:timers/promises';

import {expect} from './client.mjs';
import {png} from './pictures.mjs';

/// mulberry32: the same seed gives the same operations.
export function random(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/// One user who does one thing after another, and remembers what must be there.
export class Actor {
  constructor(campaign, name, key, seed) {
    Object.assign(this, {campaign, name, key, next: random(seed)});
    this.images = new Map(); // id -> text prompt, acknowledged and not (maybe) deleted
    this.doubtful = new Set(); // ids whose deletion or change was not acknowledged
    this.boxes = new Map(); // id -> image id
    this.jobs = new Set();
    this.uploads_in_doubt = 0;
  }
  get client() {
    return this.campaign.server.client({key: this.key});
  }
  pick(things) {
    const all = [...things];
    return all[Math.floor(this.next() * all.length)];
  }
  count(n) {
    return 1 + Math.floor(this.next() * n);
  }

  /// The answer; null when the server went away or is not itself (503): in doubt.
  async ask(method, path, options) {
    try {
      const c = (this.connection ??= this.client);
      const answer = await c.call(method, path, {...options, timeout: 20_000});
      if (answer.status === 503) {
        await sleep(50);
        return null;
      }
      assert.notEqual(answer.status, 500, `${method} ${path}: ${answer.text}`);
      return answer;
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      this.connection = null;
      await this.campaign.alive();
      return null;
    }
  }

  async step() {
    const dice = this.next();
    if (dice < 0.3 || this.images.size === 0) return this.upload();
    if (dice < 0.42) return this.remove();
    if (dice < 0.55) return this.draw();
    if (dice < 0.62) return this.erase();
    if (dice < 0.7) return this.write_text();
    if (dice < 0.85) return this.submit();
    if (dice < 0.89) return this.cancel();
    return this.look();
  }
  async upload() {
    this.campaign.pictures += 1;
    let answer = null;
    try {
      const c = (this.connection ??= this.client);
      answer = await c.upload(png(16, 16, this.campaign.pictures));
    } catch {
      this.connection = null;
      await this.campaign.alive();
    }
    if (answer === null || answer.status === 503) {
      this.uploads_in_doubt += 1;
    } else if (answer.status === 201) {
      this.images.set(answer.json.id, null);
    } else {
      expect(answer, 409);
      assert.equal(answer.json.code, 'image_quota_reached');
    }
  }
  async remove() {
    const id = this.pick(this.images.keys());
    this.images.delete(id);
    for (const [box, image] of this.boxes) if (image === id) this.boxes.delete(box);
    const answer = await this.ask('DELETE', `/images/${id}`);
    if (answer === null) this.doubtful.add(id);
    else expect(answer, this.doubtful.has(id) ? [204, 404] : 204);
  }
  async draw() {
    const image_id = this.pick(this.images.keys());
    const json = {image_id, bbox_x: 1, bbox_y: 1, bbox_width: this.count(9), bbox_height: 5};
    const answer = await this.ask('POST', '/annotations', {json});
    if (answer) this.boxes.set(expect(answer, 201).id, image_id);
  }
  async erase() {
    const id = this.pick(this.boxes.keys());
    if (!id) return;
    this.boxes.delete(id);
    const answer = await this.ask('DELETE', `/annotations/${id}`);
    if (answer) expect(answer, 204);
  }
  async write_text() {
    const id = this.pick(this.images.keys());
    const text_prompt = `words ${this.count(1e6)}`;
    const answer = await this.ask('PATCH', `/images/${id}`, {json: {text_prompt}});
    this.images.set(id, answer === null ? undefined : expect(answer, 200).text_prompt);
  }
  async submit() {
    const ids = new Set(Array.from({length: this.count(5)}, () => this.pick(this.images.keys())));
    const json = {image_ids: [...ids], force_all: true, priority: this.count(3)};
    const headers = {'idempotency-key': `${this.name}-${this.count(1e9)}`};
    let answer = await this.ask('POST', '/jobs', {json, headers});
    // In doubt: the same again must give one job, whichever of the two made it.
    if (answer === null) answer = await this.ask('POST', '/jobs', {json, headers});
    if (answer) this.jobs.add(expect(answer, [200, 201]).id);
  }
  async cancel() {
    const id = this.pick(this.jobs);
    if (!id) return;
    const answer = await this.ask('POST', `/jobs/${id}/cancel`);
    if (answer) expect(answer, [200, 409]);
  }
  async look() {
    const path = this.pick(['/images?limit=20', '/jobs?limit=20', '/images/history?limit=20']);
    const answer = await this.ask('GET', path);
    if (answer) expect(answer, 200);
  }

  /// Everything acknowledged is there, nothing else but what was in doubt.
  async settle() {
    const c = this.client;
    const deadline = Date.now() + 120_000;
    for (;;) {
      const jobs = expect(await c.get('/jobs'), 200);
      if (jobs.every((j) => ['completed', 'failed', 'cancelled'].includes(j.status))) break;
      assert.ok(Date.now() < deadline, `open jobs of ${this.name}: ${JSON.stringify(jobs[0])}`);
      await sleep(200);
    }
    const known = new Set(expect(await c.get('/jobs'), 200).map((j) => j.id));
    for (const id of this.jobs) assert.ok(known.has(id), `acknowledged job ${id} is gone`);
    const seen = expect(await c.get('/images'), 200);
    const found = new Map(seen.images.map((i) => [i.id, i]));
    for (const [id, text] of this.images) {
      const image = found.get(id);
      assert.ok(image, `acknowledged image ${id} of ${this.name} is gone`);
      if (text !== undefined) assert.equal(image.text_prompt, text);
    }
    const extra = [...found.keys()].filter((id) => !this.images.has(id) && !this.doubtful.has(id));
    assert.ok(extra.length <= this.uploads_in_doubt, `${extra.length} images too many`);
    const me = expect(await c.get('/auth/me'), 200);
    assert.equal(me.image_count, found.size);
    assert.equal(
      me.storage_bytes,
      seen.images.reduce((sum, i) => sum + i.byte_size, 0),
    );
    for (const i of seen.images) {
      assert.equal(expect(await c.get(`/images/${i.id}/data`), 200).bytes.length, i.byte_size);
    }
    await this.every_box();
  }
  async every_box() {
    for (const image of new Set(this.boxes.values())) {
      const there = expect(await this.client.get(`/annotations/${image}`), 200).annotations;
      const ids = new Set(there.map((a) => a.id));
      for (const [box, of] of this.boxes) {
        if (of === image) assert.ok(ids.has(box), `acknowledged box ${box} is gone`);
      }
    }
  }
}
