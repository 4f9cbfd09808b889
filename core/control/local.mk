# SPDX-License-Identifier: Apache-2.0
libcore_la_SOURCES += \
	core/control/arguments.c \
	core/control/capture.h \
	core/control/client.c \
	core/control/commands.c \
	core/control/commands.h \
	core/control/commands_capture.c \
	core/control/commands_module.c \
	core/control/commands_names.c \
	core/control/commands_qdisc.c \
	core/control/commands_sockets.c \
	core/control/commands_stats.c \
	core/control/commands_watch.c \
	core/control/gate.c \
	core/control/gate.h \
	core/control/instance.c \
	core/control/instance.h \
	core/control/names.c \
	core/control/parts.h \
	core/control/path.h \
	core/control/reconfigure.c \
	core/control/reload.c \
	core/control/server.c \
	core/control/server.h \
	core/control/socket_file.c \
	core/control/socket_file.h \
	core/control/swap.c
