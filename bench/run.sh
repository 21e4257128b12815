#!/bin/sh
# Benchmarks of the real server: run.sh [--binary FILE] [--load FILE] [--only a,b] [--repeats N]
# Prints a table and writes bench/out/*.json. Needs the targets samovar, samovar_load,
# samovar_latency, scheduler_bench, job_log_bench and engine_bench.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
e2e="$here/../tests/e2e"
if [ ! -e "$e2e/node_modules/.package-lock.json" ]; then
  (cd "$e2e" && npm ci --no-audit --no-fund --silent)
fi
ulimit -n "$(ulimit -Hn)" 2>/dev/null || true
exec node "$here/run.mjs" "$@"
