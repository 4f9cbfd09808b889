# SPDX-License-Identifier: Apache-2.0
libcore_la_SOURCES += \
	core/diag/diag.c \
	core/diag/diag.h \
	core/diag/filter.c \
	core/diag/one.c
