#!/usr/bin/env bash
# Asks whether a known vulnerability is in what requirements.lock names. Exit code: 0 none is, 1 there is one, 2 the question
# could not be asked (an index without vulnerability data, no network): never taken for a good answer.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

found=$(mktemp)
trap 'rm -f "$found"' EXIT
# --strict: a package nobody has data about is a failure; without it pip-audit ends with 0 having audited nothing.
.venv/bin/pip-audit --strict --disable-pip --require-hashes -r "${1:-requirements.lock}" --progress-spinner off >"$found" 2>&1
code=$?
cat "$found"
if grep -qE "^Found [0-9]+ known vulnerabilit" "$found"; then
  exit 1
fi
if [ "$code" -ne 0 ]; then
  echo "NOT AUDITED: there is no vulnerability data to be had from here; run this where there is." >&2
  exit 2
fi
