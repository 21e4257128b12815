#!/bin/sh
# End-to-end tests against the real server: tests/e2e/run.sh [--binary build/release/samovar]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ ! -e "$here/node_modules/.package-lock.json" ] ||
   [ "$here/package-lock.json" -nt "$here/node_modules/.package-lock.json" ]; then
  (cd "$here" && npm ci --no-audit --no-fund --silent)
fi
exec node "$here/run.mjs" "$@"
