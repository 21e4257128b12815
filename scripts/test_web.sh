#!/bin/sh
# Types (one case) and unit tests of the page; prints "N passed, N failed".
set -eu
cd "$(dirname "$0")/../web"
types=0
npm run --silent check || types=1
report=$(mktemp)
status=0
npx --no-install vitest run --reporter=default --reporter=json --outputFile="$report" || status=$?
node -e '
  const types = Number(process.argv[2]);
  const r = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
  // A file that cannot even be loaded has no failed test, but is a failure all the same.
  const failed = Math.max(r.numFailedTests, r.success ? 0 : 1);
  console.log(`${r.numPassedTests + 1 - types} passed, ${failed + types} failed`);
' "$report" "$types"
rm -f "$report"
[ "$types" = 0 ] && exit "$status"
