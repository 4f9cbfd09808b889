#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tcp_info.py - one dialogue with a loss, held with whatever stack is at the other end, and what TCP_INFO says in it.

	tcp_info.py peer DEVICE ADDRESS		a peer of raw frames: it does as the script below says, and no more
	tcp_info.py client ADDRESS		a program: TCP_INFO at each point of the dialogue, a line each
	tcp_info.py differences A B		of two outputs of client: what may not differ

The program writes ten small segments, of which the third is lost; the peer SACKs the others. A byte tells the program
when the third has come again, so that it looks while that is under way. Then all is acknowledged, and the
peer claims with a D-SACK that the retransmission was needless. The peer's SYN-ACK is late, so that no timeout
is near.
"""
import socket
import struct
import sys
import time

PORT = 7777
FIN, SYN, PSH, ACK = 1, 2, 8, 16

FIELDS = struct.Struct("8B24I4Q6I4Q2I2Q4I")
NAMES = """state ca_state retransmits probes backoff options wscale flags rto ato snd_mss rcv_mss unacked sacked lost
	retrans fackets last_data_sent last_ack_sent last_data_recv last_ack_recv pmtu rcv_ssthresh rtt rttvar
	snd_ssthresh snd_cwnd advmss reordering rcv_rtt rcv_space total_retrans pacing_rate max_pacing_rate bytes_acked
	bytes_received segs_out segs_in notsent_bytes min_rtt data_segs_in data_segs_out delivery_rate busy_time
	rwnd_limited sndbuf_limited delivered delivered_ce bytes_sent bytes_retrans dsack_dups reord_seen rcv_ooopack
	snd_wnd""".split()
EQUAL = """state retransmits probes backoff snd_mss unacked sacked lost retrans fackets last_ack_sent pmtu advmss
	reordering total_retrans max_pacing_rate bytes_acked bytes_received segs_in notsent_bytes
	data_segs_in data_segs_out rwnd_limited sndbuf_limited delivered delivered_ce bytes_sent bytes_retrans
	dsack_dups reord_seen rcv_ooopack snd_wnd ca_state options snd_ssthresh rcv_mss""".split()
BARE_ACKS = 3	# when an ACK waits for data to ride on is a stack's own choice
# Of time: the peer's 300 ms at least, and not much more even on a busy machine.
RANGES = {"rto": (300000, 3000000), "rtt": (100, 1000000), "min_rtt": (1, 1000000)}


# ---- the peer ----

def checksum(b):
	b += b"\0" * (len(b) % 2)
	n = sum(struct.unpack(f">{len(b) // 2}H", b))
	while n >> 16:
		n = (n & 0xffff) + (n >> 16)
	return n ^ 0xffff


class Peer:
	def __init__(self, device, address):
		self.s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
		self.s.bind((device, 0))
		self.mac, self.address = b"\x02\0\0\0\x77\x09", socket.inet_aton(address)
		self.seq = 1000

	def take(self):
		"""The next segment: flags, seq, ack, payload. ARP is answered on the way."""
		while True:
			f = self.s.recv(65536)
			if f[12:14] == b"\x08\x06" and f[20:22] == b"\0\x01" and f[38:42] == self.address:
				self.s.send(f[6:12] + self.mac + f[12:20] + b"\0\x02" + self.mac + self.address + f[22:32])
			if f[12:14] != b"\x08\0" or f[23] != 6 or f[30:34] != self.address:
				continue
			self.theirs, self.their_mac = f[26:30], f[6:12]
			t = f[14 + (f[14] & 15) * 4:14 + struct.unpack_from(">H", f, 16)[0]]
			self.port, port, seq, ack, offset, flags = struct.unpack_from(">HHIIBB", t)
			if port == PORT:
				return flags, seq, ack, t[(offset >> 4) * 4:]

	def give(self, flags, ack, options=b"", payload=b""):
		options += b"\x01" * (-len(options) % 4)
		t = struct.pack(">HHIIBBHHH", PORT, self.port, self.seq, ack, (5 + len(options) // 4) << 4, flags, 20000, 0, 0)
		t += options + payload
		pseudo = self.address + self.theirs + struct.pack(">HH", 6, len(t))
		t = t[:16] + struct.pack(">H", checksum(pseudo + t)) + t[18:]
		ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(t), 0, 0, 64, 6, 0) + self.address + self.theirs
		ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
		self.s.send(self.their_mac + self.mac + b"\x08\0" + ip + t)
		self.seq += len(payload) + bool(flags & (SYN | FIN))


def sack(*blocks):
	return struct.pack(f">BB{len(blocks)}I", 5, 2 + 4 * len(blocks), *blocks)


def peer(device, address):
	p = Peer(device, address)
	flags, isn, _, _ = p.take()
	while not flags & SYN:
		flags, isn, _, _ = p.take()
	at = lambda n: isn + 1 + n & 0xffffffff
	time.sleep(.3)
	p.give(SYN | ACK, at(0), b"\x02\x04" + struct.pack(">H", 1000) + b"\x04\x02" + b"\x03\x03\x02")
	seen, sacked = set(), False
	while True:
		_, seq, _, data = p.take()
		n = seq - at(0) & 0xffffffff
		if not data:
			continue
		if n == 100:
			break
		seen.add(n)
		if n < 20:
			p.give(ACK, at(n + 10))
		elif sacked and n == 20:
			p.give(ACK | PSH, at(20), sack(at(30), at(100)), b"r")
		elif len(seen) == 10:
			sacked = True
			for end in 50, 60, 100:
				p.give(ACK, at(20), sack(at(30), at(end)))
	p.give(ACK, at(101))
	p.give(ACK, at(101), sack(at(20), at(30)))
	p.give(ACK | PSH, at(101), b"", b"d")
	while p.take()[3] != b"$":
		pass
	p.give(FIN | ACK, at(102))
	p.take()


# ---- the program ----

def info(s):
	b = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, FIELDS.size)
	return dict(zip(NAMES, FIELDS.unpack(b)))


def client(address):
	s = socket.create_connection((address, PORT))
	s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
	points = [("open", info(s))]
	for _ in range(10):
		s.send(b"0123456789")
		time.sleep(.005)				# or weir makes one segment of several
	assert s.recv(1) == b"r"
	points.append(("sent again", info(s)))
	s.send(b"!")
	assert s.recv(1) == b"d"
	points.append(("recovered", info(s)))
	s.send(b"$")
	assert s.recv(1) == b""
	points.append(("peer's end", info(s)))
	for name, i in points:
		print(name, *(f"{k}={v}" for k, v in i.items()), sep="\t")


def differences(*files):
	a, b = ([line.rstrip("\n").split("\t") for line in open(f)] for f in files)
	assert len(a) == len(b) == 4
	bad = 0
	for line_a, line_b in zip(a, b):
		one, two = (dict(f.split("=") for f in line[1:]) for line in (line_a, line_b))
		for k in EQUAL:
			if one[k] != two[k]:
				print(f"{line_a[0]}: {k}: {one[k]}, {two[k]}")
				bad = 1
		if abs(int(one["segs_out"]) - int(two["segs_out"])) > BARE_ACKS:
			print(f"{line_a[0]}: segs_out: {one['segs_out']}, {two['segs_out']}")
			bad = 1
		for k, (low, high) in RANGES.items():
			for i in one, two:
				if not low <= int(i[k]) <= high:
					print(f"{line_a[0]}: {k}: {i[k]} is not in {low}..{high}")
					bad = 1
	return bad


if __name__ == "__main__":
	sys.exit({"peer": peer, "client": client, "differences": differences}[sys.argv[1]](*sys.argv[2:]))
