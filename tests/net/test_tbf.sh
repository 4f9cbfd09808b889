#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# tbf by a capture at the peer: over ANY window t at most burst + rate*t bytes on the wire, and the
# configured rate sustained. The kernel's tbf is judged by the same capture first.
. "$(dirname "$0")/common.sh"
need tcpdump socat python3 tc
net_setup
JUDGE="$(dirname "$0")/tbf_window.py"
GSO_PACKET=68300	# the largest one, counted with the headers of all its segments
PORT=9100

# judge NAME SECONDS RATE BURST TOLERANCE COMMAND...: capture while COMMAND sends to $PORT
judge() {
	local what=$1 seconds=$2 rate=$3 burst=$4 tolerance=$5 out
	shift 5
	background peer socat -u TCP-LISTEN:$PORT,reuseaddr OPEN:/dev/null
	wait_for 10 peer_listens $PORT
	peer tcpdump -i eth0 -Q in -s 128 -B 65536 --time-stamp-precision=nano -w "$TMP/cap" \
		tcp dst port $PORT 2>"$TMP/tcpdump.err" &
	local dump=$!
	wait_for 10 grep -q listening "$TMP/tcpdump.err"
	timeout $seconds "$@"
	sleep 0.3
	kill $dump
	wait $dump
	check "$what: capture is complete" grep -q '^0 packets dropped by kernel' "$TMP/tcpdump.err"
	out=$(python3 "$JUDGE" "$TMP/cap" $ADDR "$rate" "$burst" 1500 "$tolerance")
	local status=$?
	check "$what: $out" [ $status = 0 ]
	rm -f "$TMP/cap"
	PORT=$((PORT + 1))
}

run_weir() {	# NAME SECONDS RATE BURST TOLERANCE settings...
	local what=$1 seconds=$2 rate=$3 burst=$4 tolerance=$5
	shift 5
	fresh_name
	judge "$what" "$seconds" "$rate" "$burst" "$tolerance" \
		"$WEIR" run --netns $NSW --name "$NAME" --qdisc tbf "$@" -- \
		socat -u OPEN:/dev/zero TCP:$PEER:$PORT
}

tc -n $NSW qdisc add dev eth0 root tbf rate 100mbit burst 1048576 latency 50ms
judge "kernel 100mbit" 6 12500000 1048576 $GSO_PACKET \
	ip netns exec $NSW socat -u OPEN:/dev/zero TCP:$PEER:$PORT
tc -n $NSW qdisc del dev eth0 root

run_weir "12500000 B/s gso on" 6 12500000 1048576 $GSO_PACKET \
	--set qdisc.rate=12500000 --set qdisc.burst=1048576
run_weir "12500000 B/s gso off" 6 12500000 1048576 1514 \
	--set qdisc.rate=12500000 --set qdisc.burst=1048576 --set weir.gso=off
run_weir "1mbit gso on" 12 125000 20000 $GSO_PACKET \
	--set qdisc.rate=1mbit --set qdisc.burst=20000
run_weir "1mbit gso off" 12 125000 20000 1514 \
	--set qdisc.rate=1mbit --set qdisc.burst=20000 --set weir.gso=off
run_weir "1gbit gso on" 6 125000000 1048576 $GSO_PACKET \
	--set qdisc.rate=1gbit --set qdisc.burst=1048576
run_weir "1gbit gso off" 6 125000000 1048576 1514 \
	--set qdisc.rate=1gbit --set qdisc.burst=1048576 --set weir.gso=off
# With a peak rate the second bucket holds one MTU: the burst leaves at the peak rate.
run_weir "peakrate 200mbit over 100mbit" 6 12500000 1048576 $GSO_PACKET \
	--set qdisc.rate=100mbit --set qdisc.burst=1048576 --set qdisc.peakrate=200mbit
finish
