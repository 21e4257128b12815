#!/bin/bash
# The house's own rules, and a proof that the check notices when they are broken.
# tests/house/run.sh [BINARY]; prints "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 1
out=$(scripts/check_house.sh "$@")
printf '%s\n' "$out" | sed '$d'
last=$(printf '%s\n' "$out" | tail -1)
passed=$(printf '%s' "$last" | sed -n 's/^\([0-9]*\) passed.*/\1/p')
failed=$(printf '%s' "$last" | sed -n 's/.*, \([0-9]*\) failed$/\1/p')
: "${passed:=0}" "${failed:=1}"

# notices NAME FILE TEXT: a house with this one file must be complained about by that file's name.
notices() {
  house=$(mktemp -d)
  mkdir -p "$house/scripts" "$house/$(dirname "$2")"
  cp scripts/check_house.sh "$house/scripts/"
  cp .clang-format "$house/"
  printf '%b' "$3" >"$house/$2"
  if "$house/scripts/check_house.sh" /bin/false | grep -q "^$2"; then passed=$((passed + 1)); else
    failed=$((failed + 1))
    echo "not noticed: $1"
  fi
  rm -rf "$house"
}
notices "core with a library" core/a.cpp '#include <boost/asio.hpp>\n'
notices "core with CAF" core/a.hpp '#include <caf/actor.hpp>\n'
notices "core with an upward arrow" core/a.cpp '#include "actors/system.hpp"\n'
notices "core with the system" core/a.cpp '#include <sys/stat.h>\n'
notices "core with a file" core/a.cpp '#include <fstream>\n'
notices "core with a clock" core/a.cpp 'auto t = std::chrono::steady_clock::now();\n'
notices "actors with storage" actors/a.cpp '#include "storage/pool.hpp"\n'
notices "actors with JSON" actors/a.cpp '#include <nlohmann/json.hpp>\n'
notices "net with CAF" net/a.cpp '#include <caf/actor.hpp>\n'
notices "net with SQL" net/a.cpp '#include <pqxx/pqxx>\n'
notices "storage with pixels" storage/a.cpp '#include <opencv2/core.hpp>\n'
notices "model with the network" model/a.cpp '#include <boost/asio/io_context.hpp>\n'
notices "config with net" config/a.cpp '#include "net/services.hpp"\n'
notices "an include by bare name" config/a.cpp '#include "settings.hpp"\n'
notices "a long file" net/a.cpp "$(printf '// x\\n%.0s' $(seq 401))"
notices "a long TypeScript file" web/src/a.tsx "$(printf '// x\\n%.0s' $(seq 401))"
notices "bad formatting" model/a.cpp 'int  a ;\n'
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
