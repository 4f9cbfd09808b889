# SPDX-License-Identifier: Apache-2.0
libcore_la_SOURCES += \
	core/udp/input.c \
	core/udp/output.c \
	core/udp/sock.h \
	core/udp/udp.c \
	core/udp/udp.h
