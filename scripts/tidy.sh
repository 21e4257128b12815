#!/bin/sh
# clang-tidy over our sources as the release preset compiles them. Slow; not part of ./test.
# scripts/tidy.sh [FILE...]
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- $(git ls-files 'core/*.cpp' 'actors/*.cpp' 'net/*.cpp' 'storage/*.cpp' 'model/*.cpp' 'config/*.cpp' 'app/*.cpp' main.cpp)
printf '%s\n' "$@" | xargs -P "$(nproc)" -n 4 nice clang-tidy -p build/release --quiet \
  --extra-arg=-Wno-unknown-warning-option
