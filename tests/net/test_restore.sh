#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The front and the janitor killed at once: what was taken from a namespace is given back by the next
# `weir run --netns` or by `weir restore`, whenever it happened, and not by two of them.
. "$(dirname "$0")/alone.sh"
. "$(dirname "$0")/common.sh"
need python3
KILL_AT=${BUILDDIR:?run this by make check}/tests/net/kill_at
[ -x "$KILL_AT" ] || { echo "FAILED: $KILL_AT was not built"; exit 1; }
LEDGERS=/run/weir/taken
net_setup
w() { ip -n $NSW "$@"; }
setup() {
	ip netns exec $NSW sysctl -qw net.ipv4.conf.eth0.promote_secondaries=1
	w addr add 10.77.0.3/24 dev eth0 label eth0:two
	w addr add 10.77.0.4/24 dev eth0 valid_lft 5000 preferred_lft 4000
	w addr add 10.80.0.1 peer 10.80.0.2/32 dev eth0
	w addr add 10.79.0.1/24 dev eth0 noprefixroute scope link
	w addr add fd00:77::2/64 dev eth0 nodad
	w route add 172.16.0.0/12 via 10.77.0.1 src 10.77.0.3 metric 5 mtu 1400
	w route add 198.51.100.1 via 203.0.113.1 dev eth0 onlink proto static
	w -6 route add fd00:aa::/64 via fd00:77::1 src fd00:77::2 expires 5000
	w -6 route add default via fd00:77::1 metric 7
	w neigh add 10.77.0.50 lladdr 02:00:00:00:00:50 dev eth0 nud permanent
	ip netns exec $NSW sysctl -qw net.ipv4.conf.eth0.forwarding=1 net.ipv4.conf.eth0.arp_ignore=1
	wait_for 10 settled
}
settled() { ! w addr show | grep -q tentative; }
setup
snapshot() {
	{
		w -d addr show
		w -d -4 route show table all
		w -d -6 route show table all | sort
		w -d neigh show nud permanent | sort
		ip netns exec $NSW sysctl -a 2>/dev/null |
			grep -E '^net\.ipv[46]\.conf\.eth0\.(disable_ipv6|addr_gen_mode|arp_ignore|forwarding)'
	} | sed -E 's/(valid_lft|preferred_lft) [0-9]+sec/\1 SOME/g; s/expires [0-9]+sec/expires SOME/; s/ allmulti 1 / allmulti 0 /; s/,ALLMULTI//'
}
BEFORE=$(snapshot)
as_before() { wait_for 10 settled && same "$(snapshot)" "$BEFORE"; }
taken() { [ -z "$(w -o addr show dev eth0)" ]; }

# start [OPTIONS-OF-RUN...]: a sandbox runs, $FRONT and $JANITOR.
start() {
	fresh_name
	rm -f "$TMP/up"
	"$WEIR" run --netns $NSW --name "$NAME" "$@" -- sh -c 'echo up; exec sleep 100' > "$TMP/up" 2> "$TMP/err" &
	FRONT=$!
	PIDS="$PIDS $FRONT"
	wait_for 20 grep -q up "$TMP/up" || { cat "$TMP/err"; return 1; }
	JANITOR=$(pgrep -P $FRONT -x weir-janitor)
}
# Neither may act: both stand still before either is killed.
kill_both() {
	kill -STOP $FRONT $JANITOR
	kill -9 $JANITOR $FRONT
	wait $FRONT 2>/dev/null
	wait_for 10 ended $JANITOR
}
# A process's memory goes before its descriptors, and so its lock: it is gone, or a zombie.
ended() { ! grep -q '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status"; }

SOCKETS=/run/weir
sockets() { (cd $SOCKETS && echo *.sock); }

check "a sandbox runs" start
check "its addresses are taken" taken
check "and noted, for root only" same "$(stat -c %a%U $LEDGERS $LEDGERS/"$NAME" $LEDGERS/"$NAME"/state | tr '\n' ' ')" "700root 700root 600root "
out=$("$WEIR" restore "$NAME" 2>&1)
check "weir restore leaves one alone that runs" same $? 1
check "and says so" contains "$out" "is running"
"$WEIR" restore > "$TMP/out"
check "also without a name" taken
kill_both
check "front and janitor killed at once: the addresses are lost" taken
check "weir restore NAME" contains "$("$WEIR" restore "$NAME" 2>&1)" "is given back"
check "gives all back" as_before
check "the note is gone" [ ! -e $LEDGERS/"$NAME" ]
check "and its control socket" [ ! -e $SOCKETS/"$NAME".sock ]
check "once" contains "$("$WEIR" restore "$NAME" 2>&1)" "has left nothing"

start
kill_both
w addr add 10.77.0.2/24 dev eth0 2>/dev/null
w addr add 10.88.0.1/24 dev eth0
check "weir restore without a name" contains "$("$WEIR" restore 2>&1)" "sandbox $NAME"
check "what somebody has set meanwhile stays" contains "$(w -o addr show dev eth0)" "10.88.0.1/24"
check "with its route" contains "$(w route show)" "10.88.0.0/24"
w addr del 10.88.0.1/24 dev eth0
w -4 addr flush dev eth0
net_again() { w addr add $ADDR/24 dev eth0; w route add default via $PEER; setup 2>/dev/null; }
net_again
check "the test's own order again" as_before

start
kill_both
first=$NAME
check "the next run" start
check "has taken what the first one had" contains "$(ctl "$NAME" addr)" "$ADDR/24"
check "says that it was given back" contains "$(cat "$TMP/err")" "sandbox $first had taken"
kill $FRONT
wait $FRONT
check "and gives all back at its end" as_before
check "no note is left" same "$(ls $LEDGERS)" ""
check "nor a control socket" same "$(sockets)" "*.sock"

# ---- the file of the control socket ----
start
kill_both
check "a sandbox that was killed is not listed" contains "$(ctl 2>&1)" "no sandbox is running"
check "nor offered" same "$("$WEIR" complete ctl "" | grep -c "$NAME")" 0
check "its file is there" [ -S $SOCKETS/"$NAME".sock ]
first=$NAME
"$WEIR" run --network=none --name other$$ -- true
check "the next run of any name removes it" [ ! -e $SOCKETS/"$first".sock ]
"$WEIR" restore > "$TMP/out"
fresh_name
"$WEIR" run --network=none --name "$NAME" -- sh -c 'echo up; exec sleep 100' > "$TMP/up" &
FRONT=$!
PIDS="$PIDS $FRONT"
wait_for 20 grep -q up "$TMP/up"
"$WEIR" restore > "$TMP/out"
"$WEIR" run --network=none --name other$$ -- true
check "one that runs keeps it" ctl "$NAME" show > "$TMP/out"
# Its name goes to another one while it ends: that one's file is not removed.
mv $SOCKETS/"$NAME".sock $SOCKETS/moved.sock
"$WEIR" run --network=none --name "$NAME" -- sleep 100 &
SECOND=$!
PIDS="$PIDS $SECOND"
wait_for 20 ctl "$NAME" show
stop $FRONT
check "the file of another one of its name stays" ctl "$NAME" show > "$TMP/out"
stop $SECOND
rm -f $SOCKETS/moved.sock
touch $SOCKETS/plain.sock
"$WEIR" restore > "$TMP/out"
check "what is no socket stays" [ -e $SOCKETS/plain.sock ]
rm $SOCKETS/plain.sock

# ---- a device that came later ----
start
w link add eth5 type veth peer name eth5 netns $NSP
ip -n $NSP link set eth5 up
printf '%s\n' "addr add 10.95.0.1/24 dev eth5" "addr add fd00:95::1/64 dev eth5 nodad" "link set eth5 up" "route add 172.31.0.0/16 via 10.95.0.7" > "$TMP/batch"
w -batch "$TMP/batch"
later() { [ -z "$(w -o addr show dev eth5)" ] && ctl "$NAME" addr | grep -q 10.95.0.1; }
check "a device that came later is taken" wait_for 20 later
kill_both
"$WEIR" restore "$NAME" > "$TMP/out"
check "and given back, too" contains "$(w -o addr show dev eth5)" "10.95.0.1/24"
check "with IPv6" contains "$(w -o addr show dev eth5)" "fd00:95::1/64"
check "and its route" contains "$(w route show)" "172.31.0.0/16 via 10.95.0.7 dev eth5"
w link del eth5
check "as the others" as_before

# ---- a device that is gone, a namespace that is gone ----
w link add eth1 type veth peer name eth1 netns $NSP
ip -n $NSP link set eth1 up
w link set eth1 up
w addr add 10.90.0.1/24 dev eth1
start
kill_both
w link del eth1
out=$("$WEIR" restore "$NAME" 2>&1)
check "a device is gone: told" contains "$out" "device eth1 is gone"
check "the other one's are back" as_before
start
kill_both
w link set eth0 down
w link set eth0 name lan0
w link set lan0 up
"$WEIR" restore "$NAME" > "$TMP/out"
check "a device was renamed" contains "$(w -o addr show dev lan0)" "$ADDR/24"
w link set lan0 down
w link set lan0 name eth0
w link set eth0 up

NSM=weirm$$
ip netns add $NSM
ip -n $NSM link add eth0 type veth peer name eth2 netns $NSP
ip -n $NSP link set eth2 up
ip -n $NSM link set eth0 up
ip -n $NSM addr add 10.91.0.2/24 dev eth0
gone_run() { NSW=$NSM start; }
check "in another namespace" gone_run
kill_both
wait_for 10 test -z "$(ip netns pids $NSM)"
ip netns del $NSM
out=$("$WEIR" restore "$NAME" 2>&1)
check "a namespace is gone: told" contains "$out" "is gone"
check "and its note removed" [ ! -e $LEDGERS/"$NAME" ]

# ---- what is not trusted ----
mkdir -m 700 $LEDGERS/bad$$
printf 'weir-taken 1\nboot x\nnetns blue\n' > $LEDGERS/bad$$/state
chmod 666 $LEDGERS/bad$$/state
check "a note that others may write" contains "$("$WEIR" restore bad$$ 2>&1)" "not trusted"
chmod 600 $LEDGERS/bad$$/state
check "one that ends too early" contains "$("$WEIR" restore bad$$ 2>&1)" "state:3: the rest is missing"
echo "addr 00" >> $LEDGERS/bad$$/state
check "one that says nonsense" contains "$("$WEIR" restore bad$$ 2>&1)" "state:4: not what weir writes there"
echo "weir-taken 2" > $LEDGERS/bad$$/state
check "another version's" contains "$("$WEIR" restore bad$$ 2>&1)" "state:1: another version"
chmod 777 $LEDGERS/bad$$
check "a folder that others may write" contains "$("$WEIR" restore bad$$ 2>&1)" "not trusted"
rm -r $LEDGERS/bad$$
check "a name that cannot be one" contains "$("$WEIR" restore ../x 2>&1)" "cannot name a sandbox"

# ---- every moment of the start ----
w -4 addr flush dev eth0
w -6 addr flush dev eth0 scope global
net_again
BEFORE=$(snapshot)
killed_at() {
	fresh_name
	"$KILL_AT" $LEDGERS/"$NAME" "$1" "$WEIR" run --netns $NSW --name "$NAME" -- sleep 100 > /dev/null 2>&1
	STATUS=$?
	[ $STATUS = 0 ] || [ $STATUS = 3 ] || { echo "  kill_at: $STATUS"; return 1; }
	"$WEIR" restore "$NAME" > "$TMP/out" 2>&1 || contains "$(cat "$TMP/out")" "has left nothing" || return 1
	as_before && [ ! -e $LEDGERS/"$NAME" ]
}
n=1
while :; do
	check "killed at call $n from the note on" killed_at $n
	[ $STATUS = 0 ] || break
	n=$((n + 1 + n / 6))
done
check "it was killed until its program ran" same $STATUS 3
check "and no control socket is left" same "$(sockets)" "*.sock"
finish
