#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sockets bound to eth0, from before it is deleted to after; what each call says then, one a line.

	follow_sockets.py FIFO		says "ready", and goes on at the first byte of FIFO
"""
import errno
import socket
import struct
import sys

BIND = 25
u4 = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
t4 = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
for s in u4, u6, t4:
    s.setsockopt(socket.SOL_SOCKET, BIND, b"eth0\0")
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88b5))
raw.bind(("eth0", 0x88b5))


def tell(what, call, *args):
    try:
        r = call(*args)
        print(what, r if isinstance(r, int) else "done", flush=True)
    except OSError as e:
        print(what, errno.errorcode.get(e.errno), flush=True)


go = open(sys.argv[1])
print("ready", flush=True)
go.read(1)
tell("udp send", u4.sendto, b"x", ("10.77.0.1", 9))
tell("udp6 send", u6.sendto, b"x", ("fd00:77::1", 9))
tell("tcp connect", t4.connect, ("10.77.0.1", 9))
tell("packet error", raw.getsockopt, socket.SOL_SOCKET, socket.SO_ERROR)
tell("packet error again", raw.getsockopt, socket.SOL_SOCKET, socket.SO_ERROR)
tell("bind", socket.socket(socket.AF_INET, socket.SOCK_DGRAM).setsockopt, socket.SOL_SOCKET, BIND, b"eth0\0")
tell("index", socket.if_nametoindex, "eth0")
