# SPDX-License-Identifier: Apache-2.0
libcore_la_SOURCES += \
	core/pfpacket/option.c \
	core/pfpacket/pfpacket.c \
	core/pfpacket/pfpacket.h \
	core/pfpacket/ring.c \
	core/pfpacket/sock.h
