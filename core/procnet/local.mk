# SPDX-License-Identifier: Apache-2.0
libcore_la_SOURCES += \
	core/procnet/dev.c \
	core/procnet/igmp.c \
	core/procnet/neigh.c \
	core/procnet/procnet.c \
	core/procnet/procnet.h \
	core/procnet/routes.c \
	core/procnet/snmp.c \
	core/procnet/sockets.c
