# SPDX-License-Identifier: Apache-2.0
libcore_la_SOURCES += \
	core/ip/addr.c \
	core/ip/addr.h \
	core/ip/arp.c \
	core/ip/arp.h \
	core/ip/dgram.c \
	core/ip/dgram.h \
	core/ip/errqueue.c \
	core/ip/errqueue.h \
	core/ip/fragment.c \
	core/ip/fragment.h \
	core/ip/icmp.c \
	core/ip/icmp.h \
	core/ip/ip.c \
	core/ip/ip.h \
	core/ip/ipv4.c \
	core/ip/ipv4.h \
	core/ip/ipv4_output.c \
	core/ip/pmtu.c \
	core/ip/pmtu.h \
	core/ip/port.c \
	core/ip/port.h \
	core/ip/route.c \
	core/ip/sock.c \
	core/ip/sock.h
