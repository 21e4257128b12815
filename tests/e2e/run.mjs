// Runs the groups against real servers:
// node run.mjs [--binary FILE] [--only a,b] [--filter TEXT]
import fs from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

import {run_group, set_filter, totals} from './lib/runner.mjs';
import {clean_up_everything, set_binary} from './lib/server.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, '../..');
// The last one judges the answers of all others.
const groups = [
  'client',
  'images',
  'isolation',
  'walk',
  'jobs',
  'retry',
  'events',
  'changes',
  'coco',
  'auth',
  'accounts',
  'links',
  'audit',
  'quotas',
  'tls',
  'proxy',
  'secrets',
  'oidc',
  'oidc_forged',
  'crash',
  'frozen',
  'isolate',
  'sam3',
  'campaign',
  'crash_campaign',
  'import',
  'check_model',
  'backup',
  'load',
  'browser',
  'openapi',
];

const options = {};
for (let i = 2; i < process.argv.length; i += 2) {
  const name = process.argv[i].replace(/^--/, '');
  if (!['binary', 'only', 'filter'].includes(name) || process.argv[i + 1] === undefined) {
    console.error(`usage: run.sh [--binary FILE] [--only ${groups.join(',')}] [--filter TEXT]`);
    process.exit(2);
  }
  options[name] = process.argv[i + 1];
}
const binary = path.resolve(options.binary ?? path.join(root, 'build/release/samovar'));
if (!fs.existsSync(binary)) {
  console.error(`no server at ${binary}; build it first (cmake --build --preset release)`);
  process.exit(2);
}
const wanted = options.only ? options.only.split(',') : groups;
for (const name of wanted) {
  if (!groups.includes(name)) {
    console.error(`no group "${name}"; there are ${groups.join(', ')}`);
    process.exit(2);
  }
}

set_binary(binary);
set_filter(options.filter);
process.on('exit', clean_up_everything);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130));

const context = {root, whole_run: !options.only && !options.filter};
for (const name of groups.filter((g) => wanted.includes(g))) {
  const {default: body} = await import(`./groups/${name}.mjs`);
  await run_group(name, body, context);
}
console.log(`${totals.passed} passed, ${totals.failed} failed`);
process.exit(totals.failed === 0 && totals.passed > 0 ? 0 : 1);
