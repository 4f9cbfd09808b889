#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Dialogues with the kernel's stack, captured at its side and read by tshark: the wire shows what the feature is,
# and no expert info that the kernel does not cause itself when it is the one inside. The scenarios are in
# interop.py; what differs between their groups is the wire, which bench/impair makes bad.
. "$(dirname "$0")/common.sh"
need tshark tcpdump python3
IMPAIR=${BUILDDIR:?run this by make check}/bench/impair
INTEROP="$(dirname "$0")/interop.py"
[ -x "$IMPAIR" ] || { echo "FAILED: $IMPAIR was not built"; exit 1; }

# The two namespaces with a third between them. Each device in the middle has the far station's address, since
# impair takes in what is for its device.
NSM=weirm$$
NSF=weirf$$
ip netns add $NSM && ip netns add $NSW && ip netns add $NSP || exit 99
join() {	# NAMESPACE ADDRESS ADDRESS6 DEVICE-IN-THE-MIDDLE OWN-MAC FAR-MAC
	ip -n "$1" link add eth0 address "$5" type veth peer name "$4" address "$6" netns $NSM
	ip -n "$1" addr add "$2/24" dev eth0
	ip -n "$1" addr add "$3/64" dev eth0 nodad
	ip -n "$1" link set lo up
	ip -n "$1" link set eth0 up
	ip -n "$1" route add fd00:77:0:1::/64 dev eth0	# the scenarios' own addresses
	ip -n $NSM link set "$4" arp off gso_max_size 1500 up	# what is captured are packets
}
ip netns exec $NSM sysctl -qw net.ipv6.conf.all.disable_ipv6=1 2>/dev/null ||
	{ echo "SKIP: this kernel has no IPv6"; exit 77; }
join $NSW $ADDR fd00:77::2 left 02:00:00:00:77:02 02:00:00:00:77:01
join $NSP $PEER fd00:77::1 right 02:00:00:00:77:01 02:00:00:00:77:02
# Behind the peer is another station. The way to it is for small packets only.
ip netns add $NSF || exit 99
ip -n $NSP link add far type veth peer name far netns $NSF
peer sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
for at in $NSP.1 $NSF.2; do
	ip -n ${at%.*} addr add 10.79.0.${at#*.}/24 dev far
	ip -n ${at%.*} addr add fd00:79::${at#*.}/64 dev far nodad
	ip -n ${at%.*} link set far up
done
ip -n $NSF link set lo up
ip -n $NSF route add local 10.78.0.0/16 dev lo
ip -n $NSF route add local fd00:78::/64 dev lo
ip netns exec $NSF sysctl -qw net.ipv4.ip_nonlocal_bind=1 net.ipv6.ip_nonlocal_bind=1
ip -n $NSF route add 10.77.0.0/24 via 10.79.0.1
ip -n $NSF route add fd00:77::/64 via fd00:79::1
ip -n $NSP route add 10.78.0.0/16 via 10.79.0.2 mtu 1280
ip -n $NSP route add fd00:78::/64 via fd00:79::2 mtu 1280
ip -n $NSW route add default via $PEER
ip -n $NSW -6 route add default via fd00:77::1
# Features that are asked for by programs only, and on in weir by $KEYS.
KEYS="--set tcp.fastopen=both"
for ns in $NSW $NSP; do
	ip netns exec $ns sysctl -qw net.ipv4.tcp_fastopen=3
done
# A lost SYN is no reason to do without ECN (RFC 3168 6.1.1.1).
peer sysctl -qw net.ipv4.tcp_ecn_fallback=0
settled() { ! { ip -n $NSW addr show; ip -n $NSP addr show; } | grep -q tentative; }
wait_for 10 settled

# The wires: netem for both directions.
declare -A WIRE=(
	[clean]=""
	[loss]="delay=5ms rate=100mbit loss=2% seed=4 limit=10000"
	[marks]="delay=5ms rate=100mbit loss=2% ecn=on seed=4 limit=10000"
	[far]="delay=5ms rate=100mbit limit=10000"
	[late]="delay=100ms"
)
declare -A OUTSIDE=([clean]=$NSP [loss]=$NSP [marks]=$NSP [far]=$NSF [late]=$NSP)
declare -A ECN=([clean]=2 [loss]=2 [marks]=1 [far]=2 [late]=2)	# the peer's tcp_ecn

PLAY_MOST=240	# s, for one play: ten times what it takes
ended() { ! kill -0 "$1" 2>/dev/null; }

# play GROUP STACK: all scenarios of a group with STACK inside; the capture as tshark reads it in GROUP.STACK.tsv
play() {
	local group=$1 stack=$2 dump wire outside inside status outside_status
	mkdir "$TMP/steps"
	peer sysctl -qw net.ipv4.tcp_ecn=${ECN[$group]}
	background ip netns exec $NSM "$IMPAIR" right "${WIRE[$group]}" left "${WIRE[$group]}" \
		> "$TMP/impair"
	wire=$LAST
	wait_for 10 grep -q ready "$TMP/impair"
	ip -n $NSW neigh flush dev eth0
	ip -n $NSP neigh flush dev eth0
	ip -n $NSW tcp_metrics flush	# the cookies that the other stack gave
	ip -n $NSP tcp_metrics flush
	peer tcpdump -i eth0 -s 1600 -B 65536 --immediate-mode -w "$TMP/cap" 2>"$TMP/tcpdump.err" &
	dump=$!
	wait_for 10 grep -q listening "$TMP/tcpdump.err"
	fresh_name
	inside="ip -n $NSW"
	[ "$stack" = weir ] && inside="$WEIR ctl $NAME"
	MANAGE_INSIDE=$inside MANAGE_OUTSIDE="ip -n ${OUTSIDE[$group]}" \
		background ip netns exec ${OUTSIDE[$group]} python3 "$INTEROP" play "$group" outside "$TMP/steps" \
		> "$TMP/outside" 2>&1
	outside=$LAST
	inside="run ip netns exec $NSW"
	[ "$stack" = weir ] && inside="sandbox $NAME $KEYS --"
	# shellcheck disable=SC2086
	background $inside python3 "$INTEROP" play "$group" inside "$TMP/steps" > "$TMP/inside" 2>&1
	inside=$LAST
	wait_for $PLAY_MOST ended $inside || {
		echo "still running after $PLAY_MOST s" >> "$TMP/inside"
		kill -9 $inside
	}
	wait $inside
	status=$?
	: > "$TMP/steps/inside.gone"
	wait $outside
	outside_status=$?
	if [ $((status + outside_status)) != 0 ]; then
		{
			echo "$group, $stack inside: exit status $status, outside $outside_status"
			cat "$TMP/outside" "$TMP/inside"
		} >> "$TMP/failures"
		status=1
	fi
	sleep 0.5
	kill $dump
	wait $dump
	stop $wire
	rm -rf "$TMP/steps"
	# What is said is nobody's protocol, whatever port it came by.
	# shellcheck disable=SC2046
	tshark -r "$TMP/cap" -d tcp.port==1-65535,data -d udp.port==1-65535,data -T fields \
		-E separator=/t -E aggregator='|' $(python3 "$INTEROP" fields) \
		2>/dev/null > "$TMP/$group.$stack.tsv"
	return $status
}

# attempt GROUP: both plays and what the judge says of them, a line each in verdict. Are all good?
attempt() {
	local stack said
	for stack in kernel weir; do
		play $1 $stack && said=ok || said="see the end"
		echo "$1, every dialogue, $stack inside: $said"
	done > "$TMP/verdict"
	python3 "$INTEROP" judge $1 "$TMP/$1.kernel.tsv" "$TMP/$1.weir.tsv" >> "$TMP/verdict"
	! grep -qv ': ok$' "$TMP/verdict"
}

# good NAME: nothing was found against it.
good() { grep -Fqx "$1: ok" "$TMP/verdict" || { grep -F "$1:" "$TMP/verdict" | sed 's/^/  /'; return 1; }; }

names() {
	echo "$1, every dialogue, kernel inside"
	echo "$1, every dialogue, weir inside"
	python3 "$INTEROP" names $1
}

[ $# -gt 0 ] || set -- clean loss marks far late	# those that are named, or all
for group; do
	# Chance, or a machine that lets somebody wait, can spoil a dialogue; a defect spoils it twice.
	attempt $group || { grep -v ': ok$' "$TMP/verdict" | sed 's/^/once: /'; attempt $group; }
	while IFS= read -r name; do
		check "$name" good "$name"
	done < <(names $group)
done
# Last, where it is seen. Of each play the stack's own words come last.
[ ! -e "$TMP/failures" ] || tail -n 50 "$TMP/failures"
finish
