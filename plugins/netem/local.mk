# SPDX-License-Identifier: Apache-2.0
weir_LTLIBRARIES += netem.la
netem_la_SOURCES = \
	plugins/netem/chance.c \
	plugins/netem/chance.h \
	plugins/netem/delay_line.c \
	plugins/netem/delay_line.h \
	plugins/netem/loss.c \
	plugins/netem/loss.h \
	plugins/netem/netem.c \
	plugins/netem/netem.h \
	plugins/netem/tc.c \
	plugins/netem/wire.c \
	plugins/netem/wire.h
netem_la_CPPFLAGS = $(module_cppflags)
netem_la_LDFLAGS = $(module_ldflags)
netem_la_LIBADD = -lm
