#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the host does to a device that weir has taken, programs see and meet as on Linux: the same is done to a twin on the
# kernel's stack, and `ip -j` is to say the same in both.
. "$(dirname "$0")/common.sh"
need python3 socat
. "$(dirname "$0")/twin.sh"

fresh_name
background sandbox "$NAME" -- sleep 1000 2> "$TMP/log"
FRONT=$LAST
wait_for 10 ctl "$NAME" addr
logged() { wait_for 10 grep -q "$1" "$TMP/log" && same "$(grep -c "$1" "$TMP/log")" "${2:-1}"; }
reaches() { inside ping -c 1 -W 5 "$1" > "$TMP/ping"; }

check "as it was taken" alike

# ---- what the host sets on it ----
both addr add 10.78.0.5/24 brd + dev eth0
both addr add 10.77.0.9/24 dev eth0
check "addresses" alike
check "are logged" logged "set the address 10.78.0.5/24"
gone() { [ -z "$(ip -n $NSW -o -4 addr show dev eth0)" ]; }
check "and not the kernel's any more" wait_for 10 gone
ip -n $NSP addr add 10.78.0.1/24 dev eth0
check "they answer" peer ping -q -c 1 -W 5 10.78.0.5 > /dev/null
check "and are noted" grep -q "$(printf '%02x' 10 78 0 5)" /run/weir/taken/"$NAME"/state
both addr change 10.78.0.5/24 brd + dev eth0 valid_lft 1000 preferred_lft 500
lives() { inside ip -j addr show dev eth0 | grep -q '"10.78.0.5".*"valid_life_time":[0-9]\{3\}[,}]'; }
check "lifetimes" wait_for 10 lives
both route add 192.168.7.0/24 dev eth0
both route add 192.168.8.0/24 via $PEER dev eth0 onlink metric 50 proto static
check "routes" alike
both route del 192.168.7.0/24 dev eth0
both route replace 192.168.8.0/24 via 10.77.0.7 dev eth0 onlink metric 50 proto static
check "one deleted, one replaced" alike
check "are logged" logged "deleted the route 192.168.7.0/24"
# The kernel has IPv6 switched off on the device, and refuses an address before anybody hears of it.
check "an IPv6 address is refused" [ -z "$(ip -n $NSW -6 addr add fd00:79::5/64 dev eth0 2> "$TMP/refused" && echo taken)" ]
check "weir ctl sets it" ctl "$NAME" addr add fd00:78::5/64 dev eth0
ip -n $NSM -6 addr add fd00:78::5/64 dev eth0
check "as on Linux" alike
check "or the host, with IPv6 switched on" ip netns exec $NSW sh -c "sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0 && ip -6 addr add fd00:79::5/64 dev eth0 nodad"
ip -n $NSM -6 addr add fd00:79::5/64 dev eth0 nodad
check "it is taken" alike
off() { [ "$(ip netns exec $NSW sysctl -n net.ipv6.conf.eth0.disable_ipv6)" = 1 ]; }
check "and the kernel is silent again" wait_for 10 off
ip -n $NSP -6 addr add fd00:79::1/64 dev eth0 nodad
check "it answers" peer ping -q -c 1 -W 5 fd00:79::5 > "$TMP/ping"
both neigh add 10.77.0.98 lladdr 02:00:00:00:00:08 dev eth0 nud permanent
both addr add 10.81.0.1/24 dev eth0
check "one more address costs none of them" alike
check "nor a neighbour" contains "$(ip -n $NSW neigh show; inside ip neigh show 10.77.0.98)" PERMANENT
both neigh add 10.77.0.99 lladdr 02:00:00:00:00:09 dev eth0 nud permanent
neighbour() { [ "$(inside ip neigh show 10.77.0.99 | grep -c "02:00:00:00:00:09 PERMANENT")" = "$1" ]; }
check "a permanent neighbour" wait_for 10 neighbour 1
both neigh del 10.77.0.99 dev eth0
check "deleted" wait_for 10 neighbour 0

# ---- MTU ----
background peer socat -u TCP-LISTEN:7001,fork,reuseaddr OPEN:"$TMP/got",creat,append
wait_for 10 peer_listens 7001
mkfifo "$TMP/in"
background inside sh -c "exec socat -u 'OPEN:$TMP/in' TCP:$PEER:7001"
exec 4<>"$TMP/in"
echo one >&4
check "a connection" wait_for 10 grep -q one "$TMP/got"
both link set eth0 mtu 1400
check "MTU" alike
check "is logged" logged "has 1400 instead of 1500"
echo two >&4
check "the connection goes on" wait_for 10 grep -q two "$TMP/got"
smaller() { inside ss -tinO "dport = :7001" | grep -q "pmtu:1400"; }
check "with a smaller path MTU" wait_for 10 smaller
check "ctl knows" contains "$(ctl "$NAME" addr)" "mtu 1400"
far link set eth0 mtu 1400
check "a datagram is fragmented" inside ping -q -c 1 -W 5 -s 3000 $PEER
far link set eth0 mtu 1500
check "or refused" [ -z "$(inside ping -c 1 -W 1 -M do -s 1450 $PEER 2>/dev/null | grep "1 received")" ]
both link set eth0 mtu 1500

# ---- carrier ----
reaches $PEER
far link set eth0 down
check "no carrier" alike
check "is logged" logged "there is no carrier"
check "ctl stats knows" same "$(ctl "$NAME" -j stats | python3 -c 'import json, sys; print(json.load(sys.stdin)["nics"]["eth0"]["carrier"])')" 0
check "its neighbours are forgotten" [ -z "$(inside ip neigh show | grep -v FAILED | grep $PEER)" ]
echo three >&4
far link set eth0 up
far -6 addr add $PEER6/64 dev eth0 nodad
check "a carrier again" alike
check "the connection has waited" wait_for 20 grep -q three "$TMP/got"

# ---- down and up ----
both link set eth0 down
check "down" alike
check "is logged" logged "was set down"
check "nobody is reached" [ -z "$(reaches $PEER && echo reached)" ]
check "but ourselves" reaches $ADDR
both link set eth0 up
check "up: routes by a gateway and IPv6 addresses have gone, as on Linux" alike
check "the connection is there" sh -c "echo four >&4"
check "and goes on" wait_for 20 grep -q four "$TMP/got"
exec 4>&-

# ---- link address, name ----
both link set eth0 address 02:11:22:33:44:55
check "another link address" alike
check "is logged" logged "link address of its device was changed"
check "a peer hears of it" reaches $PEER
check "and has it" contains "$(ip -n $NSP neigh show $ADDR)" 02:11:22:33:44:55
both link set eth0 down
both link set eth0 name lan0
both link set lan0 up
check "another name" alike
check "is logged" logged "is called lan0 now"
check "it works" reaches $PEER
check "ctl knows the new name" contains "$(ctl "$NAME" qdisc show lan0 2>&1)" "lan0"
check "and the old one" ctl "$NAME" qdisc replace eth0 fifo
both link set lan0 down
both link set lan0 name eth0
both link set eth0 up
check "and back" alike

# ---- too small for IPv6 ----
both link set eth0 mtu 1000
check "MTU 1000: no IPv6" alike
both link set eth0 mtu 1500
check "and again" alike

# ---- more than can be told ----
for i in $(seq 300); do
	echo "link set eth0 down"
	echo "link set eth0 up"
done > "$TMP/flap"
both -batch "$TMP/flap"
check "after 300 times down and up" alike
check "which is not logged each time" [ "$(wc -l < "$TMP/log")" -lt 100 ]
kill -STOP $FRONT
both -batch "$TMP/flap"
for i in 1 2 3 4 5 6 7 8 9; do
	ip -n $NSW -batch "$TMP/flap"
done
both link set eth0 mtu 1450
both addr add 10.79.0.1/24 dev eth0
both route add 192.168.9.0/24 dev eth0
kill -CONT $FRONT
check "what the kernel could not tell is asked for" alike
both link set eth0 mtu 1500
check "and it goes on" alike

# ---- what the namespace gets back ----
wait_for 10 gone
kill $FRONT
wait $FRONT 2>/dev/null
for a in $ADDR/24 10.78.0.5/24 10.77.0.9/24 10.79.0.1/24 10.81.0.1/24; do
	check "at the end $a is there again" contains "$(ip -n $NSW -o addr show dev eth0)" " $a "
done
check "of IPv6, too" contains "$(ip -n $NSW -o addr show dev eth0)" " fd00:79::5/64 "
check "with their routes" contains "$(ip -n $NSW route show)" "10.79.0.0/24 dev eth0 proto kernel"
check "and the route that was set" contains "$(ip -n $NSW route show)" "192.168.9.0/24 dev eth0"

# ---- deleted ----
fresh_name
mkfifo "$TMP/go-here" "$TMP/go-twin"
exec 5<>"$TMP/go-here" 6<>"$TMP/go-twin"
background sandbox "$NAME" -- python3 "$SRCDIR/tests/net/follow_sockets.py" "$TMP/go-here" > "$TMP/sockets-here" 2> "$TMP/log"
FRONT=$LAST
background ip netns exec $NSM python3 "$SRCDIR/tests/net/follow_sockets.py" "$TMP/go-twin" > "$TMP/sockets-twin"
TWIN=$LAST
wait_for 10 grep -q ready "$TMP/sockets-here"
wait_for 10 grep -q ready "$TMP/sockets-twin"
ip -n $NSP link del eth0	# the other end of the cable, and with it this one
ip -n $NSF link del eth0
check "deleted" alike
check "is logged" logged "is gone, and the NIC with it"
check "ctl answers" contains "$(ctl "$NAME" qdisc show eth0 2>&1)" fifo
echo >&5
echo >&6
wait $TWIN
wait $FRONT
check "sockets bound to it" same "$(cat "$TMP/sockets-here")" "$(cat "$TMP/sockets-twin")"
check "and what could not be given back is told" logged "device eth0 is gone: its addresses and routes cannot be given back"
finish
