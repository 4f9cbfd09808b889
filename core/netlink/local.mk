# SPDX-License-Identifier: Apache-2.0
libcore_la_SOURCES += \
	core/netlink/netlink.c \
	core/netlink/netlink.h \
	core/netlink/nlbuf.c \
	core/netlink/nlbuf.h \
	core/netlink/option.c \
	core/netlink/rt.c \
	core/netlink/rt.h \
	core/netlink/rt_addr.c \
	core/netlink/rt_link.c \
	core/netlink/rt_neigh.c \
	core/netlink/rt_qdisc.c \
	core/netlink/rt_route.c \
	core/netlink/rt_rule.c \
	core/netlink/sock.h
