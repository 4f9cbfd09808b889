#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A device that a namespace gets while its sandbox runs, as a container's does that is connected to one more network: programs see it
# as on Linux, it carries bytes both ways, it goes again when it is deleted, and the namespace gets its addresses back.
. "$(dirname "$0")/common.sh"
need python3 socat
. "$(dirname "$0")/twin.sh"
NET=10.90.0 NET6=fd00:90:
logged() { wait_for 10 grep -q "$1" "$TMP/log" && same "$(grep -c "$1" "$TMP/log")" "${2:-1}"; }
reaches() { inside ping -c 1 -W 5 "$1" > "$TMP/ping"; }

# cable INDEX NAME: a device and its twin.
cable() {
	ip -n $NSW link add $2 index $1 type veth peer name $2 index $1 netns $NSP &&
		ip -n $NSM link add $2 index $1 type veth peer name $2 index $1 netns $NSF && far link set $2 up
}
# connect INDEX NAME: the third and further devices, with a cable to a peer, as docker network connect makes them.
connect() {
	ip -n $NSW link add conn0 index $1 type veth peer name $2 index $1 netns $NSP || return 1
	ip -n $NSM link add conn0 index $1 type veth peer name $2 index $1 netns $NSF || return 1
	far addr add $NET.1/24 dev $2
	far link set $2 up
	far -6 addr add ${NET6}:1/64 dev $2 nodad
	both link set conn0 name $2
	printf '%s\n' "addr add $NET.2/24 brd + dev $2" "addr add ${NET6}:2/64 dev $2 nodad" "link set $2 up" \
		"route add 172.20.0.0/16 via $NET.1" "route add 172.21.0.0/16 dev $2" "route add fd00:91::/64 via ${NET6}:1" > "$TMP/batch"
	both -batch "$TMP/batch"
}
disconnect() { both link del "$1"; }
kernels_no_more() { [ -z "$(ip -n $NSW -o addr show dev eth1)" ]; }

fresh_name
background sandbox "$NAME" -- sleep 1000 2> "$TMP/log"
FRONT=$LAST
wait_for 10 ctl "$NAME" addr
check "as it was taken" alike

# Who listens hears of it, and a server that was there before answers on it.
background inside sh -c "exec ip monitor link addr > '$TMP/monitor'"
background inside socat TCP-LISTEN:7000,fork,reuseaddr EXEC:cat
wait_for 20 sandbox_listens "$NAME" 7000
# Something has been heard, so what comes is.
heard() { both link set eth0 mtu 1499; both link set eth0 mtu 1500; grep -q . "$TMP/monitor"; }
wait_for 20 heard
wait_for 20 alike

check "a device is added" connect 3 eth1
check "it is a NIC, with its addresses and routes" alike 3
check "which is logged" logged "NIC eth1: its device is new in the namespace"
check "and nothing else is wrong" [ -z "$(grep -i "cannot\|fail" "$TMP/log")" ]
check "ip monitor has told of it" wait_for 10 grep -q "eth1.*UP" "$TMP/monitor"
check "its addresses are not the kernel's any more" wait_for 10 kernels_no_more
check "it is noted" grep -q "^device 3 .* eth1$" /run/weir/taken/"$NAME"/state
check "out by it" reaches $NET.1
check "IPv6, too" reaches ${NET6}:1
check "in by it" peer ping -q -c 1 -W 5 $NET.2 > "$TMP/ping"
check "IPv6, too" peer ping -q -c 1 -W 5 ${NET6}:2 > "$TMP/ping"
check "a server that listened before" same "$(echo there and back | peer socat -t 10 - TCP:$NET.2:7000)" "there and back"
check "and of IPv6" same "$(inside python3 -c '
import socket, subprocess, sys
l = socket.create_server(("'${NET6}:2'", 0), family=socket.AF_INET6)
print(l.getsockname()[1], flush=True)
c = l.accept()[0]
c.sendall(b"six")' > "$TMP/port6" & wait_for 10 grep -q . "$TMP/port6"; peer python3 -c '
import socket, sys
print(socket.create_connection(("'${NET6}:1'".replace(":1", ":2"), int(sys.argv[1])), 20).recv(10).decode())' "$(cat "$TMP/port6")")" six
head -c 3000000 /dev/urandom > "$TMP/bulk"
background peer sh -c "exec socat -u TCP-LISTEN:7002,reuseaddr OPEN:'$TMP/bulk-got',creat"
wait_for 10 peer_listens 7002
inside sh -c "exec socat -u OPEN:'$TMP/bulk' TCP:$NET.1:7002"
wait $LAST
check "bytes in bulk" cmp "$TMP/bulk" "$TMP/bulk-got"
check "ctl knows it" contains "$(ctl "$NAME" addr)" "$NET.2/24"
check "its qdisc is changed" ctl "$NAME" qdisc replace eth1 tbf rate 100mbit burst 1mb
check "and shown" contains "$(ctl "$NAME" qdisc show eth1)" tbf
check "its driver is reloaded" ctl "$NAME" module reload packet
check "and it goes on" reaches $NET.1
printf '[weir]\nlog = info\n' > "$TMP/weir.ini"
check "the configuration is reloaded" ctl "$NAME" config reload "$TMP/weir.ini"
check "and it goes on" reaches $NET.1
check "the old one, too" reaches $PEER

# ---- what becomes of it ----
both addr add 10.92.0.1/24 dev eth1
both route add 172.22.0.0/16 dev eth1
# While the last address of the kernel's device is taken, routes are set: they go with it, and nobody says so.
for i in 1 2 3 4 5 6; do
	echo "addr add 10.97.$i.1/24 dev eth1"
	for j in $(seq 60); do
		echo "route add 172.30.$i.$j dev eth1"
	done
done > "$TMP/batch"
both -batch "$TMP/batch"
check "routes that are set while an address is taken" alike 3
both link set eth1 mtu 1400
check "it is followed like the others" alike 3
both link set eth1 down
check "down" alike 3
both link set eth1 up
both route add 172.22.0.0/16 dev eth1 2>/dev/null
check "up" alike 3

# ---- deleted, and another of its name ----
check "deleted" disconnect eth1
check "it is not seen any more" alike 3
check "and nothing of it elsewhere" alike 2
check "it is not noted" [ -z "$(grep " eth1$" /run/weir/taken/"$NAME"/state)" ]
check "another of its name" connect 4 eth1
check "is a NIC again" alike 4
check "it works" reaches $NET.1
check "in, too" peer ping -q -c 1 -W 5 $NET.2 > "$TMP/ping"
check "ctl means the new one" contains "$(ctl "$NAME" qdisc show eth1)" fifo
check "the configuration is reloaded all the same" ctl "$NAME" config reload "$TMP/weir.ini"
check "deleted again" disconnect eth1
check "another one with its number, too" connect 4 eth1
check "is a NIC" alike 4
check "it works" reaches $NET.1

# ---- one without an address, and one that came while the front did not look ----
cable 7 bare0
both link set bare0 up
check "a device without an address" alike 7
check "the kernel is kept from speaking on it" same "$(ip netns exec $NSW sysctl -n net.ipv6.conf.bare0.disable_ipv6)" 1
disconnect bare0
kill -STOP $FRONT
cable 8 late1
both addr add 10.93.0.1/24 dev late1
both link set late1 up
cable 9 late2
both link set late2 up
kill -CONT $FRONT
check "two that came while the front was stopped" alike 8
check "both" alike 9
check "with the address" contains "$(ctl "$NAME" addr)" "10.93.0.1/24"
both link del late2

# ---- a name that is taken ----
both link set eth0 down
both link set eth0 name lan0
both link set lan0 up
check "a NIC's device is renamed" alike
ip -n $NSW link add eth0 type veth peer name other0
ip -n $NSW link set eth0 up
check "a new device of its NIC's name is not taken, which is told" logged "device eth0 is new there, and cannot be taken"
ip -n $NSW link del eth0
both link set lan0 down
both link set lan0 name eth0
both link set eth0 up
check "and back" alike

# ---- the end ----
kill $FRONT
wait $FRONT 2>/dev/null
now=$(ip -n $NSW -o addr show dev eth1)
for a in $NET.2/24 ${NET6}:2/64; do
	check "at the end $a is there again" contains "$now" " $a "
done
check "on the other one, too" contains "$(ip -n $NSW -o addr show dev late1)" " 10.93.0.1/24 "
check "with its routes" contains "$(ip -n $NSW route show)" "172.20.0.0/16 via $NET.1"
check "by the device alone, too" contains "$(ip -n $NSW route show)" "172.21.0.0/16 dev eth1"
check "and its switch" same "$(ip netns exec $NSW sysctl -n net.ipv6.conf.eth1.disable_ipv6)" 0
check "of those that are gone nothing is said" [ -z "$(grep "given back" "$TMP/log")" ]
finish
