#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What an operator does that takes its time, or never ends, holds up himself and nobody else: files that nobody writes, readers who do
# not read, questions without end, and a `weir run` that is stopped.
. "$(dirname "$0")/common.sh"
need python3 socat ping
net_setup
fresh_name
background sandbox "$NAME" -- socat TCP-LISTEN:7000,fork,reuseaddr EXEC:cat
FRONT=$LAST
wait_for 20 sandbox_listens "$NAME" 7000
# A new connection there and back: the stack and the program are at work.
works() { same "$(echo "$1" | peer socat -t 20 - TCP:$ADDR:7000)" "$1"; }
stops() { [ "$(sed 's/.*) //' "/proc/$1/stat" | cut -c1)" = T ]; }
# It waits in the kernel for the file that nobody writes.
OPENAT=56
[ "$(uname -m)" != x86_64 ] || OPENAT=257
opens() { [ "$(cut -d' ' -f1 "/proc/$1/syscall")" = $OPENAT ]; }
check "as it is" works before

# ---- a file that nobody writes ----
mkfifo "$TMP/never.ini"
background "$WEIR" ctl "$NAME" config reload "$TMP/never.ini" > "$TMP/answer" 2>&1
CLIENT=$LAST
check "config reload of a FIFO waits" wait_for 20 opens $CLIENT
check "the stack goes on" works reload
check "and answers others" ctl "$NAME" show > "$TMP/out"
stop $CLIENT
check "and who gives up has changed nothing" works again
env --default-signal "$WEIR" run -c "$TMP/never.ini" --network=none -- true 2> "$TMP/err" &
RUN=$!
PIDS="$PIDS $RUN"
check "weir run -c of a FIFO waits" wait_for 20 opens $RUN
kill -INT $RUN
wait $RUN
check "and SIGINT ends it" same $? 130
ctl "$NAME" module load "$TMP/never.ini" > "$TMP/answer" 2>&1
check "no module is a FIFO" same $? 1
mkdir "$TMP/bundle"
mkfifo "$TMP/bundle/config.json"
check "no bundle's config.json is one" same "$("$WEIR" run --network=none --bundle "$TMP/bundle" -- true > "$TMP/out" 2>&1; echo $?)" 125

# ---- readers who do not read ----
mkfifo "$TMP/full"
exec 9<>"$TMP/full"
background "$WEIR" ctl "$NAME" capture eth0 > "$TMP/full" 2> "$TMP/err"
CAPTURE=$LAST
wait_for 20 grep -q capturing "$TMP/err"
head -c 5000000 /dev/zero | peer socat -t 20 - TCP:$ADDR:7000 > "$TMP/back"
check "a capture to a pipe that nobody reads: bytes pass" same "$(wc -c < "$TMP/back")" 5000000
stop $CAPTURE
exec 9>&-
cat > "$TMP/clients.py" <<'PY'
# clients.py SOCKET HOW N: ask to watch, as fast as it is answered ("asks"), or never read the answer ("keeps").
import json, socket, sys
request = json.dumps({"command": "watch", "sockets": True}).encode() + b"\n"
kept = []
print("asks", flush=True)
for i in range(int(sys.argv[3])):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    try:
        s.send(request)
    except OSError:
        pass
    if sys.argv[2] == "keeps":
        kept.append(s)
        continue
    while s.recv(65536):
        pass
print("done", flush=True)
sys.stdin.read()
PY
mkfifo "$TMP/hold"
exec 8<>"$TMP/hold"
watchers=
for i in 1 2 3 4; do
	background python3 "$TMP/clients.py" "/run/weir/$NAME.sock" asks 500 < "$TMP/hold" > "$TMP/asks$i"
	watchers="$watchers $LAST"
done
wait_for 20 grep -q asks "$TMP/asks1"
check "four that watch without a pause: the stack works" works watched
check "and answers another" ctl "$NAME" show > "$TMP/out"
answered() { [ "$(cat "$TMP"/asks? | grep -c done)" = 4 ]; }
check "and all of them" wait_for 60 answered
background python3 "$TMP/clients.py" "/run/weir/$NAME.sock" keeps 200 < "$TMP/hold" > "$TMP/keeps"
watchers="$watchers $LAST"
wait_for 20 grep -q done "$TMP/keeps"
check "200 that do not read: the stack works" works kept
check "and answers another" ctl "$NAME" show > "$TMP/out"
for pid in $watchers; do
	stop $pid
done
exec 8>&-

# ---- weir run is stopped ----
mkfifo "$TMP/say"
exec 7<>"$TMP/say"
background peer sh -c "exec socat -t 20 - TCP:$ADDR:7000 < '$TMP/say' > '$TMP/said'"
echo one >&7
check "a connection" wait_for 20 grep -q one "$TMP/said"
kill -STOP $FRONT
check "weir run is stopped" wait_for 20 stops $FRONT
echo two >&7
check "its connections go on" wait_for 20 grep -q two "$TMP/said"
check "new ones come" works stopped
check "it is commanded" ctl "$NAME" qdisc replace eth0 tbf rate 1gbit burst 1mb
check "a program is started in it" same "$($weir_exec "$NAME" -- echo inside)" inside
ip -n $NSW addr add 10.78.0.5/24 dev eth0
kill -CONT $FRONT
has() { ctl "$NAME" addr | grep -q 10.78.0.5/24; }
check "continued, it sees what has been" wait_for 20 has
check "and all is well" works continued
echo three >&7
check "also what was there before" wait_for 20 grep -q three "$TMP/said"
kill -STOP $FRONT
wait_for 20 stops $FRONT
kill $FRONT
kill -CONT $FRONT
wait $FRONT
check "a SIGTERM from while it was stopped ends it" same $? 143
check "and addresses are there again" contains "$(ip -n $NSW -o addr show dev eth0)" "$ADDR/24"
finish
