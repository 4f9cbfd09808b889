#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A small memory cgroup: thousands of peers whose windows are closed, and a program that has much for each of them.
# Nobody is killed for want of memory, whether [weir] memory says something or not, and others are served.
. "$(dirname "$0")/common.sh"
need python3
PEERS=${PEERS:-3000}
LIMIT=$((100 << 20))
V1=/sys/fs/cgroup/memory
if [ -e $V1/memory.limit_in_bytes ]; then
	GROUP=$V1/weir-test-$$ MAX=memory.limit_in_bytes EVENTS=memory.oom_control
else
	GROUP=/sys/fs/cgroup/weir-test-$$ MAX=memory.max EVENTS=memory.events
fi
mkdir "$GROUP" 2>/dev/null && [ -e "$GROUP/$MAX" ] || { rmdir "$GROUP" 2>/dev/null; echo "SKIP: no memory cgroup can be made"; exit 77; }
trap 'cleanup; rmdir "$GROUP"' EXIT
echo $LIMIT > "$GROUP/$MAX"
net_setup
cat > "$TMP/server.py" <<'EOS'
import resource, select, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
listener = socket.create_server((sys.argv[1], 7300), backlog=4096)
listener.setblocking(False)
much = bytes(8 << 20)
poll = select.epoll()
poll.register(listener, select.EPOLLIN)
socks, sent = {}, {}
print("listening", flush=True)
while True:
	for fd, events in poll.poll():
		if fd == listener.fileno():
			try:
				s, _ = listener.accept()
			except (BlockingIOError, OSError):
				continue
			s.setblocking(False)
			socks[s.fileno()] = s
			sent[s.fileno()] = -1
			poll.register(s, select.EPOLLIN)
			continue
		s = socks[fd]
		try:
			if sent[fd] < 0:	# "L": a lot; else an echo
				data = s.recv(1)
				if data == b"e":
					s.send(data)
					continue
				if data != b"L":
					raise OSError
				sent[fd] = 0
				poll.modify(fd, select.EPOLLOUT)
			while sent[fd] < len(much):
				sent[fd] += s.send(memoryview(much)[sent[fd]:sent[fd] + 65536])
		except BlockingIOError:
			pass
		except OSError:
			poll.unregister(fd)
			socks.pop(fd).close()
EOS
cat > "$TMP/peers.py" <<'EOS'
import resource, socket, sys
addr, n = sys.argv[1], int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
socks = []
for _ in range(n):
	s = socket.socket()
	s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
	s.settimeout(20)
	s.connect((addr, 7300))
	s.send(b"L")
	socks.append(s)
print("asked", flush=True)
good = 0
for _ in range(50):
	s = socket.create_connection((addr, 7300), 20)
	s.send(b"e")
	good += s.recv(1) == b"e"
	s.close()
print("echoes", good, flush=True)
sys.stdin.readline()
EOS
killed() { awk '/oom_kill / { print $2 }' "$GROUP/$EVENTS"; }
settled() {
	local now
	now=$(counted pool.used)
	[ "$now" = "$BEFORE" ] || { BEFORE=$now; return 1; }
}
for memory in "" 48mb; do
	fresh_name
	sh -c 'echo $$ > "$1"; shift; exec "$@"' sh "$GROUP/cgroup.procs" "$WEIR" run --netns $NSW --name "$NAME" \
		${memory:+--set weir.memory=$memory} -- python3 "$TMP/server.py" $ADDR > "$TMP/server" 2>&1 &
	RUN=$!
	PIDS="$PIDS $RUN"
	wait_for 30 grep -q listening "$TMP/server" || cat "$TMP/server"
	[ -n "$memory" ] || check "the default follows the limit" [ "$(counted pool.limit)" -lt $((LIMIT / 2)) ]
	rm -f "$TMP/in"
	mkfifo "$TMP/in"
	peer python3 "$TMP/peers.py" $ADDR $PEERS < "$TMP/in" > "$TMP/peers" 2>&1 &
	CLIENTS=$!
	PIDS="$PIDS $CLIENTS"
	exec 9> "$TMP/in"
	wait_for 120 grep -q echoes "$TMP/peers" || cat "$TMP/peers"
	BEFORE=
	wait_for 30 settled
	check "memory ${memory:-by default}: others are served" grep -q "echoes 50" "$TMP/peers"
	check "memory ${memory:-by default}: nobody is killed" same "$(killed)" 0
	check "memory ${memory:-by default}: the stack is there" counted pool.used
	echo "usage $(cat "$GROUP"/memory.usage_in_bytes "$GROUP"/memory.current 2>/dev/null)"
	echo >&9
	exec 9>&-
	wait $CLIENTS
	stop $RUN
done
# Sockets take memory, too, though nothing lies in them.
cat > "$TMP/sockets.py" <<'EOS'
import resource, socket
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
socks = []
try:
	while len(socks) < 15000:
		socks.append(socket.socket(type=socket.SOCK_DGRAM))
except OSError as e:
	print(len(socks) > 1000, e.strerror)
EOS
fresh_name
sh -c 'echo $$ > "$1"; shift; exec "$@"' sh "$GROUP/cgroup.procs" "$WEIR" run --network=none --name "$NAME" \
	-- python3 "$TMP/sockets.py" > "$TMP/out" 2>&1
check "a program that makes sockets is told when there are no more" contains "$(cat "$TMP/out")" "True Too many open files in system"
check "the operator is told, with the remedy" contains "$(cat "$TMP/out")" "raise the limit"
check "nobody is killed" same "$(killed)" 0
fresh_name
sh -c 'echo $$ > "$1"; shift; exec "$@"' sh "$GROUP/cgroup.procs" "$WEIR" run --network=none --name "$NAME" \
	--set weir.memory=1gb -- true > "$TMP/out" 2>&1
check "more than the limit is warned of, with the remedy" \
	grep -q "memory = 1gb is more than the memory cgroup allows (100mb).*raise the limit" "$TMP/out" || cat "$TMP/out"
finish
