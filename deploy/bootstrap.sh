#!/usr/bin/env bash
# Makes the environment from requirements.lock (`sync`), or the lock from pyproject.toml (`lock`).
# Needs python3 >= 3.11. Without uv on the PATH it makes an environment with python3 for it; where Debian's python3 cannot
# do that (python3-venv is a package apart) and we may install packages, it is installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PYTHON=${PYTHON:-python3}
export UV_PYTHON_DOWNLOADS=never # otherwise uv goes looking for an interpreter of its own

fail() { printf '\n%s\n' "$*" >&2; exit 1; }

check_python() {
  command -v "$PYTHON" >/dev/null || fail "Regie needs Python 3.11 or newer: install python3, or name one with PYTHON=..."
  "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "Regie needs Python 3.11 or newer; $PYTHON is $("$PYTHON" --version 2>&1). Name another one with PYTHON=..."
}

# uv from the PATH, or its wheel, checked by hash, in an environment of its own.
find_uv() {
  if uv --version >/dev/null 2>&1; then UV=uv; return; fi
  UV=.tools/bin/uv
  "$UV" --version >/dev/null 2>&1 && return
  echo "Getting uv ..." >&2
  rm -rf .tools
  "$PYTHON" -m venv .tools >/dev/null 2>&1 || { add_venv && "$PYTHON" -m venv --clear .tools >/dev/null 2>&1; } || {
    rm -rf .tools
    fail "This python3 cannot make environments, and there is no uv. Install one of the two and run make again:
  apt-get install python3-venv      (Debian keeps it apart from python3)
  or uv, from your package index"
  }
  .tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r deploy/uv.lock ||
    fail "uv could not be installed; see the message above."
}

add_venv() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  echo "This python3 cannot make environments: installing python3-venv ..." >&2
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv; } >/dev/null
}

sync() {
  .venv/bin/python -c '' 2>/dev/null || "$UV" venv --quiet --clear --python "$PYTHON" .venv
  echo "Installing what requirements.lock names, checked by hash ..." >&2
  "$UV" pip sync --quiet --require-hashes --python .venv/bin/python requirements.lock
}

lock() {
  local options=(--quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header)
  "$UV" pip compile "${options[@]}" --all-extras pyproject.toml -o requirements.lock
  echo uv | "$UV" pip compile "${options[@]}" - -o deploy/uv.lock
}

check_python
find_uv
case "${1:-}" in
  sync) sync ;;
  lock) lock ;;
  *) fail "usage: deploy/bootstrap.sh sync|lock" ;;
esac
