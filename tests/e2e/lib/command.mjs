// The program's other commands, run to their end or killed on the way.
import {spawn} from 'node:child_process';

import {product_root, program} from './server.mjs';

/// Starts `samovar …arguments`; `ended` resolves with {code, signal, out, err}.
export function command(args, {env = {}} = {}) {
  const child = spawn(program(), args, {
    cwd: product_root(),
    env: {...process.env, ...env},
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (d) => (out += d));
  child.stderr.on('data', (d) => (err += d));
  const ended = new Promise((resolve) =>
    child.on('close', (code, signal) => resolve({code, signal, out, err})),
  );
  return {child, ended, kill9: () => child.kill('SIGKILL')};
}
export const run_command = (args, options) => command(args, options).ended;

/// Fails with what the command said.
export async function must(args, code = 0) {
  const end = await run_command(args);
  if (end.code !== code) {
    const said = `${end.err}${end.out}`.slice(0, 2000);
    throw new Error(
      `samovar ${args[0]} ended with ${end.code ?? end.signal}, not ${code}:\n${said}`,
    );
  }
  return end;
}
