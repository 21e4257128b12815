import { webcrypto } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { api_error } from "../api/client";
import { create_job, retry_job } from "../api/routes";
import { job_keys, new_key } from "../state/job_keys";
import { a_job } from "./fixtures";

interface sent {
  path: string;
  key: string | null;
  body: unknown;
}

/** A server that gives these answers in turn; `null`: the connection breaks. */
function server(...answers: ([number, unknown] | null)[]): sent[] {
  const asked: sent[] = [];
  vi.stubGlobal("fetch", (path: string, init: RequestInit) => {
    const key = new Headers(init.headers).get("Idempotency-Key");
    asked.push({ path, key, body: JSON.parse((init.body as string | undefined) ?? "null") });
    const answer = answers.shift();
    if (answer === undefined) throw new Error("asked once too often");
    if (answer === null) return Promise.reject(new TypeError("Failed to fetch"));
    return Promise.resolve(new Response(JSON.stringify(answer[1]), { status: answer[0] }));
  });
  return asked;
}

const away: [number, unknown] = [503, { detail: "It may still be made", code: "unavailable" }];
const made: [number, unknown] = [201, a_job()];

describe("the keys of jobs", () => {
  // Node 18 does not show it by itself.
  beforeEach(() => vi.stubGlobal("crypto", webcrypto));
  afterEach(() => vi.unstubAllGlobals());

  const submit = (keys: job_keys, images: string[], force_all = false) =>
    keys.once(keys.content_of(images, "inside_box", force_all), (key) =>
      create_job(images, "inside_box", force_all, key),
    );

  it("are such as the server takes, and never the same", () => {
    expect(new_key()).toMatch(/^[0-9a-f]{32}$/);
    expect(new Set(Array.from({ length: 100 }, new_key)).size).toBe(100);
  });

  it("stay the same after 503 and a broken connection, until the job is made", async () => {
    const keys = new job_keys();
    const asked = server(away, null, made, made);
    await expect(submit(keys, ["i1"])).rejects.toMatchObject({ status: 503 });
    // The client did not ask again by itself.
    expect(asked).toHaveLength(1);
    await expect(submit(keys, ["i1"])).rejects.toMatchObject({ status: 0 });
    expect((await submit(keys, ["i1"])).id).toBe("j1");
    expect((await submit(keys, ["i1"])).id).toBe("j1");
    const [first, second, third, next] = asked;
    expect(first!.key).toMatch(/^[0-9a-f]{32}$/);
    expect([second!.key, third!.key]).toEqual([first!.key, first!.key]);
    expect(third!.body).toEqual({ image_ids: ["i1"], mode: "inside_box", force_all: false });
    expect(next!.key).not.toBe(first!.key);
  });

  it("stay the same when a try in between is refused for another reason", async () => {
    const keys = new job_keys();
    const asked = server(away, [401, { detail: "Sign in", code: "unauthenticated" }], made);
    for (const status of [503, 401]) {
      await expect(submit(keys, ["i1"])).rejects.toMatchObject({ status });
    }
    await submit(keys, ["i1"]);
    expect(new Set(asked.map((a) => a.key)).size).toBe(1);
  });

  it("are others for other images, their order, another mode or force, each with its own", async () => {
    const keys = new job_keys();
    const asked = server(away, away, away, away, made);
    const lists = [["i1"], ["i1", "i2"], ["i2", "i1"]];
    for (const l of lists) await expect(submit(keys, l)).rejects.toThrow();
    await expect(submit(keys, ["i1"], true)).rejects.toThrow();
    expect(new Set(asked.map((a) => a.key)).size).toBe(4);
    expect(keys.content_of(["i1"], "point", false)).not.toBe(
      keys.content_of(["i1"], "inside_box", false),
    );
    // Something else tried in between does not take its key from the first.
    await submit(keys, ["i1"]);
    expect(asked[4]!.key).toBe(asked[0]!.key);
  });

  it("are others when the prompts have changed, but not by those of another image", async () => {
    const keys = new job_keys();
    const asked = server(away, away, made);
    await expect(submit(keys, ["i1", "i2"])).rejects.toThrow();
    keys.prompts_changed("i3");
    await expect(submit(keys, ["i1", "i2"])).rejects.toThrow();
    keys.prompts_changed("i2");
    await submit(keys, ["i1", "i2"]);
    expect(asked[1]!.key).toBe(asked[0]!.key);
    expect(asked[2]!.key).not.toBe(asked[0]!.key);
  });

  it("are the same for two presses at once", async () => {
    const keys = new job_keys();
    const asked = server(made, made);
    await Promise.all([submit(keys, ["i1"]), submit(keys, ["i1"])]);
    expect(asked[1]!.key).toBe(asked[0]!.key);
  });

  it("are given up when the server knows them for something else", async () => {
    const keys = new job_keys();
    const asked = server([422, { detail: "Used", code: "idempotency_mismatch" }], made);
    await expect(submit(keys, ["i1"])).rejects.toBeInstanceOf(api_error);
    await submit(keys, ["i1"]);
    expect(asked[1]!.key).not.toBe(asked[0]!.key);
  });

  it("go with what tries failed images again, too", async () => {
    const keys = new job_keys();
    const asked = server(away, made);
    const retry = () => keys.once("retry j1", (key) => retry_job("j1", key));
    await expect(retry()).rejects.toThrow();
    await retry();
    expect(asked.map((a) => a.path)).toEqual(Array(2).fill("/api/v1/jobs/j1/retry"));
    expect(asked[0]!.key).toMatch(/^[0-9a-f]{32}$/);
    expect(asked[1]!.key).toBe(asked[0]!.key);
  });

  it("of old failures are forgotten in the end", async () => {
    const keys = new job_keys();
    const asked = server(...Array<typeof away>(22).fill(away));
    for (let i = 0; i <= 20; i += 1) await expect(submit(keys, [`i${i}`])).rejects.toThrow();
    await expect(submit(keys, ["i0"])).rejects.toThrow();
    expect(asked[21]!.key).not.toBe(asked[0]!.key);
  });
});
