// Development only: just enough of RFC 6455 to send text frames to a browser.
import { createHash } from "node:crypto";

const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

function frame(text) {
  const body = Buffer.from(text);
  const head =
    body.length < 126
      ? Buffer.from([0x81, body.length])
      : body.length < 65536
        ? Buffer.from([0x81, 126, body.length >> 8, body.length & 255])
        : (() => {
            const h = Buffer.alloc(10);
            h[0] = 0x81;
            h[1] = 127;
            h.writeBigUInt64BE(BigInt(body.length), 2);
            return h;
          })();
  return Buffer.concat([head, body]);
}

export function accept(request, socket) {
  const key = createHash("sha1")
    .update(request.headers["sec-websocket-key"] + guid)
    .digest("base64");
  const protocol = request.headers["sec-websocket-protocol"]
    ? "Sec-WebSocket-Protocol: samovar.v1\r\n"
    : "";
  socket.write(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${key}\r\n${protocol}\r\n`,
  );
  socket.on("error", () => {});
  return { send: (value) => socket.write(frame(JSON.stringify(value))), socket };
}
