// What somebody drops on the page: files, and the pictures in folders.

/** In folders only pictures are meant; a file dropped by itself is always tried. */
const picture = /\.(jpe?g|png|webp|tiff?|bmp)$/i;
export const dropped_max = 10_000;

function file_of(entry: FileSystemFileEntry): Promise<File | null> {
  // A file that vanished meanwhile or may not be read is left out.
  return new Promise((resolve) => entry.file(resolve, () => resolve(null)));
}

async function entries_of(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    // Browsers give at most 100 at a time, and none at the end.
    const some = await new Promise<FileSystemEntry[]>((resolve) =>
      reader.readEntries(resolve, () => resolve([])),
    );
    if (some.length === 0) return all.sort((a, b) => a.name.localeCompare(b.name));
    all.push(...some);
  }
}

async function collect(entry: FileSystemEntry, inside: boolean, into: File[]): Promise<void> {
  if (into.length >= dropped_max) return;
  if (entry.isDirectory) {
    for (const e of await entries_of(entry as FileSystemDirectoryEntry)) {
      await collect(e, true, into);
    }
  } else if (!inside || picture.test(entry.name)) {
    const file = await file_of(entry as FileSystemFileEntry);
    if (file !== null) into.push(file);
  }
}

/** At most `dropped_max` files. Must be called in the event itself: it is empty afterwards. */
export async function files_of_drop(transfer: DataTransfer): Promise<File[]> {
  const entries = [...(transfer.items ?? [])].map((i) => i.webkitGetAsEntry?.() ?? null);
  const plain = [...transfer.files];
  if (!entries.some((e) => e?.isDirectory)) return plain;
  const found: File[] = [];
  for (const e of entries) if (e !== null) await collect(e, false, found);
  return found;
}
