#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The same questions about sockets to the kernel and to weir: both must give the answers that tests/net/posix knows.
. "$(dirname "$0")/common.sh"

POSIX=${BUILDDIR:-.}/tests/net/posix/posix
ip netns add $NSP || exit 99
ip -n $NSP link set lo up
# What one connection met is not to be what the next one begins with (its reordering, on a busy machine).
ip netns exec $NSP sh -c 'echo 1 > /proc/sys/net/ipv4/tcp_no_metrics_save; echo 0 0 > /proc/sys/net/ipv4/ping_group_range'

# One part, with the options that follow.
ask() {
	check "$*, on the kernel" timeout 200 ip netns exec $NSP "$POSIX" "$@"
	check "$*, under weir" timeout 200 "$WEIR" run --network=none -- "$POSIX" "$@"
}

# IPv4, IPv6, and IPv4 by sockets of IPv6.
for part in stream state connect events signals passing datagram ending message option bind urgent tcpopt info frame; do
	for family in -4 -6 -m; do
		ask $family $part
	done
done
ask dual
ask ipv6opt
ask table
finish
