#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Sockets of which nothing tells that the program has closed them are seen closed all the same, and at once
# where the answer of a call depends on it.
. "$(dirname "$0")/common.sh"
need python3

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
finish
