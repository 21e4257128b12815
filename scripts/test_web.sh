#!/bin/sh
# Types and unit tests of the page; prints "N passed, N failed".
set -eu
cd "$(dirname "$0")/../web"
npm run --silent check
report=$(mktemp)
status=0
npx --no-install vitest run --reporter=json --outputFile="$report" || status=$?
node -e '
  const r = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
  console.log(`${r.numPassedTests} passed, ${r.numFailedTests + r.numFailedTestSuites} failed`);
' "$report"
rm -f "$report"
exit $status
