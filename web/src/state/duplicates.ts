// Which files of an upload somebody has already: by name and size, and by content where it can be
// compared. Pure but for the digests, which are asked for only when sizes are the same.

/** Pictures without compression are all of one size: no file is compared with more than these. */
export const compared_max = 3;

export interface held {
  /** null: not stored yet, only chosen before. */
  image_id: string | null;
  name: string;
  /** Bytes. */
  size: number;
  /** SHA-256 of the bytes in lower-case hex; null when it cannot be had. */
  digest: () => Promise<string | null>;
}

/** By size, which is what files that are the same have in common first of all. */
export type held_by_size = Map<number, held[]>;

export function by_size(all: Iterable<held>): held_by_size {
  const found: held_by_size = new Map();
  for (const h of all) {
    const same = found.get(h.size);
    if (same === undefined) found.set(h.size, [h]);
    else same.push(h);
  }
  return found;
}

/** What a file may be the same as: those of its name first. */
export function alike(file: { name: string; size: number }, among: held_by_size): held[] {
  const same = among.get(file.size) ?? [];
  const named = same.filter((h) => h.name === file.name);
  const others = same.length > compared_max ? [] : same.filter((h) => h.name !== file.name);
  return [...named, ...others].slice(0, compared_max);
}

/** What the file is the same as; where contents cannot be compared, name and size decide. */
export async function twin_of(
  name: string,
  digest: () => Promise<string | null>,
  candidates: held[],
): Promise<held | null> {
  if (candidates.length === 0) return null;
  const mine = await digest();
  for (const h of candidates) {
    const theirs = mine === null ? null : await h.digest();
    if (theirs === null ? h.name === name : theirs === mine) return h;
  }
  return null;
}

/** Browsers compute digests only for pages that came over TLS or from this machine. */
export async function sha256_of(file: Blob): Promise<string | null> {
  const subtle = globalThis.crypto?.subtle;
  if (subtle === undefined) return null;
  try {
    const hash = new Uint8Array(await subtle.digest("SHA-256", await file.arrayBuffer()));
    return Array.from(hash, (b) => b.toString(16).padStart(2, "0")).join("");
  } catch {
    // The file has gone or does not fit into memory: the upload itself will tell.
    return null;
  }
}

/** "3 files are already among your images" */
export function known_words(n: number): string {
  return n === 1 ? "1 file is already among your images" : `${n} files are already among your images`;
}
