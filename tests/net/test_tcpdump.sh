#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Packet sockets: Debian's own tcpdump, unmodified, inside the sandbox; arping; who may not.
. "$(dirname "$0")/common.sh"
need tcpdump python3 ping
net_setup

# capture NAME OPTIONS...: tcpdump in the sandbox until it has seen what it was asked for, or for 10 s.
capture() {
	local name=$1
	shift
	background timeout 20 $weir_exec "$name" -- tcpdump -nn -w "$TMP/$name.cap" "$@" 2> "$TMP/$name.err"
	DUMP=$LAST
	wait_for 10 grep -q listening "$TMP/$name.err" || cat "$TMP/$name.err"
}
shown() { tcpdump -nn -r "$TMP/$1.cap" 2>/dev/null; }

fresh_name
background sandbox "$NAME" -- sleep 1000
wait_for 10 ctl "$NAME" show
ping_peer() { $weir_exec "$NAME" -- ping -c "${1:-3}" -i 0.05 -q $PEER >/dev/null 2>&1; }

# ---- eth0, with a filter ----
capture "$NAME" -i eth0 -c 6 icmp
ping_peer
wait "$DUMP"
check "tcpdump -i eth0 -c 6 icmp ends by itself" same $? 0
check "it saw every request" same "$(shown "$NAME" | grep -c "$ADDR > $PEER: ICMP echo request")" 3
check "and every reply" same "$(shown "$NAME" | grep -c "$PEER > $ADDR: ICMP echo reply")" 3
check "none was dropped" grep -q '^0 packets dropped by kernel' "$TMP/$NAME.err"
check "checksums of what came are right" same "$(tcpdump -vv -nn -r "$TMP/$NAME.cap" 2>/dev/null | grep -c 'wrong')" 0

# ---- lo: each packet once (libpcap leaves out the outgoing one) ----
capture "$NAME" -i lo -c 4 icmp
$weir_exec "$NAME" -- ping -c 2 -i 0.05 -q 127.0.0.1 >/dev/null 2>&1
wait "$DUMP"
check "tcpdump -i lo ends by itself" same $? 0
check "each request once" same "$(shown "$NAME" | grep -c 'echo request')" 2

# ---- any: cooked, both devices in one capture ----
capture "$NAME" -i any -c 6 icmp
ping_peer 1
$weir_exec "$NAME" -- ping -c 1 -q 127.0.0.1 >/dev/null 2>&1
ping_peer 1
wait "$DUMP"
check "tcpdump -i any ends by itself" same $? 0
check "eth0 is in it" contains "$(shown "$NAME" | sed "s, [a-z0-9]*  *Out, Out,")" " Out IP $ADDR > $PEER: ICMP echo request"
check "lo is in it" contains "$(shown "$NAME")" " In  IP 127.0.0.1 > 127.0.0.1: ICMP echo request"

# ---- volume: the ring goes round ----
background peer python3 -c "
import socket
s = socket.create_server(('$PEER', 9500)); c, _ = s.accept()
while c.recv(65536): pass"
wait_for 10 peer_listens 9500
capture "$NAME" -i eth0 -B 8192 -s 128 tcp and src "$ADDR"
$weir_exec "$NAME" -- python3 -c "
import socket
s = socket.create_connection(('$PEER', 9500)); s.sendall(bytes(20000000)); s.shutdown(1); s.recv(1)"
sleep 1
kill -INT "$(pgrep -P "$DUMP" | head -1)" 2>/dev/null || kill -INT "$DUMP"
wait "$DUMP" 2>/dev/null
bytes=$(shown "$NAME" | sed -n 's/.*length \([0-9]*\).*/\1/p' | awk '{ n += $1 } END { print n + 0 }')
lost=$(sed -n 's/^\([0-9]*\) packets dropped by kernel/\1/p' "$TMP/$NAME.err")
check "20 MB were seen, super-segments whole (dropped: ${lost:-?})" [ "${lost:-1}" -gt 0 -o "$bytes" -ge 20000000 ]

# ---- plain recvfrom and sendto, without a ring ----
cat > "$TMP/arp.py" <<'PY'
import socket, struct, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
s.bind(("eth0", 0x0806))
me = s.getsockname()
assert me[0] == "eth0" and me[1] == 0x0806 and me[3] == 1, me
q = b"\xff" * 6 + me[4] + b"\x08\x06" + struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + me[4] + \
    socket.inet_aton(sys.argv[1]) + bytes(6) + socket.inet_aton(sys.argv[2])
s.settimeout(5)
s.send(q.ljust(60, b"\0"))
while True:
    frame, name = s.recvfrom(2048)
    if frame[20:22] == b"\0\x02" and frame[28:32] == socket.inet_aton(sys.argv[2]):
        break
assert name[0] == "eth0" and name[1] == 0x0806 and name[2] == 0 and name[4] == frame[6:12], name
print("answered by", frame[22:28].hex(":"))
PY
mac=$(ip -n $NSP -br link show eth0 | awk '{ print $3 }')
check "an ARP question over a packet socket is answered" same \
	"$($weir_exec "$NAME" -- python3 "$TMP/arp.py" $ADDR $PEER)" "answered by $mac"
if command -v arping >/dev/null; then
	check "arping" $weir_exec "$NAME" -- arping -c 1 -w 5 -I eth0 $PEER
fi

check "tcpdump -D lists the NIC" contains "$($weir_exec "$NAME" -- tcpdump -D 2>&1)" "eth0 [Up, Running"

# ---- without CAP_NET_RAW ----
check "without CAP_NET_RAW there are none" same "$($weir_exec "$NAME" -- python3 -c "
import ctypes, os, socket
os.setuid(65534)
try: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
except PermissionError: print('EPERM')" )" EPERM
# A user namespace of one's own gives every capability, but none over this network.
check "nor by a user namespace of one's own" same "$($weir_exec "$NAME" -- python3 -c "
import ctypes, os, socket
os.setuid(65534)
if ctypes.CDLL(None).unshare(0x10000000): print('the kernel makes no user namespace')
with open('/proc/self/status') as f: caps = [int(l.split()[1], 16) for l in f if l.startswith('CapEff')]
assert caps[0], caps
for family, kind, proto in ((socket.AF_PACKET, socket.SOCK_RAW, 0), (socket.AF_INET, socket.SOCK_RAW, 1)):
    try: print(socket.socket(family, kind, proto))
    except PermissionError: print('EPERM')" )" "EPERM
EPERM"
finish
