#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# weir's counters against what tcpdump counts at the peer, and against the host kernel's own TCP,
# which must not have seen any of it.
. "$(dirname "$0")/common.sh"
need tcpdump socat python3 nstat
net_setup
peer tcpdump -i eth0 -s 64 -B 65536 --immediate-mode -w "$TMP/cap" 2>"$TMP/tcpdump.err" &
dump=$!
wait_for 10 grep -q listening "$TMP/tcpdump.err"
ip netns exec $NSW nstat -n 2>/dev/null
background peer socat -u TCP-LISTEN:9400,reuseaddr OPEN:/dev/null
wait_for 10 peer_listens 9400
fresh_name
# The device is the kernel's, too, which has no address left there but says IPv6 things of its own with the same link
# address: so that frames can be told apart, weir says none, and IPv6 is not counted.
background sandbox "$NAME" --set link.eth0.ipv6=off -- sh -c "head -c 50000000 /dev/zero | socat -u - TCP:$PEER:9400; touch $TMP/done; sleep 60"
wait_for 30 [ -e "$TMP/done" ]
sleep 0.5
ctl "$NAME" -j stats > "$TMP/before.json"
sleep 1		# tcpdump writes what it has
kill $dump
wait $dump
ctl "$NAME" -j stats > "$TMP/after.json"	# between the two a neighbour may have been asked whether it is there
check "the capture is complete" grep -q '^0 packets dropped by kernel' "$TMP/tcpdump.err"
check "frames and bytes agree with the peer's capture" python3 - "$TMP/cap" $ADDR "$TMP/before.json" "$TMP/after.json" <<'PY'
import json, socket, struct, sys
f = open(sys.argv[1], "rb")
f.read(24)
src = socket.inet_aton(sys.argv[2])
out = outb = into = intob = 0
mac = None
frames = []
while len(h := f.read(16)) == 16:
	_, _, n, length = struct.unpack("<IIII", h)
	d = f.read(n)
	frames.append((d, length))
	if d[12:14] == b"\x08\x00" and d[26:30] == src:
		mac = d[6:12]
for d, length in frames:
	if d[12:14] == b"\x86\xdd":
		continue
	if d[6:12] == mac:
		out, outb = out + 1, outb + length
	elif d[:12] != b"" and d[12:14] in (b"\x08\x00", b"\x08\x06"):
		into, intob = into + 1, intob + length
before, after = [json.load(open(f))["links"]["eth0"] for f in sys.argv[3:]]
print(out, outb, into, intob, before, after)
sys.exit(not (before["tx_packets"] <= out <= after["tx_packets"] and before["tx_bytes"] <= outb <= after["tx_bytes"]
	      and after["rx_packets"] >= into))
PY
seen=$(ip netns exec $NSW nstat -asz TcpInSegs TcpOutSegs 2>/dev/null | awk '/^Tcp/ { n += $2 } END { print n + 0 }')
check "the host kernel's TCP in that namespace saw none of it" same "$seen" 0
finish
