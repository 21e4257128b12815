// A disk of its own for a folder, small enough to be filled up: a tmpfs, which only root may
// mount.
import {spawnSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

// More than the 64 MiB under which /readyz says that the server isn't ready.
const blobs_mib = 96;

export class SmallDisk {
  /// Mounts it at `folder`; null and a reason on the console where that isn't possible.
  static mount(folder, size_mib = blobs_mib) {
    fs.mkdirSync(folder, {recursive: true});
    const run = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size_mib}m`, 'tmpfs', folder], {
      encoding: 'utf8',
    });
    if (run.status !== 0) {
      const why = run.error?.message ?? run.stderr.trim();
      console.log(`  LEFT OUT: the full disk, because a tmpfs can't be mounted here (${why})`);
      return null;
    }
    return new SmallDisk(folder);
  }
  constructor(folder) {
    this.folder = folder;
    this.balloon = path.join(folder, 'balloon');
    this.at_exit = () => this.unmount();
    // In front of what removes the folders themselves.
    process.prependListener('exit', this.at_exit);
  }

  /// Not one byte is left.
  fill() {
    const file = fs.openSync(this.balloon, 'w');
    for (const piece of [Buffer.alloc(1 << 20), Buffer.alloc(4096)]) {
      try {
        for (;;) fs.writeSync(file, piece);
      } catch (error) {
        if (error.code !== 'ENOSPC') throw error;
      }
    }
    fs.closeSync(file);
  }
  empty() {
    fs.rmSync(this.balloon, {force: true});
  }
  unmount() {
    process.removeListener('exit', this.at_exit);
    spawnSync('umount', ['--lazy', this.folder]);
  }
}
