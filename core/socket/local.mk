# SPDX-License-Identifier: Apache-2.0
libcore_la_SOURCES += \
	core/socket/cmsg.c \
	core/socket/cmsg6.c \
	core/socket/create.c \
	core/socket/internal.h \
	core/socket/ioctl.c \
	core/socket/ipopt.c \
	core/socket/ipv6opt.c \
	core/socket/mcastopt.c \
	core/socket/message.c \
	core/socket/name.c \
	core/socket/socket.c \
	core/socket/socket.h \
	core/socket/sockopt.c
