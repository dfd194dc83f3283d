#!/usr/bin/env bash
# Makes or refreshes the environment of this checkout: Python libraries by lock, the wheel with the Rust core, the development
# chain's node and token. Each step is keyed by the content of what it is made from, so that a second run does nothing.
# usage: install.sh [--dev]      --dev adds what tests and checks need
set -euo pipefail
umask 022
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV
here=$(dirname "${BASH_SOURCE[0]}")
source "$here/paths.sh"
source "$here/system.sh"

done_already() { [ "$(cat "$ENVIRONMENT/stamps/$1" 2>/dev/null)" = "$2" ]; }
mark_done() { mkdir -p "$ENVIRONMENT/stamps"; printf '%s\n' "$2" >"$ENVIRONMENT/stamps/$1"; }
pip_into() { "$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "${@:2}"; }
by_lock() { pip_into "$1" --require-hashes --no-deps --only-binary :all: -r "$2"; }

# Root's environments outlive their checkouts: those whose checkout went more than a day ago go too.
forget_lost_checkouts() {
    local note
    [ "$(id -u)" = 0 ] || return 0
    for note in /opt/strongroom/*/checkout; do
        if [ -n "$(find "$note" -mtime +0 2>/dev/null)" ] && [ ! -d "$(cat "$note")" ]; then
            rm -rf "$(dirname "$note")"
        fi
    done
}

python_environment() {
    local key
    key="$("$BASE_PYTHON" -VV) $BASE_PYTHON"
    if ! done_already python "$key"; then
        say "Python environment: $ENVIRONMENT"
        rm -rf "$ENVIRONMENT"
        mkdir -p "$ENVIRONMENT"
        "$BASE_PYTHON" -m venv "$ENVIRONMENT"
        printf '%s\n' "$ROOT" >"$ENVIRONMENT/checkout"
        mark_done python "$key"
        forget_lost_checkouts
    fi
    if [ "$ENVIRONMENT" != "$ROOT/.venv" ]; then
        [ -L "$ROOT/.venv" ] || rm -rf "$ROOT/.venv"
        ln -sfnT "$ENVIRONMENT" "$ROOT/.venv"
    fi
}

libraries() {
    local name=$1 key
    key=$(key_of "requirements/$name.lock")
    if ! done_already "$name" "$key"; then
        say "Libraries of requirements/$name.lock: $(grep -c '^[a-z].*==' "$ROOT/requirements/$name.lock")"
        by_lock "$ENVIRONMENT" "$ROOT/requirements/$name.lock"
        mark_done "$name" "$key"
    fi
}

# maturin lives apart from the roles' environment.
build_tools() {
    TOOLS=$CACHE/tools-$({ cat "$ROOT/requirements/build.lock"; "$BASE_PYTHON" -VV; } | sha256sum | cut -c1-16)
    if [ ! -e "$TOOLS/ready" ]; then
        say "Build tools: $TOOLS"
        rm -rf "$TOOLS"
        "$BASE_PYTHON" -m venv "$TOOLS"
        by_lock "$TOOLS" "$ROOT/requirements/build.lock"
        touch "$TOOLS/ready"
    fi
}

wheel_key() {
    printf '%s-%s' "$(key_of src rust pyproject.toml requirements/build.lock)" "$(compiler | sha256sum | cut -c1-8)"
}

# A wheel is kept under the hash of its sources, so that a fresh clone of the same sources builds nothing.
wheel() {
    local key out
    key=$(wheel_key)
    done_already wheel "$key" && return
    out=$CACHE/wheels/$key
    if [ ! -e "$out" ]; then
        build_tools
        [ -d "$(cargo_target)/release" ] || say "First build of the Rust core: a few minutes"
        say "Wheel"
        mkdir -p "$CACHE/wheels"
        rm -rf "$out.part"
        (cd "$ROOT" && bash setup/cargo.sh "$TOOLS/bin/maturin" build --release --locked --compatibility linux \
            --interpreter "$BASE_PYTHON" --out "$out.part" </dev/null)
        if [ "$(wheel_key)" != "$key" ]; then
            rm -rf "$out.part"
            say "The sources changed while they were built: once more"
            wheel
            return
        fi
        mv "$out.part" "$out"
        # Old builds go: wheels beyond the eight newest, cargo directories unused for two weeks.
        ls -dt "$CACHE"/wheels/* | tail -n +9 | xargs -r rm -rf
        find "$CACHE" -maxdepth 1 -name 'cargo-*' -mtime +14 -exec rm -rf {} +
    fi
    pip_into "$ENVIRONMENT" --no-deps --no-index --force-reinstall "$out"/*.whl
    mark_done wheel "$key"
}

# The node of the development chain and the compiled token, where any user can read them.
chain() {
    local key
    key=$(key_of package.json package-lock.json .npmrc contracts)
    done_already chain "$key" && return
    say "Development chain: anvil and solc from npm"
    (cd "$ROOT" && npm ci --include=dev --no-audit --no-fund --loglevel=error </dev/null && node contracts/compile.mjs)
    install -D -m 0755 "$ROOT"/node_modules/@foundry-rs/anvil-linux-*/bin/anvil "$ENVIRONMENT/libexec/anvil"
    install -D -m 0644 -t "$ENVIRONMENT/share/strongroom" "$ROOT"/contracts/build/*.json
    mark_done chain "$key"
}

system_packages "${1:-}"
mkdir -p "$CACHE"
# Two runs at once wait for each other; they share the environment and the cache.
exec 9>"$CACHE/install.lock"
flock 9
python_environment
libraries run
if [ "${1:-}" = --dev ]; then libraries dev; fi
chain
wheel
