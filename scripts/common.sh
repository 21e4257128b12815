# Shared by ./run and ./test: what the machine needs, and how to build. Sourced, not run.
set -eu
cd "$(dirname "$0")"
ROOT=$PWD
export CCACHE_BASEDIR="$ROOT" CCACHE_NOHASHDIR=1
export DEBIAN_FRONTEND=noninteractive
JOBS=$(nproc 2>/dev/null || echo 2)

PACKAGES_BUILD="g++ cmake ninja-build ccache pkg-config ca-certificates git
  libcaf-dev libboost-dev libboost-system-dev libboost-test-dev libpqxx-dev libopencv-dev
  libjpeg-dev libpng-dev libwebp-dev nlohmann-json3-dev libcli11-dev libtomlplusplus-dev
  libspdlog-dev libsodium-dev libssl-dev libbenchmark-dev postgresql"
PACKAGES_TEST="chromium opencv-doc clang-format"

say() { printf '%s\n' "$*"; }
die() { printf '%s\n' "$*" >&2; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null 2>&1; then sudo DEBIAN_FRONTEND=noninteractive "$@"
  else die "Packages must be installed: run this once as root, or install sudo."
  fi
}

is_installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# need_packages NAME...: installs what is missing, with one apt call, and says so.
need_packages() {
  missing=
  for package in "$@"; do is_installed "$package" || missing="$missing $package"; done
  # Node from elsewhere (newer than Debian's) is used as it is.
  if ! command -v node >/dev/null 2>&1; then missing="$missing nodejs"; fi
  if ! command -v npm >/dev/null 2>&1; then missing="$missing npm"; fi
  [ -n "$missing" ] || return 0
  command -v apt-get >/dev/null 2>&1 || die "Debian 12 is needed: apt-get was not found."
  say "Installing from Debian:$missing"
  log=$(mktemp)
  as_root apt-get update -qq >"$log" 2>&1 || { cat "$log" >&2; die "apt-get update failed."; }
  # shellcheck disable=SC2086
  as_root apt-get install -y -qq --no-install-recommends $missing >"$log" 2>&1 ||
    { tail -40 "$log" >&2; die "apt-get install failed."; }
  rm -f "$log"
}

# quietly LOG COMMAND...: prints the log only when the command fails.
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

# The page is built again only when its sources or dependencies changed.
build_web() {
  stamp=web/dist/.built
  if [ -f "$stamp" ] && [ -z "$(find web -newer "$stamp" -type f \
      -not -path 'web/node_modules/*' -not -path 'web/dist/*' -print -quit)" ]; then
    return 0
  fi
  say "Building the web page"
  web_modules
  (cd web && quietly "$ROOT/build/logs/web.log" npm run --silent build)
  touch "$stamp"
}

web_modules() {
  if [ ! -d web/node_modules ] || [ web/package-lock.json -nt web/node_modules/.installed ]; then
    say "Installing the page's npm packages"
    (cd web && quietly "$ROOT/build/logs/npm.log" npm ci --no-audit --no-fund --silent)
    touch web/node_modules/.installed
  fi
}
