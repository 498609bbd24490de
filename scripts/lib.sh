# Part of objbus. SPDX-License-Identifier: Apache-2.0
# What the other scripts share; sourced by them, never run. Sets ROOT and changes to it.

# shellcheck shell=bash
ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
cd -- "$ROOT"

# One line about what happens, on stderr: stdout belongs to the tools.
say() {
    printf '== %s\n' "$*" >&2
}

# Ends the script with a reason and what to do.
fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

have() {
    command -v "$1" >/dev/null 2>&1
}

# Runs a command as root, by sudo where needed.
as_root() {
    if [ "$(id --user)" -eq 0 ]; then
        "$@"
    elif have sudo; then
        sudo "$@"
    else
        fail "root is needed for: $* (run that yourself, or install sudo)"
    fi
}

# Runs a command, and says every half minute that it still runs: a compiler may be silent for
# minutes, and a silent job looks like a dead one. Usage: with_heartbeat WHAT COMMAND ARGS...
with_heartbeat() {
    local what=$1 status=0 beat never
    shift
    # A pipe that nobody writes to; waiting on it needs no process that could be left behind.
    exec {never}<> <(:)
    (
        SECONDS=0
        while kill -0 "$$" 2>/dev/null; do
            read -r -t 30 -u "$never" _ || say "$what: ${SECONDS} s so far"
        done
    ) &
    beat=$!
    "$@" || status=$?
    kill "$beat" 2>/dev/null || true
    wait "$beat" 2>/dev/null || true
    exec {never}>&-
    return "$status"
}
