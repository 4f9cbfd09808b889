# SPDX-License-Identifier: Apache-2.0
libcore_la_SOURCES += \
	core/raw/internal.h \
	core/raw/ping.c \
	core/raw/raw.c \
	core/raw/raw.h
