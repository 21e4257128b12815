import { webcrypto } from "node:crypto";
import { afterEach, describe, expect, it, vi } from "vitest";
import { alike, by_size, known_words, sha256_of, twin_of, type held } from "../state/duplicates";
import {
  no_uploads,
  progress_of_uploads,
  reduce_uploads,
  startable,
  upload_words,
} from "../state/uploads";

describe("uploads reducer", () => {
  const five = reduce_uploads(no_uploads, {
    kind: "added",
    files: ["a", "b", "c", "d", "e"].map((name) => ({ name, size: 1 })),
    bytes_max: null,
  });
  const checked = (twin: { image_id: string | null; name: string } | null, ...ids: number[]) =>
    ({ kind: "checked", found: new Map(ids.map((id) => [id, twin])) }) as const;
  const all_new = checked(null, 1, 2, 3, 4, 5);
  const three_and_more = reduce_uploads(five, all_new);

  it("sends nothing before it is known whether it is here already", () => {
    expect(startable(five)).toEqual([]);
    expect(upload_words(five.items)).toBe("Uploading, 0 of 5 images done");
  });

  it("does not send what is larger than the server takes", () => {
    const files = [
      { name: "fits", size: 2 * 1024 * 1024 },
      { name: "too large", size: 2 * 1024 * 1024 + 1 },
    ];
    let s = reduce_uploads(no_uploads, { kind: "added", files, bytes_max: 2 * 1024 * 1024 });
    expect(s.items.map((u) => u.state)).toEqual(["checking", "failed"]);
    expect(s.items[1]!.error).toBe("Larger than 2.0 MB, the most that one file may have");
    // Trying again would not help, and no answer of the check lets it go.
    s = reduce_uploads(reduce_uploads(s, { kind: "all_retried" }), checked(null, 1, 2));
    expect(s.items.map((u) => u.state)).toEqual(["waiting", "failed"]);
  });

  it("holds back what is here already, and lets the rest go", () => {
    const twin = { image_id: "i1", name: "a" };
    let s = reduce_uploads(five, checked(twin, 1, 3));
    s = reduce_uploads(s, checked(null, 2, 4, 5));
    expect(s.items.map((u) => u.state)).toEqual(["known", "waiting", "known", "waiting", "waiting"]);
    expect(startable(s).map((u) => u.id)).toEqual([2, 4, 5]);
    for (const id of [2, 4, 5]) s = reduce_uploads(s, { kind: "done", id });
    expect(upload_words(s.items)).toBe("3 images uploaded");
    expect(progress_of_uploads(s.items)).toBe(1);
    // What asks for an answer is not cleared away.
    s = reduce_uploads(s, { kind: "cleared" });
    expect(s.items.map((u) => u.id)).toEqual([1, 3]);
    s = reduce_uploads(s, { kind: "wanted", ids: new Set([3]) });
    expect(startable(s).map((u) => u.id)).toEqual([3]);
    s = reduce_uploads(s, { kind: "skipped", ids: new Set([1, 3]) });
    expect(s.items.map((u) => u.id)).toEqual([3]);
  });

  it("does not bring back by a late answer what was stopped or decided", () => {
    let s = reduce_uploads(five, { kind: "stopped" });
    s = reduce_uploads(s, all_new);
    expect(s.items).toEqual([]);
    s = reduce_uploads(three_and_more, { kind: "started", id: 1 });
    s = reduce_uploads(s, checked({ image_id: null, name: "b" }, 1));
    expect(s.items[0]!.state).toBe("running");
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

  it("sends nothing more when there is no room, until all are tried again", () => {
    let s = three_and_more;
    for (const id of [1, 2, 3]) s = reduce_uploads(s, { kind: "started", id });
    s = reduce_uploads(s, { kind: "done", id: 1 });
    s = reduce_uploads(s, { kind: "failed", id: 2, error: "full", again: true, rest: true });
    expect(startable(s)).toEqual([]);
    const states = () => s.items.map((u) => u.state);
    // What was under way hears it for itself.
    expect(states()).toEqual(["done", "failed", "running", "failed", "failed"]);
    expect(s.items[4]!.error).toBe("full");
    s = reduce_uploads(s, { kind: "failed", id: 3, error: "not an image", again: false });
    s = reduce_uploads(s, { kind: "all_retried" });
    expect(states()).toEqual(["done", "waiting", "failed", "waiting", "waiting"]);
    expect(startable(s).map((u) => u.id)).toEqual([2, 4, 5]);
  });

  it("looks for what may have arrived before it is sent again, and sends the rest at once", () => {
    let s = three_and_more;
    for (const id of [1, 2, 3]) s = reduce_uploads(s, { kind: "started", id });
    const lost = { kind: "failed", error: "broke", again: true, doubt: true } as const;
    s = reduce_uploads(s, { ...lost, id: 1 });
    s = reduce_uploads(s, { ...lost, id: 2 });
    s = reduce_uploads(s, { kind: "failed", id: 3, error: "too many", again: true });
    const one = reduce_uploads(s, { kind: "retried", id: 1 });
    expect(one.items.slice(0, 3).map((u) => u.state)).toEqual(["checking", "failed", "failed"]);
    s = reduce_uploads(s, { kind: "all_retried" });
    expect(s.items.slice(0, 3).map((u) => u.state)).toEqual(["checking", "checking", "waiting"]);
    expect(startable(s).map((u) => u.id)).toEqual([3, 4, 5]);
    // One had arrived, the other had not.
    s = reduce_uploads(s, checked({ image_id: "i1", name: "a" }, 1));
    s = reduce_uploads(s, checked(null, 2));
    expect(s.items.slice(0, 2).map((u) => u.state)).toEqual(["known", "waiting"]);
    // A refusal that leaves no doubt: sent at once the next time.
    s = reduce_uploads(s, { kind: "failed", id: 2, error: "too many", again: true });
    s = reduce_uploads(s, { kind: "retried", id: 2 });
    expect(s.items[1]!.state).toBe("waiting");
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
    const f = { name: "f", size: 1 };
    const more = reduce_uploads(s, { kind: "added", files: [f], bytes_max: null });
    expect(more.items.at(-1)!.id).toBe(6);
  });
});

const digest = (text: string | null) => () => Promise.resolve(text);
const a_held = (name: string, size: number, sha: string | null = null): held => ({
  image_id: `id of ${name}`,
  name,
  size,
  digest: digest(sha),
});

describe("files that are here already", () => {
  afterEach(() => vi.unstubAllGlobals());

  it("compares with what has the same size, its own name first, and not with all of one size", () => {
    const some = by_size([a_held("b", 7), a_held("a", 7), a_held("a", 8)]);
    expect(alike({ name: "a", size: 7 }, some).map((h) => h.name)).toEqual(["a", "b"]);
    expect(alike({ name: "a", size: 9 }, some)).toEqual([]);
    const frames = by_size(["1", "2", "3", "4", "5"].map((n) => a_held(n, 100)));
    expect(alike({ name: "4", size: 100 }, frames).map((h) => h.name)).toEqual(["4"]);
    expect(alike({ name: "6", size: 100 }, frames)).toEqual([]);
  });

  it("goes by content where it can be compared", async () => {
    const candidates = [a_held("a", 7, "x"), a_held("b", 7, "y")];
    expect(await twin_of("a", digest("x"), candidates)).toBe(candidates[0]);
    expect(await twin_of("a", digest("y"), candidates)).toBe(candidates[1]);
    expect(await twin_of("a", digest("z"), candidates)).toBeNull();
  });

  it("goes by name and size where it cannot", async () => {
    const unknown = [a_held("b", 7), a_held("a", 7)];
    expect(await twin_of("a", digest("x"), unknown)).toBe(unknown[1]);
    expect(await twin_of("a", digest(null), [a_held("b", 7, "x")])).toBeNull();
    expect(await twin_of("a", digest(null), [a_held("a", 7, "x")])).not.toBeNull();
  });

  it("reads no file that is like nothing", async () => {
    const read = () => Promise.reject(new Error("the file was read"));
    expect(await twin_of("a", read, [])).toBeNull();
  });

  it("writes digests as the server does, and none of a file that has gone", async () => {
    // Node 18 does not show it by itself.
    vi.stubGlobal("crypto", webcrypto);
    expect(await sha256_of(new Blob(["abc"]))).toBe(
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
    const gone = { arrayBuffer: () => Promise.reject(new DOMException("gone")) };
    expect(await sha256_of(gone as unknown as Blob)).toBeNull();
    vi.stubGlobal("crypto", {});
    expect(await sha256_of(new Blob(["abc"]))).toBeNull();
  });

  it("says how many", () => {
    expect(known_words(1)).toBe("1 file is already among your images");
    expect(known_words(2)).toBe("2 files are already among your images");
  });
});
