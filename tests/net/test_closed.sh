#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Sockets of which nothing tells that the program has closed them are seen closed all the same, and at once
# where the answer of a call depends on it.
. "$(dirname "$0")/common.sh"
need python3 ip

cat > "$TMP/closed.py" <<'PY'
# Each line of input names what is to be made and closed; a line is written when that is done.
import os, socket, struct, sys

l = socket.create_server(("127.0.0.1", 0))

def pair():
	return socket.create_connection(l.getsockname()), l.accept()[0]

def shut():		# both sides have shut down, and know it
	c, s = pair()
	for x in c, s:
		x.shutdown(socket.SHUT_WR)
	for x in c, s:
		assert x.recv(1) == b""
	return c, s

def reset():
	c, s = pair()
	s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
	s.close()
	try:
		c.recv(1)
	except ConnectionResetError:
		return c,
	assert False

def udp():
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.connect(("127.0.0.1", 9))
	s.shutdown(socket.SHUT_RDWR)
	return s,

def fresh():
	return socket.socket(),

def listener():
	return socket.create_server(("127.0.0.1", 0)),

kinds = {"shut": shut, "reset": reset, "udp": udp, "fresh": fresh, "listener": listener}
for line in sys.stdin:
	what, n = line.split()
	for i in range(int(n)):
		for s in kinds[what]():
			s.close()
	# a call: what was closed before it is known when it is answered
	socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
	print(what, flush=True)
PY

mkfifo "$TMP/in" "$TMP/out"
exec 3<>"$TMP/in" 4<>"$TMP/out"
fresh_name
closing() { exec "$WEIR" run --network=none --name "$NAME" -- python3 "$TMP/closed.py" <"$TMP/in" 3>&- >&4; }
background closing
program=$LAST
# made_and_closed WHAT N: how many sockets the stack has when that is done.
made_and_closed() {
	local line
	echo "$1 $2" >&3
	read -r -t 60 line <&4 || return
	counted intercept.sockets
}

# One is there all the time: it listens.
check "both sides have shut down" same "$(made_and_closed shut 1)" 1
check "100 times" same "$(made_and_closed shut 100)" 1
check "a UDP socket that was shut down" same "$(made_and_closed udp 100)" 1
# Nothing tells of these, so some are there for a while, but not many.
few() { [ "$1" -lt 100 ]; }
check "2000 that were reset" few "$(made_and_closed reset 2000)"
check "2000 that were not connected" few "$(made_and_closed fresh 2000)"
check "2000 that listened" few "$(made_and_closed listener 2000)"
listening() { ctl "$NAME" sockets | grep -c LISTEN; }
check "of which none is shown" same "$(listening)" 1

# The last to be closed are those that a program's end closes: the sandbox ends.
echo "shut 1" >&3
exec 3>&-
check "the sandbox ends" wait "$program"

# Between PACKET_RX_RING and the next call the program has its ring in its socket's place. Both stacks have room for a
# few such rings at a time, and let go of those that were closed; of none that somebody has under another number.
cat > "$TMP/rings.py" <<'PY'
import ctypes, os, signal, socket, struct, time

SOL_PACKET, PACKET_RX_RING, PACKET_STATISTICS, ETH_P_ALL = 263, 5, 6, 3
libc = ctypes.CDLL(None, use_errno=True)

def ring():
	s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
	s.setsockopt(SOL_PACKET, PACKET_RX_RING, struct.pack("IIII", 1 << 20, 4, 2048, 2048))
	return s.detach()

def closed(n):
	for i in range(n):
		os.close(ring())

def killed(n):
	for i in range(n):
		pid = os.fork()
		if not pid:
			ring()
			os.kill(os.getpid(), signal.SIGKILL)
		os.waitpid(pid, 0)

def left(n):		# a line each, below one of names
	while len(open("/proc/net/packet").readlines()) != 1 + n:
		time.sleep(0.05)
	print(n, "are left")

def is_packet_socket(fd):
	room, size = ctypes.create_string_buffer(8), ctypes.c_uint(8)
	return not libc.getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, room, ctypes.byref(size))

first = ring()
copy = os.dup(first)
os.close(first)
inherited = ring()
go, tell = os.pipe()
child = os.fork()
if not child:
	os.read(go, 1)
	os._exit(not is_packet_socket(inherited))
os.close(inherited)
closed(60)
print("60 were closed")
killed(60)
print("60 were killed")
left(2)
os.write(tell, b"x")
print("one that was inherited is a socket:", not os.waitpid(child, 0)[1])
print("one that was duplicated is a socket:", is_packet_socket(copy))
os.close(copy)
left(0)
PY
net_setup
expected=$(timeout 60 ip netns exec $NSP python3 "$TMP/rings.py" 2>&1)
check "the kernel's rings that were closed" contains "$expected" "0 are left"
fresh_name
answer=$(timeout -s KILL 120 "$WEIR" run --network=none --name "$NAME" -- python3 "$TMP/rings.py" 2>&1)
check "rings that were closed are as the kernel's" same "$answer" "$expected"
finish
