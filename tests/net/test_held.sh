#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A program that holds who answers its calls, by its memory, its descriptors or by not running, holds nobody
# else: a neighbour does its rounds before it is told to let go.
. "$(dirname "$0")/common.sh"
HOLDERS=${BUILDDIR:-.}/tests/net/holders

# hold KIND [N]: in the sandbox $NAME, until let_go.
hold() {
	fresh_name
	rm -f "$TMP/in" "$TMP/out"
	mkfifo "$TMP/in"
	"$WEIR" run --network=none --privileged --name "$NAME" -- "$HOLDERS" "$@" < "$TMP/in" > "$TMP/out" 2> "$TMP/err" &
	RUN=$!
	PIDS="$PIDS $RUN"
	exec 9> "$TMP/in"
	wait_for 20 grep -q holding "$TMP/out" || cat "$TMP/out" "$TMP/err"
}
let_go() {
	echo >&9
	exec 9>&-
	wait $RUN
}
neighbour() { timeout -s KILL "${2:-60}" $weir_exec "$NAME" -- "$HOLDERS" rounds $1; }
said() { grep -v holding "$TMP/out" | sort | uniq -c | sed 's/^ *//'; }

# ---- by what it passes ----

held() {
	hold "$@"
	check "$*: a neighbour does its rounds meanwhile" same "$(neighbour 200 20)" "200 rounds"
	let_go
}
held memory
check "memory: the call is answered" grep -q "bind: " "$TMP/out"
held end
held epoll
check "epoll: the socket serves on" grep -q "connect: EINPROGRESS" "$TMP/out"
held close
hold exec
check "exec: a neighbour does its rounds meanwhile" same "$(neighbour 200 20)" "200 rounds"
check "and sockets are shown" sh -c "timeout -s KILL 20 $WEIR ctl $NAME sockets | grep -q LISTEN"
let_go

# An address space that changes all the time, each time for long: how often is the neighbour's measure of time.
hold protect 60
echo >&9
wait_for 60 grep -q times "$TMP/out"
check "protect: a neighbour does its rounds" same "$(neighbour 200)" "200 rounds"
echo >&9
wait_for 60 sh -c "[ \$(grep -c times $TMP/out) = 2 ]"
took=$(awk '/times/ { n = $1 - before; before = $1 } END { print n }' "$TMP/out")
echo "200 rounds, and $took times it changed"
check "and hardly waits for it" [ "$took" -lt 40 ]
let_go

# More than its share of the workers.
held memory 200
check "memory 200: all are answered" same "$(said | sed 's/ .*//')" 200

# Who never lets go is answered, and told of once.
hold memory 40
check "calls that cannot be served are answered" wait_for 60 sh -c "[ \$(grep -c 'bind: EFAULT' $TMP/out) = 40 ]"
check "and counted" [ "$(counted intercept.stuck_calls)" -ge 40 ]
check "and logged once" same "$(grep -c 'cannot be served' "$TMP/err")" 1
check "and a neighbour does its rounds" same "$(neighbour 200)" "200 rounds"
let_go

# ---- by waiting ----

hold block 1000
check "2,000 blocked calls: a neighbour does its rounds" same "$(neighbour 300)" "300 rounds"
stack=$(pgrep -P $RUN weir-stack)
switches() { cat /proc/$stack/task/*/status | awk '/voluntary_ctxt_switches/ { n += $2 } END { print n }'; }
sleep 2
before=$(switches)
sleep 5
woken=$(($(switches) - before))
echo "$woken switches in 5 s with 2,000 blocked calls"
check "and the stack sleeps" [ $woken -lt 60 ]
let_go
finish
