#!/bin/bash
# The law of arrows, file lengths, formatting, documented settings; prints "N passed, N failed".
# check_house.sh [BINARY]: also compares the settings of BINARY (default build/release/samovar).
set -u
cd "$(dirname "$0")/.." || exit 1
binary=${1:-build/release/samovar}
passed=0
failed=0
check() {  # check NAME OUTPUT: fails when there is output
  if [ -z "$2" ]; then passed=$((passed + 1)); else
    failed=$((failed + 1))
    printf '%s:\n%s\n' "$1" "$2"
  fi
}

# files EXTENSION...: our sources, found without git so that an unpacked archive is checked too.
files() {
  for extension in "$@"; do
    find core actors net storage model config app tests bench web scripts main.cpp \
      \( -name node_modules -o -name dist \) -prune -o -type f -name "*.$extension" -print
  done 2>/dev/null
}

# room: rooms and libraries whose headers it may include
may_include() {
  case $1 in
    core) echo 'core/|ext/pb_ds/' ;; # libstdc++'s trees with sums: docs/decisions/015
    actors) echo 'core/|actors/|caf/|spdlog/' ;;
    net) echo 'core/|actors/|net/|boost/asio|boost/beast|boost/system|nlohmann/|openssl/|cjose/|jansson|curl/|spdlog/' ;;
    storage) echo 'core/|storage/|pqxx/|sodium|nlohmann/|spdlog/|libpq|archive' ;;
    model) echo 'core/|model/|cpuid\.h|immintrin\.h|opencv2/|jpeglib|jerror|png|zlib|webp/|unicode/|torch/|ATen/|c10/|caffe2/|spdlog/' ;;
    config) echo 'core/|config/|CLI/|toml\+\+/' ;;
  esac
}
posix='sys/|netinet/|arpa/|linux/|(sched|setjmp|signal|unistd|fcntl|poll|pwd|grp|dirent|dlfcn|errno|malloc|ftw|stdio|stdlib|string)\.h>'
for room in core actors net storage model config; do
  allowed=$(may_include $room)
  sources=$(files cpp hpp | grep "^$room/")
  if [ -z "$sources" ]; then check "includes of $room/" "no sources were found"; continue; fi
  # core/ touches neither files nor threads nor the system.
  system=$posix
  [ $room != core ] || system='stdint\.h>'
  quoted=$(grep -HnE '^ *# *include "' $sources | grep -vE "include \"($allowed)")
  angled=$(grep -HnE '^ *# *include <' $sources | grep -vE "include <($allowed|$system|[a-z_0-9]+>)")
  check "includes of $room/ against the law of arrows" "$quoted$angled"
done
check "core/ without threads, files and clocks" "$(files cpp hpp | grep '^core/' |
  xargs grep -HnE 'include <(thread|fstream|iostream|future|condition_variable)>|_clock::now')"
check "heavy headers in headers" "$(files hpp |
  xargs grep -HnE 'include <(caf/all|torch/torch|boost/beast|boost/asio)\.(hpp|h)>')"
check "files over 400 lines" "$(files cpp hpp ts tsx mjs sh | grep -vE '\.d\.ts$' |
  xargs wc -l | awk '$2 != "total" && $1 > 400 {print $2, $1}')"
if command -v clang-format >/dev/null 2>&1; then
  check "formatting" "$(files cpp hpp | xargs clang-format --dry-run 2>&1 | grep 'warning:' | head -20)"
else
  check "formatting" "clang-format is not installed"
fi
settings=$("$binary" serve --help 2>/dev/null | grep -oE -- '--([a-z_]+\.[a-z_-]+|data[_-]dir)' |
  sed 's/^--//' | tr - _ | sort -u)
check "the program lists its settings" "$([ -n "$settings" ] || echo "$binary serve --help printed none")"
check "every setting is in docs/OPERATIONS.md" "$(for name in $settings; do
  grep -qF "\`$name\`" docs/OPERATIONS.md || echo "$name"
done)"
# docs/SECURITY.md names a test for each promise, as `file: title`.
check "every test that docs/SECURITY.md names is there" "$(
  grep -oE '`(tests|web)/[^`]+`' docs/SECURITY.md | tr -d '`' | while IFS= read -r named; do
    grep -qF -- "${named#*: }" "${named%%: *}" 2>/dev/null || echo "$named"
  done)"
check "docs/SECURITY.md names tests" "$(
  [ "$(grep -cE '`tests/[^`]+`' docs/SECURITY.md)" -gt 10 ] || echo "hardly any")"
check "the server links LibTorch" "$(ldd "$binary" 2>/dev/null | grep -E 'libtorch|libc10')"
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
