#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Everything that the kernel knew of a namespace's devices is there again after weir: at its end, and after
# kill -9. In between the kernel answers nothing, and weir speaks IPv6 as the kernel was told to.
. "$(dirname "$0")/common.sh"
need python3
TOOL=${BUILDDIR:?run this by make check}/tests/net/takeover_tool
[ -x "$TOOL" ] || { echo "FAILED: $TOOL was not built"; exit 1; }
net_setup

# ---- a namespace with all there is ----
w() { ip -n $NSW "$@"; }
ip -n $NSW link add eth1 address 06:11:22:33:44:55 type veth peer name eth1 netns $NSP
ip -n $NSP link set eth1 up
w link set eth1 up
ip netns exec $NSW sysctl -qw net.ipv4.conf.eth0.promote_secondaries=1 net.ipv4.conf.eth0.forwarding=1
w addr add 10.77.0.3/24 dev eth0 label eth0:two
w addr add 10.77.0.4/24 dev eth0 valid_lft 5000 preferred_lft 4000
w addr add 10.78.0.1/16 brd + dev eth0 scope link
w addr add 10.79.0.1/24 dev eth1 noprefixroute metric 77
w addr add 10.80.0.1 peer 10.80.0.2/32 dev eth1
w addr add fd00:77::2/64 dev eth0 nodad
w addr add fd00:77::3/64 dev eth0 nodad
w addr add fd00:79::1/64 dev eth1 noprefixroute nodad
w route del 10.78.0.0/16 dev eth0
w route add 172.16.0.0/12 via 10.77.0.1 src 10.77.0.3 metric 5 mtu 1400
w route append 172.16.0.0/12 via 10.77.0.9 metric 5
w route add 192.168.1.0/24 nexthop via 10.77.0.1 weight 2 nexthop dev eth1 weight 1
w route add 198.51.100.1 via 203.0.113.1 dev eth0 onlink
w route add 203.0.113.0/24 dev eth1 scope link table 100 proto static
w route add local 198.18.0.0/24 dev eth0 table local
w route add blackhole 192.0.2.0/24
w -6 route add default via fd00:77::1 metric 7
w -6 route add fd00:aa::/64 via fd00:77::1 src fd00:77::2 expires 5000
w -6 route add fd00:bb::/64 dev eth1 mtu 1300
w neigh add 10.77.0.50 lladdr 02:00:00:00:00:50 dev eth0 nud permanent
w neigh add fd00:77::50 lladdr 02:00:00:00:00:51 dev eth0 nud permanent
w neigh add proxy 10.77.0.60 dev eth0
settled() { ! w addr show | grep -q tentative; }
wait_for 10 settled

# Lifetimes count down: whether there is one is what can be compared.
snapshot() {
	{
		w -d addr show
		w -d -4 route show table all
		w -d -6 route show table all | sort
		w -d neigh show nud permanent | sort
		w neigh show proxy
		ip netns exec $NSW sysctl -a 2>/dev/null |
			grep -E '^net\.ipv[46]\.conf\.eth[01]\.(disable_ipv6|addr_gen_mode|arp_ignore|forwarding)'
	} | sed -E 's/(valid_lft|preferred_lft) [0-9]+sec/\1 SOME/g; s/expires [0-9]+sec/expires SOME/'
}
BEFORE=$(snapshot)
restored() { [ "$(snapshot)" = "$BEFORE" ]; }
# Does anyone answer an ARP request for this address?
cat > "$TMP/arp.py" <<'PY'
import socket, struct, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
s.bind(("eth0", 0x0806))
mac, me, want = s.getsockname()[4], socket.inet_aton(sys.argv[2]), socket.inet_aton(sys.argv[1])
s.send(b"\xff" * 6 + mac + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1) +
	mac + me + bytes(6) + want)
end = time.monotonic() + 0.5
while (left := end - time.monotonic()) > 0:
	s.settimeout(left)
	try:
		d = s.recv(100)
	except TimeoutError:
		break
	if d[20:22] == b"\0\2" and d[28:32] == want:
		sys.exit(0)
sys.exit(1)
PY
answers() { peer python3 "$TMP/arp.py" "$1" $PEER; }

check "before: the kernel answers ARP" answers $ADDR
mkfifo "$TMP/in"

take() {
	rm -f "$TMP/out"	# what the one before said is not what this one says
	"$TOOL" "$1" < "$TMP/in" > "$TMP/out" 2>&1 &
	LAST=$!
	PIDS="$PIDS $LAST"
	exec 3<>"$TMP/in"	# for reading too: it must not wait for one that has failed
	wait_for 10 grep -q taken "$TMP/out"
}

take $NSW
check "taken" grep -q taken "$TMP/out"
check "no address is left" [ -z "$(w -o addr show dev eth0)$(w -o addr show dev eth1)" ]
check "no route is left" [ -z "$(w route show dev eth0)$(w -6 route show dev eth0)" ]
check "the device is up" contains "$(w link show eth0)" "LOWER_UP"
for a in $ADDR 10.77.0.3 10.77.0.60 127.0.0.1; do
	check "the kernel answers no ARP for $a" [ -z "$(answers $a && echo answered)" ]
done
w addr add 10.99.0.1/32 dev lo
check "nor for an address of another device" [ -z "$(answers 10.99.0.1 && echo answered)" ]
w addr del 10.99.0.1/32 dev lo
sleep 2
check "no IPv6 address came by itself" [ -z "$(w -6 -o addr show dev eth0)" ]
check "a second weir is refused" contains "$("$TOOL" $NSW 2>&1 </dev/null)" "another weir"
exec 3>&-
wait $LAST
check "its end is clean" same $? 0
check "and silent" same "$(cat "$TMP/out")" taken
wait_for 10 restored
check "all is as it was" same "$(snapshot)" "$BEFORE"
check "and the kernel answers again" answers $ADDR

take /run/netns/$NSW
check "taken by path" grep -q taken "$TMP/out"
kill -9 $LAST
exec 3>&-
wait_for 10 restored
check "after kill -9 all is as it was" same "$(snapshot)" "$BEFORE"
free() { take $NSW && grep -q taken "$TMP/out"; }
check "and the namespace is free" wait_for 20 free
exec 3>&-
wait $LAST
wait_for 10 restored
check "and again" same "$(snapshot)" "$BEFORE"

# ---- what the kernel was told of IPv6 ----
# eth0 was told to do without, eth1 not to believe routers; then [link eth0] has another opinion, and eth1 was told nothing.
told() { ip netns exec $NSW sysctl -qw "net.ipv6.conf.$1"; }
heard() { peer awk '$1 == "Ip6InReceives" { print $2 }' /proc/net/dev_snmp6/eth0; }
start() {
	fresh_name
	background sandbox "$NAME" "$@" -- sleep 60
	wait_for 10 ctl "$NAME" addr
}
LL=fe80::411:22ff:fe33:4455	# eth1's, from its link address
# Frames of a link stay in order: with the ping answered, the advertisement was seen.
advertise() {
	peer python3 "$SRCDIR/tests/net/router.py" eth1 2001:db8:1:2::/64 600 3600 1800
	wait_for 10 peer ping -6 -c 1 -W 1 $LL%eth1
}
told eth0.disable_ipv6=1
told eth1.accept_ra=0
HEARD=$(heard)
check "it runs" start
check "accept_ra = 0: IPv6 is spoken" advertise
check "but no router is heard" same "$(addrs6 eth1 2001:db8:1:2:)" ""
check "nor is it a way out" [ -z "$(ctl "$NAME" route | grep 'default via fe80::')" ]
sleep 1
check "disable_ipv6 = 1: there is no IPv6 address" same "$(addrs6 eth0)" ""
check "and nothing of IPv6 was sent" same "$(heard)" "$HEARD"
stop $LAST
check "and it stays off" same "$(ip netns exec $NSW sysctl -n net.ipv6.conf.eth0.disable_ipv6)" 1
told eth1.accept_ra=1
check "it runs again" start --set link.eth0.ipv6=on
check "[link] wins over what was taken" wait_for 10 has6 eth0 fe80:
check "IPv6 is spoken again" advertise
check "and a router heard; addr_gen_mode = 0: the address is the kernel's" \
	same "$(addrs6 eth1 2001:db8:1:2:)" "2001:db8:1:2:411:22ff:fe33:4455"
check "an onlink gateway, which no address has on its link" \
	contains "$(ctl "$NAME" route)" "198.51.100.1/32 via 203.0.113.1 dev eth0 onlink"
peer ip addr add 203.0.113.1/32 dev eth0
peer ip addr add 198.51.100.1/32 dev lo
check "leads out" $weir_exec "$NAME" -- ping -I $ADDR -c 1 -W 5 198.51.100.1
check "it is a way out" contains "$(ctl "$NAME" route)" "default via fe80::"
sent() { [ "$(heard)" -gt "$HEARD" ]; }
check "and something of IPv6 was sent" wait_for 10 sent
stop $LAST

# ---- refusals ----
refused() { "$TOOL" "$1" 2>&1 </dev/null && echo "not refused"; }
check "the root namespace" contains "$(refused /proc/1/ns/net)" "root network namespace"
check "our own" contains "$(refused /proc/self/ns/net)" "root network namespace"
check "none of that name" contains "$(refused nosuch)" "there is no /run/netns/nosuch"
check "no namespace" contains "$(refused /etc/passwd)" "not a network namespace"
check "another kind of namespace" contains "$(refused /proc/self/ns/mnt)" "not a network namespace"
check "an empty name" contains "$(refused "")" "not a name"
w link set eth0 down
w link set eth1 down
check "no usable device" contains "$(refused $NSW)" "no Ethernet device"
finish
