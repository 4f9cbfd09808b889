#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# gso = off on the wire; the modes none and host.
. "$(dirname "$0")/common.sh"
need tcpdump socat python3 curl
net_setup

# ---- gso = off: nothing above the MTU leaves ----
background peer socat -u TCP-LISTEN:9200,reuseaddr,fork OPEN:/dev/null
wait_for 10 peer_listens 9200
capture_largest() {	# settings...: the largest frame from the sandbox, bytes
	peer tcpdump --immediate-mode -i eth0 -Q in -s 64 -w "$TMP/cap" src $ADDR 2>"$TMP/tcpdump.err" &
	local dump=$!
	wait_for 10 grep -q listening "$TMP/tcpdump.err"
	fresh_name
	head -c 20000000 /dev/zero |
		"$WEIR" run --netns $NSW --name "$NAME" "$@" -- socat -u - TCP:$PEER:9200
	sleep 1		# tcpdump writes what it has
	kill $dump
	wait $dump
	python3 - "$TMP/cap" <<'PY'
import struct, sys
f = open(sys.argv[1], "rb")
f.read(24)
top = 0
while len(h := f.read(16)) == 16:
	_, _, n, length = struct.unpack("<IIII", h)
	f.read(n)
	top = max(top, length)
print(top)
PY
}
off=$(capture_largest --set weir.gso=off)
on=$(capture_largest)
check "gso off: the largest frame is the MTU's" same "$off" 1514
check "gso off by gVisor's spelling" same "$(capture_largest --gso=false)" 1514
check "gso on: super-segments are used ($on)" [ "$on" -gt 1514 ]

# ---- mode none: loopback between two processes, nothing leaves ----
peer tcpdump --immediate-mode -i eth0 -Q in -w "$TMP/none.cap" 2>"$TMP/tcpdump.err" &
dump=$!
wait_for 10 grep -q listening "$TMP/tcpdump.err"
cat > "$TMP/none.sh" <<'EOS'
socat TCP-LISTEN:9201,bind=127.0.0.1,reuseaddr,fork EXEC:cat &
server=$!
i=0
while ! answer=$(echo over loopback | socat -t 2 - TCP:127.0.0.1:9201 2>/dev/null) || [ -z "$answer" ]; do
	i=$((i + 1)); [ $i -lt 100 ] || break; sleep 0.05
done
kill $server
echo "$answer"
python3 -c '
import errno, socket
s = socket.socket()
print(errno.errorcode.get(s.connect_ex(("'$1'", 80))))'
EOS
fresh_name
out=$("$WEIR" run --network=none --name "$NAME" -- bash "$TMP/none.sh" $PEER)
check "mode none: loopback between two processes" contains "$out" "over loopback"
check "mode none: a connect elsewhere gives ENETUNREACH" contains "$out" "ENETUNREACH"
fresh_name
out=$("$WEIR" run --netns $NSW --mode none --name "$NAME" -- bash "$TMP/none.sh" $PEER)
check "mode none over a namespace: ENETUNREACH too" contains "$out" "ENETUNREACH"
sleep 1
kill $dump
wait $dump
check "mode none: nothing left" [ -z "$(tcpdump -r "$TMP/none.cap" src $ADDR 2>/dev/null)" ]

# ---- mode host: the host's stack, loopback included ----
fresh_name
out=$("$WEIR" run --netns $NSW --mode host --name "$NAME" -- ip -4 -o addr)
check "mode host: the program sees the host's addresses" contains "$out" "$ADDR/24"
check "mode host: and its loopback" contains "$out" "127.0.0.1/8"
background peer socat TCP-LISTEN:9202,reuseaddr,fork EXEC:cat
wait_for 10 peer_listens 9202
fresh_name
check "mode host: traffic goes by the kernel" same \
	"$(echo hi | "$WEIR" run --netns $NSW --network=host --name "$NAME" -- socat -t 2 - TCP:$PEER:9202)" hi

# ---- cut off and let back while it runs ----
fresh_name
cat > "$TMP/probe.py" <<'PY'
import errno, socket, sys
for line in open(sys.argv[2]):
	s = socket.socket()
	s.settimeout(5)
	e = s.connect_ex((sys.argv[1], 9202))
	print(errno.errorcode.get(e, e), flush=True)
	s.close()
PY
mkfifo "$TMP/in"
exec 3<>"$TMP/in"
background sandbox "$NAME" -- python3 "$TMP/probe.py" $PEER "$TMP/in" > "$TMP/out"
wait_for 10 ctl "$NAME" show
echo >&3
wait_for 10 [ -s "$TMP/out" ]
check "before: connects" same "$(tail -n 1 "$TMP/out")" 0
check "mode set none" ctl "$NAME" mode set none
echo >&3
wait_for 10 grep -q ENETUNREACH "$TMP/out"
check "cut off live: ENETUNREACH" same "$(tail -n 1 "$TMP/out")" ENETUNREACH
check "mode set sandbox" ctl "$NAME" mode set sandbox
echo >&3
three_lines() { [ "$(wc -l < "$TMP/out")" = 3 ]; }
wait_for 10 three_lines
check "let back live: connects" same "$(tail -n 1 "$TMP/out")" 0
check "mode set host is refused while running" \
	contains "$(ctl "$NAME" mode set host 2>&1)" "host"
exec 3>&-
finish
