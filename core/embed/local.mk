# SPDX-License-Identifier: Apache-2.0
libcore_la_SOURCES += \
	core/embed/internal.h \
	core/embed/link.c \
	core/embed/message.c \
	core/embed/modules.c \
	core/embed/names.c \
	core/embed/socket.c \
	core/embed/stack.c
