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
/// Each row that is inserted into the table takes 10 ms from now on, until the returned function is called.
export function slow_inserts(data, table) {
  psql(
    data,
    `create function slow_row() returns trigger language plpgsql
       as 'begin perform pg_sleep(0.01); return new; end';
     create trigger slow before insert on ${table} for each row execute function slow_row()`,
  );
  return () => psql(data, `drop trigger slow on ${table}; drop function slow_row()`);
}
