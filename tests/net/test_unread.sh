#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Programs that do not read: what lies between the stack and them is bounded, and all of it arrives once they do.
. "$(dirname "$0")/common.sh"
need python3 ss nsenter
net_setup
CONNECTIONS=200
EACH=300000
cat > "$TMP/server.py" <<'EOS'
import socket, sys, threading
n, each = map(int, sys.argv[2:4])
listener = socket.create_server((sys.argv[1], 7200), backlog=512)
def serve(s):
	s.sendall(bytes(i * 7 % 251 for i in range(1000)) * (each // 1000))
	s.shutdown(socket.SHUT_WR)
	s.recv(1)
for _ in range(n):
	threading.Thread(target=serve, args=listener.accept()[:1], daemon=True).start()
threading.Event().wait()
EOS
cat > "$TMP/reader.py" <<'EOS'
import socket, sys
n, each = map(int, sys.argv[2:4])
socks = [socket.create_connection((sys.argv[1], 7200)) for _ in range(n)]
print("connected", flush=True)
sys.stdin.readline()
want = bytes(i * 7 % 251 for i in range(1000)) * (each // 1000)
good = 0
for s in socks:
	got = b""
	while part := s.recv(65536):
		got += part
	good += got == want
	s.close()
print("whole", good, flush=True)
EOS
background peer python3 "$TMP/server.py" $PEER $CONNECTIONS $EACH
wait_for 10 peer_listens 7200
fresh_name
mkfifo "$TMP/in"
sandbox "$NAME" --set weir.memory=64M -- python3 "$TMP/reader.py" $PEER $CONNECTIONS $EACH < "$TMP/in" > "$TMP/out" 2>&1 &
RUN=$!
PIDS="$PIDS $RUN"
exec 9> "$TMP/in"
wait_for 30 grep -q connected "$TMP/out" || cat "$TMP/out"

# The stack process has a network namespace of its own, in which all its AF_UNIX pairs are: skmem's t is what they hold.
stack=$(pgrep -P $RUN weir-stack)
held() { nsenter -t "$stack" -n ss -Hxm 2>/dev/null | grep -o 'skmem:([^)]*)' | sed 's/.*,t\([0-9]*\),.*/\1/' | awk '{ n += $1 } END { print n + 0 }'; }
before=0
for i in $(seq 100); do
	now=$(held)
	[ "$now" = "$before" ] && [ "$now" -gt 1000000 ] && break
	before=$now
	sleep 0.3
done
echo "$CONNECTIONS unread connections hold $now bytes"
# A quarter of 64 MB, and the smallest buffers and one message beyond each.
check "what lies unread is bounded" [ "$now" -gt 1000000 -a "$now" -lt $((16 * 1024 * 1024 + CONNECTIONS * 25000)) ]
echo >&9
wait_for 60 grep -q whole "$TMP/out"
check "everything arrives once it is read" same "$(tail -1 "$TMP/out")" "whole $CONNECTIONS"
exec 9>&-
wait $RUN
check "weir run ends well" same $? 0

# Who is made late has a small buffer. Once it writes much it gets a large one, and idle ones have small ones instead.
cat > "$TMP/sink.py" <<'EOS'
import socket, sys, threading
listener = socket.create_server((sys.argv[1], 7201), backlog=512)
def serve(s):
	while s.recv(1 << 20):
		pass
while True:
	threading.Thread(target=serve, args=listener.accept()[:1], daemon=True).start()
EOS
cat > "$TMP/writer.py" <<'EOS'
import socket, sys
socks = [socket.create_connection((sys.argv[1], 7201)) for _ in range(300)]
print("connected", flush=True)
sys.stdin.readline()
socks[-1].settimeout(1)
while open(sys.argv[2]).read() == "":
	socks[-1].send(bytes(1 << 16))
print("done", flush=True)
EOS
background peer python3 "$TMP/sink.py" $PEER
wait_for 10 peer_listens 7201
fresh_name
mkfifo "$TMP/in2"
: > "$TMP/stop"
sandbox "$NAME" --set weir.memory=64M -- python3 "$TMP/writer.py" $PEER "$TMP/stop" < "$TMP/in2" > "$TMP/out2" 2>&1 &
RUN=$!
PIDS="$PIDS $RUN"
exec 9> "$TMP/in2"
wait_for 30 grep -q connected "$TMP/out2" || cat "$TMP/out2"
stack=$(pgrep -P $RUN weir-stack)
small() { nsenter -t "$stack" -n ss -Hxm 2>/dev/null | grep -c ',tb4608,'; }
before=$(small)
echo >&9
regranted() { [ "$(small)" -gt "$before" ]; }
check "who is idle gives to who writes" wait_for 30 regranted
echo "$before buffers were small, now $(small) are"
echo stop > "$TMP/stop"
wait_for 30 grep -q done "$TMP/out2"
exec 9>&-
wait $RUN
check "the writer ends well" same $? 0

# What a socket may have waiting becomes less with their number, but never less than one message of the largest size.
cat > "$TMP/late.py" <<'EOS'
import resource, socket
resource.setrlimit(resource.RLIMIT_NOFILE, (1000, 1000))
to = socket.socket(type=socket.SOCK_DGRAM)
to.bind(("127.0.0.1", 0))
socks = [socket.socket(type=socket.SOCK_DGRAM) for _ in range(600)]
for s in socks:
	s.connect(to.getsockname())
	s.send(bytes(65507))
	if len(to.recv(65536)) != 65507:
		break
else:
	print("whole", len(socks))
EOS
check "the last of many datagram sockets sends the largest datagram" same \
	"$(timeout 60 "$WEIR" run --network=none --set weir.memory=64M -- python3 "$TMP/late.py" 2>&1 | tail -1)" "whole 600"

# A datagram for many sockets that nobody reads is dropped without asking each; who reads again gets the next ones.
cat > "$TMP/again.py" <<'EOS'
import socket
socks = [socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) for _ in range(400)]
to = socket.socket(type=socket.SOCK_DGRAM)
for _ in range(600):
	to.sendto(bytes(1000), ("127.0.0.1", 9))
one = socks[200]
one.setblocking(False)
def drain():
	n = 0
	try:
		while one.recv(2000):
			n += 1
	except BlockingIOError:
		return n
assert drain()
last = bytes(10) + b"after it was full"
one.setblocking(True)
one.settimeout(0.05)
for _ in range(1000):
	to.sendto(last, ("127.0.0.1", 9))
	try:
		if one.recv(2000).endswith(last):
			print("again")
			break
	except TimeoutError:
		pass
EOS
check "who reads again gets datagrams again" same \
	"$(timeout 90 "$WEIR" run --network=none --set weir.memory=16M -- python3 "$TMP/again.py" 2>&1 | tail -1)" "again"
finish
