#!/bin/bash
# Looks for inputs that break a parser, with clang's libFuzzer: scripts/fuzz.sh [SECONDS] [TARGET...]
# Prints a line per target; the last line is "N passed, N failed". What is found stays in
# build/fuzz/findings/; mend it and keep the input as tests/fuzz/corpus/TARGET/regression-….
set -u
cd "$(dirname "$0")/.." || exit 1
seconds=${1:-60}
[ $# = 0 ] || shift
targets=${*:-$(cd tests/fuzz/corpus && echo *)}
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
mkdir -p build/logs build/fuzz/findings
log=build/logs/fuzz-build.log
programs=$(for target in $targets; do printf 'fuzz_%s ' "$target"; done)
# shellcheck disable=SC2086
{ cmake --preset fuzz && cmake --build --preset fuzz --target $programs; } >"$log" 2>&1 ||
  { tail -40 "$log"; echo "the fuzzers do not build (whole log: $log)"; exit 1; }

passed=0
failed=0
for target in $targets; do
  mkdir -p "build/fuzz/corpus/$target"  # what this machine found interesting, to go on with
  log=build/logs/fuzz-$target.log
  status=0
  before=$(find build/fuzz/findings -name "$target-*" | wc -l)
  # Restarts after a finding are not wanted: the first one is to be mended.
  timeout --kill-after=30 $((seconds + 300)) "build/fuzz/tests/fuzz/fuzz_$target" \
    -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/findings/$target-" \
    "build/fuzz/corpus/$target" "tests/fuzz/corpus/$target" >"$log" 2>&1 || status=$?
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  found=$(($(find build/fuzz/findings -name "$target-*" | wc -l) - before))
  printf '%-14s %12s executions, %d findings\n' "$target" "${executions:-0}" "$found"
  if [ "$status" = 0 ] && [ "$found" = 0 ] && [ "${executions:-0}" -gt 0 ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    grep -aE 'ERROR|SUMMARY|what\(\)|broken:|Test unit written' "$log" | head -10
  fi
done
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
