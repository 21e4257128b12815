// A TCP proxy between clients and the server that can be told to hurt: cut every connection at once
// with a reset, or swallow answers, so that what was asked for has happened and nobody was told.
// Its own port stays while servers come and go behind it.
import net from 'node:net';

export class ResetProxy {
  /// `target()` gives the port of the server that runs now, or null; `next` is the source of chance.
  constructor(target, next) {
    this.target = target;
    this.next = next;
    this.pairs = new Set();
    this.bite = 0; // share of the answers that are swallowed
    this.counts = {connections: 0, resets: 0, bitten: 0};
  }

  async listen() {
    this.server = net.createServer((client) => this.connect(client));
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }

  connect(client) {
    this.counts.connections += 1;
    client.on('error', () => {}); // one that is turned away may be reset by its own end, too
    const port = this.target();
    if (!port) {
      client.resetAndDestroy();
      return;
    }
    const server = net.connect(port, '127.0.0.1');
    const pair = {client, server};
    this.pairs.add(pair);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('error', () => this.reset(pair));
      socket.on('close', () => this.end(pair));
    }
    client.on('end', () => server.end());
    server.on('end', () => client.end());
    this.pass(client, server);
    server.on('data', (bytes) => {
      if (this.bite > 0 && this.next() < this.bite) {
        this.counts.bitten += 1;
        // Of some answers a piece arrives, of the others nothing.
        const some = this.next() < 0.5 ? 0 : Math.floor(this.next() * bytes.length);
        server.pause();
        client.write(bytes.subarray(0, some), () => this.reset(pair));
        return;
      }
      if (!client.write(bytes)) server.pause();
    });
    client.on('drain', () => server.resume());
  }
  pass(from, to) {
    from.on('data', (bytes) => {
      if (!to.write(bytes)) from.pause();
    });
    to.on('drain', () => from.resume());
  }

  end(pair) {
    if (!this.pairs.delete(pair)) return;
    pair.client.destroySoon();
    pair.server.destroySoon();
  }
  /// Both sides get a reset instead of a goodbye.
  reset(pair) {
    if (!this.pairs.delete(pair)) return;
    this.counts.resets += 1;
    pair.client.resetAndDestroy();
    pair.server.resetAndDestroy();
  }
  /// Resets this share of the connections that are open now.
  reset_some(share) {
    for (const pair of [...this.pairs]) if (this.next() < share) this.reset(pair);
  }

  close() {
    this.bite = 0;
    for (const pair of [...this.pairs]) this.reset(pair);
    this.server.close();
  }
}
