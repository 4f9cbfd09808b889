#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Redirects by the kernel as a router, of both families: $NSP is the way to everywhere, but knows a better one to
# one network, $NSF on the same link.
#
#	NSW eth0 --- NSP br0 --- NSF eth0
. "$(dirname "$0")/common.sh"
need python3 ping
net_setup
NSF=weirf$$
ip netns add $NSF || exit 99
p() { ip -n $NSP "$@"; }
f() { ip -n $NSF "$@"; }
p addr del $PEER/24 dev eth0
p link add br0 type bridge || { echo "SKIP: this kernel has no bridges"; exit 77; }
p link add eth1 type veth peer name eth0 netns $NSF
p link set eth0 master br0
p link set eth1 master br0
p link set eth1 up
p link set br0 addrgenmode none up	# redirects come from the link-local address: let it be the one below
p addr add $PEER/24 dev br0
f addr add 10.77.0.3/24 dev eth0
f link set lo up
f link set eth0 up
[ -e /proc/net/if_inet6 ] || { echo "SKIP: this kernel has no IPv6"; exit 77; }
ip -n $NSW addr add $ADDR6/64 dev eth0 nodad
ip -n $NSW -6 route add default via fe80::1 dev eth0
p addr add $PEER6/64 dev br0 nodad
p addr add fe80::1/64 dev br0 nodad
f addr add fd00:77::3/64 dev eth0 nodad
f addr add fe80::3/64 dev eth0 nodad
f addr add 192.0.2.1/32 dev lo
f addr add 2001:db8:99::1/128 dev lo nodad
peer sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
wait_for 10 settled6

# redirect_family 4|6: $FAR, behind the $BETTER of the routers; $COUNTER counts redirects.
redirect_family() {
	case $1 in
	4) FAR=192.0.2.1 BETTER=10.77.0.3 COUNTER=icmp.in_redirects ;;
	6) FAR=2001:db8:99::1 BETTER=fe80::3 COUNTER=autoconf6.in_redirects ;;
	esac
}
knows() { p -$1 route replace $FAR via $BETTER dev br0; }
forgets() { p -$1 route del $FAR; }
start() {
	fresh_name
	background sandbox "$NAME" -- sleep 600
	wait_for 10 ctl "$NAME" addr
}
reach() { $weir_exec "$NAME" -- ping -c 1 -W 1 $FAR >/dev/null; }
told() { reach && [ "$(counted $COUNTER)" -gt 0 ]; }
followed() { ctl "$NAME" route | grep -q "^$FAR.* via $BETTER "; }
dropped() { reach; ROUTES=$(ctl "$NAME" route) && ! echo "$ROUTES" | grep -q "^$FAR"; }

start
for family in 4 6; do
	redirect_family $family
	knows $family
	check "IPv$family: the router tells of a better one" wait_for 20 told
	check "IPv$family: which has a route now" followed
	forgets $family
	check "IPv$family: and is the one that is asked" wait_for 10 reach
	knows $family
done
f link set eth0 down
for family in 4 6; do
	redirect_family $family
	check "IPv$family: when it does not answer, the first is asked again" wait_for 60 dropped
done
stop $LAST

# ---- what the kernel was told ----
f link set eth0 up
f addr replace fd00:77::3/64 dev eth0 nodad
f addr replace fe80::3/64 dev eth0 nodad
ip netns exec $NSW sysctl -qw net.ipv4.conf.all.accept_redirects=0 net.ipv4.conf.eth0.accept_redirects=0 \
	net.ipv6.conf.eth0.accept_redirects=0
start
for family in 4 6; do
	redirect_family $family
	check "IPv$family: accept_redirects = 0: the router tells of a better one" wait_for 60 told
	check "IPv$family: in vain" dropped
done
finish
