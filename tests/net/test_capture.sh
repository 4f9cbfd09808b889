#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `weir ctl NAME capture`: what tshark says of it; filters, --wire, --drops, -c; readers that stop, go away or are two;
# and arguments that make no sense.
. "$(dirname "$0")/common.sh"
need socat python3 tcpdump tshark ping
net_setup
fresh_name
background sandbox "$NAME" -- sleep 1000
wait_for 10 ctl "$NAME" show
background peer socat -u TCP-LISTEN:9120,reuseaddr,fork OPEN:/dev/null
wait_for 10 peer_listens 9120
ping_peer() { $weir_exec "$NAME" -- ping -c "$1" -i 0.02 -q ${2:-$PEER} >/dev/null 2>&1; }
# Sent, and acknowledged: what socat leaves at its end is still on its way.
push() {
	$weir_exec "$NAME" -- sh -c "head -c $1 /dev/zero | socat -u - TCP:$PEER:9120"
	wait_for 10 acknowledged
}
acknowledged() { ! ctl "$NAME" sockets -t | grep -v TIME-WAIT | grep -q ":9120"; }
shark() { tshark -r "$@" 2> "$TMP/shark.err"; }
frames() { shark "$@" | wc -l; }
# begin FILE ARGUMENTS...: a capture to FILE that has begun; $CAPTURE is its pid.
begin() {
	local file=$1
	shift
	background "$WEIR" ctl "$NAME" capture "$@" > "$TMP/$file" 2> "$TMP/$file.err"
	CAPTURE=$LAST
	wait_for 10 grep -q capturing "$TMP/$file.err" || cat "$TMP/$file.err"
}
end() { kill -INT "$CAPTURE"; wait "$CAPTURE"; }
told() { tail -1 "$TMP/$1.err"; }

# ---- whole, under traffic ----
begin all eth0
ping_peer 5
push 2000000
end
check "SIGINT ends it well" same $? 0
n=$(frames "$TMP/all")
check "tshark reads it without a warning" same "$(cat "$TMP/shark.err" | grep -v 'Running as user')" ""
check "it has $n frames, as is told" same "$(told all)" "$n packets captured, 0 dropped by weir"
check "all that was sent" same "$(shark "$TMP/all" -Y "ip.src==$ADDR && tcp.len>0 && !tcp.analysis.retransmission" -T fields -e tcp.len | awk '{ s += $1 } END { print s }')" 2000000
check "no frame is malformed" same "$(shark "$TMP/all" -Y '_ws.malformed || _ws.expert.severity >= 0x800000' | head -3)" ""
check "nanoseconds" contains "$(od -An -tx4 -N4 "$TMP/all")" a1b23c4d
check "and times of today" same "$(shark "$TMP/all" -c 1 -T fields -e frame.time_epoch | cut -c1-7)" "$(date +%s | cut -c1-7)"
check "GSO packets are whole" [ "$(shark "$TMP/all" -Y 'frame.len > 1514' | wc -l)" -gt 0 ]

# ---- tcpdump behind a pipe; -c; loopback ----
"$WEIR" ctl "$NAME" capture -c 4 eth0 icmp 2> "$TMP/pipe.err" | tcpdump -nn -r - > "$TMP/pipe" 2>/dev/null &
pipe=$!
wait_for 10 grep -q capturing "$TMP/pipe.err"
ping_peer 5
wait $pipe
check "| tcpdump -r - with -c 4" same "$(grep -c 'ICMP echo' "$TMP/pipe")" 4
check "is told" same "$(told pipe)" "4 packets captured, 0 dropped by weir"
begin lo lo icmp
ping_peer 3 127.0.0.1
end
check "loopback: each packet once" same "$(frames "$TMP/lo" -Y 'icmp.type == 8')" 3

# ---- filter, snaplen; two at once ----
begin icmp eth0 'icmp[icmptype] ==' icmp-echoreply
one=$CAPTURE
begin tcp eth0 --snaplen 60 -w "$TMP/tcp.pcap" tcp port 9120 and src host $ADDR
ping_peer 3
push 100000
end
CAPTURE=$one
end
check "a filter of two words" same "$(frames "$TMP/icmp")" 3
check "the other capture has what it wants, only" same "$(frames "$TMP/tcp.pcap" -Y "!(tcp.port == 9120 && ip.src == $ADDR)")" 0
check "and all of it" same "$(shark "$TMP/tcp.pcap" -T fields -e tcp.len | awk '{ s += $1 } END { print s }')" 100000
check "cut to 60 bytes" same "$(shark "$TMP/tcp.pcap" -T fields -e frame.cap_len | sort -n | tail -1)" 60

# ---- --wire ----
begin wire eth0 --wire tcp
push 3000000
end
check "--wire has no frame above the MTU" same "$(frames "$TMP/wire" -Y 'frame.len > 1514')" 0
check "but as many as are sent" [ "$(frames "$TMP/wire" -Y "ip.src == $ADDR")" -gt 2000 ]
check "with right checksums" same "$(shark "$TMP/wire" -o tcp.check_checksum:TRUE -o ip.check_checksum:TRUE \
	-Y 'tcp.checksum.status == 0 || ip.checksum.status == 0' | wc -l)" 0

# ---- --drops ----
ctl "$NAME" qdisc replace eth0 tbf rate 80kbit burst 2kb limit 4kb
before=$(counted nics.eth0 | tr "'," '"\n' | sed -n 's/.*"qdisc_drops": //p')
begin drops eth0 --drops udp
$weir_exec "$NAME" -- python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(30): s.sendto(bytes(1000), ('$PEER', 9121))"
after=$(counted nics.eth0 | tr "'," '"\n' | sed -n 's/.*"qdisc_drops": //p')
end
n=$(frames "$TMP/drops")
check "--drops has what the full qdisc dropped ($n)" [ "$n" -gt 10 -a "$n" -le $((after - before)) ]
check "each with the reason" same \
	"$(shark "$TMP/drops" -T fields -e frame.comment | grep -cE '^qdisc (tbf|fifo): refused \(backlog [0-9]+ bytes, [0-9]+ packets\)$')" "$n"
check "and whole" same "$(frames "$TMP/drops" -Y 'udp.length == 1008 && !_ws.malformed')" "$n"
check "without a warning" same "$(grep -v 'Running as user' "$TMP/shark.err")" ""
check "tcpdump reads it, too" same "$(tcpdump -nn -r "$TMP/drops" 2>/dev/null | wc -l)" "$n"
ctl "$NAME" qdisc replace eth0 fifo

# ---- a reader that stops ----
mkfifo "$TMP/stuck"
sleep 1000 < "$TMP/stuck" &
PIDS="$PIDS $!"
idle=$(counted pool.packets pool.bufs)
begin stuck eth0 -w "$TMP/stuck"
timeout 30 $weir_exec "$NAME" -- sh -c "head -c 50000000 /dev/zero | socat -u - TCP:$PEER:9120"
check "a reader that stops does not stop the stack" same $? 0
settled() { [ "$(counted pool.packets pool.bufs)" = "$idle" ]; }
check "nor make it keep what is not read" wait_for 10 settled
end
check "and it is told how much was lost" [ "$(told stuck | sed 's/.*captured, \([0-9]*\) dropped.*/\1/')" -gt 100 ]

# ---- a reader that goes away; a client that is killed ----
"$WEIR" ctl "$NAME" capture eth0 2> "$TMP/away.err" | true
check "it ends with its reader" same "${PIPESTATUS[0]}" 0
timeout 30 "$WEIR" ctl "$NAME" capture eth0 tcp port 1 2> "$TMP/away.err" | head -c 24 > /dev/null
check "also when there is nothing to write" same "${PIPESTATUS[0]}" 0
check "and says what it has" same "$(told away)" "0 packets captured, 0 dropped by weir"
for i in 1 2 3 4 5 6 7 8; do
	begin c$i eth0
	eval "c$i=$CAPTURE"
done
out=$(ctl "$NAME" capture eth0 -w "$TMP/none" 2>&1)
check "the ninth capture is refused" contains "$out" "8 captures run already, which is the most; end one"
for pid in $c1 $c2 $c3 $c4 $c5 $c6 $c7 $c8; do
	kill -9 $pid
	wait $pid 2>/dev/null
done
again() { "$WEIR" ctl "$NAME" capture eth0 -w "$TMP/again" -c 1 icmp 2>&1 | grep -q capturing; }
background sh -c "while :; do ip netns exec $NSP ping -c 1 -q $ADDR; done >/dev/null"
check "captures end with a kill -9" wait_for 10 again

# ---- refused ----
refused() { out=$(timeout 10 "$WEIR" ctl "$NAME" capture "$@" 2>&1 > "$TMP/refused"); }
for bad in "eth0 -c 0" "eth0 -c -1" "eth0 -c x" "eth0 -c 99999999999999999999"; do
	refused $bad
	check "$bad" contains "$out" "-c ${bad##* }: use a number from 1 to"
done
refused eth0 --snaplen 262145
check "a snaplen beyond the most" contains "$out" "--snaplen 262145: use a number from 1 to 262144"
refused
check "no NIC" contains "$out" "the NIC is missing"
refused eth7
check "a NIC that is none" contains "$out" "there is no NIC eth7"
refused eth0 tcp prot 80
check "a bad filter is told in libpcap's words" contains "$out" 'filter "tcp prot 80": can'"'"'t parse filter expression: syntax error; see pcap-filter(7)'
refused eth0 --frob
check "an option that is none" contains "$out" "capture has no option --frob"
refused lo --drops
check "--drops where there is no qdisc" contains "$out" "lo has no qdisc"
refused eth0 -w /nonexistent/x
check "a file that cannot be" contains "$out" "/nonexistent/x: No such file or directory"
refused eth0 -w
check "a value that is missing" [ "$out" ]
check "nothing was written for any of them" [ ! -s "$TMP/refused" ]
out=$(python3 -c "
import os, pty, subprocess
m, s = pty.openpty()
print(subprocess.run(['$WEIR', 'ctl', '$NAME', 'capture', 'eth0'], stdout=s, stderr=subprocess.PIPE, timeout=10).stderr.decode())")
check "a terminal is refused" contains "$out" "a capture is not for a terminal"
# What a client of its own making could ask.
cat > "$TMP/ask.py" <<'PY'
import array, json, os, socket, sys
def ask(fds=(), **args):
	s = socket.socket(socket.AF_UNIX); s.connect(f"/run/weir/{sys.argv[1]}.sock")
	s.sendmsg([json.dumps({"command": "capture", "dev": "eth0", "snaplen": 99, **args}).encode() + b"\n"],
		  [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else [])
	return json.loads(s.makefile().readline()).get("error")
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
print(ask(), ask([os.pipe()[1]]), ask([0]), sep="\n")
for f in ([], [1], [[1, 2, 3]], [[0x05, 0, 0, 9]], [["a", 0, 0, 0]], {}, [[6, 0, 0, 1]] * 5000, [[0, 0, 0, 0]]):
	print(ask([b.fileno()], filter=f))
print(ask([b.fileno()], snaplen=0), ask([b.fileno()], snaplen=-5), sep="\n")
PY
out=$(python3 "$TMP/ask.py" "$NAME")
check "requests of another making are refused one by one" same "$(echo "$out" | grep -cE 'SOCK_SEQPACKET must|is no classic BPF|a filter has 1 to|snaplen is')" 13
check "after all that the stack works" ping_peer 1
finish
