import { describe, expect, it } from "vitest";
import { api_error, describe as words, error_from } from "../api/client";
import { parse_event, pause_ms } from "../api/live";
import { bytes, duration, queue_words } from "../lib/format";
import { match, safe_next } from "../lib/router";
import {
  no_uploads,
  progress_of_uploads,
  reduce_uploads,
  startable,
  upload_words,
} from "../state/uploads";

describe("uploads reducer", () => {
  const three_and_more = reduce_uploads(no_uploads, {
    kind: "added",
    files: ["a", "b", "c", "d", "e"].map((name) => ({ name, size: 1 })),
  });

  it("starts three at once, and the next when one ends", () => {
    expect(startable(three_and_more).map((u) => u.id)).toEqual([1, 2, 3]);
    let s = three_and_more;
    for (const id of [1, 2, 3]) s = reduce_uploads(s, { kind: "started", id });
    expect(startable(s)).toEqual([]);
    s = reduce_uploads(s, { kind: "failed", id: 2, error: "not an image", again: false });
    expect(startable(s).map((u) => u.id)).toEqual([4]);
    s = reduce_uploads(s, { kind: "retried", id: 2 });
    expect(startable(s).map((u) => u.id)).toEqual([2]);
  });

  it("gives up what has not arrived, and keeps the rest", () => {
    let s = reduce_uploads(three_and_more, { kind: "started", id: 1 });
    s = reduce_uploads(s, { kind: "done", id: 1 });
    s = reduce_uploads(s, { kind: "failed", id: 2, error: "no", again: false });
    s = reduce_uploads(s, { kind: "started", id: 3 });
    s = reduce_uploads(s, { kind: "stopped" });
    expect(s.items.map((u) => u.id)).toEqual([1, 2]);
    // The upload that was stopped tells of its end when it is no longer listed.
    expect(
      reduce_uploads(s, { kind: "failed", id: 3, error: "stopped", again: true }).items,
    ).toHaveLength(2);
  });

  it("says how far they are", () => {
    let s = reduce_uploads(three_and_more, { kind: "done", id: 1 });
    s = reduce_uploads(s, { kind: "failed", id: 2, error: "no", again: false });
    expect(upload_words(s.items)).toBe("Uploading, 1 of 5 images done, 1 failed");
    expect(progress_of_uploads(s.items)).toBe(0.4);
    s = reduce_uploads(s, { kind: "stopped" });
    expect(upload_words(s.items)).toBe("1 image uploaded, 1 failed");
    s = { ...s, items: s.items.slice(1) };
    expect(upload_words(s.items)).toBe("Nothing was uploaded, 1 failed");
    expect(progress_of_uploads([])).toBe(0);
  });

  it("clears what has ended only", () => {
    let s = reduce_uploads(three_and_more, { kind: "started", id: 1 });
    s = reduce_uploads(s, { kind: "progressed", id: 1, progress: 7 });
    expect(s.items[0]!.progress).toBe(1);
    s = reduce_uploads(s, { kind: "done", id: 1 });
    s = reduce_uploads(s, { kind: "cleared" });
    expect(s.items.map((u) => u.id)).toEqual([2, 3, 4, 5]);
    const more = reduce_uploads(s, { kind: "added", files: [{ name: "f", size: 1 }] });
    expect(more.items.at(-1)!.id).toBe(6);
  });
});

describe("errors", () => {
  it("keeps the server's sentence", () => {
    const e = error_from(409, '{"detail":"Quota reached","code":"image_quota_reached"}', null);
    expect(e).toBeInstanceOf(api_error);
    expect(words(e)).toBe("Quota reached");
    expect(e.code).toBe("image_quota_reached");
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
