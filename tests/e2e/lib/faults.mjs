// What befalls a server in the crash campaign. The schedule is a function of its seed alone; when
// exactly a fault meets which request is not, and need not be.
import assert from 'node:assert/strict';
import {setTimeout as sleep} from 'node:timers/promises';

import {random} from './campaign.mjs';
import {until} from './work.mjs';

/// name -> [weight, action(world, dice)]. `dice()` gives numbers of the schedule, in [0, 1).
const faults = {
  'kill server': [
    4,
    async (w, dice) => {
      await w.server.kill9();
      await sleep(dice() * 800);
      await w.server.start();
    },
  ],
  'kill server while it starts': [
    2,
    async (w, dice) => {
      await w.server.kill9();
      for (let i = 0; i < 2; i++) {
        const starting = w.server.start().catch(() => null);
        await sleep(dice() * 1500);
        await w.server.kill9();
        await starting;
      }
      await w.server.start();
    },
  ],
  'stop server': [
    1,
    async (w) => {
      const end = await w.server.stop();
      assert.deepEqual([end.code, end.signal], [0, null], w.server.output.slice(-1000));
      await w.server.start();
    },
  ],
  'kill database': [3, async (w) => kill(w.server.postmaster())],
  'kill backend': [
    3,
    async (w, dice) => {
      const backends = w.server.database_backends();
      kill(backends[Math.floor(dice() * backends.length)]);
    },
  ],
  // Long enough, now and then, to be taken for what it is.
  'freeze database': [
    3,
    async (w, dice) => {
      w.server.freeze_database();
      await sleep(500 + dice() * 7000);
      w.server.thaw_database();
    },
  ],
  'freeze backend': [
    2,
    async (w, dice) => {
      const backends = w.server.database_backends();
      w.server.freeze(backends.slice(Math.floor(dice() * backends.length)).slice(0, 1));
      await sleep(500 + dice() * 3000);
      w.server.thaw_database();
    },
  ],
  'kill server and database': [
    2,
    async (w, dice) => {
      const database = w.server.postmaster();
      if (dice() < 0.5) kill(database);
      await w.server.kill9();
      kill(database);
      await w.server.start();
    },
  ],
  'kill device': [
    4,
    async (w, dice) => {
      const signal = dice() < 0.5 ? 'SIGKILL' : 'SIGSEGV';
      const devices = w.server.device_processes();
      const one = Math.floor(dice() * devices.length);
      for (const pid of dice() < 0.3 ? devices : [devices[one]]) kill(pid, signal);
    },
  ],
  'hang device': [
    1,
    async (w, dice) => {
      const devices = w.server.device_processes();
      kill(devices[Math.floor(dice() * devices.length)], 'SIGSTOP');
      await sleep(500 + dice() * 2000);
    },
  ],
  'reset connections': [4, async (w, dice) => w.proxy.reset_some(dice() < 0.5 ? 1 : dice())],
  'swallow answers': [
    3,
    async (w, dice) => {
      w.proxy.bite = 0.1 + 0.4 * dice();
      await sleep(300 + dice() * 1500);
      w.proxy.bite = 0;
    },
  ],
  'fill disk': [
    3,
    async (w, dice) => {
      w.disk.fill();
      await until(() => w.readiness(), (a) => a.status === 503, 'not ready with a full disk');
      await sleep(300 + dice() * 1500);
      w.disk.empty();
    },
  ],
  'kill server on a full disk': [
    1,
    async (w, dice) => {
      w.disk.fill();
      await sleep(dice() * 500);
      await w.server.kill9();
      await w.server.start();
      await sleep(dice() * 500);
      w.disk.empty();
    },
  ],
};

function kill(pid, signal = 'SIGKILL') {
  if (!pid) return; // there is none just now: an earlier fault is still at work
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/// `count` faults: each kind once, then by weight; in an order of the seed's.
export function schedule(seed, count, {disk}) {
  const next = random(seed);
  const kinds = Object.keys(faults).filter((name) => disk || !/full|fill/.test(name));
  const bag = kinds.flatMap((name) => Array(faults[name][0]).fill(name));
  const names = kinds.slice(0, count);
  while (names.length < count) names.push(bag[Math.floor(next() * bag.length)]);
  for (let i = names.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [names[i], names[j]] = [names[j], names[i]];
  }
  return names.map((name) => ({
    name,
    wait_ms: Math.floor(next() * 1500),
    dice_seed: Math.floor(next() * 2 ** 31),
  }));
}

/// Lets it happen; resolves when the server is ready again.
export async function befall(world, fault) {
  const [, act] = faults[fault.name];
  await act(world, random(fault.dice_seed));
  await until(() => world.readiness(), (a) => a.status === 200, `ready after "${fault.name}"`);
}
