// Finds out which chosen files are among one's images already, before they are sent.
import { image_digest } from "../api/routes";
import { at_once } from "../lib/at_once";
import { alike, by_size, sha256_of, twin_of, type held } from "./duplicates";
import { all_images } from "./use_images";

/** More are not listed for the question; the newest are the likeliest to be chosen again. */
const listed_max = 20_000;
const compared_at_once = 4;
/** Each telling draws the page anew. */
const told_every_ms = 300;

export interface chosen {
  id: number;
  file: File;
}

function held_file(file: File): held {
  let asked: Promise<string | null> | undefined;
  const digest = () => (asked ??= sha256_of(file));
  return { image_id: null, name: file.name, size: file.size, digest };
}

async function held_images(): Promise<held[]> {
  return (await all_images(listed_max)).map((i) => {
    let asked: Promise<string | null> | undefined;
    return {
      image_id: i.id,
      name: i.filename,
      size: i.byte_size,
      digest: () => (asked ??= image_digest(i.id).catch(() => null)),
    };
  });
}

/**
 * Tells of each file what it is the same as, null for nothing: first those that are certainly new,
 * then the others as they are compared. `earlier`: chosen before and still on their way. `certain`:
 * throws when the images cannot be listed; else nothing is known then, and all pass for new.
 */
export async function check_uploads(
  files: chosen[],
  earlier: File[],
  tell: (found: Map<number, held | null>) => void,
  certain = false,
): Promise<{ fresh: number; known: number }> {
  const here = await held_images().catch((e) => {
    if (certain) throw e;
    // The uploads themselves say what is wrong.
    return [];
  });
  const among = by_size([...here, ...earlier.map(held_file)]);
  let found = new Map<number, held | null>();
  const doubtful: { id: number; mine: held; candidates: held[] }[] = [];
  for (const { id, file } of files) {
    const mine = held_file(file);
    const candidates = alike(file, among);
    if (candidates.length === 0) found.set(id, null);
    else doubtful.push({ id, mine, candidates });
    among.set(file.size, [...(among.get(file.size) ?? []), mine]);
  }
  let told_at = 0;
  const pass_on = () => {
    if (found.size > 0) tell(found);
    found = new Map();
    told_at = Date.now();
  };
  pass_on();
  let known = 0;
  await at_once(compared_at_once, doubtful, async ({ id, mine, candidates }) => {
    const twin = await twin_of(mine.name, mine.digest, candidates);
    if (twin !== null) known += 1;
    found.set(id, twin);
    if (Date.now() - told_at > told_every_ms) pass_on();
  });
  pass_on();
  return { fresh: files.length - known, known };
}
