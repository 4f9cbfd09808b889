# SPDX-License-Identifier: Apache-2.0
libcore_la_SOURCES += \
	core/time/env.c \
	core/time/env.h \
	core/time/loop.c \
	core/time/loop.h \
	core/time/heartbeat.h \
	core/time/timer.c \
	core/time/timer.h \
	core/time/turn.c \
	core/time/turn.h
