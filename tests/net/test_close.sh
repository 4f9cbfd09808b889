#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Connections that end with bytes on their way, seen from the peer, on the wire and by ss: what Linux does when it
# is the one that ends them, weir does. The scenarios are in close.py.
. "$(dirname "$0")/common.sh"
need tcpdump python3 ss
CLOSE="$(dirname "$0")/close.py"
net_setup
background peer python3 "$CLOSE" peer
wait_for 10 peer_listens 7000

# play WHO COMMAND...: what WHO's program saw, and what was on the wire, in $TMP/WHO.seen and .wire
play() {
	local who=$1 dump
	shift
	peer tcpdump -i eth0 -s 200 --immediate-mode -U -w "$TMP/$who.cap" 2>"$TMP/tcpdump.err" &
	dump=$!
	wait_for 10 grep -q listening "$TMP/tcpdump.err"
	timeout 180 "$@" python3 "$CLOSE" subject $PEER > "$TMP/$who.seen" 2> "$TMP/$who.err" || cat "$TMP/$who.err"
	kill $dump
	wait $dump
	python3 "$CLOSE" wire "$TMP/$who.cap" > "$TMP/$who.wire"
}

play kernel ip netns exec $NSW
fresh_name
play weir "$WEIR" run --netns $NSW --name "$NAME" --
fresh_name
play delayed "$WEIR" run --netns $NSW --name "$NAME" --qdisc netem --set qdisc.delay=30ms --

check "every scenario was played" same "$(wc -l < "$TMP/kernel.seen")" 12
line() { grep "^$2:" "$TMP/$1"; }
for name in $(cut -d: -f1 "$TMP/kernel.wire"); do
	for who in weir delayed; do
		check "$name, $who: what the program and its peer see" same "$(line $who.seen $name)" "$(line kernel.seen $name)"
		check "$name, $who: the wire" same "$(line $who.wire $name)" "$(line kernel.wire $name)"
	done
done
finish
