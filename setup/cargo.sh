#!/usr/bin/env bash
# Runs a command that calls cargo, with the target directory that all checkouts of this user share.
# usage: cargo.sh COMMAND...      for example: cargo.sh cargo test --locked
#
# Cargo tells whether a source changed by its time, and names workspace members by their place in the workspace. So in a shared
# directory one checkout's older file could pass for what was built from another's. Whenever the contents differ from those of
# the last run here, all sources are made newer than anything built; runs wait for each other.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/paths.sh"

CARGO_TARGET_DIR=$(cargo_target)
export CARGO_TARGET_DIR
mkdir -p "$CARGO_TARGET_DIR"
exec 8>"$CARGO_TARGET_DIR/run.lock"
flock 8
contents=$(key_of rust)
if [ "$(cat "$CARGO_TARGET_DIR/contents" 2>/dev/null)" != "$contents" ]; then
    find "$ROOT/rust" -name target -prune -o -type f -exec touch {} +
    printf '%s\n' "$contents" >"$CARGO_TARGET_DIR/contents"
fi
touch "$CARGO_TARGET_DIR"
"$@"
