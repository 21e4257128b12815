// The Idempotency-Key of what makes a job. A server that gave no answer, or 503, may have stored the
// job all the same: whoever asks for the same thing again must get that job and not a second one.
import { api_error } from "../api/client";
import type { mode } from "../api/types";

/** Failures that are remembered; older ones are forgotten. */
const kept_max = 20;

/** 32 hexadecimal digits. randomUUID() would be missing from a page that came without TLS. */
export function new_key(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

export class job_keys {
  private readonly kept = new Map<string, string>();
  /** How often this page has changed what is marked on an image. */
  private readonly changes = new Map<string, number>();

  /**
   * What is marked on the image or asked of it in words has changed, or may have. The server does
   * not compare that, and would answer with the job of before the change.
   */
  prompts_changed(image_id: string): void {
    this.changes.set(image_id, (this.changes.get(image_id) ?? 0) + 1);
  }

  content_of(image_ids: string[], mode: mode, force_all: boolean): string {
    const images = image_ids.map((id) => `${id} ${this.changes.get(id) ?? 0}`);
    return [mode, force_all, ...images].join();
  }

  /** Does it under the key of this content: the same one until it has worked, then another. */
  async once<T>(content: string, action: (key: string) => Promise<T>): Promise<T> {
    const key = this.kept.get(content) ?? new_key();
    this.kept.delete(content);
    this.kept.set(content, key);
    for (const oldest of [...this.kept.keys()].slice(0, -kept_max)) this.kept.delete(oldest);
    const forget = () => {
      if (this.kept.get(content) === key) this.kept.delete(content);
    };
    try {
      const done = await action(key);
      forget();
      return done;
    } catch (e) {
      // The key of something else: it would be refused for ever.
      if (e instanceof api_error && e.code === "idempotency_mismatch") forget();
      // Any other refusal says nothing about an earlier try that was not answered.
      throw e;
    }
  }
}

/** The page's own; it outlives the pages that one goes through between two tries. */
export const own_job_keys = new job_keys();
