#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# weir run and weir exec as commands: status, input and output, signals, names; and that nothing is left behind,
# whoever was killed.
. "$(dirname "$0")/common.sh"
need python3

run() { timeout 30 "$WEIR" run --network=none "$@"; }
status() { "$@" >"$TMP/out" 2>"$TMP/err"; echo $?; }

# ---- status ----
check "status 0" same "$(status run -- true)" 0
check "the program's status" same "$(status run -- sh -c 'exit 42')" 42
check "128 + signal" same "$(status run -- sh -c 'kill -TERM $$')" 143
check "128 + SIGKILL" same "$(status run -- sh -c 'kill -9 $$')" 137
check "no such program: 127" same "$(status run -- /no/such/program)" 127
check "and it says so" contains "$(cat "$TMP/err")" "/no/such/program"
check "not executable: 126" same "$(status run -- /etc/passwd)" 126
check "a wrong option: 125" same "$(status run --nonsense -- true)" 125
check "no network to give: 125" same "$(status timeout 30 "$WEIR" run -- true)" 125
check "and what to do" contains "$(cat "$TMP/err")" "--netns"
check "no such namespace: 125" same "$(status timeout 30 "$WEIR" run --netns "no-such-$$" -- true)" 125
check "mode host" same "$(status timeout 30 "$WEIR" run --mode host -- sh -c 'exit 3')" 3

# ---- stderr that takes nothing, and none ----
# The program has filled the pipe; nobody reads it. The stack has something to say all the same.
mkfifo "$TMP/full"
exec 9<>"$TMP/full"
fresh_name
"$WEIR" run --network=none --name "$NAME" --set weir.log=info -- \
	python3 -c 'import os; os.write(1, b"runs\n"); os.write(2, bytes(1 << 20))' >"$TMP/out" 2>"$TMP/full" &
front=$!
wait_for 20 grep -q runs "$TMP/out"
waits() { [ "$(cut -d' ' -f1 "/proc/$(pgrep -f "^python3 -c import os; os.write")/syscall")" = 1 ]; }
wait_for 20 waits
for i in 1 2 3; do
	ctl "$NAME" module reload none || break
done >"$TMP/answers" 2>&1
check "the stack goes on when nobody reads what it says" same "$i $(cat "$TMP/answers")" "3 "
kill $front
wait $front
check "and SIGTERM ends it" same $? 143
exec 9>&-
check "no stderr" same "$("$WEIR" run --network=none --set weir.log=debug -- sh -c 'ls -l /proc/$$/fd/2' 2>&- | grep -c null)" 1

# ---- input, output, environment ----
check "stdin and stdout" same "$(echo some text | run -- tr a-z A-Z)" "SOME TEXT"
check "stderr" same "$(run -- sh -c 'echo wrong >&2' 2>&1)" wrong
check "environment" same "$(WEIR_TEST=x run -- sh -c 'echo $WEIR_TEST')" x
check "folder" same "$(cd /usr && run -- pwd)" /usr
check "arguments as they are" same "$(run -- printf '%s|' 'a b' '' '*')" "a b||*|"
check "large output" same "$(run -- head -c 3000000 /dev/zero | wc -c)" 3000000
check "its own /proc" same "$(run -- sh -c 'echo /proc/[0-9]*')" "/proc/1 /proc/2"
check "no device in the kernel" same "$(run -- sh -c 'grep -c : /proc/net/dev')" 1
check "set-user-ID bits work" same "$(run -- grep NoNewPrivs /proc/self/status | tr -d '[:space:]')" NoNewPrivs:0

# ---- signals ----
forwarded() {
	fresh_name
	rm -f "$TMP/sig"	# the last one is ready, too
	# a shell's background job ignores SIGINT and SIGQUIT
	env --default-signal "$WEIR" run --network=none --name "$NAME" -- sh -c \
		"trap 'echo got; exit 5' $1; echo ready; while :; do sleep 0.05; done" >"$TMP/sig" &
	local pid=$!
	wait_for 20 grep -q ready "$TMP/sig"
	kill -"$1" $pid
	wait $pid
	same $? 5 && grep -q got "$TMP/sig"
}
for sig in TERM INT HUP USR1 QUIT; do
	check "SIG$sig reaches the program" forwarded $sig
done

state() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -c1; }
stopped() { [ "$(state "$1")" = T ]; }
not_stopped() { [ "$(state "$1")" != T ]; }
stop_and_go() {
	"$WEIR" run --network=none -- sh -c 'kill -STOP $$; exit 6' &
	local pid=$!
	wait_for 20 stopped $pid || return 1
	kill -CONT $pid
	wait $pid
	same $? 6
}
check "stops with the program, and goes on" stop_and_go

# ---- the terminal ----
# A shell with job control runs a program: ^Z stops it, fg goes on with it, ^C ends it.
cat >"$TMP/terminal.py" <<'END'
import os, pty, re, select, signal, sys, time
pid, fd = pty.fork()
if pid == 0:
    for sig in signal.SIGINT, signal.SIGQUIT:	# whoever runs the tests may ignore them
        signal.signal(sig, signal.SIG_DFL)
    os.environ["PS1"] = "P> "
    os.execvp("bash", ["bash", "--norc", "-i"])
out = b""
def wait_for(pattern):
    global out
    end = time.monotonic() + 20
    while not (m := re.search(pattern, out)):
        if not select.select([fd], [], [], max(0, end - time.monotonic()))[0]:
            sys.exit("no %r in %r" % (pattern, out))
        out += os.read(fd, 4096)
    out = out[m.end():]
for pattern, answer in [
        (rb"P> ", sys.argv[1].encode() + b" run --network=none -- sed -u s/^/got-/\n"),
        (rb"\r\n", b"one\n"), (rb"got-one", b"\x1a"), (rb"Stopped[^>]*P> ", b"fg\n"),
        (rb"\r\n", b"two\n"), (rb"got-two", b"\x03"), (rb"P> ", b"echo status=$?\n"),
        (rb"status=130[^>]*P> ", b"exit\n")]:
    wait_for(pattern)
    os.write(fd, answer)
END
check "^Z, fg and ^C" python3 "$TMP/terminal.py" "$WEIR"

# ---- names ----
fresh_name
background "$WEIR" run --network=none --name "$NAME" -- sleep 60
FIRST=$LAST
wait_for 20 test -S "/run/weir/$NAME.sock"
wait_for 20 $weir_exec "$NAME" -- true
check "mode of the control socket" same "$(stat -c %a "/run/weir/$NAME.sock")" 600
check "a name is given once" same "$(status run --name "$NAME" -- true)" 125
check "and it says so" contains "$(cat "$TMP/err")" "$NAME"
check "the first one's socket is still there" test -S "/run/weir/$NAME.sock"

# ---- exec ----
check "exec: status" same "$(status $weir_exec "$NAME" -- sh -c 'exit 9')" 9
check "exec: missing program" same "$(status $weir_exec "$NAME" -- /no/such)" 127
check "exec: stdin, stdout" same "$(echo abc | $weir_exec "$NAME" -- rev)" cba
check "exec: same processes" contains "$($weir_exec "$NAME" -- cat /proc/2/cmdline | tr '\0' ' ')" "sleep 60"
check "exec: no such sandbox" same "$(status $weir_exec "no-$NAME" -- true)" 125
cat >"$TMP/server.py" <<'END'
import socket
l = socket.socket()
l.bind(("127.0.0.1", 7000))
l.listen(5)
c, _ = l.accept()
c.sendall(c.recv(100).upper())
c.close()
END
background $weir_exec "$NAME" -- python3 "$TMP/server.py"
wait_for 20 sandbox_listens "$NAME" 7000
check "exec: two programs meet on the loopback" same "$($weir_exec "$NAME" -- python3 -c '
import socket
s = socket.create_connection(("127.0.0.1", 7000))
s.sendall(b"meet")
print(s.recv(100).decode())')" MEET
stop "$FIRST"
check "the socket is gone with the sandbox" test ! -e "/run/weir/$NAME.sock"

# ---- what the stack process has given up ----
fresh_name
background "$WEIR" run --network=none --name "$NAME" -- sleep 60
FIRST=$LAST
wait_for 20 $weir_exec "$NAME" -- true
STACK=$(pgrep -P $FIRST -x weir-stack)
field() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$STACK/status"; }
check "CAP_SYS_PTRACE and CAP_KILL" same "$(field CapEff)" 0000000000080020
check "may have no other" same "$(field CapPrm)$(field CapBnd)" 00000000000800200000000000080020
check "inherits none" same "$(field CapInh)$(field CapAmb)" 00000000000000000000000000000000
check "no new privileges" same "$(field NoNewPrivs)" 1
nm -D "$WEIR" 2>/dev/null | grep -q __asan_init ||
	check "an allow-list of system calls" same "$(field Seccomp)" 2
check "not dumpable" same "$(python3 -c '
import ctypes, os, sys
uid = os.stat("/proc/" + sys.argv[1]).st_uid
libc = ctypes.CDLL(None, use_errno=True)
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
print(uid, libc.ptrace(0x4206, int(sys.argv[1]), 0, 0), ctypes.get_errno())' $STACK)" "0 -1 1"
check "a root with nothing but /proc and the name of its own socket" same "$(echo $(ls -A "/proc/$STACK/root"))" "d proc"
check "which tells of its own processes only" same "$(ls "/proc/$STACK/root/proc" | grep -c '^[0-9]')" 3
check "read-only" same "$(touch "/proc/$STACK/root/x" 2>&1 | grep -c Read-only)" 1
check "no host network" same "$(grep -c : "/proc/$STACK/net/dev")" 1
stop "$FIRST"

# ---- a call that is not on the list ----
violation() {	# NUMBER [THIRD-ARGUMENT]
	fresh_name
	rm -f "$TMP/up"
	"$WEIR" run --network=none --name "$NAME" -- sh -c 'echo up; sleep 60' >"$TMP/up" 2>"$TMP/err" &
	local front=$!
	wait_for 20 grep -q up "$TMP/up"
	# it waits in epoll_wait; make another call of the same instruction
	gdb -batch -p "$(pgrep -P $front -x weir-stack)" -ex 'set $orig_rax = -1' \
		-ex "set \$rax = $1" -ex "set \$rdx = ${2:-0}" -ex 'set $rip = $rip - 2' -ex detach >/dev/null 2>&1
	wait $front
	same $? 125 && contains "$(cat "$TMP/err")" "system call $1," &&
		contains "$(cat "$TMP/err")" "gave up" && wait_for 20 test ! -e "/run/weir/$NAME.sock"
}
if command -v gdb >/dev/null && [ "$(uname -m)" = x86_64 ] &&
   ! nm -D "$WEIR" 2>/dev/null | grep -q __asan_init; then
	check "ends the stack process, which names it" violation 110
	check "so does asking for a pidfd of a peer" violation 55 77
	check "and having one come with messages" violation 54 76
fi

# ---- its counters ----
counts() { "$WEIR" ctl "$NAME" stats | grep -E '^intercept\.'; }
fresh_name
background "$WEIR" run --network=none --name "$NAME" -- python3 -c '
import socket, time
s = socket.socket()
time.sleep(60)'
FIRST=$LAST
one_socket() { counts | grep -qE '^intercept\.sockets +1$'; }
check "stats count the programs' sockets" wait_for 20 one_socket
check "and their calls" same "$("$WEIR" ctl "$NAME" -j stats | python3 -c '
import json, sys
s = json.load(sys.stdin)["intercept"]
print(sorted(s), s["notifications"] > 0)')" \
	"['continued', 'interrupted', 'notifications', 'sockets', 'stuck_calls', 'unknown_options', 'unread_drops', 'waiting', 'workers'] True"
stop "$FIRST"

# ---- nothing stays behind ----
# The processes of a sandbox, by the name in the front's command line, and what they started.
tree() { pgrep -f "name $1 " ; }
alive() { [ -n "$(tree "$1")" ]; }
gone() { ! alive "$1"; }
SERVER='import socket, time
l = socket.socket(); l.bind(("127.0.0.1", 8000)); l.listen()
print("up", flush=True)
time.sleep(100)'

# killed WHOM: kill -9 it; then all is gone.
killed() {
	local whom=$1 pid front
	fresh_name
	rm -f "$TMP/up"
	"$WEIR" run --network=none --name "$NAME" -- python3 -c "$SERVER" "name $NAME " >"$TMP/up" 2>"$TMP/err" &
	front=$!
	wait_for 10 grep -q up "$TMP/up" || return 1
	case $whom in
	front) pid=$front ;;
	stack) pid=$(pgrep -P $front -x weir-stack) ;;
	janitor) pid=$(pgrep -P $front -x weir-janitor) ;;
	program) pid=$(pgrep -f "python3.*name $NAME " | tail -1) ;;
	esac
	[ -n "$pid" ] || { echo "  no $whom"; kill $front; return 1; }
	kill -9 $pid
	if [ "$whom" = janitor ]; then
		kill -0 $front || return 1
		kill $front
	fi
	wait $front 2>/dev/null
	STATUS=$?
	wait_for 20 gone "$NAME" || { echo "  left: $(tree "$NAME")"; return 1; }
	wait_for 20 test ! -e "/run/weir/$NAME.sock"
}
check "kill -9 of the front" killed front
check "kill -9 of the stack process" killed stack
check "its status" same $STATUS 125
check "and it says so" contains "$(cat "$TMP/err")" "stack process"
check "kill -9 of the program" killed program
check "its status" same $STATUS 137
check "kill -9 of the janitor" killed janitor

orphans() {
	fresh_name
	run --name "$NAME" -- sh -c "sleep 100 & sh -c 'sleep 101 & sleep 102' & sleep 0.2" "name $NAME "
	gone "$NAME"
}
check "children end with the program" orphans

# ---- a namespace taken ----
net_setup
before=$(ip -n $NSW -br addr; ip -n $NSW route)
restored() { [ "$before" = "$(ip -n $NSW -br addr; ip -n $NSW route)" ]; }
for whom in front stack program; do
	fresh_name
	rm -f "$TMP/up"
	"$WEIR" run --netns $NSW --name "$NAME" -- sh -c 'echo up; sleep 100' "name $NAME " >"$TMP/up" &
	front=$!
	wait_for 10 grep -q up "$TMP/up"
	case $whom in
	front) pid=$front ;;
	stack) pid=$(pgrep -P $front -x weir-stack) ;;
	program) pid=$(pgrep -P "$(pgrep -P "$(pgrep -P $front -x weir-stack)" -x weir-init)") ;;
	esac
	check "addresses are taken ($whom)" same "$(ip -n $NSW -br addr show dev eth0 | grep -c $ADDR)" 0
	kill -9 $pid
	wait $front 2>/dev/null
	check "addresses come back after kill -9 of the $whom" wait_for 20 restored
	check "no process is left" wait_for 20 gone "$NAME"
done
lost_sentence() {
	for i in $(seq "$1"); do
		status "$WEIR" run --netns $NSW --qdisc tbf --set qdisc.rate=1mbit --set qdisc.burst=1 -- true >"$TMP/status"
		same "$(cat "$TMP/status")" 125 && contains "$(cat "$TMP/err")" burst || return 1
	done
}
check "why the stack does not start is told each time" lost_sentence 50
check "and addresses come back" restored

# ---- what is still on its way at the end ----
# All of it arrives; but a peer that takes it a byte at a time does not hold up the end for ever.
cat >"$TMP/reader.py" <<'EOF'
import socket, sys, time
s = socket.create_server(("10.77.0.1", 7000))
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
print("ready", flush=True)
c, n = s.accept()[0], 0
while b := c.recv(1 if sys.argv[1] == "slow" else 65536):
	n += len(b)
	if sys.argv[1] == "slow":
		time.sleep(.001)
print(n, flush=True)
EOF
writer='import socket; s = socket.create_connection(("10.77.0.1", 7000)); s.sendall(bytes(100000))'
drained() {	# SPEED ARGUMENTS-OF-RUN...
	local speed=$1
	shift
	background ip netns exec $NSP python3 "$TMP/reader.py" "$speed" >"$TMP/read"
	wait_for 10 grep -q ready "$TMP/read" || return 1
	timeout 40 "$WEIR" run --netns $NSW "$@" -- python3 -c "$writer"
}
check "what was written arrives after the program's end" drained fast
check "all of it" wait_for 10 grep -qx 100000 "$TMP/read"
check "a slow peer has until drain" drained slow --set weir.drain=1s
check "and had not read all" same "$(grep -c 100000 "$TMP/read")" 0
stop $LAST
check "drain = 0: nothing is waited for" drained slow --set weir.drain=0
stop $LAST

# A peer that keeps its window shut, and a signal while the program runs: who sent it does not wait for the drain.
cat >"$TMP/shut.py" <<'EOF'
import socket, time
s = socket.create_server(("10.77.0.1", 7001))
print("ready", flush=True)
kept = []
while True:
	kept.append(s.accept())
EOF
cat >"$TMP/fill.py" <<'EOF'
import signal, socket, sys
for s in signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT:
	signal.signal(s, (lambda *_: sys.exit(7)) if sys.argv[1] == "handles" else signal.SIG_DFL)
s = socket.create_connection(("10.77.0.1", 7001))
s.settimeout(.5)
try:
	while True:
		s.send(bytes(65536))
except TimeoutError:
	print("full", flush=True)
while True:
	signal.pause()
EOF
background ip netns exec $NSP python3 "$TMP/shut.py" >"$TMP/shut"
wait_for 10 grep -q ready "$TMP/shut"
asked() {	# SIGNAL PROGRAM STATUS
	rm -f "$TMP/full"
	env --default-signal "$WEIR" run --netns $NSW --set weir.log=info -- \
		python3 "$TMP/fill.py" "$2" >"$TMP/full" 2>"$TMP/err" &
	local front=$!
	wait_for 20 grep -q full "$TMP/full" || return 1
	kill -"$1" $front
	wait $front
	same $? "$3" && contains "$(cat "$TMP/err")" "asked for the end"
}
check "SIGTERM ends the program, and then the drain" asked TERM dies 143
check "a program that handles it" asked TERM handles 7
check "SIGINT" asked INT dies 130
check "SIGHUP" asked HUP dies 129
check "SIGQUIT" asked QUIT handles 7
finish
