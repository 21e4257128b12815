#!/bin/sh
# Builds the tests with a sanitizer, in a folder of its own, and runs them:
# scripts/sanitize.sh asan|tsan|fast [PROGRAM...]
#   asan  AddressSanitizer with leaks, and UndefinedBehaviorSanitizer, over everything but the page
#   tsan  ThreadSanitizer, over what can be told apart from Debian's libraries: CAF and OpenCV are
#         not instrumented (tests/sanitizers/tsan.supp says what is left out, and why)
#   fast  what ./test runs each time: those of asan that cost seconds
# A line per program; the last line is "N passed, N failed".
. "$(dirname "$0")/common.sh"

fast="core_tests config_tests sim_tests"
kind=${1:-}
[ $# = 0 ] || shift
case $kind in
  asan) programs="core_tests config_tests actors_tests sim_tests net_engine_tests
    net_handlers_tests net_oidc_tests storage_tests storage_pgtests model_tests
    sam3_files_tests sam3_tokenizer_tests" ;;
  tsan) programs="core_tests net_engine_tests net_handlers_tests net_oidc_tests storage_tests
    storage_pgtests model_tests" ;;
  fast) programs=$fast ;;
  *) die "usage: scripts/sanitize.sh asan|tsan|fast [PROGRAM...]" ;;
esac
[ $# = 0 ] || programs=$*
preset=$kind
[ "$kind" != fast ] || preset=asan

supp=$ROOT/tests/sanitizers
export ASAN_OPTIONS="detect_stack_use_after_return=1:strict_string_checks=1:${ASAN_OPTIONS:-}"
export LSAN_OPTIONS="suppressions=$supp/lsan.supp:print_suppressions=0:${LSAN_OPTIONS:-}"
export UBSAN_OPTIONS="print_stacktrace=1:${UBSAN_OPTIONS:-}"
export TSAN_OPTIONS="suppressions=$supp/tsan.supp:second_deadlock_stack=1:${TSAN_OPTIONS:-}"
limit="timeout --kill-after=30 2400"
# ThreadSanitizer's map of the memory has no room for the widest address randomisation.
if [ "$preset" = tsan ] && setarch "$(uname -m)" -R true 2>/dev/null; then
  limit="$limit setarch $(uname -m) -R"
fi

passed=0
failed=0
# run PROGRAM [SEED]
run() {
  boost_program "$(find "build/$preset/tests" -type f -name "$1" -perm -u+x)"
  passed=$((passed + (total > bad ? total - bad : 0)))
  failed=$((failed + bad))
  printf '%-10s %-20s %5d passed, %d failed\n' "$preset" "$1${2:+ $2}" \
    $((total > bad ? total - bad : 0)) "$bad"
  [ "$bad" = 0 ] ||
    { grep -E 'error:|fatal|FAIL|ERROR: |WARNING: Thread|SUMMARY|#[0-9] ' "$log" | head -60; }
}

for program in $programs; do
  build "$preset" "$program"
  if [ "$program" = sim_tests ]; then
    # Whole lives of 20,000 steps; a million steps are for the plain build.
    for SAMOVAR_SIM_SEED in 1 2 3 8; do
      export SAMOVAR_SIM_SEED
      SEED_NAME=-$SAMOVAR_SIM_SEED
      run "$program" "life $SAMOVAR_SIM_SEED"
    done
    SEED_NAME=
    unset SAMOVAR_SIM_SEED
  else
    run "$program"
  fi
done
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
