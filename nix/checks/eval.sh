#!/usr/bin/env bash
# Evaluate hive's modules for example.nix: `eval.sh [PATH]`, where PATH is nixpkgs or its lib; without
# one with the small lib beside this script. With a PATH the two must say the same. Prints the values
# as JSON.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

say() {
  nix-instantiate --eval --strict --json --expr "import ./eval.nix (import ./example.nix // { $1 })"
}

ours=$(say "")
printf '%s\n' "$ours"
(($# == 0)) && exit
lib=$(realpath "$1")
[[ -d $lib/lib ]] && lib=$lib/lib
theirs=$(say "lib = import $lib;")
if [[ $theirs != "$ours" ]]; then
  printf 'nixpkgs says otherwise than nix/checks/lib.nix:\n%s\n' "$theirs" >&2
  exit 1
fi
printf 'nixpkgs says the same\n' >&2
