# Where an installation made from this checkout lives. Sourced by the set-up scripts; run with a name, it prints that value.
#
# Root's environment lies under /opt, because roles run as Unix users of their own and can read neither root's home nor,
# often, the checkout. An ordinary user's lies in the checkout.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/strongroom
if [ "$(id -u)" = 0 ]; then
    ENVIRONMENT=/opt/strongroom/$(printf '%s' "$ROOT" | sha256sum | cut -c1-12)
else
    ENVIRONMENT=$ROOT/.venv
fi

# rustup installs here and leaves the PATH to the next login.
if ! command -v cargo >/dev/null && [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ]; then
    PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
fi

# The hash of the contents and relative names of files; folders are walked without what is built in them.
key_of() {
    (cd "$ROOT" && find "$@" \( -name target -o -name __pycache__ -o -name node_modules -o -name build \) -prune -o \
        -type f ! -name '*.so' ! -name '*.pyc' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum) | sha256sum | cut -c1-24
}

# As rustup chooses it for the workspace.
compiler() { (cd "$ROOT/rust" && rustc -vV); }

# One cargo target directory for each lock and compiler, shared by every checkout of this user.
cargo_target() {
    printf '%s/cargo-%s' "$CACHE" "$({ cat "$ROOT/rust/Cargo.lock"; compiler; } | sha256sum | cut -c1-16)"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    case "${1:-}" in
        environment) echo "$ENVIRONMENT" ;;
        cache) echo "$CACHE" ;;
        *) echo "usage: paths.sh environment | cache" >&2; exit 2 ;;
    esac
fi
