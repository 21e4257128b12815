import { describe, expect, it } from "vitest";
import { files_of_drop } from "../lib/dropped_files";

const file = (name: string) => ({
  isDirectory: false,
  name,
  file: (found: (f: File) => void) => found(new File(["x"], name)),
});

/** Like browsers: some at a time, and an empty list at the end. */
const folder = (name: string, inside: object[]) => ({
  isDirectory: true,
  name,
  createReader: () => {
    const left = [...inside];
    return { readEntries: (found: (e: object[]) => void) => found(left.splice(0, 2)) };
  },
});

const drop = (entries: object[], files: File[]) =>
  files_of_drop({
    items: entries.map((e) => ({ webkitGetAsEntry: () => e })),
    files,
  } as unknown as DataTransfer);

describe("dropped files", () => {
  it("are taken as they are", async () => {
    const notes = new File(["x"], "notes.txt");
    expect(await drop([file("notes.txt")], [notes])).toEqual([notes]);
  });

  it("are found in folders of folders, pictures only", async () => {
    const found = await drop(
      [
        folder("day", [
          file("b.JPG"),
          file("a.png"),
          file(".DS_Store"),
          folder("more", [file("c.tiff"), file("list.csv")]),
        ]),
        file("beside.txt"),
      ],
      [new File([], "day"), new File(["x"], "beside.txt")],
    );
    expect(found.map((f) => f.name)).toEqual(["a.png", "b.JPG", "c.tiff", "beside.txt"]);
  });

  it("leaves out what cannot be read", async () => {
    const gone = { ...file("a.png"), file: (_: unknown, failed: () => void) => failed() };
    expect(await drop([folder("day", [gone, file("b.png")])], [])).toHaveLength(1);
  });
});
