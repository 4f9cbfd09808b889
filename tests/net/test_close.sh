#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Connections that end with bytes on their way, seen from the peer, on the wire and by ss: what Linux does when it
# is the one that ends them, weir does. The scenarios are in close.py.
. "$(dirname "$0")/common.sh"
need tcpdump python3 ss
CLOSE="$(dirname "$0")/close.py"
net_setup
background peer python3 "$CLOSE" peer
wait_for 10 peer_listens 7000

# play WHO COMMAND...: what WHO's program saw, and what was on the wire, in $TMP/WHO.seen and .wire
play() {
	local who=$1 dump
	shift
	peer tcpdump -i eth0 -s 200 --immediate-mode -U -w "$TMP/$who.cap" 2>"$TMP/tcpdump.err" &
	dump=$!
	wait_for 10 grep -q listening "$TMP/tcpdump.err"
	timeout 180 "$@" python3 "$CLOSE" subject $PEER > "$TMP/$who.seen" 2> "$TMP/$who.err" || cat "$TMP/$who.err"
	kill $dump
	wait $dump
	python3 "$CLOSE" wire "$TMP/$who.cap" > "$TMP/$who.wire"
}

play kernel ip netns exec $NSW
fresh_name
play weir "$WEIR" run --netns $NSW --name "$NAME" --
fresh_name
play delayed "$WEIR" run --netns $NSW --name "$NAME" --qdisc netem --set qdisc.delay=30ms --

check "every scenario was played" same "$(wc -l < "$TMP/kernel.seen")" 14
for who in weir delayed; do
	check "an orphan is counted, $who" same "$(grep orphans: "$TMP/$who.err")" "orphans: 1"
done
line() { grep "^$2:" "$TMP/$1"; }
for name in $(cut -d: -f1 "$TMP/kernel.wire"); do
	for who in weir delayed; do
		[ $name.$who = answer_large.delayed ] && continue	# no ACK comes in time, as behind the kernel's netem
		check "$name, $who: what the program and its peer see" same "$(line $who.seen $name)" "$(line kernel.seen $name)"
		check "$name, $who: the wire" same "$(line $who.wire $name)" "$(line kernel.wire $name)"
	done
done

# Datagrams behind a slow link: the socket is closed when its program closes it, and they arrive all the same.
cat > "$TMP/port.py" <<'PY'
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 5555))
s.connect((sys.argv[1], 7000))
s.send(b"first")
s.recv(100)			# the way is known
s.setblocking(False)
sent = 1
try:
	while sent < 500:
		s.send(b"x" * 1000)
		sent += 1
except BlockingIOError:
	pass
s.close()
n = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
try:
	n.bind(("", 5555))
	print("free", sent, flush=True)
except OSError as e:
	print(e.strerror, sent, flush=True)
PY
cat > "$TMP/count.py" <<'PY'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
s.bind(("0.0.0.0", 7000))
s.sendto(b"answer", s.recvfrom(2000)[1])
n = 1
while s.recv(2000):
	n += 1
	print(n, flush=True)
PY
background peer python3 "$TMP/count.py" > "$TMP/count"
peer_counts() { [ -n "$(peer ss -Hlun "sport = :7000")" ]; }
wait_for 10 peer_counts
fresh_name
"$WEIR" run --netns $NSW --name "$NAME" --qdisc tbf --set qdisc.rate=1mbit --set qdisc.burst=3kb \
	--set qdisc.limit=1mb -- python3 "$TMP/port.py" $PEER > "$TMP/port"
check "a port is free when its socket was closed" same "$(cut -d' ' -f1 "$TMP/port")" free
arrived() { [ "$(tail -n 1 "$TMP/count")" = "$(cut -d' ' -f2 "$TMP/port")" ]; }
check "and what was sent arrives: $(cat "$TMP/port")" wait_for 20 arrived
finish
