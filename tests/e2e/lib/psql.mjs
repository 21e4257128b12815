// SQL in the embedded cluster of a server's data directory, as its superuser.
import {spawnSync} from 'node:child_process';
import path from 'node:path';

/// Rows as lists of texts; the statement's own failure is thrown. A server must run there.
export function psql(data, sql, database = 'samovar') {
  const args = ['-h', path.join(data, 'pg-socket'), '-U', 'postgres', '-d', database];
  const run = spawnSync('psql', [...args, '-v', 'ON_ERROR_STOP=1', '-AtqX', '-F', '\t'], {
    input: sql,
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  if (run.status !== 0) throw new Error(`psql: ${run.stderr || run.error}`);
  return run.stdout
    .split('\n')
    .slice(0, -1)
    .map((l) => l.split('\t'));
}
export function psql_url(data, database, user = 'postgres') {
  const host = encodeURIComponent(path.join(data, 'pg-socket'));
  return `postgresql:///${database}?host=${host}&user=${user}`;
}
