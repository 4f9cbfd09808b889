#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A module whose hook never returns stops the stack process: the first SIGTERM ends the sandbox all the same, its
# namespace gets its address back, weir run names the module, and weir ctl does not wait for ever.
. "$(dirname "$0")/common.sh"
need python3 gcc
net_setup
mkdir -m 755 "$TMP/mod" "$TMP/loads"
cp "$WEIR_MODULE_PATH"/*.so "$TMP/mod/"
cp "$TMP/mod"/*.so "$TMP/loads/"
build() { ${CC:-gcc} -std=gnu17 -shared -fPIC -I"$SRCDIR/include" "$@" "$SRCDIR/tests/net/stuck.c"; }
build -o "$TMP/mod/stuck.so" && build -DCONSTRUCTOR -o "$TMP/loads/stuck.so" || exit 99
export WEIR_MODULE_PATH=$TMP/mod

# A program that leaves SIGTERM to others, and sends.
cat >"$TMP/send.py" <<'PY'
import signal, socket, sys, time
if sys.argv[1] == "ignore":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
while True:		# a call that nobody answers may fail
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"x", ("10.77.0.1", 9))
    except OSError:
        pass
    time.sleep(0.05)
PY
program="python3 $TMP/send.py"

# start [OPTIONS] -- PROGRAM: $FRONT, its pid; $TMP/log, what it says.
start() {
	fresh_name
	sandbox "$NAME" "$@" >"$TMP/out" 2>"$TMP/log" &
	FRONT=$!
	PIDS="$PIDS $FRONT"
}
answers() { ctl "$NAME" stats; }
running() { wait_for 20 answers && wait_for 20 grep -q ready "$TMP/out"; }
# Its stack process spends time, and never waits.
spent() { cut -d' ' -f14 "/proc/$1/stat"; }
waits() { grep ^voluntary "/proc/$1/status"; }
spins() {
	local pid time times
	pid=$(pgrep -P "$FRONT" -x weir-stack) || return 1
	time=$(spent $pid)
	times=$(waits $pid)
	sleep 0.2
	[ $(($(spent $pid) - time)) -ge 2 ] && [ "$times" = "$(waits $pid)" ]
}
stuck() { wait_for 30 spins; }
# ends SIGNAL STATUS: by that signal alone, and nothing is left.
ends() {
	kill -"$1" "$FRONT"
	wait_for 30 gone || { kill -9 "$FRONT"; echo "  it goes on"; return 1; }
	wait "$FRONT"
	same $? "$2" && [ ! -e "/run/weir/$NAME.sock" ] && ip -n $NSW addr show eth0 | grep -q "$ADDR/24"
}
gone() { [ "$(sed 's/.*) //' "/proc/$FRONT/stat" 2>/dev/null | cut -c1)" = Z ] || [ ! -e "/proc/$FRONT" ]; }

# ---- before the program runs ----
start --qdisc stuck --set qdisc.at=init -- sleep 100
check "init: the stack is stuck" stuck
check "init: SIGTERM ends it" ends TERM 143
start --qdisc stuck --set qdisc.at=init -- sleep 100
stuck
check "init: SIGINT ends it" ends INT 130
export WEIR_MODULE_PATH=$TMP/loads
start --qdisc stuck -- sleep 100
wait_for 20 pgrep -f "^$WEIR run .* --name $NAME " && check "loading it: SIGTERM ends it" ends TERM 143
export WEIR_MODULE_PATH=$TMP/mod

# ---- while packets are sent ----
for hook in enqueue dequeue timer; do
	start --qdisc stuck --set qdisc.at=$hook -- $program end
	check "$hook: the stack is stuck" stuck
	check "$hook: SIGTERM ends it" ends TERM 143
done
background peer socat -u TCP-LISTEN:7000,reuseaddr,fork OPEN:/dev/null
wait_for 10 peer_listens 7000
start --set tcp.congestion=stuck -- socat -u OPEN:/dev/zero TCP:$PEER:7000
check "a congestion control's ack: the stack is stuck" stuck
check "SIGTERM ends it" ends TERM 143

# ---- the program takes no SIGTERM ----
start --qdisc stuck --set qdisc.at=dequeue -- $program ignore
wait_for 20 grep -q ready "$TMP/out" && stuck
check "dequeue: SIGTERM ends a program that ignores it" ends TERM 143
check "the log names the module" contains "$(cat "$TMP/log")" "module stuck does not return"

# ---- by weir ctl ----
# by_ctl HOOK COMMAND...: the command's hook never returns.
by_ctl() {
	local hook=$1 client
	shift
	start --qdisc stuck --set qdisc.at=$hook -- $program end
	running || return 1
	ctl "$NAME" "$@" >"$TMP/answer" 2>&1 &
	client=$!
	stuck || return 1
	if [ "$hook" = nowhere ]; then	# one of them to the last word that is said of it
		wait $client && return 1
		contains "$(cat "$TMP/answer")" "kill $FRONT" || return 1
		wait_for 30 grep -q "module stuck does not return; SIGTERM ends the sandbox" "$TMP/log" || return 1
		timeout 60 "$WEIR" ctl >"$TMP/answer" 2>&1
		contains "$(cat "$TMP/answer")" "weir ctl: $NAME: its stack process" || return 1
	fi
	ends TERM 143 || return 1
	wait $client
	[ $? != 0 ]
}
check "qdisc replace, and what is told of it" by_ctl nowhere qdisc replace eth0 stuck at init
check "qdisc change" by_ctl change qdisc change eth0 at nowhere
check "qdisc show" by_ctl stats qdisc show
check "a qdisc that is replaced: reset" by_ctl reset qdisc replace eth0 fifo
check "a qdisc that is replaced: destroy" by_ctl destroy qdisc replace eth0 fifo
check "module reload" by_ctl reset module reload "$TMP/loads/stuck.so"

# ---- a link's driver ----
# link HOOK: a sandbox whose one link has a driver that stands there.
link() {
	printf '[link stk0]\ndriver = stuck\nat = %s\naddress = 10.77.0.2/24\n' "$1" > "$TMP/link.ini"
	fresh_name
	"$WEIR" run -c "$TMP/link.ini" --name "$NAME" -- $program "${2:-end}" >"$TMP/out" 2>"$TMP/log" &
	FRONT=$!
	PIDS="$PIDS $FRONT"
}
running_front() { pgrep -f "^$WEIR run .* --name $NAME "; }
spins_itself() {	# the front: it opens the link, and nothing is taken yet
	local time
	time=$(spent $FRONT)
	sleep 0.2
	[ $(($(spent $FRONT) - time)) -ge 2 ]
}
link open
wait_for 30 spins_itself
check "a link's open: SIGTERM ends it" ends TERM 143
link attach
check "a link's attach: the stack is stuck" stuck
check "SIGTERM ends it" ends TERM 143
for hook in transmit receive; do
	link $hook
	check "a link's $hook: the stack is stuck" stuck
	check "SIGTERM ends it" ends TERM 143
	link $hook ignore
	[ $hook = receive ] || wait_for 20 grep -q ready "$TMP/out"
	stuck
	check "also a program that ignores it" ends TERM 143
done
link detach
detached() {
	local client
	running || return 1
	ctl "$NAME" module reload stuck >"$TMP/answer" 2>&1 &
	client=$!
	stuck && ends TERM 143 || return 1
	wait $client
	[ $? != 0 ]
}
check "a link's detach, by a reload" detached

finish
