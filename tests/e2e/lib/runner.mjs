// A tiny test runner: groups run one after another, tests of a group in order, every failure is
// shown with where it happened, and nothing can be skipped.
import {performance} from 'node:perf_hooks';

export const totals = {passed: 0, failed: 0};
let filter = null;
export function set_filter(text) {
  filter = text ? text.toLowerCase() : null;
}

function limit(promise, ms, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: no end after ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/// What a group gets: `test` runs one case, `after` registers clean-up in reverse order.
class Group {
  constructor(name) {
    this.name = name;
    this.passed = 0;
    this.failed = 0;
    this.clean = [];
  }
  async test(title, body, {timeout = 240_000} = {}) {
    if (filter && !`${this.name}: ${title}`.toLowerCase().includes(filter)) return;
    const from = performance.now();
    try {
      await limit(Promise.resolve().then(body), timeout, title);
      this.passed += 1;
      if (process.env.E2E_VERBOSE) {
        console.log(`  ok ${title} (${Math.round(performance.now() - from)} ms)`);
      }
    } catch (error) {
      this.failed += 1;
      console.log(`FAILED ${this.name}: ${title}\n  ${describe(error)}`);
    }
  }
  after(body) {
    this.clean.push(body);
  }
}

function describe(error) {
  const where = (error?.stack ?? '').split('\n').filter((l) => /e2e\/(?!lib\/runner)/.test(l));
  const text = String(error?.message ?? error)
    .slice(0, 1500)
    .replaceAll('\n', '\n  ');
  return `${text}\n  ${where
    .slice(0, 3)
    .map((l) => l.trim())
    .join('\n  ')}`;
}

export async function run_group(name, body, context) {
  const group = new Group(name);
  const from = performance.now();
  try {
    await body(group, context);
  } catch (error) {
    group.failed += 1;
    console.log(`FAILED ${name}: the group could not run\n  ${describe(error)}`);
  }
  for (const clean of group.clean.reverse()) {
    try {
      await clean();
    } catch (error) {
      group.failed += 1;
      console.log(`FAILED ${name}: clean-up\n  ${describe(error)}`);
    }
  }
  totals.passed += group.passed;
  totals.failed += group.failed;
  const seconds = ((performance.now() - from) / 1000).toFixed(1);
  console.log(`${name}: ${group.passed} passed, ${group.failed} failed (${seconds} s)`);
}
