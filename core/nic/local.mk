# SPDX-License-Identifier: Apache-2.0
libcore_la_SOURCES += \
	core/nic/ethernet.c \
	core/nic/ethernet.h \
	core/nic/loopback.c \
	core/nic/neighbour.c \
	core/nic/neighbour.h \
	core/nic/nic.c \
	core/nic/nic.h \
	core/nic/qdisc.c \
	core/nic/qdisc.h \
	core/nic/tc.c \
	core/nic/tc.h
libcore_la_SOURCES += core/nic/kinds.c
