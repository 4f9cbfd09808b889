#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A start that lacks a resource says so in one sentence, with the limit and what to do, and leaves nothing behind.
. "$(dirname "$0")/alone.sh"
. "$(dirname "$0")/common.sh"
nm -D "$WEIR" 2>/dev/null | grep -q __asan_init && { echo "SKIP: a sanitizer needs more than these limits"; exit 77; }
net_setup
before=$(ip -n $NSW -br addr; ip -n $NSW route)

# limited SENTENCE OPTION VALUE COMMAND...: it starts, or says a sentence with these words.
limited() {
	local words=$1 option=$2 value=$3
	shift 3
	# by pipes: what is printed into a file is bounded, too
	{ bash -c "ulimit $option $value; exec \"\$@\"" weir "$@" 2>&1 >&3 < /dev/null | cat > "$TMP/said"
	  echo "${PIPESTATUS[0]}" > "$TMP/status"; } 3>&1 | cat > "$TMP/out"
	own "$TMP/said" > "$TMP/err"
	case $(cat "$TMP/status") in
	0) same "$(cat "$TMP/out" "$TMP/err")" started ;;
	125) contains "$(cat "$TMP/err")" "$words" && contains "$(cat "$TMP/err")" "raise" && same "$(wc -l < "$TMP/err")$(cat "$TMP/out")" 1 ;;
	127) contains "$(cat "$TMP/err")" "error while loading shared libraries" ;;	# the dynamic linker, before weir
	*) cat "$TMP/err"; false ;;
	esac || { echo "  with ulimit $option $value: $*"; cat "$TMP/err"; return 1; }
}
each() {	# SENTENCE OPTION "VALUES" COMMAND...
	local words=$1 option=$2 values=$3 value
	shift 3
	for value in $values; do
		limited "$words" "$option" $value "$@" || return 1
	done
}
fresh_name
mine=$NAME
check "open files" each '`ulimit -n` allows' -n "$(seq 3 64)" "$WEIR" run --network=none --name "$NAME" -- echo started
check "open files, on devices" each '`ulimit -n` allows' -n "$(seq 20 48)" "$WEIR" run --netns $NSW --name "$NAME" -- echo started
check "and addresses are there" same "$(ip -n $NSW -br addr; ip -n $NSW route)" "$before"
check "the size of files" each '`ulimit -f` allows' -f "0 1 100 1024" "$WEIR" run --network=none --name "$NAME" -- echo started
check "the stack, locked memory, signals" each "" -s "128 1024" "$WEIR" run --network=none --name "$NAME" -- echo started
check "data" each '`ulimit -d` allows' -d "100 300 500 700 800 900 1000 1100" "$WEIR" run --network=none --name "$NAME" -- echo started
fresh_name
background "$WEIR" run --network=none --name "$NAME" -- sleep 1000
wait_for 20 ctl "$NAME" show
check "exec: open files" each '`ulimit -n` allows' -n "$(seq 3 40)" "$WEIR" exec "$NAME" -- echo started
check "exec: the size of files" each '`ulimit -f` allows' -f "0 1024" "$WEIR" exec "$NAME" -- echo started
check "modules: the size of files" contains "$(bash -c "ulimit -f 1; \"$WEIR\" modules" 2>&1)" '`ulimit -f` allows'
# Root is not bound by a number of processes, but by its control group.
GROUP=
for pids in /sys/fs/cgroup/pids /sys/fs/cgroup; do
	[ -e $pids/cgroup.procs ] || continue
	mkdir $pids/weirtest$$ 2>/dev/null && GROUP=$pids/weirtest$$
	[ -n "$GROUP" ] && [ -e "$GROUP/pids.max" ] && break
	[ -z "$GROUP" ] || rmdir "$GROUP"
	GROUP=
done
processes() {
	local n status
	for n in $(seq 1 9) 16; do
		echo $n > "$GROUP/pids.max"
		sh -c 'echo $$ > "$0/cgroup.procs" && exec "$@"' "$GROUP" "$WEIR" run --network=none -- echo started > "$TMP/out" 2> "$TMP/said"
		status=$?
		own "$TMP/said" > "$TMP/err"
		case $status in
		0) same "$(cat "$TMP/out" "$TMP/err")" started ;;
		125) contains "$(cat "$TMP/err")" "pids.max" && same "$(wc -l < "$TMP/err")" 1 ;;
		*) cat "$TMP/err"; false ;;
		esac || { echo "  with $n processes: $status"; return 1; }
	done
	same $status 0
}
if [ -n "$GROUP" ]; then
	check "processes" processes
	wait_for 10 rmdir "$GROUP"
fi
check "no socket is left" test ! -e "/run/weir/$mine.sock"
check "no process is left" test -z "$(pgrep -f "name $mine ")"
finish
