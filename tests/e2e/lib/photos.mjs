// Real photographs, from Debian's opencv-doc.
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';

const folders = [
  '/usr/share/doc/opencv-doc/examples/data',
  '/usr/share/opencv4/samples/data',
  '/usr/share/doc/opencv-doc/examples/alphamat/input_images',
];

export function photo(name) {
  for (const folder of folders) {
    const file = path.join(folder, name);
    if (fs.existsSync(file)) return fs.readFileSync(file);
    if (fs.existsSync(`${file}.gz`)) return zlib.gunzipSync(fs.readFileSync(`${file}.gz`));
  }
  throw new Error(`no photograph ${name}: install opencv-doc`);
}
/// Writes copies into a folder and gives it back.
export function photo_folder(folder, names) {
  for (const name of names) fs.writeFileSync(path.join(folder, name), photo(name));
  return folder;
}
