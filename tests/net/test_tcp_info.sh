#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What TCP_INFO says of a connection that loses a segment: the same of the kernel's and of weir's (tcp_info.py).
. "$(dirname "$0")/common.sh"
need python3
net_setup
INFO="$(dirname "$0")/tcp_info.py"
STATION=10.77.0.9

# dialogue FILE COMMAND...: the program is run by COMMAND.
dialogue() {
	local to=$1
	shift
	background peer python3 "$INFO" peer eth0 $STATION
	wait_for 10 peer_ready
	timeout 60 "$@" python3 "$INFO" client $STATION >"$to"
	local rc=$?
	stop $LAST
	return $rc
}
peer_ready() { peer cat /proc/net/packet | grep -q ' 0003 '; }

ip netns exec $NSW sysctl -qw net.ipv4.tcp_congestion_control=reno
check "the dialogue with the kernel" dialogue "$TMP/kernel" ip netns exec $NSW
check "the dialogue with weir" dialogue "$TMP/weir" "$WEIR" run --netns $NSW --name info$$ --set tcp.congestion=reno --
check "TCP_INFO is the same" python3 "$INFO" differences "$TMP/kernel" "$TMP/weir"
finish
