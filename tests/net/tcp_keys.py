#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tcp_keys.py - what the keys of [tcp] change, done once each. Used by test_tcp_keys.sh, which says on what
paths these addresses are, and reads the capture.

	tcp_keys.py serve		the peer: answers on the ports below with how many bytes came
	tcp_keys.py call		the peer connects to weir, and asks for a Fast Open cookie
	tcp_keys.py syn			a SYN from an address that nobody has, so no answer to it arrives anywhere
	tcp_keys.py inside DIR		on weir: all at once; prints NAME=WHAT, a line each. The file "idle" in
					DIR says that a connection waits, "silent" lets it go on
"""
import concurrent.futures
import contextlib
import errno
import os
import select
import socket
import struct
import sys
import threading
import time

PEER, WEIR, HOLE, NOBODY, LEAVING = "10.77.0.1", "10.77.0.2", "10.78.0.1", "10.79.0.1", "10.79.1.1"
HELLO, FASTOPEN, SMALL_PATH, KEEPALIVE, UNANSWERED, CALLED = range(7001, 7007)
MSG_FASTOPEN = 0x20000000
TIMEOUT = 60


def serve_one(s):
	with s, contextlib.suppress(ConnectionResetError):
		total = 0
		while part := s.recv(1 << 16):
			total += len(part)
		s.sendall(b"%d" % total)


def serve_port(port):
	with socket.create_server(("", port)) as l:
		l.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 8)
		while True:
			threading.Thread(target=serve_one, args=(l.accept()[0],), daemon=True).start()


def serve():
	for port in range(HELLO, UNANSWERED):
		threading.Thread(target=serve_port, args=(port,)).start()


def call():
	with socket.socket() as s:
		s.sendto(b"hello", MSG_FASTOPEN, (WEIR, CALLED))


def syn():
	tcp = struct.pack(">HHIIBBHHH", 4711, CALLED, 1, 0, 5 << 4, 2, 1000, 0, 0)
	total = sum(struct.unpack(">16H", socket.inet_aton(NOBODY) + socket.inet_aton(WEIR) +
				  struct.pack(">HH", socket.IPPROTO_TCP, len(tcp)) + tcp))
	total = (total & 0xffff) + (total >> 16)
	total = (total & 0xffff) + (total >> 16)
	tcp = tcp[:16] + struct.pack(">H", ~total & 0xffff) + tcp[18:]
	ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 1, 0, 64, socket.IPPROTO_TCP, 0,
			 socket.inet_aton(NOBODY), socket.inet_aton(WEIR))
	with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as s:
		s.sendto(ip + tcp, (WEIR, 0))


# ---- inside: each gives its line's right side ----

def info(s):
	"""tcpi_retransmits, tcpi_snd_mss."""
	raw = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 20)
	return raw[2], struct.unpack_from("=I", raw, 16)[0]


def abort(s):
	"""What is never acknowledged: weir run would wait for it."""
	s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hello(folder):
	with socket.create_connection((PEER, HELLO), TIMEOUT) as s:
		s.sendall(b"hello")
		s.shutdown(socket.SHUT_WR)
		assert s.recv(10) == b"5"
		return s.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)


def fastopen(folder):
	with socket.socket() as s:
		try:
			s.sendto(b"hello", MSG_FASTOPEN, (PEER, FASTOPEN))
			return "connected"
		except OSError as e:
			return errno.errorcode[e.errno]


def small_path(folder):
	"""The size of segments at first, and whether all arrives, or they are as large after the fifth time-out:
	at the fourth in a row a black hole is suspected."""
	with socket.create_connection((HOLE, SMALL_PATH), TIMEOUT) as s:
		mss = info(s)[1]
		s.sendall(bytes(20000))
		s.shutdown(socket.SHUT_WR)
		s.settimeout(0.1)
		while True:
			try:
				assert s.recv(10) == b"20000"
				return mss, "arrived"
			except TimeoutError:
				if info(s)[0] > 4:
					abort(s)
					return mss, "stuck" if info(s)[1] == mss else "smaller"


def keepalive(folder):
	with socket.create_connection((LEAVING, KEEPALIVE)) as s:
		said = [s.getsockopt(socket.IPPROTO_TCP, o)
			for o in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)]
		open(folder + "/idle", "w").close()
		while not os.path.exists(folder + "/silent"):
			time.sleep(0.05)
		s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
		if said[0] > TIMEOUT:
			abort(s)
			return *said, "open"
		select.select([s], [], [], TIMEOUT)
		return *said, errno.errorcode.get(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), "open")


def unanswered(folder):
	with socket.socket() as s:
		s.setblocking(False)
		s.connect_ex((NOBODY, UNANSWERED))
		while True:
			error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
			if error:
				return errno.errorcode[error]
			if info(s)[0] > 1:
				return "sent again"
			time.sleep(0.05)


def called(folder):
	with socket.create_server(("", CALLED)) as l:
		l.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 8)
		open(folder + "/listening", "w").close()
		with l.accept()[0] as s:
			s.recv(10)
		while not os.path.exists(folder + "/half-open"):
			time.sleep(0.05)
		return unanswered(folder)	# the SYN-ACK's turn comes first


def inside(folder):
	todo = hello, fastopen, small_path, keepalive, called
	with concurrent.futures.ThreadPoolExecutor(len(todo)) as pool:
		for what, got in [(t.__name__, pool.submit(t, folder)) for t in todo]:
			got = got.result()
			print(f"{what}=" + (" ".join(map(str, got)) if isinstance(got, tuple) else str(got)))


{"serve": serve, "call": call, "syn": syn, "inside": inside}[sys.argv[1]](*sys.argv[2:])
