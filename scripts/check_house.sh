#!/bin/bash
# The law of arrows, file lengths and formatting; prints "N passed, N failed".
set -u
cd "$(dirname "$0")/.."
passed=0
failed=0
check() {  # check NAME OUTPUT: fails when there is output
  if [ -z "$2" ]; then passed=$((passed + 1)); else
    failed=$((failed + 1))
    printf '%s:\n%s\n' "$1" "$2"
  fi
}

# room: rooms and libraries whose headers it may include
may_include() {
  case $1 in
    core) echo 'core/' ;;
    actors) echo 'core/|actors/|caf/|spdlog/' ;;
    net) echo 'core/|actors/|net/|boost/asio|boost/beast|boost/system|nlohmann/|openssl/|spdlog/' ;;
    storage) echo 'core/|storage/|pqxx/|sodium|nlohmann/|spdlog/|libpq' ;;
    model) echo 'core/|model/|opencv2/|jpeglib|png|webp/|spdlog/' ;;
    config) echo 'core/|config/|CLI/|toml\+\+/' ;;
  esac
}
for room in core actors net storage model config; do
  allowed=$(may_include $room)
  quoted=$(grep -rnE '^ *#include "' $room --include=*.cpp --include=*.hpp | grep -vE "#include \"($allowed)")
  angled=$(grep -rnE '^ *#include <[a-zA-Z0-9_+]+[/.]' $room --include=*.cpp --include=*.hpp |
    grep -vE "#include <($allowed|sys/|netinet/|arpa/|linux/|unistd|fcntl|signal|poll|pwd|grp|csignal|setjmp|csetjmp|cerrno|dirent|[a-z_]+>)" |
    grep -vE '#include <(setjmp|signal|unistd|fcntl|poll|pwd|grp|dirent|errno|stdio|stdlib|string|ftw)\.h>')
  check "includes of $room/ against the law of arrows" "$quoted$angled"
done
check "heavy headers in headers" "$(grep -rnE '#include <(caf/all|torch/torch|boost/beast|boost/asio)\.(hpp|h)>' --include=*.hpp core actors net storage model config)"
check "files over 400 lines" "$(git ls-files -co --exclude-standard '*.cpp' '*.hpp' '*.ts' '*.tsx' '*.mjs' | xargs -r wc -l | awk '$2 != "total" && $1 > 400 {print $1, $2}')"
command -v clang-format >/dev/null 2>&1 || check "clang-format" "clang-format is not installed"
check "formatting" "$(git ls-files -co --exclude-standard '*.cpp' '*.hpp' | xargs -r clang-format --dry-run 2>&1 | grep 'warning:' | head -10)"
check "every setting is in docs/OPERATIONS.md" "$(build/release/samovar serve --help | grep -oE -- '--[a-z]+[._][a-z_]+' | sed 's/^--//' | sort -u |
  while read -r name; do grep -q -- "$name" docs/OPERATIONS.md || echo "$name"; done)"
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
