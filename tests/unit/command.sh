# SPDX-License-Identifier: Apache-2.0
# command.sh - sourced, after common.sh, by the tests of command lines: a command's status, and what it said.
n=0

# run STATUS COMMAND...
run() {
	want=$1
	shift
	n=$((n + 1))
	got=0
	"$@" >"$dir/out" 2>"$dir/err" || got=$?
	[ "$got" = "$want" ] || fail "$*: status $got, not $want"
}

has() {
	grep -qxF "$1" "$dir/out" || fail "no line: $1"
}

says() {
	grep -qF -- "$1" "$dir/err" || fail "stderr does not say: $1"
	[ "$(wc -l <"$dir/err")" = 1 ] || fail "more than one sentence"
}
