// Makes docs/screenshot.png anew: node tests/e2e/screenshot.mjs [BINARY] [FILE]
// A fresh server, a photograph of Debian's opencv-doc (smarties.png, Apache-2.0), two red sweets as
// examples and a blue one as what is not meant, and what the classical segmenter finds.
import path from 'node:path';
import {fileURLToPath} from 'node:url';

import {at, drag, fill_in, on_screen, open_browser, process_and_see} from '../../web/e2e/browser.mjs';
import {photo} from './lib/photos.mjs';
import {clean_up_everything, Server, set_binary} from './lib/server.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const [binary = 'build/release/samovar', out = 'docs/screenshot.png'] = process.argv.slice(2);
const name = 'smarties.png';
/// In pixels of the photograph, two corners each.
const size = [413, 356];
const meant = [
  [5, 201, 62, 256],
  [190, 276, 249, 337],
];
const not_meant = [320, 210, 377, 266];

set_binary(path.resolve(root, binary));
process.on('exit', clean_up_everything);
const server = await new Server().start();
const context = await open_browser();
try {
  const page = await context.newPage();
  const draw = ([x0, y0, x1, y1]) =>
    drag(page, [x0 / size[0], y0 / size[1]], [x1 / size[0], y1 / size[1]]);
  const listed = (n) => at(page, 'prompt-item').nth(n - 1).waitFor();
  await page.goto(server.setup_link());
  await fill_in(page, 'setup-form', {email: 'ada@example.org', password: 'a long enough password'});
  await at(page, 'submit').click();
  const file = {name, mimeType: 'image/png', buffer: photo(name)};
  await at(page, 'upload-input').setInputFiles([file]);
  await at(page, 'gallery-item').getByRole('link').click();
  await on_screen(page, 0.5, 0.5);
  await at(page, 'mode-find_all').click();
  for (const [i, box] of meant.entries()) {
    await draw(box);
    await listed(i + 1);
    await page.keyboard.press('Escape');
  }
  await at(page, 'tool-exemplar_negative').click();
  await draw(not_meant);
  await listed(meant.length + 1);
  await page.keyboard.press('Escape');
  await process_and_see(page);
  await at(page, 'opacity').fill('85'); // red sweets under thin colours are brown
  await at(page, 'tool-exemplar_positive').click();
  await page.mouse.move(0, 0);
  await page.screenshot({path: path.resolve(root, out)});
} finally {
  await context.close();
  await server.destroy();
}
