#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""close.py - connections that end with bytes on their way, as their peer, the wire and ss see it. Used by
test_close.sh, with the kernel and with weir as the subject.

	close.py peer			serves PORT on the peer's side, and does what the subject asks for
	close.py subject PEER		plays every scenario: a line each of what was seen
	close.py wire CAPTURE		of each scenario, by tcpdump: what the subject sent, and in which order
"""
import collections
import fcntl
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import time

PORT = 7000
FIRST = 7001		# the scenarios' own
LINGER_0 = struct.pack("ii", 1, 0)
PATIENCE = 20		# s: ends what would wait for ever; nothing here takes long
SIOCOUTQ = 0x5411


# ---- the peer: a line asks, a line answers ----

class Peer:
	def listen(self, port, rcvbuf):
		self.listener = socket.socket()
		self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		if int(rcvbuf):
			self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, int(rcvbuf))
		self.listener.bind(("0.0.0.0", int(port)))
		self.listener.listen(1)

	def accept(self):
		self.conn = self.listener.accept()[0]
		self.conn.settimeout(PATIENCE)
		self.listener.close()

	def send(self, n):
		self.conn.sendall(b"q" * int(n))

	def read(self):
		total = 0
		try:
			while data := self.conn.recv(1 << 20):
				total += len(data)
		except ConnectionResetError:
			return f"{total} reset"
		return f"{total} eof"

	def hangup(self):
		p = select.poll()
		p.register(self.conn, select.POLLERR | select.POLLHUP)
		return "reset" if p.poll(PATIENCE * 1000) else "nothing"

	def close(self):
		self.conn.close()


def serve():
	s = socket.socket()
	s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	s.bind(("0.0.0.0", PORT))
	s.listen(1)
	while True:
		peer = Peer()
		with s.accept()[0] as c, c.makefile("rw") as lines:
			for line in lines:
				op, *args = line.split()
				print(getattr(peer, op)(*args) or "ok", file=lines, flush=True)


# ---- the subject ----

class Asked:
	def __init__(self, addr):
		self.addr = addr
		self.lines = socket.create_connection((addr, PORT)).makefile("rw")

	def __call__(self, *words):
		print(*words, file=self.lines, flush=True)
		return self.lines.readline().strip()


def connect(ask, port, rcvbuf=0):
	ask("listen", port, rcvbuf)
	c = socket.create_connection((ask.addr, port))
	ask("accept")
	return c


def unread(ask, c):
	"""Something of the peer's that nobody reads."""
	ask("send", 100)
	c.recv(50, socket.MSG_WAITALL)


def outq(c):
	return struct.unpack("i", fcntl.ioctl(c, SIOCOUTQ, b"\0" * 4))[0]


def fill(c):
	"""Write until nothing moves any more: bytes."""
	c.setblocking(False)
	sent, quiet = 0, 0
	while quiet < 5:
		try:
			sent += c.send(b"z" * 65536)
			quiet = 0
		except BlockingIOError:
			quiet += 1
			time.sleep(.05)
	return sent


def state(port):
	out = subprocess.run(["ss", "-Htan", f"dport = :{port}"], capture_output=True, text=True).stdout
	return out.split()[0] if out else "gone"


def comes(port, *wanted):
	"""The state, once it is one of these."""
	end = time.monotonic() + PATIENCE
	while (s := state(port)) not in wanted and time.monotonic() < end:
		time.sleep(.05)
	return s


def orphans():
	with open("/proc/net/sockstat") as f:
		return int(re.search(r"TCP:.* orphan (\d+)", f.read())[1])


def hard(c):
	c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)


def answer_unread(ask, port):
	c = connect(ask, port)
	unread(ask, c)
	c.sendall(b"r" * 1000)
	c.close()
	return ask("read")


def answer_large(ask, port):
	"""More than a first window, less than the peer takes without reading: ACKs let it go."""
	c = connect(ask, port)
	unread(ask, c)
	c.sendall(b"r" * 40000)
	c.close()
	return ask("read")


def answer_in_pieces(ask, port):
	c = connect(ask, port)
	c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
	unread(ask, c)
	for _ in range(10):
		c.sendall(b"r" * 700)
	c.close()
	return ask("read")


def answer_hard(ask, port):
	c = connect(ask, port)
	hard(c)
	c.sendall(b"r" * 1000)
	c.close()
	return ask("read")


def answer_killed(ask, port):
	c = connect(ask, port)
	unread(ask, c)
	pid = os.fork()
	if not pid:
		c.sendall(b"r" * 1000)
		os.kill(os.getpid(), signal.SIGKILL)
	c.close()
	os.waitpid(pid, 0)
	return ask("read")


def shut_unread(ask, port):
	"""The FIN has gone already."""
	c = connect(ask, port)
	unread(ask, c)
	c.sendall(b"r" * 1000)
	c.shutdown(socket.SHUT_WR)
	seen = comes(port, "FIN-WAIT-2")
	c.close()
	return f"{seen} then {comes(port, 'gone')}"


def window_hard(ask, port):
	c = connect(ask, port, 4096)
	fill(c)
	hard(c)
	c.close()
	return f"{comes(port, 'gone')} {ask('hangup')}"


def window_unread(ask, port):
	c = connect(ask, port, 4096)
	unread(ask, c)
	fill(c)
	c.close()
	return f"{comes(port, 'gone')} {ask('hangup')}"


def hard_port(ask, port):
	"""The port is free at once, whatever was on its way. What arrives of that depends on the path."""
	ask("listen", port, 0)
	c = socket.socket()
	c.bind(("", port))
	c.connect((ask.addr, port))
	ask("accept")
	c.sendall(b"r" * 60000)
	hard(c)
	c.close()
	with socket.socket() as s:
		try:
			s.bind(("", port))
		except OSError as e:
			return e.strerror
	return f"free, {ask('hangup')}"


def all_of(sent, read):
	total, end = read.split()
	return f"{'all' if int(total) == sent else f'{total} of {sent}'} {end}"


def window_close(ask, port):
	c = connect(ask, port, 4096)
	sent = fill(c)
	c.close()
	seen = comes(port, "FIN-WAIT-1")
	return f"{seen}, {all_of(sent, ask('read'))}"


def window_shutdown(ask, port):
	c = connect(ask, port, 4096)
	sent = fill(c)
	before = outq(c)
	c.shutdown(socket.SHUT_WR)
	seen = comes(port, "FIN-WAIT-1")
	counted = "FIN counted" if outq(c) == before + 1 else f"{outq(c)} after {before}"
	return f"{seen}, {counted}, {all_of(sent, ask('read'))}, {comes(port, 'FIN-WAIT-2')}"


def window_shutdown_close(ask, port):
	c = connect(ask, port, 4096)
	sent = fill(c)
	c.shutdown(socket.SHUT_WR)
	c.close()
	return f"{comes(port, 'FIN-WAIT-1')}, {all_of(sent, ask('read'))}"


def window_killed(ask, port):
	c = connect(ask, port, 4096)
	r, w = os.pipe()
	pid = os.fork()
	if not pid:
		os.write(w, b"%d" % fill(c))
		signal.pause()
	c.close()
	sent = int(os.read(r, 100))
	os.kill(pid, signal.SIGKILL)
	os.waitpid(pid, 0)
	return f"{comes(port, 'FIN-WAIT-1')}, {all_of(sent, ask('read'))}"


def window_peer_gone(ask, port):
	"""The orphan's peer is gone, too. The kernel counts the orphans of all namespaces, so it is not asked how many."""
	c = connect(ask, port, 4096)
	fill(c)
	c.close()
	seen = comes(port, "FIN-WAIT-1")
	print(f"orphans: {orphans()}", file=sys.stderr)
	ask("close")
	return f"{seen} then {comes(port, 'gone')}"


SCENARIOS = (answer_unread, answer_large, answer_in_pieces, answer_hard, answer_killed, shut_unread, hard_port, window_hard,
	     window_unread, window_close, window_shutdown, window_shutdown_close, window_killed, window_peer_gone)


def play(addr):
	ask = Asked(addr)
	for i, scenario in enumerate(SCENARIOS):
		print(f"{scenario.__name__}: {scenario(ask, FIRST + i)}", flush=True)
		ask("close")


# ---- the wire ----

SEGMENT = re.compile(r"IP (\S+)\.(\d+) > \S+\.(\d+): Flags \[(\S+)\](?:, seq (\d+)(?::(\d+))?)?")


def wire(capture):
	"""The subject's segments: payload, FINs, RSTs, and whether the RST stands behind all of it."""
	text = subprocess.run(["tcpdump", "-n", "-r", capture, "tcp"], capture_output=True, text=True).stdout
	sent = collections.defaultdict(list)
	for m in SEGMENT.finditer(text):
		to, flags, seq, end = int(m[3]), m[4], int(m[5] or 0), int(m[6] or 0)
		if FIRST <= to < FIRST + len(SCENARIOS) and "S" not in flags:
			sent[to].append((flags, seq, end))
	for i, scenario in enumerate(SCENARIOS):
		segments = sent[FIRST + i]
		data = max((end for _, _, end in segments), default=1) - 1
		fins = any("F" in f for f, _, _ in segments)
		rsts = [(n, seq) for n, (f, seq, _) in enumerate(segments) if "R" in f]
		what = [f"{data} bytes" if scenario.__name__.startswith("answer") else "bytes", "FIN" if fins else "no FIN"]
		if rsts:
			last = all(not end for _, _, end in segments[rsts[0][0]:])
			behind = rsts[0][1] == data + 1 + fins
			what.append("RST" + (", behind all" if last and behind else f", at {rsts[0][1]} of {data}"))
		print(f"{scenario.__name__}: {', '.join(what)}")


if __name__ == "__main__":
	{"peer": serve, "subject": play, "wire": wire}[sys.argv[1]](*sys.argv[2:])
