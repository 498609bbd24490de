# Part of objbus. SPDX-License-Identifier: Apache-2.0
# Runs objbus's commands as processes of their own, shows them as typed, and checks what they do;
# sourced after lib.sh by scripts that show objbus at work. OBJBUS is the command's path.

# shellcheck shell=bash

# Where sockets, pipes and the broker's key lie while the script runs.
FOLDER=$(mktemp --directory)
readonly FOLDER
PROCESSES=() STEPS=0

clean_up() {
    local process
    for process in "${PROCESSES[@]}"; do kill -s KILL "$process" 2>/dev/null || true; done
    rm --recursive --force "$FOLDER"
}
trap clean_up EXIT

# The command as one would type it.
typed() {
    local word text="\$ ${1##*/}"
    shift
    for word in "$@"; do
        if [[ $word =~ ^[A-Za-z0-9_./:,=*-]+$ ]]; then text+=" $word"; else text+=" '$word'"; fi
    done
    printf '%s' "$text"
}

explain() {
    printf '\n# %s\n' "$*"
}

# Runs objbus in a process of its own, shows what it prints, and checks that its exit code and its
# output, with errors, match. Usage: step CODE PATTERN ARGUMENTS... Sets OUTPUT.
step() {
    local codes=$1 pattern=$2
    shift 2
    run_step "$codes" "$pattern" "$OBJBUS" "$@"
}

# The same for any program. Usage: run_step CODE PATTERN PROGRAM ARGUMENTS... Sets OUTPUT.
run_step() {
    local codes=$1 pattern=$2 code=0
    shift 2
    printf '%s\n' "$(typed "$@")"
    OUTPUT=$("$@" 2>&1) || code=$?
    if [ -n "$OUTPUT" ]; then printf '%s\n' "$OUTPUT"; fi
    if ((code != 0)); then printf '(exit code %d)\n' "$code"; fi
    if ! [[ $code =~ ^($codes)$ ]]; then fail "the exit code should be $codes, and is $code"; fi
    if ! [[ $OUTPUT =~ $pattern ]]; then fail "the output should match: $pattern"; fi
    STEPS=$((STEPS + 1))
}

# Starts a program that goes on running, and waits for its line. Usage: start NAME PROGRAM ARGUMENTS...
# Sets PROCESS and OUTPUT. The pipe stays open: whoever writes into a closed one is ended.
start() {
    local name=$1 pipe
    shift
    printf '%s &\n' "$(typed "$@")"
    mkfifo "$FOLDER/$name"
    "$@" >"$FOLDER/$name" &
    PROCESS=$!
    PROCESSES+=("$PROCESS")
    exec {pipe}<"$FOLDER/$name"
    read -r -t 20 -u "$pipe" OUTPUT || fail "${1##*/} printed nothing within 20 s"
    printf '%s\n' "$OUTPUT"
    STEPS=$((STEPS + 1))
}

# Starts a worker of a user and waits until its object answers, as what it prints into a file or a
# pipe comes late. Usage: start_worker OBJECT PROGRAM ARGUMENTS... Sets PROCESS.
start_worker() {
    local object=$1
    shift
    printf '%s &\n' "$(typed "$@")"
    "$@" >"$FOLDER/worker.out" &
    PROCESS=$!
    PROCESSES+=("$PROCESS")
    local end=$((SECONDS + 20))
    until "$OBJBUS" ping "$object" >/dev/null 2>&1; do
        kill -0 "$PROCESS" 2>/dev/null || fail "${1##*/} has ended: $(cat "$FOLDER/worker.out")"
        if ((SECONDS > end)); then fail "$object does not answer within 20 s"; fi
    done
    STEPS=$((STEPS + 1))
}

# Starts a broker on a free port of this machine and sets OBJBUS_URL to it. Sets PROCESS.
start_broker() {
    start broker "$OBJBUS" broker --listen tcp://127.0.0.1:0 --state "$FOLDER"
    OBJBUS_URL=${OUTPUT##* }
    [[ $OBJBUS_URL =~ ^tcp://127\.0\.0\.1:[0-9]+$ ]] || fail "no address in: $OUTPUT"
    export OBJBUS_URL
    printf '$ export OBJBUS_URL=%s\n' "$OBJBUS_URL"
}

# Asks a process to end and checks that it does so with code 0. Usage: stop NAME PROCESS
stop() {
    local code=0
    kill -s TERM "$2"
    wait "$2" || code=$?
    forget "$2"
    if ((code != 0)); then fail "the $1 should end with code 0, and ended with $code"; fi
    STEPS=$((STEPS + 1))
}

# The process has ended, and its number may be another's.
forget() {
    local process left=()
    for process in "${PROCESSES[@]}"; do
        if [ "$process" != "$1" ]; then left+=("$process"); fi
    done
    PROCESSES=("${left[@]}")
}
