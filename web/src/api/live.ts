// The live connection: a WebSocket that reconnects with growing pauses and asks for what it missed,
// and polling while there is none. It knows no React; state/live.tsx wires it up.
import type { live_event } from "./types";

export type live_status = "connecting" | "live" | "polling" | "offline";

export interface live_handlers {
  on_event: (event: live_event) => void;
  on_status: (status: live_status) => void;
  /** Reads everything again by HTTP; rejects when the server cannot be reached. */
  poll: () => Promise<void>;
  /** The newest sequence number folded in, for ?since=. */
  last_seq: () => number | null;
}

export const poll_every_ms = 2000;
const first_pause_ms = 500;
const longest_pause_ms = 15_000;
const hello_within_ms = 6000;

/** Pause before attempt n (from 0), doubled each time, spread so that clients don't come at once. */
export function pause_ms(attempt: number, random: number): number {
  const full = Math.min(longest_pause_ms, first_pause_ms * 2 ** Math.min(attempt, 10));
  return Math.round(full * (0.6 + 0.4 * random));
}

export function parse_event(text: string): live_event | null {
  try {
    const value = JSON.parse(text) as { type?: unknown };
    return typeof value.type === "string" ? (value as live_event) : null;
  } catch {
    return null;
  }
}

export class live_connection {
  private socket: WebSocket | null = null;
  private attempt = 0;
  private stopped = false;
  private reconnect_timer: ReturnType<typeof setTimeout> | undefined;
  private hello_timer: ReturnType<typeof setTimeout> | undefined;
  private poll_timer: ReturnType<typeof setTimeout> | undefined;
  private polling = false;

  constructor(private readonly handlers: live_handlers) {}

  start(): void {
    this.handlers.on_status("connecting");
    window.addEventListener("online", this.try_now);
    window.addEventListener("offline", this.give_up);
    document.addEventListener("visibilitychange", this.on_visible);
    this.connect();
  }

  stop(): void {
    this.stopped = true;
    window.removeEventListener("online", this.try_now);
    window.removeEventListener("offline", this.give_up);
    document.removeEventListener("visibilitychange", this.on_visible);
    clearTimeout(this.reconnect_timer);
    clearTimeout(this.hello_timer);
    clearTimeout(this.poll_timer);
    this.socket?.close();
    this.socket = null;
  }

  private readonly try_now = () => {
    if (this.socket === null && !this.stopped) {
      this.attempt = 0;
      clearTimeout(this.reconnect_timer);
      this.connect();
    }
  };
  /** A socket whose network is gone says nothing of it for minutes; asking again tells at once. */
  private readonly give_up = () => {
    const socket = this.socket;
    if (socket === null || this.stopped) return;
    this.lost();
    socket.close();
  };
  private readonly on_visible = () => {
    if (document.visibilityState === "visible") this.try_now();
  };

  private connect(): void {
    const since = this.handlers.last_seq();
    const scheme = window.location.protocol === "https:" ? "wss:" : "ws:";
    const query = since === null ? "" : `?since=${since}`;
    let socket: WebSocket;
    try {
      socket = new WebSocket(`${scheme}//${window.location.host}/api/v1/ws${query}`, "samovar.v1");
    } catch {
      this.lost();
      return;
    }
    this.socket = socket;
    // A proxy may accept the upgrade and then pass nothing on: no hello means not live.
    this.hello_timer = setTimeout(() => socket.close(), hello_within_ms);
    socket.onmessage = (message) => {
      if (this.socket !== socket || typeof message.data !== "string") return;
      const event = parse_event(message.data);
      if (event === null) return;
      if (event.type === "hello") {
        clearTimeout(this.hello_timer);
        this.attempt = 0;
        this.stop_polling();
        this.handlers.on_status("live");
      }
      this.handlers.on_event(event);
    };
    socket.onclose = () => {
      if (this.socket === socket) this.lost();
    };
    socket.onerror = () => socket.close();
  }

  private lost(): void {
    this.socket = null;
    clearTimeout(this.hello_timer);
    if (this.stopped) return;
    this.start_polling();
    this.reconnect_timer = setTimeout(() => this.connect(), pause_ms(this.attempt, Math.random()));
    this.attempt += 1;
  }

  private start_polling(): void {
    if (this.polling) return;
    this.polling = true;
    void this.poll_once();
  }

  private stop_polling(): void {
    this.polling = false;
    clearTimeout(this.poll_timer);
  }

  private async poll_once(): Promise<void> {
    let status: live_status = "polling";
    try {
      await this.handlers.poll();
    } catch {
      status = "offline";
    }
    if (!this.polling || this.stopped) return;
    this.handlers.on_status(status);
    this.poll_timer = setTimeout(() => void this.poll_once(), poll_every_ms);
  }
}
