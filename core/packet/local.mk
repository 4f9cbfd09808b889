# SPDX-License-Identifier: Apache-2.0
libcore_la_SOURCES += \
	core/packet/bpf.c \
	core/packet/bpf.h \
	core/packet/checksum.c \
	core/packet/checksum.h \
	core/packet/gro.c \
	core/packet/gro.h \
	core/packet/gso.c \
	core/packet/gso.h \
	core/packet/packet.c \
	core/packet/pool.c \
	core/packet/pool.h \
	core/packet/queue.c \
	core/packet/rx.c \
	core/packet/vnet.c
