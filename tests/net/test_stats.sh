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
background sandbox "$NAME" -- sh -c "head -c 50000000 /dev/zero | socat -u - TCP:$PEER:9400; touch $TMP/done; sleep 60"
wait_for 30 [ -e "$TMP/done" ]
sleep 0.5
ctl "$NAME" -j stats > "$TMP/stats.json"
sleep 1		# tcpdump writes what it has
kill $dump
wait $dump
check "the capture is complete" grep -q '^0 packets dropped by kernel' "$TMP/tcpdump.err"
check "frames and bytes agree with the peer's capture" python3 - "$TMP/cap" "$TMP/stats.json" $ADDR <<'PY'
import json, socket, struct, sys
f = open(sys.argv[1], "rb")
f.read(24)
src = socket.inet_aton(sys.argv[3])
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
	if d[6:12] == mac:
		out, outb = out + 1, outb + length
	elif d[:12] != b"" and d[12:14] in (b"\x08\x00", b"\x08\x06"):
		into, intob = into + 1, intob + length
link = json.load(open(sys.argv[2]))["links"]["eth0"]
print(out, outb, into, intob, link)
# what the peer's kernel says by itself over IPv6 is not counted above, so "in" is at least that
sys.exit(not (link["tx_packets"] == out and link["tx_bytes"] == outb and link["rx_packets"] >= into))
PY
seen=$(ip netns exec $NSW nstat -asz TcpInSegs TcpOutSegs 2>/dev/null | awk '/^Tcp/ { n += $2 } END { print n + 0 }')
check "the host kernel's TCP in that namespace saw none of it" same "$seen" 0
finish
