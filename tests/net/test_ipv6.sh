#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# IPv6 with real programs: the kernel as peer both ways, both families on one socket, ::1, and a namespace's IPv6
# taken over, used, and given back as it was.
. "$(dirname "$0")/common.sh"
need python3 ping
net_setup
w() { ip -n $NSW "$@"; }
ip -n $NSP addr add fd00:99::1/128 dev lo
net6_setup
LL=$(w -6 -o addr show dev eth0 scope link | sed -E 's/.*inet6 ([^/]*).*/\1/')
PLL=$(ip -n $NSP -6 -o addr show dev eth0 scope link | sed -E 's/.*inet6 ([^/]*).*/\1/')
snapshot() { w -6 -d addr show dev eth0; w -6 -d route show dev eth0 | sort; }
BEFORE=$(snapshot)

cat > "$TMP/talk.py" <<'PY'
import hashlib, socket, sys
what, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
kind = socket.SOCK_DGRAM if what.startswith("udp") else socket.SOCK_STREAM
data = bytes(i * 7 % 251 for i in range(3000 if kind == socket.SOCK_DGRAM else 2000000))
def take(s, n):
	b = b""
	while len(b) < n:
		d = s.recv(65536)
		if not d:
			break
		b += d
	return b
s = socket.socket(socket.AF_INET6, kind)
s.settimeout(20)
if what.endswith("server"):
	s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	s.bind((host, port))
	if kind == socket.SOCK_DGRAM:
		open(sys.argv[4], "w").close()
		d, who = s.recvfrom(65536)
		s.sendto(d, who)
	else:
		s.listen(8)
		open(sys.argv[4], "w").close()
		c, who = s.accept()
		assert c.getpeername() == who and c.family == socket.AF_INET6
		c.sendall(take(c, len(data)))
		c.close()
	print("from", who[0], flush=True)
else:
	to = socket.getaddrinfo(host, port, socket.AF_INET6, kind, 0, socket.AI_V4MAPPED)[0][4]
	s.connect(to)
	assert s.getpeername()[:2] == to[:2], s.getpeername()
	if kind == socket.SOCK_DGRAM:
		s.send(data)
		got = s.recv(65536)
	else:
		s.sendall(data)
		got = take(s, len(data))
	assert got == data, len(got)
	print("from", s.getsockname()[0], flush=True)
PY

up() { [ -e "$TMP/up" ]; }
# sends KIND PLACE SERVER-ADDR CLIENT-ADDR: what the weir program at PLACE (server, client) prints.
N=5000
exchange() {
	local kind=$1 place=$2 bind=$3 to=$4
	N=$((N + 1))
	rm -f "$TMP/up"
	fresh_name
	if [ "$place" = server ]; then
		background sandbox $NAME -- python3 "$TMP/talk.py" $kind-server $bind $N "$TMP/up" > "$TMP/server"
		wait_for 15 up
		peer python3 "$TMP/talk.py" $kind-client $to $N > "$TMP/client"
	else
		background peer python3 "$TMP/talk.py" $kind-server $bind $N "$TMP/up" > "$TMP/server"
		wait_for 15 up
		sandbox $NAME -- python3 "$TMP/talk.py" $kind-client $to $N > "$TMP/client"
	fi
	wait $LAST
	RESULT="$(cat "$TMP/server") / $(cat "$TMP/client")"
}

for kind in tcp udp; do
	exchange $kind client :: $PEER6
	check "$kind to the kernel" same "$RESULT" "from $ADDR6 / from $ADDR6"
	exchange $kind server :: $ADDR6
	check "$kind from the kernel" same "$RESULT" "from $PEER6 / from $PEER6"
	exchange $kind client :: $PEER
	check "$kind to the kernel, mapped" same "$RESULT" "from ::ffff:$ADDR / from ::ffff:$ADDR"
	exchange $kind server :: $ADDR
	check "$kind from the kernel, mapped" same "$RESULT" "from ::ffff:$PEER / from ::ffff:$PEER"
	exchange $kind client fd00:99::1 fd00:99::1
	check "$kind by the router" same "$RESULT" "from $ADDR6 / from $ADDR6"
	exchange $kind client :: "$PLL%2"
	check "$kind to a link-local address" contains "$RESULT" "from $LL"
done

fresh_name
background sandbox $NAME -- sleep 30
wait_for 10 ctl $NAME addr show
check "the peer's ping" peer ping -6 -c 3 -i 0.2 -W 2 $ADDR6
check "the peer's large ping, in fragments" peer ping -6 -c 2 -i 0.2 -W 2 -s 8000 $ADDR6
check "the peer's ping to a group" contains "$(peer ping -6 -c 3 -i 0.2 -W 2 ff02::1%eth0)" "from $LL"
check "all of it is counted" same "$(counted icmp6.in_echos icmp6.out_echo_reps ip6.reasm_oks ip6.frag_oks)" "8 8 2 2"
check "and nothing was wrong" same "$(counted ndp.in_errors ndp.in_conflicts icmp6.in_errors ip6.in_hdr_errors)" "0 0 0 0"
check "no IPv6 address is left to the kernel" [ -z "$(w -6 -o addr show dev eth0)" ]
check "weir has them" contains "$(ctl $NAME addr show)" $ADDR6
check "and the route" contains "$(ctl $NAME route show)" $PEER6
check "and the neighbour" contains "$(ctl $NAME neigh show)" $PEER6
check "an address more" ctl $NAME addr add fd00:77::9/64 dev eth0
answers() { peer ping -6 -c 1 -W 1 fd00:77::9; }
check "answers, once no duplicate was found" wait_for 10 answers
check "a route more" ctl $NAME route add fd00:88::/64 via $PEER6
check "is shown" contains "$(ctl $NAME route show)" fd00:88::/64
stop $LAST
restored() { [ "$(snapshot)" = "$BEFORE" ]; }
wait_for 10 restored
check "all is as it was" same "$(snapshot)" "$BEFORE"

fresh_name
check "an interface's number, which is asked of an AF_UNIX socket" same \
	"$(sandbox $NAME -- python3 -c 'import socket; print(socket.if_nametoindex("eth0"))')" 2
fresh_name
check "ping from inside" sandbox $NAME -- ping -6 -c 2 -i 0.2 -W 2 $PEER6
fresh_name
check "its large ping" sandbox $NAME -- ping -6 -c 2 -i 0.2 -W 2 -s 8000 $PEER6
check "::1 in a sandbox without network" "$WEIR" run --network=none -- ping -6 -c 1 -W 2 ::1
fresh_name
background sandbox $NAME -- sleep 30
wait_for 10 ctl $NAME addr show
kill -9 $LAST
wait_for 10 restored
check "after kill -9, too" same "$(snapshot)" "$BEFORE"
finish
