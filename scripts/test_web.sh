#!/bin/sh
# Types (two cases: they check, and they are what the OpenAPI document says) and unit tests of the page; prints "N passed, N failed".
set -eu
cd "$(dirname "$0")/../web"
types=0
npm run --silent check || types=1
fresh=$(mktemp)
npx --no-install openapi-typescript ../net/openapi.json -o "$fresh" >/dev/null
cmp -s "$fresh" src/api/openapi.d.ts || {
  echo "web/src/api/openapi.d.ts is not what net/openapi.json says: run npm run generate-types"
  types=$((types + 1))
}
rm -f "$fresh"
report=$(mktemp)
status=0
npx --no-install vitest run --reporter=default --reporter=json --outputFile="$report" || status=$?
node -e '
  const types = Number(process.argv[2]);
  const r = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
  // A file that cannot even be loaded has no failed test, but is a failure all the same.
  const failed = Math.max(r.numFailedTests, r.success ? 0 : 1);
  console.log(`${r.numPassedTests + 2 - types} passed, ${failed + types} failed`);
' "$report" "$types"
rm -f "$report"
[ "$types" = 0 ] && exit "$status"
