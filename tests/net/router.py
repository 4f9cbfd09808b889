#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# router.py - an IPv6 router's side of neighbour discovery, for tests: advertisements over a raw socket.
#
#	router.py DEVICE PREFIX/64 LIFETIME VALID PREFERRED [MTU]	one advertisement to all nodes
import socket
import struct
import sys

dev, prefix, lifetime, valid, preferred = sys.argv[1:6]
addr, length = prefix.split("/")
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
index = socket.if_nametoindex(dev)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
mac = bytes.fromhex(open(f"/sys/class/net/{dev}/address").read().strip().replace(":", ""))
ra = struct.pack(">BBHBBHII", 134, 0, 0, 61, 0, int(lifetime), 0, 0)
ra += b"\x01\x01" + mac
ra += struct.pack(">BBBBIII", 3, 4, int(length), 0xc0, int(valid), int(preferred), 0)
ra += socket.inet_pton(socket.AF_INET6, addr)
if len(sys.argv) > 6:
	ra += struct.pack(">BBHI", 5, 1, 0, int(sys.argv[6]))
s.sendto(ra, ("ff02::1", 0, 0, index))
