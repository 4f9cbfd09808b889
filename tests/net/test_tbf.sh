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

# capture SECONDS RATE BURST TOLERANCE PEAK SENDER...: capture what SENDER sends for SECONDS, and judge
capture() {
	local seconds=$1 rate=$2 burst=$3 tolerance=$4 peak=$5 dump least=0.99 idle
	shift 5
	PORT=$((PORT + 1))
	background peer socat -u TCP-LISTEN:$PORT,reuseaddr OPEN:/dev/null
	wait_for 10 peer_listens $PORT
	peer tcpdump -i eth0 -Q in -s 128 -B 65536 --time-stamp-precision=nano -w "$TMP/cap" \
		tcp dst port $PORT 2>"$TMP/tcpdump.err" &
	dump=$!
	wait_for 10 grep -q listening "$TMP/tcpdump.err"
	SEND="timeout $seconds socat -u OPEN:/dev/zero TCP:$PEER:$PORT"
	idle=$(idle_ticks)
	"$@"
	# A machine that had hardly any time left says nothing of the rate that a shaper sustains; of what it lets pass, all.
	[ $(($(idle_ticks) - idle)) -ge $((25 * seconds * $(nproc))) ] || least=0
	sleep 1		# tcpdump writes what it has
	kill $dump
	wait $dump
	grep -q '^0 packets dropped by kernel' "$TMP/tcpdump.err" || { OUT="capture incomplete"; return 1; }
	OUT=$(python3 "$JUDGE" "$TMP/cap" $ADDR "$rate" "$burst" 1500 "$tolerance" $least $peak) || return 1
	[ $least = 0.99 ] || OUT="$OUT (the machine was busy)"
}
idle_ticks() { awk '/^cpu / { print $5 }' /proc/stat; }

# judge NAME ...: a capture is true to the wire only while the machine has time for both ends of it, so
# a verdict may be asked for three times.
judge() {
	local what=$1 try good=no
	shift
	for try in 1 2 3; do
		capture "$@" && good=yes && break
		echo "try $try: $what: $OUT"
	done
	check "$what: $OUT" [ $good = yes ]
}

send_kernel() { ip netns exec $NSW $SEND; }
send_weir() {	# settings...
	fresh_name
	set -- "${@/#/--set=}"
	"$WEIR" run --netns $NSW --name "$NAME" --qdisc tbf "$@" -- $SEND
}

tc -n $NSW qdisc add dev eth0 root tbf rate 100mbit burst 1048576 latency 50ms
judge "kernel 100mbit" 6 12500000 1048576 $GSO_PACKET "" send_kernel
tc -n $NSW qdisc del dev eth0 root

judge "12500000 B/s gso on" 6 12500000 1048576 $GSO_PACKET "" \
	send_weir qdisc.rate=12500000 qdisc.burst=1048576
judge "12500000 B/s gso off" 6 12500000 1048576 1514 "" \
	send_weir qdisc.rate=12500000 qdisc.burst=1048576 weir.gso=off
judge "1mbit gso on" 12 125000 20000 $GSO_PACKET "" \
	send_weir qdisc.rate=1mbit qdisc.burst=20000
judge "1mbit gso off" 12 125000 20000 1514 "" \
	send_weir qdisc.rate=1mbit qdisc.burst=20000 weir.gso=off
judge "1gbit gso on" 6 125000000 1048576 $GSO_PACKET "" \
	send_weir qdisc.rate=1gbit qdisc.burst=1048576
judge "1gbit gso off" 6 125000000 1048576 $GSO_PACKET "" \
	send_weir qdisc.rate=1gbit qdisc.burst=1048576 weir.gso=off
# The burst itself is bounded by the second bucket, of 50,000 bytes.
judge "peakrate 200mbit over 100mbit" 6 12500000 1048576 $GSO_PACKET "25000000 50000" \
	send_weir qdisc.rate=100mbit qdisc.burst=1048576 qdisc.peakrate=200mbit qdisc.mtu=50000
finish
