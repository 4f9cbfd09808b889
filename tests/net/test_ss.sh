#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# iproute2's ss inside the sandbox: sockets in every state, their processes and TCP's details.
. "$(dirname "$0")/common.sh"
need ip python3 ss
net_setup
net6_setup
fresh_name
background sandbox "$NAME" -- sleep 1000
wait_for 10 ctl "$NAME" show
inside() { $weir_exec "$NAME" -- "$@"; }

# The peer answers nothing but what it is asked to; a SYN from an address that nobody has gets a SYN-ACK that nobody takes.
cat > "$TMP/peer.py" <<'EOS'
import socket, struct, sys, time

peer, us = sys.argv[1:3]
listener = socket.create_server((peer, 7100))
waiting = []
def syn(src, dst, dport):
	head = struct.pack("!HHIIBBHHH", 5555, dport, 1, 0, 5 << 4, 2, 1000, 0, 0)
	pseudo = socket.inet_aton(src) + socket.inet_aton(dst) + struct.pack("!BBH", 0, 6, len(head))
	total = sum(struct.unpack("!%dH" % (len(pseudo + head) // 2), pseudo + head))
	total = (total & 0xffff) + (total >> 16)
	head = head[:16] + struct.pack("!H", ~(total + (total >> 16)) & 0xffff) + head[18:]
	ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(head), 1, 0, 64, 6, 0, socket.inet_aton(src), socket.inet_aton(dst))
	raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
	raw.sendto(ip + head, (dst, 0))
while True:
	s, _ = listener.accept()
	what = s.recv(1)
	if what == b"S":		# a half-open connection
		syn("10.77.0.88", us, 7000)
	elif what == b"F":		# we say goodbye first
		s.shutdown(socket.SHUT_WR)
	waiting.append(s)
EOS
cat > "$TMP/inside.py" <<'EOS'
import socket, sys, time

peer = sys.argv[1]
keep = []
def connected(what):
	s = socket.create_connection((peer, 7100))
	s.send(what)
	keep.append(s)
	return s
listener = socket.create_server(("0.0.0.0", 7000))
six = socket.create_server(("::", 7006), family=socket.AF_INET6, dualstack_ipv6=True)
connected(b"-")							# ESTAB
connected(b"-").shutdown(socket.SHUT_WR)			# FIN-WAIT-2
connected(b"F").recv(1)						# CLOSE-WAIT
last = connected(b"F"); last.recv(1)				# LAST-ACK, soon
fin = connected(b"-")						# FIN-WAIT-1, soon
over = socket.create_connection(("127.0.0.1", 7000)); taken, _ = listener.accept()
over.close(); taken.close()					# TIME-WAIT
connected(b"S")							# SYN-RECV
away = socket.socket(); away.setblocking(False); away.connect_ex(("10.77.0.99", 80)); keep.append(away)	# SYN-SENT
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("127.0.0.1", 5353)); u.connect(("127.0.0.1", 5354))
u6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); u6.bind(("::", 5355))
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
time.sleep(0.3)
print("ready", flush=True)
sys.stdin.readline()						# the link is cut now
last.close()
fin.shutdown(socket.SHUT_WR)
print("cut", flush=True)
sys.stdin.readline()
EOS
background peer python3 "$TMP/peer.py" $PEER $ADDR
wait_for 10 peer_listens 7100
mkfifo "$TMP/in"
inside python3 "$TMP/inside.py" $PEER < "$TMP/in" > "$TMP/out" 2>&1 &
PIDS="$PIDS $!"
exec 9> "$TMP/in"
wait_for 20 grep -q ready "$TMP/out" || cat "$TMP/out"
ip -n $NSP link set eth0 down
echo >&9
wait_for 10 grep -q cut "$TMP/out" || cat "$TMP/out"
inside ss -Htuanpi > "$TMP/all" 2>&1
inside ss -HtanO > "$TMP/tcp" 2>&1
for state in LISTEN ESTAB SYN-SENT SYN-RECV FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT CLOSE-WAIT LAST-ACK; do
	check "ss shows $state" grep -q "^$state " "$TMP/tcp"
done
grep '^LAST-ACK\|^FIN-WAIT-1' "$TMP/tcp" > "$TMP/unacked"
check "a FIN that nobody acknowledged is in Send-Q" same "$(awk '{ print $3 }' "$TMP/unacked" | sort -u)" 1
check "the process is named" grep -q 'ESTAB.*10.77.0.1:7100.*users:(("python3",pid=[0-9]*,fd=[0-9]*))' "$TMP/all"
check "TCP's details" grep -q 'cubic wscale:[0-9]*,[0-9]* rto:[0-9.]* rtt:.* mss:1448 pmtu:1500 .*cwnd:10 ' "$TMP/all"
check "UDP, connected" grep -q '^udp *ESTAB.*127.0.0.1:5353 *127.0.0.1:5354.*python3' "$TMP/all"
check "UDP over IPv6" grep -q '^udp *UNCONN.*\*:5355' "$TMP/all"
check "a dual-stack listener" grep -q '^tcp *LISTEN.*\*:7006' "$TMP/all"
check "raw sockets" contains "$(inside ss -Hwan)" "0.0.0.0:1"
check "a filter by port" same "$(inside ss -Htln sport = :7006 | wc -l)" 1
check "by address" same "$(inside ss -Htan dst $PEER and dport = :7100 | awk '{ print $5 }' | sort -u)" $PEER:7100
check "by state" same "$(inside ss -Htan state time-wait | wc -l)" "$(grep -c '^TIME-WAIT' "$TMP/tcp")"

# What ctl says, from the operator's side. States may change in between only in ways that time makes.
python3 - "$TMP/tcp" <<PY > "$TMP/compared" 2>&1
import json, subprocess, sys
rows = {tuple(l.split()[i] for i in (0, 3, 4)) for l in open(sys.argv[1]) if l.strip()}
ours = json.loads(subprocess.run(["$WEIR", "ctl", "$NAME", "-j", "sockets"], capture_output=True, text=True).stdout)
ours = {(s["state"], s["local"].rsplit(":", 1)[1], s["peer"].rsplit(":", 1)[1]) for s in ours if s["netid"] == "tcp"}
rows = {(s, a.rsplit(":", 1)[1], b.rsplit(":", 1)[1]) for s, a, b in rows}
print(rows ^ ours or "agree", len(rows) > 9)
PY
check "ctl sockets says the same" same "$(cat "$TMP/compared")" "agree True"
check "another user sees them too" [ "$(inside setpriv --reuid 1234 --clear-groups ss -Htan | wc -l)" -ge 9 ]
exec 9>&-
ip -n $NSP link set eth0 up

# ss -K, by a program inside and by the operator from outside; and what a program has not read, and whose it is.
cat > "$TMP/sink.py" <<'EOS'
import errno, socket, sys, threading
listener = socket.create_server((sys.argv[1], 7300))
def serve(s):
	s.sendall(bytes(5000))
	try:
		print("end", len(s.recv(1)), flush=True)
	except OSError as e:
		print(errno.errorcode[e.errno], flush=True)
while True:
	threading.Thread(target=serve, args=listener.accept()[:1], daemon=True).start()
EOS
cat > "$TMP/killed.py" <<'EOS'
import encodings.idna, errno, os, select, socket, sys	# all before the user changes, who may see less
os.setgroups([]); os.setresuid(1234, 1234, 1234)
socks = [socket.create_connection((sys.argv[1], 7300), source_address=("0.0.0.0", port)) for port in (7301, 7302, 7303)]
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("127.0.0.1", 7304))
u.sendto(bytes(3000), ("127.0.0.1", 7304))
print("ready", flush=True)
for s in socks:
	p = select.poll()
	p.register(s, select.POLLERR)
	p.poll(20000)
	print(errno.errorcode.get(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0), flush=True)
EOS
background peer python3 "$TMP/sink.py" $PEER > "$TMP/sunk" 2>&1
wait_for 10 peer_listens 7300
inside python3 "$TMP/killed.py" $PEER > "$TMP/killed" 2>&1 &
PIDS="$PIDS $!"
wait_for 20 grep -q ready "$TMP/killed" || cat "$TMP/killed"
unread() { [ "$(inside ss -Htn dport = :7300 | awk '{ print $2 }' | sort -u)" = 5000 ]; }
same_lines() { [ "$(tr '\n' ' ' < "$1")" = "$2 " ]; }
check "Recv-Q is what the program has not read" wait_for 5 unread
check "UDP's too" [ "$(inside ss -Hnlu sport = :7304 | awk '{ print $2 }')" -ge 3000 ]
check "ctl sockets counts it as well" same "$(ctl "$NAME" -j sockets | python3 -c '
import json, sys
print({s["recv_q"] for s in json.load(sys.stdin) if s["peer"].endswith(":7300")})')" "{5000}"
check "whose it is" same "$(inside ss -Htne dport = :7300 | grep -c 'uid:1234 ')" 3
inside setpriv --reuid 1234 --clear-groups ss -HtnK sport = :7301 > "$TMP/refused" 2>&1
check "ss -K needs the capability" grep -q 'not permitted' "$TMP/refused"
check "and does nothing without" same "$(inside ss -Htn dport = :7300 | wc -l)" 3
inside ss -HtnK dst $PEER sport = :7301 > "$TMP/one"
check "ss -K tells what it destroys" grep -q "^ESTAB.*:7301 *$PEER:7300" "$TMP/one"
check "the program gets ECONNABORTED" wait_for 5 same_lines "$TMP/killed" "ready ECONNABORTED"
check "the peer a RST" wait_for 5 same_lines "$TMP/sunk" ECONNRESET
check "the others are there still" same "$(inside ss -Htn dport = :7300 | wc -l)" 2
$weir_exec --admin "$NAME" -- ss -HtnK dport = :7300 > "$TMP/two"
check "the operator can do it from outside" same "$(grep -c ":730[23] *$PEER:7300" "$TMP/two")" 2
check "the program gets ECONNABORTED again" wait_for 5 same_lines "$TMP/killed" "ready ECONNABORTED ECONNABORTED ECONNABORTED"
check "and the peer RSTs" wait_for 5 same_lines "$TMP/sunk" "ECONNRESET ECONNRESET ECONNRESET"
check "nothing is left" same "$(inside ss -Htn dport = :7300 | wc -l)" 0

# The same questions to the kernel, which may have been built without SOCK_DESTROY.
timeout 100 ip netns exec $NSP python3 "$SRCDIR/tests/net/sock_diag.py" > "$TMP/kernel" 2>&1
timeout 100 $weir_exec "$NAME" -- python3 "$SRCDIR/tests/net/sock_diag.py" > "$TMP/weir" 2>&1
if grep -q EOPNOTSUPP "$TMP/kernel"; then
	echo "not compared: this kernel has no SOCK_DESTROY"
else
	diff "$TMP/kernel" "$TMP/weir"
	check "sock_diag.py gets the kernel's answers" same $? 0
fi
check "it came to its end" grep -q '^nothing happened: 0' "$TMP/weir"
finish
