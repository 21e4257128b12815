# shellcheck shell=sh disable=SC2034
# Shared by ./run, ./test and scripts of this folder: what the machine needs, and how to build.
# Sourced, not run.
set -eu
cd "$(dirname "$0")"
[ -f CMakePresets.json ] || cd ..
ROOT=$PWD
export CCACHE_BASEDIR="$ROOT" CCACHE_NOHASHDIR=1
export DEBIAN_FRONTEND=noninteractive
JOBS=$(nproc 2>/dev/null || echo 2)

PACKAGES_BUILD="g++ cmake ninja-build ccache pkg-config ca-certificates git
  libcaf-dev libboost-dev libboost-system-dev libboost-test-dev libpqxx-dev libopencv-dev
  libjpeg-dev zlib1g-dev nlohmann-json3-dev libcli11-dev libtomlplusplus-dev
  libspdlog-dev libarchive-dev libpq-dev libsodium-dev libssl-dev libbenchmark-dev postgresql
  libcjose-dev libcurl4-openssl-dev libjansson-dev libicu-dev libtorch-dev libopenblas0-pthread"
PACKAGES_TEST="chromium opencv-doc clang-format openssl"
PACKAGES_FUZZ="clang libclang-rt-14-dev"

say() { printf '%s\n' "$*"; }
die() { printf '%s\n' "$*" >&2; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null 2>&1; then sudo env DEBIAN_FRONTEND=noninteractive "$@"
  else die "Packages must be installed: run this once as root, or install sudo."
  fi
}

is_installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Debian's postgresql package makes a system-wide cluster and starts it, which nobody needs here:
# Samovar keeps its own. Where PostgreSQL is installed already, nothing is touched.
no_system_cluster() {
  settings=/etc/postgresql-common/createcluster.conf
  if is_installed postgresql-common || [ -e "$settings" ]; then return 0; fi
  say "PostgreSQL is new here: no system-wide cluster will be created ($settings)"
  as_root mkdir -p /etc/postgresql-common
  echo 'create_main_cluster = false' | as_root tee "$settings" >/dev/null
}

# need_packages NAME...: installs what is missing, with one apt call, and says so.
need_packages() {
  missing=
  for package in "$@"; do is_installed "$package" || missing="$missing $package"; done
  # Node from elsewhere (newer than Debian's) is used as it is.
  if ! command -v node >/dev/null 2>&1; then missing="$missing nodejs"; fi
  if ! command -v npm >/dev/null 2>&1; then missing="$missing npm"; fi
  if [ -n "$missing" ]; then install_packages; fi
  major=$(node --version | sed 's/^v\([0-9]*\).*/\1/')
  [ "$major" -ge 18 ] || die "Node 18 or newer is needed; $(command -v node) is $(node --version)."
}

install_packages() {
  command -v apt-get >/dev/null 2>&1 || die "Debian 12 is needed: apt-get was not found."
  # shellcheck disable=SC2086
  say "Installing from Debian:" $missing
  log=$(mktemp)
  as_root apt-get update -qq >"$log" 2>&1 ||
    { tail -20 "$log" >&2; die "apt-get update failed; see above (its log: $log)."; }
  case " $missing " in *" postgresql "*) no_system_cluster ;; esac
  # shellcheck disable=SC2086
  as_root apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confold \
    $missing >"$log" 2>&1 ||
    { tail -40 "$log" >&2; die "apt-get install failed; see above (its log: $log)."; }
  rm -f "$log"
}

# quietly LOG COMMAND...: prints the log's end only when the command fails.
quietly() {
  quiet_log=$1
  shift
  mkdir -p "$(dirname "$quiet_log")"
  "$@" >"$quiet_log" 2>&1 || { tail -60 "$quiet_log" >&2; die "failed: $* (whole log: $quiet_log)"; }
}

# build PRESET TARGET...
build() {
  preset=$1
  shift
  [ -f "build/$preset/build.ninja" ] || quietly build/logs/configure.log cmake --preset "$preset"
  quietly build/logs/build.log cmake --build --preset "$preset" -j "$JOBS" --target "$@"
}

# boost_program PROGRAM: runs it with $limit in front and sets `total` and `bad`, the counts of its
# cases; one that dies counts as a failure. SEED_NAME, if set, tells logs of several runs apart.
boost_program() {
  log=build/logs/$(basename "$1")${SEED_NAME:-}.log
  status=0
  # shellcheck disable=SC2086
  $limit "$1" --report_level=short --log_level=test_suite --color_output=no >"$log" 2>&1 ||
    status=$?
  total=$(sed -n 's/^Running \([0-9]*\) test case.*/\1/p' "$log" | head -1)
  total=${total:-0}
  bad=$(sed -n 's/^ *\([0-9]*\) test cases\{0,1\} out of [0-9]* \(failed\|aborted\).*/\1/p' "$log" |
    awk '{n += $1} END {print n + 0}')
  [ "$status" = 0 ] || [ "$bad" -gt 0 ] || bad=1
  [ "$total" -gt 0 ] || bad=$((bad > 0 ? bad : 1))
}

# The page is built again only when its sources or dependencies changed.
build_web() {
  stamp=web/dist/.built
  if [ -f "$stamp" ] && [ -z "$(find web -newer "$stamp" -type f \
      -not -path 'web/node_modules/*' -not -path 'web/dist/*' -not -path 'web/e2e/*' \
      -print -quit)" ]; then
    return 0
  fi
  web_modules
  say "Building the web page"
  (cd web && quietly "$ROOT/build/logs/web.log" npm run --silent build)
  touch "$stamp"
}

web_modules() {
  if [ ! -f web/node_modules/.installed ] ||
     [ web/package-lock.json -nt web/node_modules/.installed ]; then
    say "Installing the page's npm packages"
    (cd web && quietly "$ROOT/build/logs/npm.log" npm ci --no-audit --no-fund --silent)
    touch web/node_modules/.installed
  fi
}
