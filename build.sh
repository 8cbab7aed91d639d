#!/usr/bin/env bash
# The one door to building, running and testing hive. `./build.sh help` lists what it does.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
umask 022

VENV=.venv
CACHE=.cache
PY=$VENV/bin/python
# Tests wait more than they compute: one process more than there are cores keeps these busy.
WORKERS=(-n $(($(nproc) + 1)) --dist worksteal)
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

usage() {
  cat <<'TEXT'
./build.sh               build dist/hive.pyz when it is stale
./build.sh run [ARGS]    build, then run: dist/hive.pyz up ARGS
./build.sh test [ARGS]   build, then every test; ARGS go to pytest; --all adds the slow ones,
                         -n 0 runs one after the other
./build.sh check         format, lint, types, imports, file map, unit tests: seconds
./build.sh bench [NAME]  the benchmarks of docs/performance.md, or those of bench/ named
./build.sh shots         take the pictures of README and docs anew: docs/images
./build.sh format        format the code and renew docs/file-map.md
./build.sh lock          renew the lock files from pyproject.toml and package.json,
                         and the hashes of their wheels in nix/wheels.json
TEXT
}

say() { printf '%s\n' "$*" >&2; }
die() { say "build.sh: $*"; exit 1; }

# ---------------------------------------------------------------- the machine

can_apt() { [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; }

apt_install() {
  say "installing with apt: $*"
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -y -q --no-install-recommends "$@" >"$CACHE/apt.log" 2>&1 && return
  apt-get update -q >>"$CACHE/apt.log" 2>&1 &&
    apt-get install -y -q --no-install-recommends "$@" >>"$CACHE/apt.log" 2>&1 && return
  tail -n 5 "$CACHE/apt.log" >&2
  return 1
}

# need_programs PROGRAM:PACKAGE... installs what is missing where it can, and says so where not.
need_programs() {
  local pair missing=()
  for pair in "$@"; do
    command -v "${pair%%:*}" >/dev/null || [[ -x /usr/sbin/${pair%%:*} ]] || missing+=("${pair#*:}")
  done
  ((${#missing[@]})) || return 0
  if can_apt; then
    apt_install "${missing[@]}" || say "could not install: ${missing[*]}"
  else
    say "missing on this machine; install with your system's package manager: ${missing[*]}"
  fi
}

find_python() {
  local name
  for name in "${PYTHON:-python3}" python3.13 python3.12 python3.11 python3.14; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  command -v python3 >/dev/null || die "there is no python3: install Python 3.11 or newer"
  die "$(python3 --version) is too old: install Python 3.11 or newer, or name one in PYTHON"
}

# ---------------------------------------------------------------- environments

digest() { sha256sum "$@" 2>/dev/null | sha256sum | cut -c1-16; }

make_venv() {
  local python
  [[ -x $PY ]] && "$PY" -c '' 2>/dev/null && return
  python=$(find_python)
  rm -rf "$VENV"
  if ! "$python" -m venv "$VENV" >"$CACHE/venv.log" 2>&1; then
    if can_apt && [[ $(readlink -f "$python") == /usr/bin/* ]]; then
      apt_install python3-venv || die "python3-venv could not be installed"
      rm -rf "$VENV"
      "$python" -m venv "$VENV" >"$CACHE/venv.log" 2>&1 || die "$(tail -n 1 "$CACHE/venv.log")"
    else
      rm -rf "$VENV"
      die "$python cannot make a virtual environment with pip: install its venv module" \
        "(Debian and Ubuntu: apt install python3-venv)"
    fi
  fi
}

# need_lock NAME installs locks/NAME.txt into the environment, once per content.
need_lock() {
  local stamp=$VENV/.stamp-$1 wanted
  make_venv
  wanted=$(digest "locks/$1.txt")
  [[ -f $stamp && $(<"$stamp") == "$wanted" ]] && return
  say "installing locks/$1.txt into $VENV"
  "$PY" -m pip install -qq --no-deps --require-hashes -r "locks/$1.txt" ||
    die "pip could not install locks/$1.txt"
  printf '%s' "$wanted" >"$stamp"
}

need_dev() {
  local stamp=$VENV/.stamp-hive wanted
  need_lock build
  need_lock dev
  wanted=$(digest pyproject.toml)
  [[ -f $stamp && $(<"$stamp") == "$wanted" ]] && return
  "$PY" -m pip install -qq --no-deps --no-build-isolation -e . || die "pip could not install hive"
  printf '%s' "$wanted" >"$stamp"
}

# need_node leaves a directory that holds node and npm at the front of PATH.
need_node() {
  command -v npm >/dev/null && command -v node >/dev/null && return
  need_lock node
  PATH=$PWD/$VENV/bin:$PATH
}

# need_npm DIR [NPM_ARGS] installs package-lock.json into DIR/node_modules, once per content.
need_npm() {
  local place=$1 wanted
  shift
  wanted=$(digest package.json package-lock.json .npmrc)
  [[ -f $place/node_modules/.stamp && $(<"$place/node_modules/.stamp") == "$wanted" ]] && return
  need_node
  mkdir -p "$place"
  [[ $place == . ]] || cp package.json package-lock.json .npmrc "$place/"
  say "installing package-lock.json into $place/node_modules"
  (cd "$place" && npm ci "$@" >npm.log 2>&1) || {
    tail -n 5 "$place/npm.log" >&2
    die "npm could not install package-lock.json"
  }
  rm -f "$place/npm.log"
  printf '%s' "$wanted" >"$place/node_modules/.stamp"
}

need_vendor() {
  local stamp=$CACHE/vendor.stamp wanted
  wanted=$(digest package-lock.json tools/vendor.py)
  [[ -f hive/web/assets/vendor/versions.json && -f $stamp && $(<"$stamp") == "$wanted" ]] && return
  need_npm "$CACHE/npm" --omit=dev
  "$PY" tools/vendor.py "$CACHE/npm/node_modules"
  printf '%s' "$wanted" >"$stamp"
}

# ---------------------------------------------------------------- what can be asked

build() {
  need_lock build
  need_vendor
  "$PY" tools/build_pyz.py
}

run() {
  build
  need_programs bwrap:bubblewrap git:git
  exec dist/hive.pyz up "$@"
}

run_tests() {
  local arguments=() argument is_all=
  for argument in "$@"; do
    if [[ $argument == --all ]]; then is_all=1 arguments+=(-m ""); else arguments+=("$argument"); fi
  done
  need_dev
  build
  need_programs bwrap:bubblewrap chromium:chromium git:git
  # Each alone: a system that lacks one of them tests what the others are for.
  need_programs nix:nix-bin
  need_programs Xvnc:tigervnc-standalone-server
  need_programs systemd-analyze:systemd
  if [[ -n $is_all ]]; then need_programs mmdebstrap:mmdebstrap systemd-nspawn:systemd-container; fi
  need_node
  need_npm .
  exec "$PY" -m pytest "${WORKERS[@]}" "${arguments[@]}"
}

shots() {
  need_dev
  need_vendor
  need_programs bwrap:bubblewrap chromium:chromium git:git
  HIVE_SHOTS=docs/images exec "$PY" -m pytest -q -m "" tests/browser/test_pictures.py "$@"
}

check() {
  local failures=()
  need_dev
  need_vendor
  need_npm .
  need_programs bwrap:bubblewrap git:git
  step() { "$@" || failures+=("${*:1:4}"); }
  step "$PY" -m ruff check --quiet .
  step "$PY" -m ruff format --check --quiet .
  step "$VENV/bin/shellcheck" build.sh .ci/run
  step "$PY" -m mypy --no-error-summary
  step quiet "$VENV/bin/lint-imports" --cache-dir "$CACHE/import_linter"
  step "$PY" tools/file_map.py --check
  step "$PY" tools/attacks_page.py --check
  step "$PY" tools/nix_pages.py --check
  step node_modules/.bin/tsc --noEmit -p tsconfig.json
  step "$PY" -m pytest "${WORKERS[@]}" -q tests/unit "$@"
  if ((${#failures[@]})); then
    printf 'failed: %s\n' "${failures[@]}" >&2
    return 1
  fi
}

# quiet COMMAND... shows what a command says only when it fails.
quiet() {
  local said
  said=$("$@" 2>&1) || {
    printf '%s\n' "$said"
    return 1
  }
}

bench() {
  need_dev
  build
  need_programs bwrap:bubblewrap redis-server:redis-server pg_lsclusters:postgresql gcc:build-essential
  exec "$PY" -m bench "$@"
}

format() {
  need_dev
  "$PY" -m ruff format .
  "$PY" -m ruff check --fix .
  "$PY" tools/file_map.py
  "$PY" tools/attacks_page.py
  "$PY" tools/nix_pages.py
}

lock() {
  local uv=$CACHE/uv/bin/uv
  local compile=(pip compile -q --upgrade --universal --generate-hashes --python-version 3.11
    --no-header --no-annotate)
  make_venv
  [[ -x $uv ]] || { "$PY" -m venv "$CACHE/uv" && "$CACHE/uv/bin/python" -m pip install -qq uv; }
  "$uv" "${compile[@]}" pyproject.toml -o locks/runtime.txt
  "$uv" "${compile[@]}" --group build -c locks/runtime.txt -o locks/build.txt
  "$uv" "${compile[@]}" pyproject.toml --group dev -c locks/runtime.txt -c locks/build.txt \
    -o locks/dev.txt
  "$uv" "${compile[@]}" --group node -o locks/node.txt
  need_node
  npm update --package-lock-only
  "$PY" tools/nix_wheels.py
}

main() {
  local verb=${1:-build}
  mkdir -p "$CACHE"
  (($# == 0)) || shift
  case $verb in
    build | run | check | bench | shots | format | lock) "$verb" "$@" ;;
    test) run_tests "$@" ;;
    help | -h | --help) usage ;;
    *)
      usage >&2
      exit 2
      ;;
  esac
}

main "$@"
