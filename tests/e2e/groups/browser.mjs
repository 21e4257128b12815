// The web UI in a real browser, driven by web/e2e/main_job.mjs against a fresh server.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import {photo_folder} from '../lib/photos.mjs';
import {product_root, scratch_folder, start_server} from '../lib/server.mjs';

export default async function (t, {root}) {
  await t.test(
    'the main job in a browser, from the setup link to the export',
    async () => {
      const script = [root, product_root()]
        .map((r) => path.join(r, 'web/e2e/main_job.mjs'))
        .find((file) => fs.existsSync(file));
      assert.ok(script, 'web/e2e/main_job.mjs is missing');
      const server = await start_server(t);
      const setup = server.setup_link();
      assert.ok(setup, 'the server printed no setup link');
      const photos = photo_folder(scratch_folder('photos'), [
        'fruits.jpg',
        'baboon.jpg',
        'messi5.jpg',
        'home.jpg',
      ]);
      const out = path.join(root, 'artifacts/browser');
      fs.mkdirSync(out, {recursive: true});
      const args = [
        script,
        '--base',
        server.base,
        '--setup-url',
        setup,
        '--photos',
        photos,
        '--out',
        out,
      ];
      const child = spawn(process.execPath, args, {
        cwd: path.dirname(path.dirname(script)),
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
      });
      t.after(() => {
        try {
          process.kill(-child.pid, 'SIGKILL'); // a browser that outlived its script
        } catch {
          // nothing was left
        }
      });
      let text = '';
      child.stdout.on('data', (d) => (text += d));
      child.stderr.on('data', (d) => (text += d));
      const code = await new Promise((resolve) => child.on('close', resolve));
      // Steps whose routes this server lacks: said here too, so that nobody takes them for passed.
      for (const line of text.split('\n')) if (/^SKIP|skipped:/.test(line)) console.log(`  ${line}`);
      assert.equal(code, 0, text.slice(-1200));
      assert.ok(
        fs.readdirSync(out).some((f) => /\.png$/.test(f)),
        'no screenshots',
      );
    },
    {timeout: 900_000},
  );
}
