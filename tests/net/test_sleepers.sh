#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Sockets that nobody reads, thousands for one group, and little memory: a neighbour is served meanwhile, and all
# is given back when their program ends.
. "$(dirname "$0")/common.sh"
need python3 ping
net_setup
SOCKETS=3000
GROUP=239.1.1.1
cat > "$TMP/sleepers.py" <<'EOS'
import resource, socket, sys
n, group, addr = int(sys.argv[1]), *sys.argv[2:4]
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
socks = []
for _ in range(n):
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	s.bind(("", 9999))
	s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + socket.inet_aton(addr))
	socks.append(s)
print("joined", flush=True)
sys.stdin.readline()
EOS
cat > "$TMP/echo.py" <<'EOS'
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 7007))
print("ready", flush=True)
while True:
	data, who = s.recvfrom(2000)
	s.sendto(data, who)
	if data == b"end":
		break
EOS
cat > "$TMP/flood.py" <<'EOS'
import socket, sys
group, addr, peer = sys.argv[1:4]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(addr))
e = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
e.settimeout(1)
answers = 0
for i in range(200):
	for _ in range(3):
		s.sendto(b"x", (group, 9999))
	for attempt in range(20):	# the wire itself may lose one
		e.sendto(b"%d" % i, (peer, 7007))
		try:
			while e.recv(100) != b"%d" % i:
				pass
			answers += 1
			break
		except TimeoutError:
			pass
print("answers", answers)
EOS
fresh_name
sandbox "$NAME" --set weir.memory=16mb -- python3 "$TMP/echo.py" > "$TMP/echo" 2>&1 &
RUN=$!
PIDS="$PIDS $RUN"
wait_for 30 grep -q ready "$TMP/echo" || cat "$TMP/echo"
mkfifo "$TMP/in"
$weir_exec "$NAME" -- python3 "$TMP/sleepers.py" $SOCKETS $GROUP $ADDR < "$TMP/in" > "$TMP/sleepers" 2>&1 &
SLEEPERS=$!
PIDS="$PIDS $SLEEPERS"
exec 9> "$TMP/in"
wait_for 120 grep -q joined "$TMP/sleepers" || cat "$TMP/sleepers"
check "a neighbour is answered while thousands do not read" \
	same "$(peer python3 "$TMP/flood.py" $GROUP $PEER $ADDR)" "answers 200"
read -r used max <<< "$(counted datagram_memory.used datagram_memory.max)"
check "what waits is bounded" [ "$used" -le $((max + SOCKETS * 8192)) ]
echo >&9
exec 9>&-
wait $SLEEPERS
udp_left() { counted sockets.udp | python3 -c '
import ast, sys
n = ast.literal_eval(sys.stdin.read())
sys.exit(sum(n.values()) > 1)'; }
check "all sockets of the program that ended are gone" wait_for 30 udp_left
check "and what they held" wait_for 10 eval '[ "$(counted datagram_memory.used)" = 0 ]'
check "ping is answered" peer ping -c 1 -W 5 $ADDR > "$TMP/ping"
check "and the neighbour is" peer python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.sendto(b"end", (sys.argv[1], 7007))
sys.exit(s.recv(10) != b"end")' $ADDR
wait $RUN
check "weir run ends well" same $? 0
finish
