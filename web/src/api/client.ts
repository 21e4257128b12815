// One door to the server: JSON in and out, the CSRF token, and errors as `api_error`.
import type { error_body } from "./types";

export const base = "/api/v1";

export class api_error extends Error {
  constructor(
    readonly status: number,
    readonly detail: string,
    readonly code: string,
    readonly retry_after_s: number | null = null,
    /** What to tell an administrator: the log lines of the request carry it. */
    readonly request_id: string | null = null,
  ) {
    super(detail);
  }
}

let csrf_token = "";
let signed_out: () => void = () => {};

export function set_csrf_token(token: string): void {
  csrf_token = token;
}
export function current_csrf_token(): string {
  return csrf_token;
}
/** Called whenever the server says 401 on anything but a sign-in attempt. */
export function on_signed_out(handler: () => void): void {
  signed_out = handler;
}
export function report_signed_out(): void {
  signed_out();
}

/** Turns an answer's body into an error with the server's own sentence, or a plain one. */
export function error_from(
  status: number,
  text: string,
  retry_after: string | null,
  request_id: string | null = null,
): api_error {
  const seconds = retry_after !== null && /^\d+$/.test(retry_after) ? Number(retry_after) : null;
  try {
    const body = JSON.parse(text) as Partial<error_body>;
    if (typeof body.detail === "string") {
      const id = body.request_id ?? request_id;
      return new api_error(status, body.detail, body.code ?? "unknown", seconds, id);
    }
  } catch {
    // Not JSON: a proxy in between, say. The sentence below is all we can offer.
  }
  return new api_error(status, fallback_sentence(status), "unknown", seconds, request_id);
}

function fallback_sentence(status: number): string {
  if (status === 413) return "The file is too large for this server";
  if (status === 502 || status === 503 || status === 504) {
    return "The server is not available right now; please try again in a moment";
  }
  return `The server answered with an error (${status})`;
}

export interface call_options {
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** A sign-in attempt: 401 means wrong credentials, not an ended session. */
  credentials_attempt?: boolean;
}

async function send(method: string, path: string, options: call_options): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json", ...options.headers };
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET" && csrf_token !== "") headers["X-CSRF-Token"] = csrf_token;
  let answer: Response;
  try {
    answer = await fetch(base + path, {
      method,
      headers,
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
      credentials: "same-origin",
      signal: options.signal,
    });
  } catch (e) {
    if (e instanceof DOMException && e.name === "AbortError") throw e;
    throw new api_error(0, "The server cannot be reached; check the connection", "unreachable");
  }
  if (answer.ok || answer.status === 304) return answer;
  const problem = error_from(
    answer.status,
    await answer.text(),
    answer.headers.get("Retry-After"),
    answer.headers.get("X-Request-Id"),
  );
  if (problem.status === 401 && !options.credentials_attempt) signed_out();
  throw problem;
}

export async function call<T>(
  method: string,
  path: string,
  options: call_options = {},
): Promise<T> {
  const answer = await send(method, path, options);
  const text = answer.status === 204 ? "" : await answer.text();
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

/** The strong ETag of what the path leads to, without its quotes; null when it tells none. */
export async function etag_of(path: string): Promise<string | null> {
  const tag = (await send("HEAD", path, {})).headers.get("ETag");
  return /^"([^"]+)"$/.exec(tag ?? "")?.[1] ?? null;
}

/** A route that this server does not have (yet): what it is for is then not offered. */
export function is_absent(e: unknown): boolean {
  return e instanceof api_error && (e.status === 404 || e.status === 405);
}

/** Sent, perhaps to the end, without an answer that says what has become of it. */
export function is_in_doubt(e: unknown): boolean {
  // Anything else than a refusal: also an answer that broke off. 507 is one: there is no room.
  return !(e instanceof api_error && ((e.status >= 400 && e.status < 500) || e.status === 507));
}

export function describe(e: unknown): string {
  if (e instanceof api_error) {
    return e.retry_after_s !== null && e.status === 429
      ? `${e.detail} (try again in ${e.retry_after_s} s)`
      : e.detail;
  }
  return e instanceof Error ? e.message : String(e);
}
