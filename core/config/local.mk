# SPDX-License-Identifier: Apache-2.0
libcore_la_SOURCES += \
	core/config/annotations.c \
	core/config/annotations.h \
	core/config/check.c \
	core/config/check_link.c \
	core/config/check_tcp.c \
	core/config/config.c \
	core/config/config.h \
	core/config/flags.c \
	core/config/flags.h \
	core/config/ini.c \
	core/config/merge.c \
	core/config/policy.c \
	core/config/policy.h \
	core/config/sections.c \
	core/config/sections.h \
	core/config/text.c
