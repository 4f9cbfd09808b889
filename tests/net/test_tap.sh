#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A TAP or TUN device with the host as the peer, as etc/weir-tap.ini has it: HTTP, bulk and ping both
# ways, with GSO and without; and the device goes however weir ends.
. "$(dirname "$0")/common.sh"
need curl iperf3 ping python3
INI=$SRCDIR/etc/weir-tap.ini

# The "host" is a namespace of the test's own: the device appears in it.
ip netns add $NSP || exit 99
ip -n $NSP link set lo up
tap() {
	local name=$1
	shift
	run ip netns exec $NSP "$WEIR" run -c "$INI" --name "$name" "$@"
}
device() { ip -n $NSP link show weir0 >/dev/null 2>&1; }
no_device() { ! device; }
answers() { peer ping -c 1 -W 1 $ADDR > "$TMP/out" || { cat "$TMP/out"; return 1; }; }

mkdir "$TMP/www"
head -c 5000000 /dev/urandom > "$TMP/www/file"
SUM=$(sha256sum < "$TMP/www/file")

# What the kernel says of its end.
link_kind() { ip -n $NSP -d link show weir0 | grep -o 'tun type t.n\|tun type tap'; }

both_ways() {
	local gso=$1 type=$2 what="$2, gso $1" out http iperf server
	set -- --set weir.gso=$gso --set link.eth0.type=$type
	# ---- the host's servers, the sandbox's clients ----
	fresh_name
	background peer python3 -m http.server -d "$TMP/www" 80 >/dev/null 2>&1
	http=$LAST
	background peer iperf3 -s >/dev/null 2>&1
	iperf=$LAST
	wait_for 10 peer_listens 80
	wait_for 10 peer_listens 5201
	tap "$NAME" "$@" -- curl -s http://$PEER/file > "$TMP/got"
	check "$what: curl of 5 MB from the host" same "$(sha256sum < "$TMP/got")" "$SUM"
	out=$(tap "$NAME" "$@" -- iperf3 -c $PEER -n 50M 2>&1)
	check "$what: 50 MB to the host" contains "$out" "receiver"
	out=$(tap "$NAME" "$@" -- iperf3 -c $PEER -n 50M -R 2>&1)
	check "$what: 50 MB from the host" contains "$out" "receiver"
	out=$(tap "$NAME" "$@" -- ping -c 3 -i 0.2 $PEER 2>&1)
	check "$what: ping of the host" contains "$out" " 0% packet loss"
	check "$what: the device went with the program" no_device
	stop $http
	stop $iperf

	# ---- the sandbox's servers, the host's clients ----
	fresh_name
	background tap "$NAME" "$@" -- python3 -m http.server -d "$TMP/www" 80 \
		>/dev/null 2>&1
	server=$LAST
	wait_for 10 sandbox_listens "$NAME" 80
	check "$what: the kernel's end is a $type" same "$(link_kind)" "tun type $type"
	check "$what: ping from the host" answers
	peer curl -s http://$ADDR/file > "$TMP/got"
	check "$what: curl of 5 MB by the host" same "$(sha256sum < "$TMP/got")" "$SUM"
	stop $server
	check "$what: the device went after SIGTERM" wait_for 20 no_device
	fresh_name
	background tap "$NAME" "$@" -- iperf3 -s >/dev/null 2>&1
	server=$LAST
	wait_for 10 sandbox_listens "$NAME" 5201
	out=$(peer iperf3 -c $ADDR -n 50M 2>&1)
	check "$what: 50 MB by the host's iperf3" contains "$out" "receiver"
	out=$(peer iperf3 -c $ADDR -n 50M -R 2>&1)
	check "$what: 50 MB to the host's iperf3" contains "$out" "receiver"
	stop $server
}

for type in tap tun; do
	for gso in on off; do
		both_ways $gso $type
	done
done

# ---- what a TUN device cannot have ----
out=$(tap t$$-mac --set link.eth0.type=tun --set link.eth0.mac=02:00:00:00:00:09 -- true 2>&1)
check "tun with a link address is refused" contains "$out" "mac: a TUN device has no link address"

# ---- kill -9 ----
fresh_name
background tap "$NAME" -- sleep 100
weir=$LAST
wait_for 10 device
wait_for 10 ctl "$NAME" show
kill -9 $weir
wait $weir 2>/dev/null
check "the device goes after kill -9" wait_for 20 no_device
finish
