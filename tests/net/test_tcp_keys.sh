#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The keys of [tcp] have an effect: the same dialogues at the defaults and with every key changed, told apart by
# what the peer's capture shows, or the program sees. See tcp_keys.py.
. "$(dirname "$0")/common.sh"
need tshark tcpdump python3
TALK="python3 $(dirname "$0")/tcp_keys.py"

net_setup
# A path that drops large packets in silence: a device takes no larger ones than its MTU (but super-segments),
# and the peer says that it does.
ip -n $NSW link add eth1 type veth peer name eth1 netns $NSP
ip -n $NSW addr add 10.78.0.2/24 dev eth1
ip -n $NSP addr add 10.78.0.1/24 dev eth1
ip -n $NSW link set eth1 up
ip -n $NSP link set eth1 mtu 1200 up
ip -n $NSP route change 10.78.0.0/24 dev eth1 src 10.78.0.1 advmss 1460
# The peer drops what is for the rest of 10.79.0.0/16, which it has no address of.
peer sysctl -qw net.ipv4.ip_forward=0 net.ipv4.tcp_fastopen=3 net.ipv4.tcp_ecn=1
background ip netns exec $NSP $TALK serve
server_up() { for port in 7001 7002 7003 7004; do peer_listens $port || return; done; }
wait_for 10 server_up

# dialogues NAME [options of weir]: the frames in NAME.tsv, what the program says in NAME.out
dialogues() {
	local as=$1 dump weir steps=$TMP/steps
	shift
	mkdir -p "$steps"
	rm -f "$steps"/*
	ip -n $NSP addr add 10.79.1.1/32 dev lo
	ip -n $NSP tcp_metrics flush
	peer tcpdump -i eth0 -s 200 -B 8192 --immediate-mode -U -w "$TMP/cap" tcp 2>"$TMP/dump.err" &
	dump=$!
	wait_for 10 grep -q listening "$TMP/dump.err"
	fresh_name
	background sandbox "$NAME" --set weir.gso=off "$@" -- $TALK inside "$steps" > "$TMP/$as.out" 2>&1
	weir=$LAST
	wait_for 10 test -e "$steps/listening" && peer $TALK call
	wait_for 10 test -e "$steps/idle" && ip -n $NSP addr del 10.79.1.1/32 dev lo && : > "$steps/silent"
	peer $TALK syn
	: > "$steps/half-open"
	wait $weir || cat "$TMP/$as.out"
	kill $dump
	wait $dump
	tshark -r "$TMP/cap" -T fields -e tcp.srcport -e tcp.dstport -e ip.dst -e tcp.flags -e tcp.option_kind \
		-e tcp.options.wscale.shift -e tcp.len -e tcp.seq 2>/dev/null > "$TMP/$as.tsv"
}

# said NAME OF: its line in what the program said
said() { sed -n "s/^$2=//p" "$TMP/$1.out"; }
# wire NAME CONDITION FIELD: of the frames for which it holds
wire() {
	awk -F '\t' '{ from = $1; to = $2; dst = $3; flags = $4; options = "," $5 ","; scale = $6; len = $7; seq = $8 }
		('"$2"') { print '"$3"' }' "$TMP/$1.tsv"
}
count() { wire "$@" 1 | wc -l; }
has() { [ "$(count "$1" "$2 && options ~ /,$3,/")" != 0 ] && echo yes || echo no; }
# value KEY NAME SHOWN WANTED: what is to be seen of the key in these dialogues
value() { check "$1, $2" same "$3" "$4"; }

SYN='to == 7001 && flags ~ /2$/'
SYNACK="from == 7006 && flags ~ /12$|52$/ && dst == \"$PEER\""
HALF_OPEN='from == 7006 && dst == "10.79.0.1"'
PROBE='to == 7004 && flags == "0x0010" && seq == 0'

dialogues default
dialogues on --set tcp.ecn=on --set tcp.fastopen=server --set tcp.mtu-probing=blackhole \
	--set tcp.syn-retries=1 --set tcp.synack-retries=1 --set tcp.keepalive-time=2s \
	--set tcp.keepalive-interval=1s --set tcp.keepalive-probes=3 --set "tcp.rmem=4kb 128kb 32mb" \
	--set "tcp.wmem=4kb 32kb 6mb"
dialogues off --set tcp.ecn=off --set tcp.sack=off --set tcp.timestamps=off --set tcp.window-scaling=off \
	--set tcp.mtu-probing=always --set tcp.fastopen=off --set tcp.syn-retries=1 --set tcp.keepalive-time=1s \
	--set tcp.keepalive-probes=1 --set tcp.keepalive-interval=1s

# The peer asks for ECN (of flags, ECE and CWR are 0x40 and 0x80).
while read -r as syn synack; do
	value "ecn in SYNs" $as "$(wire $as "$SYN" flags)" $syn
	value "ecn in SYN-ACKs" $as "$(wire $as "$SYNACK" flags)" $synack
done <<-END
	default 0x0002 0x0052
	on      0x00c2 0x0052
	off     0x0002 0x0012
END
while read -r as client server; do
	value "fastopen, client" $as "$(said $as fastopen),$(has $as 'to == 7002' 34)" "$client"
	value "fastopen, server" $as "$(has $as "$SYNACK" 34)" $server
done <<-END
	default connected,yes no
	on      ENOTSUP,no    yes
	off     ENOTSUP,no    no
END
for as in default off; do
	[ $as = off ] && wanted=no || wanted=yes
	for option in sack=4 timestamps=8 window-scaling=3; do
		value "${option%=*} in SYNs" $as "$(has $as "$SYN" ${option#*=})" $wanted
		value "${option%=*} in SYN-ACKs" $as "$(has $as "$SYNACK" ${option#*=})" $wanted
	done
done
# The scale for the largest buffer, as Linux has it: 2^(16 + scale) is more than 6 MiB, or 32 MiB.
value "rmem, window scale" default "$(wire default "$SYN" scale)" 7
value "rmem, window scale" on "$(wire on "$SYN" scale)" 10
value "wmem, SO_SNDBUF" default "$(said default hello)" $((85 * 1024))
value "wmem, SO_SNDBUF" on "$(said on hello)" $((32 * 1024))
value "mtu-probing off" default "$(said default small_path)" "1448 stuck"
value "mtu-probing blackhole" on "$(said on small_path)" "1448 arrived"
value "mtu-probing always" off "$(said off small_path)" "1024 arrived"
# By default they are sent again for as long as anybody looks on.
value "syn-retries" default "$(said default called), $(($(count default 'to == 7005') > 2))" "sent again, 1"
value "syn-retries" on "$(said on called), $(count on 'to == 7005')" "ETIMEDOUT, 2"
value "synack-retries" default "$(($(count default "$HALF_OPEN") > 2))" 1
value "synack-retries" on "$(count on "$HALF_OPEN")" 2
keepalive="keepalive-time, -interval, -probes"
value "$keepalive" default "$(said default keepalive), $(count default "$PROBE")" "7200 75 9 open, 0"
value "$keepalive" on "$(said on keepalive), $(count on "$PROBE")" "2 1 3 ETIMEDOUT, 3"
value "$keepalive" off "$(said off keepalive), $(count off "$PROBE")" "1 1 1 ETIMEDOUT, 1"
finish
