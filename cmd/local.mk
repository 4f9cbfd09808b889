# SPDX-License-Identifier: Apache-2.0
bin_PROGRAMS += weir
weir_SOURCES = cmd/main.c
weir_CPPFLAGS = $(libcmd_la_CPPFLAGS)
# A stack process opens no files: the mathematics that a module may need is there before it.
weir_LDFLAGS = $(AM_LDFLAGS) -Wl,--push-state,--no-as-needed,-lm,--pop-state
weir_LDADD = libcmd.la libintercept.la libcore.la

# All but main(): the manual pages are made of the commands' own tables.
noinst_LTLIBRARIES += libcmd.la
libcmd_la_SOURCES = \
	cmd/caps.c \
	cmd/caps.h \
	cmd/check.c \
	cmd/cmd.h \
	cmd/commands.c \
	cmd/complete.c \
	cmd/complete.h \
	cmd/complete_lists.c \
	cmd/ctl.c \
	cmd/ctl.h \
	cmd/ctl_capture.c \
	cmd/ctl_listen.c \
	cmd/ctl_metrics.c \
	cmd/ctl_print.c \
	cmd/ctl_watch.c \
	cmd/ending.c \
	cmd/ending.h \
	cmd/exec.c \
	cmd/exec.h \
	cmd/exec_modules.c \
	cmd/gate.c \
	cmd/gate.h \
	cmd/help.c \
	cmd/help.h \
	cmd/logger.c \
	cmd/logger.h \
	cmd/modules.c \
	cmd/options.c \
	cmd/options.h \
	cmd/pcapng.c \
	cmd/pcapng.h \
	cmd/peer.c \
	cmd/peer.h \
	cmd/relay.c \
	cmd/relay.h \
	cmd/report.c \
	cmd/report.h \
	cmd/restore.c \
	cmd/run.c \
	cmd/stack.c \
	cmd/stack.h \
	cmd/watch.h \
	cmd/watch_lines.c \
	cmd/watch_model.c \
	cmd/watch_model.h \
	cmd/watch_screen.c \
	cmd/watchdog.c \
	cmd/watchdog.h
libcmd_la_CPPFLAGS = $(AM_CPPFLAGS) $(MICROHTTPD_CFLAGS) $(PCAP_CFLAGS) $(NCURSES_CFLAGS) -DWEIR_MODULE_DIR='"$(weirdir)"' -DWEIR_VERSION='"$(PACKAGE_VERSION)"'
libcmd_la_LIBADD = $(MICROHTTPD_LIBS) $(PCAP_LIBS) $(NCURSES_LIBS)
