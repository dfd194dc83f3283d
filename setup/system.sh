# What the machine itself must have. Sourced by install.sh. Debian packages are installed only when missing, and only by root.

say() { printf '==> %s\n' "$*"; }
die() { printf 'set-up: %s\n' "$*" >&2; exit 1; }

# The Python that the environment is built from: not one under root's home, which the roles' users could not read.
choose_python() {
    local candidate
    for candidate in /usr/bin/python3 $([ "$(id -u)" = 0 ] || command -v python3) /usr/bin/python3.11 /usr/local/bin/python3.11; do
        if [ -x "$candidate" ] && "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then
            BASE_PYTHON=$candidate
            return
        fi
    done
    die "no Python 3.11 in /usr/bin or /usr/local/bin; on Debian 12: apt-get install python3 python3-venv"
}

# With --dev also what only tests need: the browser that people's pages are tried in.
system_packages() {
    local missing=()
    choose_python
    "$BASE_PYTHON" -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
    command -v cc >/dev/null || missing+=(build-essential)
    command -v ps >/dev/null || missing+=(procps)
    command -v ss >/dev/null || [ -x /usr/sbin/ss ] || missing+=(iproute2)
    command -v curl >/dev/null || missing+=(curl)
    { command -v flock && command -v setpriv && command -v unshare; } >/dev/null || missing+=(util-linux)
    [ "$(id -u)" != 0 ] || [ -x /usr/sbin/useradd ] || missing+=(passwd)
    [ "${1:-}" != --dev ] || [ -x /usr/bin/chromium ] || missing+=(chromium)
    if [ ${#missing[@]} -gt 0 ]; then
        command -v apt-get >/dev/null || die "please install: ${missing[*]} (names of Debian packages)"
        [ "$(id -u)" = 0 ] || die "please run as root: apt-get install --no-install-recommends ${missing[*]}"
        say "Debian packages: ${missing[*]}"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null >/dev/null
    fi
    command -v cargo >/dev/null || die "cargo is missing: install stable Rust with rustup (Debian 12's own is too old)"
    command -v npm >/dev/null || die "npm is missing: install Node.js 20 or newer, with npm"
    node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || die "Node.js $(node --version) is too old: install 20 or newer"
}
