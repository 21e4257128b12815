import { describe, expect, it } from "vitest";
import { api_error, describe as words, error_from, is_in_doubt } from "../api/client";
import { parse_event, pause_ms } from "../api/live";
import { at_once } from "../lib/at_once";
import { bytes, duration, queue_words } from "../lib/format";
import { match, safe_next } from "../lib/router";

describe("errors", () => {
  it("keeps the server's sentence", () => {
    const e = error_from(409, '{"detail":"Quota reached","code":"image_quota_reached"}', null);
    expect(e).toBeInstanceOf(api_error);
    expect(words(e)).toBe("Quota reached");
    expect(e.code).toBe("image_quota_reached");
  });
  it("knows after which of them it may have been done all the same", () => {
    const doubts = [0, 200, 400, 429, 500, 503, 507].map((s) =>
      is_in_doubt(error_from(s, "", null)),
    );
    expect(doubts).toEqual([true, true, false, false, true, true, false]);
    expect(is_in_doubt(new TypeError("the answer broke off"))).toBe(true);
  });
  it("finds words when a proxy answers", () => {
    expect(words(error_from(503, "<html>", null))).toMatch(/not available/);
    expect(words(error_from(429, '{"detail":"Too many"}', "12"))).toMatch(/12 s/);
  });
});

describe("live connection", () => {
  it("waits longer each time, but not for ever", () => {
    expect(pause_ms(0, 1)).toBe(500);
    expect(pause_ms(3, 1)).toBe(4000);
    expect(pause_ms(50, 1)).toBe(15_000);
    expect(pause_ms(50, 0)).toBe(9000);
  });
  it("ignores frames that are no events", () => {
    expect(parse_event("nonsense")).toBeNull();
    expect(parse_event("{}")).toBeNull();
    expect(parse_event('{"type":"resync"}')).toEqual({ type: "resync" });
  });
});

describe("words and paths", () => {
  it("writes sizes, times and places", () => {
    expect(bytes(512)).toBe("512 B");
    expect(bytes(1536)).toBe("1.5 KB");
    expect(bytes(5000 * 1024 * 1024)).toBe("4.9 GB");
    expect(duration(59.6)).toBe("1 min 0 s");
    expect(duration(3725)).toBe("1 h 2 min");
    expect(queue_words(0)).toBe("next in your queue");
  });
  it("matches routes", () => {
    expect(match("/images/:id", "/images/a%20b/")).toEqual({ id: "a b" });
    expect(match("/images/:id", "/images")).toBeNull();
    expect(match("/images/:id", "/images/%")).toBeNull();
  });
  it("never leads to another site after signing in", () => {
    expect(safe_next("?next=%2Fjobs%3Fa")).toBe("/jobs?a");
    expect(safe_next("?next=%2F%2Fevil.example")).toBe("/");
    expect(safe_next("?next=%2F%5Cevil.example")).toBe("/");
    expect(safe_next("?next=https%3A%2F%2Fevil.example")).toBe("/");
    expect(safe_next("")).toBe("/");
  });
});

describe("several at a time", () => {
  it("does all of them, never more at once than it may", async () => {
    let now = 0;
    let most = 0;
    const done: number[] = [];
    await at_once(3, [1, 2, 3, 4, 5, 6, 7], async (n) => {
      now += 1;
      most = Math.max(most, now);
      await Promise.resolve();
      now -= 1;
      done.push(n);
    });
    expect(most).toBe(3);
    expect(done.sort()).toEqual([1, 2, 3, 4, 5, 6, 7]);
    await at_once(3, [], () => Promise.reject(new Error("called for nothing")));
  });
  it("begins nothing after a failure, and tells of it when all have ended", async () => {
    const done: number[] = [];
    const all = at_once(2, [1, 2, 3, 4, 5], async (n) => {
      await Promise.resolve();
      if (n === 2) throw new Error("two");
      await Promise.resolve();
      done.push(n);
    });
    await expect(all).rejects.toThrow("two");
    expect(done).toEqual([1]);
  });
});
