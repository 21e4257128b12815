// Finds out which chosen files are among one's images already, before they are sent.
import { image_digest } from "../api/routes";
import { alike, by_size, sha256_of, twin_of, type held } from "./duplicates";
import { all_images } from "./use_images";

/** More are not listed for the question; the newest are the likeliest to be chosen again. */
const listed_max = 20_000;

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
  try {
    return (await all_images(listed_max)).map((i) => {
      let asked: Promise<string | null> | undefined;
      return {
        image_id: i.id,
        name: i.filename,
        size: i.byte_size,
        digest: () => (asked ??= image_digest(i.id).catch(() => null)),
      };
    });
  } catch {
    // Then nothing is known; the uploads themselves say what is wrong.
    return [];
  }
}

/**
 * Tells of each file what it is the same as, null for nothing: those that are certainly new at once
 * and together, the others one by one. `earlier`: chosen before and still on their way.
 */
export async function check_uploads(
  files: chosen[],
  earlier: File[],
  tell: (ids: Set<number>, twin: held | null) => void,
): Promise<{ fresh: number; known: number }> {
  const among = by_size([...(await held_images()), ...earlier.map(held_file)]);
  const fresh = new Set<number>();
  const doubtful: { id: number; mine: held; candidates: held[] }[] = [];
  for (const { id, file } of files) {
    const mine = held_file(file);
    const candidates = alike(file, among);
    if (candidates.length === 0) fresh.add(id);
    else doubtful.push({ id, mine, candidates });
    among.set(file.size, [...(among.get(file.size) ?? []), mine]);
  }
  if (fresh.size > 0) tell(fresh, null);
  let known = 0;
  for (const { id, mine, candidates } of doubtful) {
    const twin = await twin_of(mine.name, mine.digest, candidates);
    if (twin !== null) known += 1;
    tell(new Set([id]), twin);
  }
  return { fresh: files.length - known, known };
}
