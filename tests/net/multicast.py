#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# multicast.py - one end of a multicast test, the same program on weir's sockets and on the kernel's.
#
#	multicast.py recv GROUP PORT VIA [SOURCE]	join, say "ready", print the first datagram and who sent it
#	multicast.py send GROUP PORT VIA TEXT		until killed, five times a second
#	multicast.py stay GROUP PORT VIA		join and wait
#	multicast.py self GROUP PORT VIA		join, send once, print what comes back
# VIA is an address of the interface, or for IPv6 groups its name.
import socket
import struct
import sys
import time

SOURCE_JOIN = 39		# IP_ADD_SOURCE_MEMBERSHIP
MCAST_JOIN_SOURCE_GROUP = 46


def sockaddr(addr):
	if ":" in addr:
		return struct.pack("=HHI16sI", socket.AF_INET6, 0, 0,
				   socket.inet_pton(socket.AF_INET6, addr), 0).ljust(128, b"\0")
	return struct.pack("=HH4s", socket.AF_INET, 0, socket.inet_aton(addr)).ljust(128, b"\0")


def join(s, group, via, source=None):
	if ":" in group:
		index = socket.if_nametoindex(via)
		if source:
			s.setsockopt(socket.IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP,
				     struct.pack("=I4x", index) + sockaddr(group) + sockaddr(source))
		else:
			s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
				     socket.inet_pton(socket.AF_INET6, group) + struct.pack("=I", index))
	elif source:
		s.setsockopt(socket.IPPROTO_IP, SOURCE_JOIN, socket.inet_aton(group) +
			     socket.inet_aton(via) + socket.inet_aton(source))
	else:
		s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
			     socket.inet_aton(group) + socket.inet_aton(via))


def use(s, group, via):
	if ":" in group:
		s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex(via))
	else:
		s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(via))


def name(group, port, via):
	return (group, port, 0, socket.if_nametoindex(via)) if ":" in group else (group, port)


def main():
	what, group, port, via = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
	s = socket.socket(socket.AF_INET6 if ":" in group else socket.AF_INET, socket.SOCK_DGRAM)
	s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	s.settimeout(20)
	if what == "send":
		use(s, group, via)
		while True:
			s.sendto(sys.argv[5].encode(), name(group, port, via))
			time.sleep(0.2)
	s.bind(("", port))
	join(s, group, via, sys.argv[5] if len(sys.argv) > 5 else None)
	if what == "self":
		use(s, group, via)
		s.sendto(b"echo", name(group, port, via))
	if what == "stay":
		print("ready", flush=True)
		time.sleep(60)
	elif what in ("recv", "self"):
		data, who = s.recvfrom(2000)
		print(data.decode(), who[0].split("%")[0], flush=True)


if __name__ == "__main__":
	main()
