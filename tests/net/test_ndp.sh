#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Neighbour discovery against the kernel: addresses made and probed, routers, resolution, groups. The NIC is in the
# INI (a packet socket on a device without addresses), so that all that it has it made itself.
. "$(dirname "$0")/common.sh"
need python3 tcpdump
net_setup
ip -n $NSW addr flush dev eth0
ip netns exec $NSW sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1 2>/dev/null ||
	{ echo "SKIP: this kernel has no IPv6"; exit 77; }
peer sysctl -qw net.ipv6.conf.eth0.accept_dad=0
peer ip addr add 2001:db8::1/64 dev eth0 nodad
peer ip addr add fe80::1/64 dev eth0 nodad
peer tcpdump -i eth0 -n -vv -l --immediate-mode ip6 > "$TMP/cap" 2>"$TMP/tcpdump.err" &
PIDS="$PIDS $!"
wait_for 10 grep -q listening "$TMP/tcpdump.err"
said() { grep -q "$1" "$TMP/cap"; }

cat > "$TMP/weir.ini" <<INI
[link eth0]
driver = packet
INI
weir_in() {	# weir run on the INI, its own namespace being the one with the device
	run ip netns exec $NSW "$WEIR" run "$@"
}

fresh_name
background weir_in -c "$TMP/weir.ini" --name "$NAME" -- sleep 120
wait_for 10 ctl "$NAME" addr
check "a link-local address is made" wait_for 20 has6 eth0 fe80:
LL=$(addrs6 eth0 fe80: | head -1)
check "it is probed for duplicates" wait_for 20 said ":: > ff02::1:ff.*neighbor solicitation.*who has $LL"
check "its group is reported" wait_for 20 said "ICMP6, multicast listener report v2.*ff02::1:ff"
check "a router is solicited" wait_for 10 said "$LL > ff02::2: .*router solicitation"

peer python3 "$SRCDIR/tests/net/router.py" eth0 2001:db8::/64 600 3600 1800 1400
check "an address is made from the router's prefix" wait_for 20 has6 eth0 2001:db8:
A=$(addrs6 eth0 2001:db8: | head -1)
reach() { peer ping -6 -c 1 -W 1 "$@" >/dev/null 2>&1; }
check "the kernel reaches it" wait_for 10 reach "$A"
check "the kernel reaches the link-local one" wait_for 10 reach "$LL%eth0"
check "the kernel knows its link address" sh -c "ip -6 -n $NSP neigh show $A | grep -q lladdr"
check "all nodes are reached, weir among them" sh -c \
	"ip netns exec $NSP ping -6 -c 2 -W 1 ff02::1%eth0 | grep -q 'from $LL'"
routes() { ctl "$NAME" -j route; }
check "the router is the default one" contains "$(routes)" "fe80::1"
peer python3 "$SRCDIR/tests/net/router.py" eth0 2001:db8::/64 0 3600 1800
lacks() { case $(routes) in *'"gateway": "fe80::1"'*|*'"gateway":"fe80::1"'*) false ;; esac; }
check "and is none when it says so" wait_for 20 lacks

# ---- identifiers over restarts ----
made() {	# made COMMAND...: sets MADE to the link-local address that weir makes when run so
	stop $LAST
	fresh_name
	background "$@" --name "$NAME" -- sleep 120
	wait_for 20 has6 eth0 fe80:
	MADE=$(addrs6 eth0 fe80: | head -1)
}
made weir_in -c "$TMP/weir.ini"
check "without a stable-secret an identifier is of one start" [ "$MADE" != "$LL" ]
cat >> "$TMP/weir.ini" <<INI
stable-secret = 5e3c:91aa:0f42:7d68:b1e0:2c57:94f3:6a0d
INI
made weir_in -c "$TMP/weir.ini"
STABLE=$MADE
made weir_in -c "$TMP/weir.ini"
check "with one it is the same again" same "$MADE" "$STABLE"
stop $LAST
ip netns exec $NSW sysctl -qw net.ipv6.conf.eth0.stable_secret=5e3c:91aa:0f42:7d68:b1e0:2c57:94f3:6a0d
ip netns exec $NSW sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0
ip -n $NSW -6 addr flush dev eth0
made run "$WEIR" run --netns $NSW
check "and with the one that the kernel was told" same "$MADE" "$STABLE"
stop $LAST

check "no message has a bad checksum" sh -c "! grep -q 'bad.*cksum' '$TMP/cap'"
finish
