// The cluster of a data directory without any Samovar: to look at what is in it.
import {spawn, spawnSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import {psql} from './psql.mjs';
import {until} from './work.mjs';

/// Starts PostgreSQL as the folder's owner; the function given back stops it.
export async function spawn_cluster(data) {
  const folder = path.join(data, 'pg');
  const {uid, gid} = fs.statSync(folder);
  const programs = spawnSync('pg_config', ['--bindir'], {encoding: 'utf8'}).stdout.trim();
  const child = spawn(
    path.join(programs, 'postgres'),
    ['-D', folder, '-c', 'listen_addresses=', '-k', path.join(data, 'pg-socket')],
    {cwd: '/', uid, gid, stdio: 'ignore'},
  );
  const ended = new Promise((resolve) => child.on('exit', resolve));
  await until(
    async () => {
      try {
        return psql(data, 'select 1', 'postgres').length;
      } catch {
        return 0; // not yet
      }
    },
    (n) => n === 1,
    'the cluster answers',
  );
  return async () => {
    child.kill('SIGINT');
    await ended;
  };
}
