# SPDX-License-Identifier: Apache-2.0
libcore_la_SOURCES += \
	core/tcp/ack.c \
	core/tcp/congestion.c \
	core/tcp/dump.c \
	core/tcp/input.c \
	core/tcp/isn.c \
	core/tcp/listen.c \
	core/tcp/option.c \
	core/tcp/output.c \
	core/tcp/recvq.c \
	core/tcp/segment.c \
	core/tcp/segment.h \
	core/tcp/sendq.c \
	core/tcp/sock.h \
	core/tcp/tcp.c \
	core/tcp/tcp.h \
	core/tcp/timer.c \
	core/tcp/timewait.c \
	core/tcp/user.c
