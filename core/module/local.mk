# SPDX-License-Identifier: Apache-2.0
libcore_la_SOURCES += \
	core/module/abi.c \
	core/module/file.c \
	core/module/file.h \
	core/module/ops.c \
	core/module/ops.h \
	core/module/params.c \
	core/module/params.h \
	core/module/path.c \
	core/module/path.h \
	core/module/registry.c \
	core/module/registry.h \
	core/module/suggest.c \
	core/module/suggest.h \
	core/module/units.c
