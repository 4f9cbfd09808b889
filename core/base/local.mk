# SPDX-License-Identifier: Apache-2.0
libcore_la_SOURCES += \
	core/base/bytes.h \
	core/base/cgroup.c \
	core/base/cgroup.h \
	core/base/error.c \
	core/base/hash.c \
	core/base/hash.h \
	core/base/limits.c \
	core/base/limits.h \
	core/base/list.h \
	core/base/log.c \
	core/base/log.h \
	core/base/pidfd.c \
	core/base/pidfd.h \
	core/base/random.c \
	core/base/random.h \
	core/base/siphash.c \
	core/base/siphash.h \
	core/base/tree.c \
	core/base/tree.h
