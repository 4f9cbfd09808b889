#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""interop.py - dialogues between a stack under test ("inside") and the kernel ("outside"), and what a
capture of them has to show. Used by test_interop.sh.

	interop.py play GROUP inside|outside DIR	one side of every scenario of a group, in order
	interop.py names GROUP				what there is to judge
	interop.py judge GROUP KERNEL.tsv INSIDE.tsv	the frames as tshark read them, once with the kernel
							inside and once with the stack under test: a line for
							each scenario, "NAME: ok" or what is wrong
	interop.py fields				which fields tshark is to print

A scenario is a line of SCENARIOS at the end: a client, a server, what must be on the wire, and where that is
written. It is played with the client inside and outside, over both families (NAME.client.ipv4, NAME.server.ipv6
and so on say what is inside, and how). Several are played at a time. Judged are

	- the wire: the scenario's own predicate, which must hold for the kernel too, or it proves nothing
	- expert infos: none of tshark's but those that the kernel causes in the same scenario
"""
import contextlib
import errno
import fcntl
import itertools
import multiprocessing
import os
import select
import socket
import struct
import subprocess
import sys
import time
import traceback
import typing

import multicast



class Family(typing.NamedTuple):
	"""What is not the same in both. Of ICMP messages (type, code). The address, and the group, of a number are
	a scenario's own; the prefix makes it nobody else's source (RFC 6724 5, rule 8)."""
	name: str
	af: int
	inside: str
	outside: str
	address: str
	far: str
	group: str
	sources: tuple
	any: str
	level: int
	icmp: int
	echo: tuple
	echo_reply: tuple
	port_unreachable: tuple
	too_big: tuple


IPV4 = Family("ipv4", socket.AF_INET, "10.77.0.2", "10.77.0.1", "10.77.{}.{}", "10.78.{}.{}", "239.7.{}.{}",
	      ("10.77.0.101", "10.77.0.102"), "0.0.0.0", socket.IPPROTO_IP, socket.IPPROTO_ICMP,
	      echo=(8, 0), echo_reply=(0, 0), port_unreachable=(3, 3), too_big=(3, 4))
IPV6 = Family("ipv6", socket.AF_INET6, "fd00:77::2", "fd00:77::1", "fd00:77:0:1::{:x}{:02x}", "fd00:78::{:x}{:02x}", "ff15::{:x}{:02x}",
	      ("fd00:77::101", "fd00:77::102"), "::", socket.IPPROTO_IPV6, socket.IPPROTO_ICMPV6,
	      echo=(128, 0), echo_reply=(129, 0), port_unreachable=(1, 4), too_big=(2, 0))
FAMILIES = IPV4, IPV6

MAC_INSIDE, MAC_OUTSIDE = "02:00:00:00:77:02", "02:00:00:00:77:01"
BASE = 7000
SIOCATMARK = 0x8905
SMALL_MTU = 1280	# see test_interop.sh
# What tshark is to print. Where two names are for one thing, a frame has one of them, by its family.
TEXTS = {
	"eth.src": (), "ipv6.src": (), "ipv6.dst": (), "tcp.option_kind": (), "_ws.expert.severity": (),
	"_ws.expert.message": (), "target": ("icmpv6.nd.ns.target_address", "icmpv6.nd.na.target_address"),
	"record types": ("igmp.record_type", "icmpv6.mldr.mar.record_type"),
	"groups": ("igmp.maddr", "icmpv6.mldr.mar.multicast_address"),
	"source counts": ("igmp.num_src", "icmpv6.mldr.mar.nb_sources"),
	"sources": ("igmp.saddr", "icmpv6.mldr.mar.source_address"),
}
NUMBERS = {
	"frame.len": (),
	"tcp.srcport": (), "tcp.dstport": (), "udp.srcport": (), "udp.dstport": (), "tcp.flags": (),
	"tcp.seq": (), "tcp.ack": (), "tcp.urgent_pointer": (),
	"tcp.options.mss_val": (), "tcp.options.sack.count": (), "tcp.len": (), "tcp.analysis.zero_window": (),
	"tcp.analysis.keep_alive": (), "tcp.analysis.keep_alive_ack": (),
	"more fragments": ("ip.flags.mf", "ipv6.fraghdr.more"), "packet": ("ip.id", "ipv6.fraghdr.ident"),
	"fragment offset": ("ip.frag_offset", "ipv6.fraghdr.offset"), "ecn": ("ip.dsfield.ecn", "ipv6.tclass.ecn"),
	"icmp.type": ("icmp.type", "icmpv6.type"), "icmp.code": ("icmp.code", "icmpv6.code"),
	"icmp.ident": ("icmp.ident", "icmpv6.echo.identifier"), "icmpv6.nd.na.flag.s": (),
}
FIELDS = [field for name, names in (TEXTS | NUMBERS).items() for field in names or (name,)]
FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << i for i in range(8))
FASTOPEN_COOKIE = 34	# of options, RFC 7413 4.1.1
NOTE, WARN = 0x400000, 0x600000
# These follow from how soon the machine ran whom: a reading program that is late closes the window, a stack that
# is late gets a tail loss probe for what was not lost (RFC 8985 7), and says so (RFC 2883).
OF_TIME = {"TCP Zero Window segment", "TCP window specified by the receiver is now completely full",
	   "D-SACK Sequence", "This frame is a (suspected) retransmission",
	   "This frame is a (suspected) spurious retransmission", "Duplicate ACK (#)"}
# A segment too big for the path is sent again at once, which looks as if it had been overtaken.
OF_PATHS = {"This frame is a (suspected) out-of-order segment"}
TIMEOUT = 60
LANES = 5	# of each family


# ---- the two ends in step ----

class Gone(Exception):
	"""The other side has ended, so nothing more can be played."""


class Step:
	"""Files in a folder that both see tell who is where. Nothing of it is on the wire."""

	def __init__(self, folder, side):
		self.folder, self.side = folder, side

	def reach(self, what):
		open(f"{self.folder}/{self.side}.{what}", "w").close()

	def wait(self, what):
		other = "outside" if self.side == "inside" else "inside"
		until = time.monotonic() + TIMEOUT
		while not os.path.exists(f"{self.folder}/{other}.{what}"):
			if os.path.exists(f"{self.folder}/{other}.gone"):
				raise Gone(f"the other side ended before {what}")
			if time.monotonic() > until:
				raise AssertionError(f"the other side never got to {what}")
			time.sleep(0.02)


class End:
	"""What a client or a server of a scenario has: the family, the other's address, the port, and the steps."""

	def __init__(self, step, role):
		self.step, self.name, self.family, self.port = step, role.name, role.family, role.port
		self.own, self.group = role.address, role.group
		self.addr, self.here = role.family.outside, role.family.inside
		if step.side == "outside":
			self.addr, self.here = self.here, self.addr
		# What is found out about a path is kept for its address: so far away each scenario has one of its own.
		self.source = None
		if role.scenario.group == "far":
			if step.side == "inside":
				self.addr = role.address
			else:
				self.source = role.address, 0

	def reach(self, what):
		self.step.reach(f"{self.name}.{what}")

	def wait(self, what):
		self.step.wait(f"{self.name}.{what}")

	def ready(self):
		self.reach("ready")

	def socket(self, kind, protocol=0):
		s = socket.socket(self.family.af, kind, protocol)
		if self.family is IPV6 and kind != socket.SOCK_RAW:
			s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)	# the port is IPv4's too
		s.settimeout(TIMEOUT)
		return s

	def listen(self, rcvbuf=0):
		l = self.socket(socket.SOCK_STREAM)
		l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		if rcvbuf:
			l.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
		l.bind((self.family.any, self.port))
		l.listen(8)
		self.ready()
		return l

	def accept(self, rcvbuf=0):
		with self.listen(rcvbuf) as l:
			s, _ = l.accept()
		s.settimeout(TIMEOUT)
		return s

	def wait_ready(self):
		self.wait("ready")

	def connect(self):
		self.wait_ready()
		return socket.create_connection((self.addr, self.port), TIMEOUT, self.source)

	def datagram(self):
		return self.socket(socket.SOCK_DGRAM)


def read_all(s):
	data = bytearray()
	while part := s.recv(1 << 16):
		data += part
	return bytes(data)


def read_exactly(s, n):
	data = bytearray()
	while len(data) < n:
		part = s.recv(n - len(data))
		assert part, "end of file"
		data += part
	return bytes(data)


BLOCK = bytes(i * 7 & 255 for i in range(1 << 16))


# ---- scenarios: client, server ----

def hello_client(e):
	with e.connect() as s:
		s.sendall(b"hello")
		assert read_exactly(s, 5) == b"world"
		s.shutdown(socket.SHUT_WR)
		assert s.recv(1) == b""


def hello_server(e):
	with e.accept() as s:
		assert read_exactly(s, 5) == b"hello"
		s.sendall(b"world")
		assert s.recv(1) == b""


def first_to_close_client(e):
	with e.connect() as s:
		s.sendall(b"hello")
		assert read_all(s) == b"bye"


def first_to_close_server(e):
	with e.accept() as s:
		read_exactly(s, 5)
		s.sendall(b"bye")


def half_close_client(e):
	with e.connect() as s:
		s.shutdown(socket.SHUT_WR)
		assert read_all(s) == 8 * BLOCK


def half_close_server(e):
	with e.accept() as s:
		assert s.recv(1) == b""
		s.sendall(8 * BLOCK)


def bulk_client(e):
	with e.connect() as s:
		s.sendall(32 * BLOCK)
		s.shutdown(socket.SHUT_WR)
		assert s.recv(1) == b""


def bulk_server(e):
	with e.accept() as s:
		assert read_all(s) == 32 * BLOCK


def download_client(e):
	with e.connect() as s:
		assert read_all(s) == 32 * BLOCK


def download_server(e):
	with e.accept() as s:
		s.sendall(32 * BLOCK)


def stall_client(e):
	with e.connect() as s:
		s.sendall(16 * BLOCK)
		s.shutdown(socket.SHUT_WR)
		assert s.recv(1) == b""


def stall_server(e):
	with e.accept(rcvbuf=16384) as s:
		time.sleep(1.5)
		assert read_all(s) == 16 * BLOCK


def keepalive_client(e):
	with e.connect() as s:
		for option, value in (socket.TCP_KEEPIDLE, 1), (socket.TCP_KEEPINTVL, 1):
			s.setsockopt(socket.IPPROTO_TCP, option, value)
		s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
		time.sleep(2.5)
		s.sendall(b"x")
		assert s.recv(1) == b"y"


def keepalive_server(e):
	with e.accept() as s:
		assert read_exactly(s, 1) == b"x"
		s.sendall(b"y")


def refused_client(e):
	e.wait_ready()
	try:
		socket.create_connection((e.addr, e.port), timeout=TIMEOUT)
	except ConnectionRefusedError:
		return
	raise AssertionError("not refused")


def refused_server(e):
	e.ready()


def abort_client(e):
	s = e.connect()
	s.sendall(b"hello")
	assert read_exactly(s, 5) == b"world"
	s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
	s.close()


def abort_server(e):
	with e.accept() as s:
		assert read_exactly(s, 5) == b"hello"
		s.sendall(b"world")
		reset(s)


def reset(s):
	try:
		assert s.recv(1) != b"", "closed, not reset"
	except ConnectionResetError:
		return
	raise AssertionError("not reset")


def unread_client(e):
	with e.connect() as s:
		s.sendall(b"nobody reads this")
		reset(s)


def unread_server(e):
	s = e.accept()
	select.select([s], [], [], TIMEOUT)
	s.close()


def late_client(e):
	with e.connect() as s:
		assert s.recv(1) == b""
		s.sendall(b"too late")
		time.sleep(0.3)
		try:
			s.sendall(b"again")
		except (BrokenPipeError, ConnectionResetError):
			return
		raise AssertionError("not reset")


def late_server(e):
	e.accept().close()


def urgent_client(e):
	with e.connect() as s:
		s.sendall(b"ab")
		assert s.recv(1) == b"."
		s.send(b"cd!", socket.MSG_OOB)
		s.sendall(b"ef")
		s.shutdown(socket.SHUT_WR)
		assert s.recv(1) == b""


def urgent_server(e):
	with e.accept() as s:
		assert read_exactly(s, 2) == b"ab"
		s.sendall(b".")
		data = bytearray()
		select.select([], [], [s], TIMEOUT)
		assert s.recv(1, socket.MSG_OOB) == b"!"
		assert read_all(s) == b"cdef"


def inline_server(e):
	with e.accept() as s:
		s.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
		assert read_exactly(s, 2) == b"ab"
		s.sendall(b".")
		select.select([], [], [s], TIMEOUT)
		assert s.recv(10) == b"cd"	# no read passes the mark
		assert fcntl.ioctl(s, SIOCATMARK, bytes(4)) != bytes(4), "no mark"
		assert read_all(s) == b"!ef"


def twice_from_one_port(e):
	e.wait_ready()
	port = 0
	for _ in range(2):
		with e.socket(socket.SOCK_STREAM) as s:
			s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
			s.bind((e.family.any, port))
			s.connect((e.addr, e.port))
			port = s.getsockname()[1]
			yield s
		time.sleep(0.2)		# who is in TIME-WAIT is, and timestamps go on


def time_wait_client(e):
	"""Again, while the server, who closed first, is in TIME-WAIT."""
	for s in twice_from_one_port(e):
		assert read_all(s) == b"bye"


def time_wait_server(e):
	with e.listen() as l:
		for _ in range(2):
			with l.accept()[0] as s:
				s.sendall(b"bye")


def own_time_wait_client(e):
	"""Again, while the client itself, who closed first, is in TIME-WAIT. It names the port: then timestamps are
	enough. (tcp_tw_reuse and a second's distance are for ports that connect() chooses.)"""
	for s in twice_from_one_port(e):
		s.sendall(b"hello")
		s.shutdown(socket.SHUT_WR)
		assert read_all(s) == b"bye"


def own_time_wait_server(e):
	with e.listen() as l:
		for _ in range(2):
			with l.accept()[0] as s:
				assert read_all(s) == b"hello"
				s.sendall(b"bye")


# ---- RFC 7413: a SYN with data, and an answer to it before the handshake ends ----

MSG_FASTOPEN = 0x20000000
TCP_FASTOPEN_CONNECT = 30
SYN_RECEIVED = 3		# tcpi_state


def fastopen_connection(e, how, data):
	"""What the server says to data that is written before there is a connection. Blocking: a socket with
	a timeout is none, and gets EINPROGRESS."""
	with e.socket(socket.SOCK_STREAM) as s:
		s.settimeout(None)
		if how == MSG_FASTOPEN:
			assert s.sendto(data, MSG_FASTOPEN, (e.addr, e.port)) == len(data)
		else:
			s.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)
			s.connect((e.addr, e.port))
			s.sendall(data)
		s.settimeout(TIMEOUT)
		s.shutdown(socket.SHUT_WR)
		return read_all(s)


def fastopen_client(e):
	"""The first one asks for a cookie. A server that runs late answers when the handshake has ended."""
	e.wait_ready()
	fastopen_connection(e, MSG_FASTOPEN, b"who are you?")
	for how in MSG_FASTOPEN, TCP_FASTOPEN_CONNECT:
		for attempt in range(20):
			answer = fastopen_connection(e, how, BLOCK[:100])
			assert answer[:100] == BLOCK[:100]
			if answer[100:] == b"early":
				break
		else:
			raise AssertionError("never before the handshake has ended")
	fastopen_connection(e, MSG_FASTOPEN, b"enough")


def fastopen_server(e):
	with e.listen() as l:
		l.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 8)
		data = b""
		while data != b"enough":
			with l.accept()[0] as s:
				s.settimeout(TIMEOUT)
				data = s.recv(1 << 16)
				s.sendall(data)
				state = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
				s.sendall(b"early" if state == SYN_RECEIVED else b"late")
				assert s.recv(1) == b""


def simultaneous_open(e):
	"""Both connect, in less time than the wire takes, or try again: early is refused."""
	for attempt in range(20):
		s = e.socket(socket.SOCK_STREAM)
		s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		s.bind((e.here, e.port))
		e.reach(f"try{attempt}")
		e.wait(f"try{attempt}")
		try:
			s.connect((e.addr, e.port))
			return s
		except ConnectionRefusedError:
			s.close()
	raise AssertionError("never at the same time")


def simultaneous_client(e):
	with simultaneous_open(e) as s:
		s.sendall(b"hello")
		assert read_exactly(s, 5) == b"world"


def simultaneous_server(e):
	with simultaneous_open(e) as s:
		assert read_exactly(s, 5) == b"hello"
		s.sendall(b"world")
		assert s.recv(1) == b""


def small_writes_client(e):
	with e.connect() as s:
		s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
		for i in range(50):
			s.sendall(b"x")
			assert s.recv(1) == b"x"


def small_writes_server(e):
	with e.accept() as s:
		while part := s.recv(1):
			s.sendall(part)


def udp_client(e, size=100):
	e.wait_ready()
	with e.datagram() as s:
		for i in range(5):
			s.sendto(BLOCK[i:i + size], (e.addr, e.port))
			assert s.recv(1 << 16) == BLOCK[i:i + size]


def udp_server(e):
	with e.datagram() as s:
		s.bind((e.family.any, e.port))
		e.ready()
		for i in range(5):
			data, who = s.recvfrom(1 << 16)
			s.sendto(data, who)


def fragments_client(e):
	udp_client(e, 20000)


def unreachable_client(e):
	e.wait_ready()
	with e.datagram() as s:
		s.connect((e.addr, e.port))
		s.send(b"anybody?")
		select.select([s], [], [], TIMEOUT)
		error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
		assert error == errno.ECONNREFUSED, os.strerror(error)


def echo_request(family, ident, sequence, data):
	"""Of ICMPv6 the kernel and weir compute the checksum (RFC 3542 3.1)."""
	packet = struct.pack(">BBHHH", *family.echo, 0, ident, sequence) + data
	if family is IPV6:
		return packet
	total = sum(struct.unpack(f">{len(packet) // 2}H", packet))
	while total >> 16:
		total = (total & 0xffff) + (total >> 16)
	return packet[:2] + struct.pack(">H", ~total & 0xffff) + packet[4:]


def ping_client(e, size=56):
	e.wait_ready()
	head = 20 if e.family is IPV4 else 0	# of what a raw socket gives, the IP header
	with socket.socket(e.family.af, socket.SOCK_RAW, e.family.icmp) as s:
		s.settimeout(TIMEOUT)
		for i in range(3):
			packet = echo_request(e.family, e.port, i, BLOCK[:size])
			s.sendto(packet, (e.addr, 0))
			while True:
				got = s.recv(1 << 16)[head:]
				if (got[0], got[1]) == e.family.echo_reply and got[4:8] == packet[4:8]:
					assert got[8:] == packet[8:]
					break


def large_ping_client(e):
	ping_client(e, 6000)


# ---- multicast: the client is the member ----

JOIN, BLOCK_SOURCE, UNBLOCK_SOURCE, LEAVE, JOIN_SOURCE, LEAVE_SOURCE = range(42, 48)	# MCAST_..., RFC 3678 5
REPORTED = 1.3		# s: by then it was told twice (RFC 3376 8.11, RFC 3810 9.11)


def change(e, s, what, source=None):
	request = struct.pack("=I4x", socket.if_nametoindex("eth0")) + multicast.sockaddr(e.group)
	s.setsockopt(e.family.level, what, request + (multicast.sockaddr(source) if source else b""))


def join_client(e):
	with e.datagram() as s:
		s.bind((e.family.any, e.port))
		change(e, s, JOIN)
		e.reach("joined")
		assert s.recv(100) == b"to all"
		time.sleep(REPORTED)
		change(e, s, LEAVE)


def join_server(e):
	e.wait("joined")
	with e.datagram() as s:
		multicast.use(s, e.group, "eth0" if e.family is IPV6 else e.here)
		s.sendto(b"to all", multicast.name(e.group, e.port, "eth0"))


def changes_client(e, *changes):
	with e.datagram() as s:
		for what, source in changes:
			change(e, s, what, source and e.family.sources[source - 1])
			time.sleep(REPORTED)


def include_client(e):
	changes_client(e, (JOIN_SOURCE, 1), (JOIN_SOURCE, 2), (LEAVE_SOURCE, 1))


def exclude_client(e):
	changes_client(e, (JOIN, None), (BLOCK_SOURCE, 1), (UNBLOCK_SOURCE, 1))


def nothing(e):
	pass


# ---- neighbours: the server has an address more ----

def resolution_client(e):
	e.wait_ready()
	with e.datagram() as s:
		s.bind((e.here, 0))
		s.sendto(b"who is it?", (e.own, e.port))
		assert s.recv(100) == b"me"


def resolution_server(e):
	with e.datagram() as s:
		s.bind((e.own, e.port))
		e.ready()
		_, who = s.recvfrom(100)
		s.sendto(b"me", who)


def unreachability_client(e):
	"""Hears of the server's address from its solicitation, which does not prove that it can be reached."""
	with e.datagram() as s:
		s.bind((e.here, e.port))
		e.reach("bound")
		_, who = s.recvfrom(100)
		s.sendto(b"are you there?", who)
		e.wait("probed")


def unreachability_server(e):
	e.wait("bound")
	with e.socket(socket.SOCK_RAW, e.family.icmp) as raw:
		raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 255)
		raw.bind((e.own, 0))
		mac = bytes.fromhex(MAC_OUTSIDE.replace(":", ""))
		raw.sendto(struct.pack(">BBHI16sBB6s", 135, 0, 0, 0, socket.inet_pton(e.family.af, e.addr), 1, 1, mac),
			   (e.addr, 0))
	with e.datagram() as s:
		s.bind((e.own, e.port))
		s.sendto(b"hello", (e.addr, e.port))
		assert s.recv(100) == b"are you there?"
	time.sleep(6)		# RFC 4861 10, DELAY_FIRST_PROBE_TIME, is 5 s
	e.reach("probed")


# ---- the outside is far, behind a path for smaller packets than the first link's ----

def path_mtu_client(e):
	"""Datagrams that are too big are lost until it is known."""
	e.wait_ready()
	with e.datagram() as s:
		s.settimeout(0.3)
		until = time.monotonic() + TIMEOUT
		while time.monotonic() < until:
			s.sendto(BLOCK[:SMALL_MTU], (e.addr, e.port))
			try:
				assert s.recv(1 << 16) == BLOCK[:SMALL_MTU]
				return
			except TimeoutError:
				pass
	raise AssertionError("none arrives")


def path_mtu_server(e):
	with e.datagram() as s:
		s.bind((e.own, e.port))
		e.ready()
		data, who = s.recvfrom(1 << 16)
		s.sendto(data, who)


# ---- what is done first, by the outside, which manages both ----

def manage(side, *words):
	"""`ip` and `weir ctl` have the words in common."""
	return subprocess.run(os.environ["MANAGE_" + side.upper()].split() + list(words), check=True,
			      capture_output=True, text=True).stdout


@contextlib.contextmanager
def address_of(side, address):
	"""Gives the side one more for as long as it takes; whether no duplicate was found."""
	words = f"{address}/64", "dev", "eth0"
	manage(side, "addr", "add", *words)
	try:
		yield unique(side, words[0])
	finally:
		manage(side, "addr", "del", *words)


def unique(side, address):
	until = time.monotonic() + TIMEOUT
	while time.monotonic() < until:
		line = [l for l in manage(side, "addr", "show").splitlines() if address in l][0]
		if "dadfailed" in line:
			return False
		if "tentative" not in line:
			return True
		time.sleep(0.1)
	raise AssertionError(address + " stays tentative")


@contextlib.contextmanager
def servers_address(role):
	with address_of(role.side("server"), role.address) as good:
		assert good, "a duplicate"
		yield


@contextlib.contextmanager
def the_same_address(role):
	with servers_address(role), address_of(role.side("client"), role.address) as good:
		assert not good, "no duplicate"
		yield


# ---- what must be on the wire: predicates over frames ----

def flags(*bits):
	want = sum(bits)
	return lambda f: f["tcp.flags"] & want == want


def handshake_is_the_kernels(frames, kernels, role):
	"""RFC 9293 3.7.1, 7323, 2018: the same options in our SYN or SYN-ACK as in the kernel's, the same MSS."""
	def options(all_frames):
		return [(set(f["tcp.option_kind"]) - {1}, f["tcp.options.mss_val"])
			for f in all_frames if f["inside"] and f["tcp.flags"] & SYN]
	return options(frames) == options(kernels) != []


def timestamps_everywhere(frames, kernels, role):
	"""RFC 7323 3.2: once negotiated, in every segment but RSTs."""
	mine = [f for f in frames if f["inside"] and not f["tcp.flags"] & RST]
	return mine and all(8 in f["tcp.option_kind"] for f in mine)


def shown(of, test):
	"""A frame for which the test holds, sent by the scenario's client or server."""
	def predicate(frames, kernels, role):
		return any(test(f) for f in frames if f["inside"] == (of == role.inside))
	return predicate


def both(*predicates):
	return lambda *args: all(p(*args) for p in predicates)


def zero_window(f):
	return f["tcp.analysis.zero_window"] and not f["tcp.flags"] & (SYN | RST)


def probe(f):
	"""RFC 9293 3.8.6.1: the sender asks whether the window has opened. tshark calls the kernel's kind,
	without new data, a keep-alive."""
	return f["tcp.analysis.keep_alive"] or f["tcp.len"] == 1


def icmp(what):
	return lambda f: (f["icmp.type"], f["icmp.code"]) == getattr(f["family"], what)


of_syn = lambda f, *bits: f["tcp.flags"] & (SYN | ACK) == sum(bits)
# "ab" is before it, "cd!" carries it, and the pointer says where "ef" begins (RFC 6093 3.1).
urgent = lambda f: flags(URG)(f) and f["tcp.seq"] + f["tcp.urgent_pointer"] == 6


def opened_again(frames, kernels, role):
	"""Two handshakes of one pair of ports, and no reset."""
	syns = [f["tcp.srcport"] for f in frames if of_syn(f, SYN)]
	return (len(syns) == 2 and len(set(syns)) == 1 and not any(flags(RST)(f) for f in frames)
		and sum(of_syn(f, SYN, ACK) for f in frames) == 2)


def data_in_syn(frames, kernels, role):
	"""RFC 7413 4.1: first a cookie is asked for, then SYNs with it and data, which the SYN-ACK acknowledges."""
	syns = [f for f in frames if of_syn(f, SYN) and FASTOPEN_COOKIE in f["tcp.option_kind"]]
	answers = [(f["tcp.dstport"], f["tcp.ack"]) for f in frames if of_syn(f, SYN, ACK)]
	granted = [f for f in frames if of_syn(f, SYN, ACK) and FASTOPEN_COOKIE in f["tcp.option_kind"]]
	taken = [f for f in syns if f["tcp.len"] and (f["tcp.srcport"], 1 + f["tcp.len"]) in answers]
	return syns and granted and not syns[0]["tcp.len"] and len(taken) > 2


def anything(frames, kernels, role):
	return bool(frames)


def records(f):
	"""(type, group, sources) of a membership report."""
	sources = iter(f["sources"].split("|"))
	parts = [f[k].split("|") for k in ("record types", "groups", "source counts")]
	for kind, group, count in zip(*parts):
		if kind:
			yield int(kind), group, frozenset(itertools.islice(sources, int(count)))


IS_IN, IS_EX, TO_IN, TO_EX, ALLOW_NEW, BLOCK_OLD = range(1, 7)		# RFC 3376 4.2.12, RFC 3810 5.2.12


def reports(*wanted, again=()):
	"""What the client tells of the group: these (type, number of source), each as often as it likes. What is
	only said `again`, it may: when an address has passed DAD, the kernel tells all groups it has as they are."""
	def predicate(frames, kernels, role):
		said = {(kind, sources) for f in frames if f["inside"] == (role.inside == "client")
			for kind, group, sources in records(f) if group == role.group}
		as_sets = lambda records: {(kind, frozenset(role.family.sources[n - 1] for n in sources))
					   for kind, *sources in records}
		return as_sets(wanted) <= said <= as_sets(wanted + again)
	return predicate


def solicitation(dst, src=lambda a: a != "::"):
	return lambda f: f["icmp.type"] == 135 and dst(f["ipv6.dst"], f) and src(f["ipv6.src"])


to_all_that_may_be = lambda a, f: a.startswith("ff02::1:ff")
to_the_one_known = lambda a, f: a == f["target"]
address_probe = solicitation(to_all_that_may_be, lambda a: a == "::")
answer = lambda f: f["icmp.type"] == 136 and f["icmpv6.nd.na.flag.s"]
defence = lambda f: f["icmp.type"] == 136 and f["ipv6.dst"] == "ff02::1" and not f["icmpv6.nd.na.flag.s"]


def sends_again(of):
	"""To tshark it was overtaken when the handshake took long: what counts is what had been sent already."""
	def predicate(frames, kernels, role):
		mine = [f for f in frames if f["inside"] == (of == role.inside) and f["tcp.len"]]
		ends = itertools.accumulate((f["tcp.seq"] + f["tcp.len"] for f in mine), max)
		return any(f["tcp.seq"] < end for f, end in zip(mine[1:], ends))
	return predicate


def never(of, test):
	return lambda *args: not shown(of, test)(*args)


def path_mtu_is_kept(frames, kernels, role):
	"""The router says what is too much, and after that little of it comes: what was under way already."""
	said = any(icmp("too_big")(f) for f in frames if not f["inside"])
	mine = [f["frame.len"] > 14 + SMALL_MTU for f in frames if f["inside"]]
	return said and True in mine and mine[::-1].index(True) > len(mine) / 2


def sack(f):
	return f["tcp.options.sack.count"] > 0


def echo(f):
	"""RFC 3168 6.1.3: what was marked is told until the sender says that it knows."""
	return flags(ECE)(f) and not f["tcp.flags"] & SYN


more_fragments = lambda f: f["more fragments"]
ect = lambda f: f["ecn"] in (1, 2, 3)

BOTH_WAYS = "client", "server"


class Scenario(typing.NamedTuple):
	name: str
	rfc: str		# and section
	group: str		# the name of a wire, see test_interop.sh
	client: typing.Callable
	server: typing.Callable
	wire: typing.Callable	# what must be on it, a predicate
	inside: tuple = BOTH_WAYS
	families: tuple = FAMILIES
	prepare: typing.Callable = lambda role: contextlib.nullcontext()


V4, V6 = (IPV4,), (IPV6,)
SCENARIOS = [Scenario(*line) for line in [
	("handshake", "RFC 9293 3.7.1", "clean", hello_client, hello_server,
	 both(handshake_is_the_kernels, timestamps_everywhere)),
	("server-closes", "RFC 9293 3.6", "clean", first_to_close_client, first_to_close_server,
	 shown("server", flags(FIN))),
	("half-close", "RFC 9293 3.6", "clean", half_close_client, half_close_server, shown("client", flags(FIN))),
	("upload", "RFC 9293 3.8", "clean", bulk_client, bulk_server, anything),
	("download", "RFC 9293 3.8", "clean", download_client, download_server, anything),
	("zero-window", "RFC 9293 3.8.6.1", "clean", stall_client, stall_server,
	 both(shown("server", zero_window), shown("client", probe))),
	("keepalive", "RFC 9293 3.8.4", "clean", keepalive_client, keepalive_server,
	 both(shown("client", lambda f: f["tcp.analysis.keep_alive"]),
	      shown("server", lambda f: f["tcp.analysis.keep_alive_ack"]))),
	("refused", "RFC 9293 3.5.2", "clean", refused_client, refused_server, shown("server", flags(RST, ACK))),
	("abort", "RFC 9293 3.5.3", "clean", abort_client, abort_server, shown("client", flags(RST))),
	("unread", "RFC 2525 2.17", "clean", unread_client, unread_server, shown("server", flags(RST))),
	("late-data", "RFC 9293 3.6.1", "clean", late_client, late_server, shown("server", flags(RST))),
	("small-writes", "RFC 9293 3.7.4", "clean", small_writes_client, small_writes_server, anything),
	("urgent", "RFC 9293 3.8.5", "clean", urgent_client, urgent_server, shown("client", urgent)),
	("urgent-inline", "RFC 6093 3.1", "clean", urgent_client, inline_server, shown("client", urgent)),
	("time-wait-reuse", "RFC 6191 2", "clean", time_wait_client, time_wait_server, opened_again),
	("own-time-wait", "RFC 6191 2", "clean", own_time_wait_client, own_time_wait_server, opened_again),
	("udp", "RFC 768", "clean", udp_client, udp_server, anything),
	("fragments", "RFC 791 3.2, 8200 4.5", "clean", fragments_client, udp_server,
	 both(shown("client", more_fragments), shown("server", more_fragments))),
	("unreachable", "RFC 1122 4.1.3.1, 4443 3.1", "clean", unreachable_client, refused_server,
	 shown("server", icmp("port_unreachable"))),
	("ping", "RFC 792, 4443 4", "clean", ping_client, refused_server,
	 both(shown("client", icmp("echo")), shown("server", icmp("echo_reply")))),
	("large-ping", "RFC 792, 4443 4", "clean", large_ping_client, refused_server,
	 shown("server", more_fragments)),
	("join", "RFC 3376 5.1, 3810 6.1", "clean", join_client, join_server, reports((TO_EX,), (TO_IN,))),
	("include", "RFC 3376 5.1, 3810 6.1", "clean", include_client, nothing,
	 reports((ALLOW_NEW, 1), (ALLOW_NEW, 2), (BLOCK_OLD, 1), (BLOCK_OLD, 2),
		 again=((ALLOW_NEW, 1, 2),)), ("client",)),
	("exclude", "RFC 3376 5.1, 3810 6.1", "clean", exclude_client, nothing,
	 reports((TO_EX,), (BLOCK_OLD, 1), (ALLOW_NEW, 1), (TO_IN,), again=((TO_EX, 1),)), ("client",)),
	("resolution", "RFC 4861 7.2, 4862 5.4", "clean", resolution_client, resolution_server,
	 both(shown("server", address_probe), shown("client", solicitation(to_all_that_may_be)),
	      shown("server", answer)), BOTH_WAYS, V6, servers_address),
	("duplicate", "RFC 4862 5.4", "clean", nothing, nothing,
	 both(shown("client", address_probe), shown("server", defence), never("client", answer),
	      never("client", defence)), BOTH_WAYS, V6, the_same_address),
	("unreachability", "RFC 4861 7.3.3", "clean", unreachability_client, unreachability_server,
	 both(shown("client", solicitation(to_the_one_known)), shown("server", answer)),
	 ("client",), V6, servers_address),
	("path-mtu-upload", "RFC 1191 3, 8201 4", "far", bulk_client, bulk_server, path_mtu_is_kept,
	 ("client",)),
	("path-mtu-download", "RFC 1191 3, 8201 4", "far", download_client, download_server, path_mtu_is_kept,
	 ("server",)),
	("path-mtu-datagram", "RFC 1191 3, 8201 4", "far", path_mtu_client, path_mtu_server,
	 both(path_mtu_is_kept, shown("client", more_fragments)), ("client",)),
	("simultaneous-open", "RFC 9293 3.5", "late", simultaneous_client, simultaneous_server,
	 both(shown("client", lambda f: of_syn(f, SYN)), shown("client", lambda f: of_syn(f, SYN, ACK)),
	      shown("server", lambda f: of_syn(f, SYN)), shown("server", lambda f: of_syn(f, SYN, ACK))),
	 ("client",)),
	("fastopen", "RFC 7413 4.1, 4.2", "late", fastopen_client, fastopen_server, data_in_syn),
	("lossy-upload", "RFC 6675, 8985", "loss", bulk_client, bulk_server,
	 both(sends_again("client"), shown("server", sack))),
	("lossy-download", "RFC 6675, 8985", "loss", download_client, download_server,
	 both(sends_again("server"), shown("client", sack))),
	# Who is outside asks for ECN, who is inside agrees.
	("marked-upload", "RFC 3168 6.1", "marks", bulk_client, bulk_server,
	 both(shown("server", flags(SYN, ACK, ECE)), shown("client", ect), shown("server", echo),
	      shown("client", flags(CWR))), ("server",)),
	("marked-download", "RFC 3168 6.1", "marks", download_client, download_server,
	 both(shown("server", flags(SYN, ACK, ECE)), shown("server", ect), shown("client", echo),
	      shown("server", lambda f: flags(CWR)(f) and f["tcp.len"])), ("server",)),
]]


class Role(typing.NamedTuple):
	"""A scenario as it is played once: over which family, and what of it is inside."""
	scenario: Scenario
	family: Family
	inside: str
	port: int

	@property
	def name(self):
		return f"{self.scenario.name}.{self.inside}.{self.family.name}"

	@property
	def address(self):
		f = self.family
		return (f.far if self.scenario.group == "far" else f.address).format(*divmod(self.port, 256))

	@property
	def group(self):
		return self.family.group.format(*divmod(self.port, 256))

	def side(self, of):
		return "inside" if of == self.inside else "outside"

	def concerns(self, f):
		return (self.port in (f["tcp.srcport"], f["tcp.dstport"], f["udp.srcport"], f["udp.dstport"],
				      f["icmp.ident"])
			or f["target"] == self.address or self.group in f["groups"].split("|"))

	@property
	def title(self):
		return f"{self.name}, {self.scenario.rfc}"


def roles(group):
	for family in FAMILIES:
		port = BASE
		for scenario in SCENARIOS:
			for inside in scenario.inside:
				if scenario.group == group and family in scenario.families:
					yield Role(scenario, family, inside, port)
				port += 1


def lanes(group):
	"""What is played one after the other, side by side with the other lanes."""
	scenarios = [s for s in SCENARIOS if s.group == group]
	return [[r for r in roles(group) if r.family is family and r.scenario in scenarios[i::LANES]]
		for family in FAMILIES for i in range(LANES)]


def play_role(role, step):
	end = End(step, role)
	mine = role.scenario.client if role.side("client") == step.side else role.scenario.server
	with role.scenario.prepare(role) if step.side == "outside" else contextlib.nullcontext():
		end.reach("prepared")
		end.wait("prepared")
		try:
			mine(end)
		finally:
			end.ready()
			end.reach("played")
			end.wait("played")


def play_lane(lane, step):
	failed = 0
	for i, role in enumerate(lane):
		try:
			play_role(role, step)
		except Exception as e:		# whatever it is, the next ones are played
			gone = isinstance(e, Gone)
			while e.__context__:	# what came first; that the other side then did not play on came of it
				e = e.__context__
			here = [l for l in traceback.extract_tb(e.__traceback__) if l.filename == __file__][-1]
			print(f"{role.name}: {step.side}: line {here.lineno}, {here.line}: {type(e).__name__} {e}",
			      getattr(e, "stderr", ""), flush=True)
			failed += 1
			if gone:
				print("not played:", *[r.name for r in lane[i + 1:]] or ["(it was the last)"], flush=True)
				break
	sys.exit(failed)


def play(group, side, folder):
	step = Step(folder, side)
	step.reach("here")
	step.wait("here")
	players = [multiprocessing.Process(target=play_lane, args=(lane, step)) for lane in lanes(group)]
	for p in players:
		p.start()
	for p in players:
		p.join()
	time.sleep(1)		# a sandbox ends with its program: what is still closing then is reset
	return any(p.exitcode for p in players)


# ---- judging ----

def number(text):
	first = text.split("|")[0]
	return int(first, 0) if first not in ("", "True", "False") else int(first == "True")


def read_frames(name):
	"""Of a file that tshark has written."""
	frames = []
	with open(name) as file:
		for line in file:
			raw = dict(zip(FIELDS, line.rstrip("\n").split("\t")))
			f = {k: "".join(raw[n] for n in names or (k,)) for k, names in TEXTS.items()}
			for k, names in NUMBERS.items():
				f[k] = number("".join(raw[n] for n in names or (k,)))
			f["tcp.option_kind"] = [int(x) for x in f["tcp.option_kind"].split("|") if x]
			f["inside"] = f["eth.src"] == MAC_INSIDE
			f["family"] = IPV6 if f["ipv6.src"] else IPV4
			frames.append(f)
	return frames


def frames_of(frames, role):
	"""Fragments but the last, in which tshark puts the whole together, have nothing to tell them by."""
	mine, waiting = [], {}
	for f in frames:
		packet = f["inside"], f["family"], f["packet"]
		if f["more fragments"]:
			waiting.setdefault(packet, []).append(f)
			continue
		parts = waiting.pop(packet, []) if f["fragment offset"] else []
		if f["family"] is role.family and role.concerns(f):
			mine += parts + [f]
	return mine


def answers_to_nobody(frames):
	"""A FIN that was sent twice, since the machine was late, is acknowledged twice. The first ends the connection
	(RFC 9293 3.10.7.4, LAST-ACK), the second meets none."""
	fins = {True: 0, False: 0}
	for f in frames:
		fins[f["inside"]] += flags(FIN)(f)
		if f["tcp.flags"] & (RST | ACK) == RST and fins[f["inside"]] > 1:
			yield f


def experts(frames, least):
	"""{message}: what is counted depends on time, what is said does not."""
	said = set()
	late = list(answers_to_nobody(frames))
	for f in frames:
		if f in late:
			continue
		severities = [int(x) for x in f["_ws.expert.severity"].split("|") if x]
		for severity, message in zip(severities, f["_ws.expert.message"].split("|")):
			if severity >= least:
				said.add("".join(c for c in message if not c.isdigit()))
	return said


def faults(role, kernels, frames):
	wire = role.scenario.wire
	if not wire(kernels, kernels, role):
		yield f"the kernel does not show it in {len(kernels)} frames"
	if not wire(frames, kernels, role):
		yield f"it is not to be seen in {len(frames)} frames"
	# What is lost by chance is not the same twice: there only warnings count.
	least = NOTE if role.scenario.group == "clean" else WARN
	known = OF_TIME | OF_PATHS if role.scenario.group == "far" else OF_TIME
	for message in sorted(experts(frames, least) - experts(kernels, least) - known):
		yield "tshark says: " + message


def judge(group, kernel_file, inside_file):
	kernel_all, inside_all = read_frames(kernel_file), read_frames(inside_file)
	for role in roles(group):
		bad = faults(role, frames_of(kernel_all, role), frames_of(inside_all, role))
		print(f"{role.title}: {'; '.join(bad) or 'ok'}")
	return 0


def main():
	verb, args = sys.argv[1], sys.argv[2:]
	if verb == "play":
		return play(*args)
	if verb == "judge":
		return judge(*args)
	if verb == "fields":
		print(" ".join("-e " + f for f in FIELDS))
	elif verb == "names":
		print("\n".join(r.title for r in roles(args[0])))
	return 0


sys.exit(main())
