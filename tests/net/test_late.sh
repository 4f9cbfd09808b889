#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Threads of the stack are late: strace holds up what they do.
. "$(dirname "$0")/common.sh"
need strace python3

# begin PROGRAM STRACE'S OPTIONS...: the program runs in a sandbox and has said "ready", and strace holds the stack up
begin() {
	local program=$1
	shift
	fresh_name
	rm -f "$TMP/in"
	mkfifo "$TMP/in"
	"$WEIR" run --network=none --name "$NAME" -- python3 "$program" < "$TMP/in" > "$TMP/out" 2>&1 &
	RUN=$!
	PIDS="$PIDS $RUN"
	exec 9> "$TMP/in"
	wait_for 30 grep -q ready "$TMP/out" || cat "$TMP/out"
	stack=$(ctl "$NAME" -j show | python3 -c 'import json, sys; print(json.load(sys.stdin)["pid"])')
	strace -qq -o "$TMP/strace" -p "$stack" "$@" &
	STRACE=$!
	PIDS="$PIDS $STRACE"
	check "the stack is held up" wait_for 30 held_up
}
held_up() { grep -q '^TracerPid:.*[1-9]' "/proc/$stack/status"; }

# The program goes on, and says something with WORD in it in the end.
go_on() {
	echo >&9
	exec 9>&-
	wait_for 60 grep -q "$1" "$TMP/out" || cat "$TMP/out"
	kill $STRACE 2>/dev/null
	wait $STRACE 2>/dev/null
	wait $RUN
	check "the sandbox ends well" same $? 0
}

# What was written before a socket was shut down arrives, though it is more than one turn takes and no event tells of
# the rest.
cat > "$TMP/late.py" <<'PY'
import socket
to = socket.socket(type=socket.SOCK_DGRAM)
to.bind(("127.0.0.1", 0))
to.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
to.settimeout(20)
sender = socket.socket(type=socket.SOCK_DGRAM)
sender.connect(to.getsockname())
sender.send(b"first")
to.recv(9)
print("ready", flush=True)
input()
for _ in range(150):
	sender.send(b"x")
sender.shutdown(socket.SHUT_RDWR)
n = 0
try:
	while n < 150:
		to.recv(9)
		n += 1
except TimeoutError:
	pass
print("arrived", n, flush=True)
PY
begin "$TMP/late.py" -e trace=epoll_pwait2,epoll_wait -e inject=epoll_pwait2,epoll_wait:delay_exit=200000
go_on arrived
check "all that was written arrives" same "$(tail -n 1 "$TMP/out")" "arrived 150"

# Who gave a socket has a copy for a moment longer: listen() waits for it, and works.
cat > "$TMP/listen.py" <<'PY'
import socket
print("ready", flush=True)
input()
l = socket.socket()
l.listen()
c = socket.create_connection(l.getsockname())
s = l.accept()[0]
c.send(b"x")
print("came", s.recv(1), flush=True)
PY
begin "$TMP/listen.py" -f -e trace=close -e inject=close:delay_enter=200000
go_on "came\|Error"
check "a socket that has just been given listens" same "$(tail -n 1 "$TMP/out")" "came b'x'"
finish
