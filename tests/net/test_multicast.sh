#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Multicast between weir and the kernel, both ways, and weir's groups as the kernel's bridge learns them:
# it snoops IGMP, and asks as a querier of each version does.
. "$(dirname "$0")/common.sh"
need python3 tcpdump bridge
net_setup
TOOL="$SRCDIR/tests/net/multicast.py"

peer ip link add br0 type bridge mcast_snooping 1 mcast_querier 0 mcast_igmp_version 3 2>/dev/null ||
	{ echo "SKIP: this kernel has no bridges"; exit 77; }
peer ip addr del $PEER/24 dev eth0
peer ip link set eth0 master br0
peer ip addr add $PEER/24 dev br0
peer ip link set br0 up
peer tcpdump -i br0 -n -vv -l --immediate-mode igmp > "$TMP/igmp" 2>"$TMP/tcpdump.err" &
PIDS="$PIDS $!"
wait_for 10 grep -q listening "$TMP/tcpdump.err"

# ---- data ----
background peer python3 "$TOOL" send 239.1.2.3 5000 $PEER "from the kernel"
fresh_name
check "weir receives what the kernel sends" same \
	"$(sandbox "$NAME" -- python3 "$TOOL" recv 239.1.2.3 5000 $ADDR)" "from the kernel $PEER"
fresh_name
check "weir receives from the source it named" same \
	"$(sandbox "$NAME" -- python3 "$TOOL" recv 239.1.2.3 5000 $ADDR $PEER)" "from the kernel $PEER"
stop $LAST
fresh_name
background sandbox "$NAME" -- python3 "$TOOL" send 239.1.2.4 5000 $ADDR "from weir"
check "the kernel receives what weir sends" same \
	"$(peer python3 "$TOOL" recv 239.1.2.4 5000 $PEER)" "from weir $ADDR"
stop $LAST
fresh_name
check "weir's own multicasts come back to it" same \
	"$(sandbox "$NAME" -- python3 "$TOOL" self 239.1.2.5 5000 $ADDR)" "echo $ADDR"

# ---- membership, as routers see it ----
joined() { peer bridge mdb show dev br0 | grep -q "port eth0 grp $1"; }
said() { grep -q "$1" "$TMP/igmp"; }
check "the join is reported" wait_for 20 said "$ADDR > 224.0.0.22.*"
check "a join is a change to exclude nothing" wait_for 20 said "gaddr 239.1.2.3 to_ex { }"
check "a join of a source is that source allowed" wait_for 20 said "gaddr 239.1.2.3 allow { $PEER }"
check "the end of the program leaves" wait_for 20 said "gaddr 239.1.2.3 to_in { }"
check "no report has a bad checksum" sh -c "! grep -q 'bad.*cksum' '$TMP/igmp'"

fresh_name
background sandbox "$NAME" -- python3 "$TOOL" stay 239.7.7.7 5000 $ADDR
check "the bridge learns the group from the report" wait_for 10 joined 239.7.7.7
check "the operator sees it" contains "$(ctl "$NAME" maddr)" "239.7.7.7 dev eth0 users 1"
peer ip link set br0 type bridge mcast_query_use_ifaddr 1 mcast_query_response_interval 100 \
	mcast_startup_query_interval 100 mcast_query_interval 200 mcast_querier 1
check "a query of version 3 is answered" wait_for 20 said "gaddr 239.7.7.7 is_ex { }"
peer ip link set br0 type bridge mcast_querier 0
peer ip link set br0 type bridge mcast_igmp_version 2 mcast_querier 1
check "a query of version 2 is answered in version 2" \
	wait_for 20 said "$ADDR > 239.7.7.7: igmp v2 report 239.7.7.7"
stop $LAST
check "and the leaving told to all routers" wait_for 20 said "$ADDR > 224.0.0.2: igmp leave 239.7.7.7"
check "the bridge forgets the group" wait_for 10 sh -c "! ip netns exec $NSP bridge mdb show dev br0 | grep -q 239.7.7.7"
check "the device is left as it was" sh -c "! ip -n $NSW -d link show eth0 | grep -q 'allmulti [1-9]'"
finish
