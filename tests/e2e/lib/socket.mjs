// A WebSocket that remembers every frame in order.
import WebSocket from 'ws';

export class Socket {
  /// `on_frame`: called with each frame instead of keeping it.
  static async open(client, {since, headers = {}, protocol, query = '', on_frame} = {}) {
    const socket = new Socket();
    const url = new URL('/api/v1/ws', client.base);
    url.protocol = client.base.protocol === 'https:' ? 'wss:' : 'ws:';
    if (since !== undefined) url.searchParams.set('since', String(since));
    const all = {...headers};
    if (client.key) all.authorization = `Bearer ${client.key}`;
    if (client.cookie) all.cookie ??= client.cookie;
    if (client.origin) all.origin ??= client.origin;
    socket.ws = new WebSocket(String(url) + query, protocol ? [protocol] : [], {
      headers: all,
      ...(client.ca && {ca: client.ca}),
    });
    socket.frames = [];
    socket.waiting = [];
    socket.ws.on('message', (data, binary) => {
      if (binary) socket.binary = true;
      const frame = JSON.parse(data.toString('utf8'));
      if (on_frame) return on_frame(frame);
      socket.frames.push(frame);
      socket.wake();
    });
    socket.closed = new Promise((resolve) => {
      socket.ws.on('close', (code) => {
        socket.close_code = code;
        socket.wake();
        resolve(code);
      });
    });
    await new Promise((resolve, reject) => {
      socket.ws.on('open', resolve);
      socket.ws.on('unexpected-response', (_, res) => {
        res.socket.on('error', () => {}); // nobody listens to it from now on
        res.resume();
        reject(
          Object.assign(new Error(`upgrade refused with ${res.statusCode}`), {
            status: res.statusCode,
          }),
        );
      });
      socket.ws.on('error', reject);
    });
    return socket;
  }

  wake() {
    for (const check of [...this.waiting]) check();
  }

  /// The first frame, seen already or still to come, that satisfies `wanted`.
  until(wanted, what = 'the frame', ms = 30_000) {
    return new Promise((resolve, reject) => {
      const finish = (act) => {
        clearTimeout(timer);
        this.waiting = this.waiting.filter((w) => w !== check);
        act();
      };
      const check = () => {
        const found = this.frames.find(wanted);
        if (found) finish(() => resolve(found));
        else if (this.close_code !== undefined) {
          finish(() => reject(new Error(`closed (${this.close_code}) before ${what}`)));
        }
      };
      const timer = setTimeout(
        () =>
          finish(() =>
            reject(
              new Error(
                `${what} did not come; saw ${this.frames
                  .map((f) => f.type)
                  .join(' ')
                  .slice(0, 300)}`,
              ),
            ),
          ),
        ms,
      );
      this.waiting.push(check);
      check();
    });
  }
  hello() {
    return this.until((f) => f.type === 'hello', 'hello');
  }
  of_job(id) {
    return this.frames.filter((f) => f.job?.id === id || f.job_id === id);
  }
  close() {
    this.ws.terminate();
  }
}

export const terminal_event = /^job\.(completed|failed|cancelled)$/;
