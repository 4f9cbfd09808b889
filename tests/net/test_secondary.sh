#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# More than one address in a subnet: what a program adds and deletes is shown, routed and deleted as on Linux. The same
# commands are run on a twin on the kernel's stack, and `ip` is to say the same in both.
. "$(dirname "$0")/common.sh"
need ip
. "$(dirname "$0")/twin.sh"

cat > "$TMP/tell.sh" <<'EOS'
ip -4 -o addr
ip -6 -o addr show scope global | sort
{ ip -4 route show table all; ip -6 route show table all | grep -E "(^| )fd"; } | grep -v broadcast | sort
for to in 10.77.0.9 10.77.0.10 10.77.0.77 10.9.0.3 10.9.0.77 127.0.0.9 127.0.0.77; do
	ip route get $to 2>&1 | grep -v cache | sed 's/ table local//'
done
EOS
twin() { ip netns exec $NSM "$@"; }
# The order of IPv4's addresses counts: the first of a subnet is the primary.
alike() { twin sh "$TMP/tell.sh" > "$TMP/linux"; inside sh "$TMP/tell.sh" > "$TMP/weir"; diff "$TMP/linux" "$TMP/weir"; }
twins() {	# a command in both, with one outcome
	twin ip "$@" 2> "$TMP/e1"
	local rc=$?

	inside ip "$@" 2> "$TMP/e2"
	same $? $rc || cat "$TMP/e1" "$TMP/e2"
}

ip netns exec $NSM sysctl -qw net.ipv4.conf.all.promote_secondaries=0 net.ipv4.conf.lo.promote_secondaries=0
ip netns exec $NSW sysctl -qw net.ipv4.conf.all.promote_secondaries=0
for promote in 0 1; do
	for ns in $NSW $NSM; do
		ip netns exec $ns sysctl -qw net.ipv4.conf.eth0.promote_secondaries=$promote
	done
	fresh_name
	background sandbox "$NAME" -- sleep 1000
	FRONT=$LAST
	wait_for 10 ctl "$NAME" show
	check "promote_secondaries = $promote: as it was taken" alike
	for a in 10.77.0.9/24 10.77.1.9/24 10.77.0.10/24 10.77.0.11/25 10.77.0.12/25; do
		check "add $a" twins addr add $a dev eth0
	done
	check "noprefixroute" twins addr add 10.80.0.1/24 dev eth0 noprefixroute
	check "and not its secondary" twins addr add 10.80.0.2/24 dev eth0
	for a in 127.0.0.9/8 10.9.0.2/24 10.9.0.3/24; do
		check "add $a to lo" twins addr add $a dev lo
	done
	for a in fd00:78::2/64 fd00:78::3/64; do
		check "add $a" twins addr add $a dev eth0 nodad
	done
	check "added" alike
	check "the same again" twins addr add 127.0.0.9/8 dev lo
	check "a route from a secondary" twins route add 192.0.2.0/24 dev eth0 src 10.77.0.10
	check "one from the primary" twins route add 198.51.100.0/24 dev eth0 src $ADDR
	check "a secondary goes" twins addr del 10.77.0.12/25 dev eth0
	check "an address of IPv6 goes" twins addr del fd00:78::2/64 dev eth0
	check "one" alike
	check "primaries go" twins addr del $ADDR/24 dev eth0
	check "one without a route" twins addr del 10.80.0.1/24 dev eth0
	check "lo's" twins addr del 127.0.0.1/8 dev lo
	check "lo's other" twins addr del 10.9.0.2/24 dev lo
	check "the last of IPv6" twins addr del fd00:78::3/64 dev eth0
	check "deleted" alike
	check "added again" twins addr add $ADDR/24 dev eth0
	check "it is" alike
	stop $FRONT
	for dev in lo eth0; do
		twin ip -4 addr flush dev $dev
	done
	twin ip addr add 127.0.0.1/8 dev lo
	twin ip addr add $ADDR/24 dev eth0
	twin ip route add default via $PEER
done
finish
