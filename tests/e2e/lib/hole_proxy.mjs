// A TCP proxy before PostgreSQL's socket that can turn into a hole: connections stay open, new ones
// are taken, and nothing comes through, until it is filled. What was sent meanwhile arrives then, as
// a network delivers it that was away.
import net from 'node:net';

export class HoleProxy {
  constructor(socket_file) {
    this.socket_file = socket_file;
    this.sockets = new Set();
    this.open = false; // the hole
  }

  async listen() {
    this.server = net.createServer({allowHalfOpen: true}, (client) => this.connect(client));
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.port = this.server.address().port;
    return this;
  }

  connect(client) {
    const database = net.connect({path: this.socket_file, allowHalfOpen: true});
    for (const [from, to] of [
      [client, database],
      [database, client],
    ]) {
      this.sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => this.sockets.delete(from));
      from.on('end', () => to.end());
      from.on('data', (bytes) => to.write(bytes));
      if (this.open) from.pause();
    }
  }

  swallow() {
    this.open = true;
    for (const socket of this.sockets) socket.pause();
  }
  fill() {
    this.open = false;
    for (const socket of this.sockets) socket.resume();
  }
  close() {
    this.fill();
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }
}
