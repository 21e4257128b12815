// An HTTP client that hides nothing: any header can be set, every JSON answer is recorded for the
// openapi group, and what holds for every answer (request id, security headers) is checked here.
import {randomUUID} from 'node:crypto';
import http from 'node:http';
import https from 'node:https';

import {note_answer} from './record.mjs';

export const api = '/api/v1';

export function multipart(parts) {
  const boundary = `----e2e${randomUUID()}`;
  const chunks = [];
  for (const p of parts) {
    let head = `--${boundary}\r\nContent-Disposition: form-data; name="${p.name}"`;
    if (p.filename !== undefined) head += `; filename="${p.filename}"`;
    if (p.type) head += `\r\nContent-Type: ${p.type}`;
    chunks.push(Buffer.from(`${head}\r\n\r\n`), Buffer.from(p.data), Buffer.from('\r\n'));
  }
  chunks.push(Buffer.from(`--${boundary}--\r\n`));
  return {body: Buffer.concat(chunks), type: `multipart/form-data; boundary=${boundary}`};
}

export class Client {
  /// `ca`: the certificate to trust where `base` is an https address.
  constructor(base, {key = null, cookie = null, csrf = null, origin = null, ca = null} = {}) {
    this.base = new URL(base);
    Object.assign(this, {key, cookie, csrf, origin, ca});
    this.http = this.base.protocol === 'https:' ? https : http;
    this.agent = new this.http.Agent({keepAlive: true, maxSockets: 64, ...(ca && {ca})});
    // A reset may reach a socket while no request listens to it: that is nobody's failure.
    const connect = this.agent.createConnection.bind(this.agent);
    this.agent.createConnection = (...args) => connect(...args).on('error', () => {});
  }

  /// `path` is below /api/v1 unless it begins with "root:". `record: false` only where the contract
  /// has no such route or the request isn't a valid HTTP exchange.
  async call(method, path, {json, body, headers = {}, record = true, timeout = 60_000} = {}) {
    const target = path.startsWith('root:') ? path.slice(5) : api + path;
    // A header given as null is left out, even where it would be sent otherwise.
    const change = method !== 'GET';
    const all = {
      ...(this.key && {authorization: `Bearer ${this.key}`}),
      ...(this.cookie && {cookie: this.cookie}),
      ...(this.csrf && change && {'x-csrf-token': this.csrf}),
      ...(this.origin && change && {origin: this.origin}),
      ...headers,
    };
    for (const name of Object.keys(all)) if (all[name] === null) delete all[name];
    if (json !== undefined) {
      body = Buffer.from(JSON.stringify(json));
      all['content-type'] ??= 'application/json';
    }
    if (body !== undefined) all['content-length'] ??= Buffer.byteLength(body);
    else if (method !== 'GET' && method !== 'HEAD') all['content-length'] ??= 0;
    const answer = await this.exchange(method, target, all, body, timeout);
    if (record) note_answer(method, target, answer);
    return answer;
  }

  exchange(method, path, headers, body, timeout) {
    return new Promise((resolve, reject) => {
      const options = {
        host: this.base.hostname,
        port: this.base.port,
        method,
        path,
        headers,
        agent: this.agent,
      };
      const req = this.http.request(options, (res) => {
        const chunks = [];
        // Now: at the end the socket may have gone back to the agent, or away.
        const peer = res.socket.getPeerCertificate?.().subject?.CN ?? null;
        res.on('data', (c) => chunks.push(c));
        res.on('error', reject);
        res.on('end', () => {
          const bytes = Buffer.concat(chunks);
          const type = res.headers['content-type'] ?? '';
          const answer = {status: res.statusCode, headers: res.headers, bytes, type};
          answer.certificate = peer;
          answer.text = /json|text|html/.test(type) ? bytes.toString('utf8') : '';
          if (/^application\/(?:[\w.]+\+)?json/.test(type) && method !== 'HEAD') {
            try {
              answer.json = JSON.parse(answer.text);
            } catch (error) {
              reject(
                new Error(`${method} ${path}: the body is not JSON: ${answer.text.slice(0, 200)}`),
              );
              return;
            }
          }
          resolve(answer);
        });
      });
      req.setTimeout(timeout, () => req.destroy(new Error(`${method} ${path}: no answer`)));
      req.on('error', reject);
      req.end(body);
    });
  }

  get(path, o) {
    return this.call('GET', path, o);
  }
  post(path, json, o = {}) {
    return this.call('POST', path, {json, ...o});
  }
  patch(path, json, o = {}) {
    return this.call('PATCH', path, {json, ...o});
  }
  delete(path, o) {
    return this.call('DELETE', path, o);
  }
  upload(data, filename = 'a.png', {type = 'image/png', headers = {}, record = true} = {}) {
    const form = multipart([{name: 'file', filename, type, data}]);
    return this.call('POST', '/images', {
      body: form.body,
      headers: {'content-type': form.type, ...headers},
      record,
    });
  }
}

/// The status, with the answer in the message when it differs.
export function expect(answer, status, detail) {
  const wanted = Array.isArray(status) ? status : [status];
  if (!wanted.includes(answer.status)) {
    throw new Error(
      `expected status ${wanted.join(' or ')}, got ${answer.status}: ` +
        (answer.text || `<${answer.bytes.length} bytes of ${answer.type}>`).slice(0, 400),
    );
  }
  if (detail !== undefined && answer.json?.detail !== detail) {
    throw new Error(`expected detail "${detail}", got "${answer.json?.detail}"`);
  }
  return answer.json ?? answer;
}
