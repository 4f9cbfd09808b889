#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Tools inside the sandbox see weir's links, addresses, routes and neighbours as they saw the kernel's before; and may
# change what is theirs to change.
. "$(dirname "$0")/common.sh"
need ip python3 busybox setpriv unshare
net_setup
net6_setup
ip -n $NSW addr add 10.77.0.9/24 dev eth0
ip -n $NSW route replace default via $PEER proto dhcp
ip -n $NSW route add 10.20.0.0/16 via $PEER metric 77 mtu 1400 src $ADDR proto static
ip -n $NSW neigh add 10.77.0.44 lladdr 02:00:00:00:00:44 dev eth0

cat > "$TMP/tell.sh" <<'EOS'
for what in addr "-4 route" "-6 route" rule "-6 rule" neigh; do
	echo "== $what"
	ip -j -d $what
done
EOS
ip netns exec $NSW sh "$TMP/tell.sh" > "$TMP/before"
fresh_name
background sandbox "$NAME" -- sleep 1000
wait_for 10 ctl "$NAME" show
inside() { $weir_exec "$NAME" -- "$@"; }

# ---- what there is ----
inside sh "$TMP/tell.sh" > "$TMP/inside"
check "ip addr, route, rule, neigh: field by field what they were" \
	same "$(python3 "$SRCDIR/tests/net/netlink_compare.py" "$TMP/before" "$TMP/inside" 2>&1)" ""
check "the comparison saw rows" [ "$(grep -o '"ifname"' "$TMP/inside" | wc -l)" -ge 2 ]
check "ip route get, on link" contains "$(inside ip route get $PEER)" "$PEER dev eth0 src $ADDR uid 0"
check "ip route get, by the gateway" contains "$(inside ip route get 192.0.2.1)" "192.0.2.1 via $PEER dev eth0 src $ADDR"
check "ip route get, to ourselves" contains "$(inside ip route get $ADDR)" "local $ADDR dev lo"
check "ip -6 route get" contains "$(inside ip -6 route get 2001:db8::1)" "2001:db8::1 via $PEER6 dev eth0"
check "as another user" contains "$(inside setpriv --reuid 1234 --clear-groups ip route get $PEER)" "uid 1234"
inside ping -c 3 -i 0.05 -q $PEER > "$TMP/ping" 2>&1
mac=$(ip -n $NSP -br link show eth0 | awk '{ print $3 }')
check "ip neigh shows who was asked for" contains "$(inside ip neigh show $PEER)" "$PEER dev eth0 lladdr $mac REACHABLE"
inside ping -6 -c 1 -q $PEER6 >> "$TMP/ping" 2>&1
check "ip -6 neigh" contains "$(inside ip -6 neigh)" "$PEER6 dev eth0 lladdr $mac"
inside ip -j -s link show dev eth0 > "$TMP/link"
ctl "$NAME" -j stats > "$TMP/stats"
check "ip -s link counts what ctl stats counts" same "$(python3 - "$TMP/link" "$TMP/stats" <<'PY'
import json, sys
link = json.load(open(sys.argv[1]))[0]["stats64"]
nics = json.load(open(sys.argv[2]))["nics"]
nic = nics["eth0"]
ours = [nic[k] for k in ("rx_packets", "rx_bytes", "tx_packets", "tx_bytes")]
theirs = [link["rx"]["packets"], link["rx"]["bytes"], link["tx"]["packets"], link["tx"]["bytes"]]
# The statistics were asked for later, and a router may be solicited in between.
print("agree" if theirs[0] >= 4 and all(0 <= a - b <= 200 for a, b in zip(ours, theirs)) else (ours, theirs))
PY
)" agree

# ---- other people's code that asks ----
check "busybox ip addr" contains "$(inside busybox ip addr)" "inet $ADDR/24 scope global eth0"
check "busybox ip route" contains "$(inside busybox ip route)" "default via $PEER dev eth0"
check "Python's socket.if_nameindex" same "$(inside python3 -c '
import socket
print([n for i, n in socket.if_nameindex()], socket.if_indextoname(socket.if_nametoindex("eth0")))')" "['lo', 'eth0'] eth0"
check "getifaddrs" same "$(inside python3 - <<'PY'
import ctypes, socket
libc = ctypes.CDLL(None, use_errno=True)
class ifaddrs(ctypes.Structure): pass
ifaddrs._fields_ = [("next", ctypes.POINTER(ifaddrs)), ("name", ctypes.c_char_p), ("flags", ctypes.c_uint),
		    ("addr", ctypes.POINTER(ctypes.c_uint8 * 28))]
head = ctypes.POINTER(ifaddrs)()
assert libc.getifaddrs(ctypes.byref(head)) == 0, ctypes.get_errno()
seen, at = [], head
while at:
	a = at.contents
	if a.addr and a.addr.contents[0] == socket.AF_INET:
		seen.append(a.name.decode() + " " + socket.inet_ntoa(bytes(a.addr.contents[4:8])))
	at = a.next
print(*sorted(seen), sep=", ")
PY
)" "eth0 10.77.0.2, eth0 10.77.0.9, lo 127.0.0.1"
if command -v node >/dev/null; then
	check "Node's os.networkInterfaces" contains \
		"$(inside node -e 'for (const a of require("os").networkInterfaces().eth0) console.log(a.cidr)')" "$ADDR6/64"
fi
if command -v go >/dev/null; then
	cat > "$TMP/ifs.go" <<'EOS'
package main

import ("fmt"; "net")

func main() {
	ifs, err := net.Interfaces()
	if err != nil { panic(err) }
	for _, i := range ifs {
		addrs, err := i.Addrs()
		if err != nil { panic(err) }
		fmt.Println(i.Index, i.Name, i.MTU, i.Flags, addrs)
	}
}
EOS
	(cd "$TMP" && HOME=$TMP go build -o ifs ifs.go)
	check "Go's net.Interfaces" contains "$(inside "$TMP/ifs")" \
		"[$ADDR/24 10.77.0.9/24 $ADDR6/64"
fi

# ---- changes ----
inside ip -o monitor address route link > "$TMP/monitor" 2>&1 &
MONITOR=$!
PIDS="$PIDS $MONITOR"
listens() {
	inside ip addr add 10.77.0.99/32 dev eth0
	inside ip addr del 10.77.0.99/32 dev eth0
	grep -q 10.77.0.99 "$TMP/monitor"
}
wait_for 20 listens
check "ip addr add" inside ip addr add 10.77.0.50/24 brd + dev eth0
check "the address works" peer ping -c 1 -W 5 -q 10.77.0.50
check "the same again is refused" contains "$(inside ip addr add 10.77.0.50/24 dev eth0 2>&1)" "is an address of eth0 already"
check "ip route add" inside ip route add 203.0.113.0/24 via 10.77.0.1 src 10.77.0.50
check "the route is taken" contains "$(inside ip route get 203.0.113.5)" "via 10.77.0.1 dev eth0 src 10.77.0.50"
check "ip route replace" inside ip route replace 203.0.113.0/24 via 10.77.0.44
check "it is another" contains "$(inside ip route get 203.0.113.5)" "via 10.77.0.44"
check "ip route del" inside ip route del 203.0.113.0/24
check "it is gone" contains "$(inside ip route get 203.0.113.5)" "via $PEER"
check "ip addr del" inside ip addr del 10.77.0.50/24 dev eth0
check "ip neigh add" inside ip neigh add 10.77.0.60 lladdr 02:00:00:00:00:60 dev eth0
check "ip neigh shows it" contains "$(inside ip neigh)" "10.77.0.60 dev eth0 lladdr 02:00:00:00:00:60 PERMANENT"
check "ip neigh del" inside ip neigh del 10.77.0.60 dev eth0
check "a second address of loopback's subnet" inside ip addr add 127.0.0.9/8 dev lo
check "answers" inside ping -c 1 -W 5 127.0.0.9
check "the first one goes" inside ip addr del 127.0.0.1/8 dev lo
check "and takes it along" same "$(inside ip -4 -o addr show dev lo)" ""
check "it comes back" inside sh -c 'ip addr add 127.0.0.1/8 dev lo && ping -c 1 -W 5 127.0.0.1'
check "ip -6 addr add" inside ip addr add fd00:77::50/64 dev eth0
wait_for 10 grep -q "fd00:77::50/64 scope global *\\\\" "$TMP/monitor"
stop $MONITOR
check "ip monitor told of the address" grep -q "eth0 *inet 10.77.0.50/24" "$TMP/monitor"
check "of its end" grep -q "Deleted.*10.77.0.50/24" "$TMP/monitor"
check "of the route" grep -q "^203.0.113.0/24 via 10.77.0.1" "$TMP/monitor"
check "of duplicate address detection" grep -q "fd00:77::50/64 scope global tentative" "$TMP/monitor"

# ---- what is the operator's, or needs a capability ----
refused() { contains "$("$@" 2>&1; echo "rc $?")" "$WHY"; }
WHY="links are the operator's"
check "a link cannot be added" refused inside ip link add dummy0 type dummy
check "nor set down" refused inside ip link set eth0 down
check "nor another MTU" refused inside ip link set eth0 mtu 900
check "nor removed" refused inside ip link del eth0
check "what is so already is granted" inside ip link set lo up
WHY="RTM_NEWADDR needs CAP_NET_ADMIN"
check "another user adds no address" refused inside setpriv --reuid 1234 --clear-groups ip addr add 10.9.9.9/24 dev eth0
check "nor with a user namespace of its own" refused \
	inside setpriv --reuid 1234 --clear-groups unshare -Ur ip addr add 10.9.9.9/24 dev eth0
WHY="RTM_NEWROUTE needs CAP_NET_ADMIN"
check "nor a route" refused inside setpriv --bounding-set -net_admin --inh-caps -net_admin ip route add 9.9.9.0/24 via $PEER
check "all is as it was" same "$(inside ip -4 -o addr show eth0 | wc -l) $(inside ip -4 route | wc -l)" "2 3"
finish
