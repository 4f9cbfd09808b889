#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The thread that forwards is late: strace holds each of its waits up. What a program wrote before it shut its socket
# down arrives all the same, though it is more than one turn takes and no event tells of the rest.
. "$(dirname "$0")/common.sh"
need strace python3
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
fresh_name
mkfifo "$TMP/in"
"$WEIR" run --network=none --name "$NAME" -- python3 "$TMP/late.py" < "$TMP/in" > "$TMP/out" 2>&1 &
RUN=$!
PIDS="$PIDS $RUN"
exec 9> "$TMP/in"
wait_for 30 grep -q ready "$TMP/out" || cat "$TMP/out"
stack=$(ctl "$NAME" -j show | python3 -c 'import json, sys; print(json.load(sys.stdin)["pid"])')
strace -qq -o "$TMP/strace" -p "$stack" -e trace=epoll_pwait2,epoll_wait \
	-e inject=epoll_pwait2,epoll_wait:delay_exit=200000 &
STRACE=$!
PIDS="$PIDS $STRACE"
held_up() { grep -q '^TracerPid:.*[1-9]' "/proc/$stack/status"; }
check "the thread is held up" wait_for 30 held_up
echo >&9
exec 9>&-
wait_for 60 grep -q arrived "$TMP/out"
kill $STRACE 2>/dev/null
wait $STRACE 2>/dev/null
check "all that was written arrives" same "$(tail -n 1 "$TMP/out")" "arrived 150"
wait $RUN
check "and the sandbox ends well" same $? 0
finish
