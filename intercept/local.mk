# SPDX-License-Identifier: Apache-2.0
# The workload's side; linked into the weir command and its tests only.
noinst_LTLIBRARIES += libintercept.la
libintercept_la_SOURCES = \
	intercept/allowlist.c \
	intercept/allowlist.h \
	intercept/call.c \
	intercept/call.h \
	intercept/call_message.c \
	intercept/call_option.c \
	intercept/call_socket.c \
	intercept/capabilities.c \
	intercept/capabilities.h \
	intercept/confine.c \
	intercept/confine.h \
	intercept/door.c \
	intercept/epoll_move.c \
	intercept/fill.c \
	intercept/filter.c \
	intercept/follow.c \
	intercept/follow.h \
	intercept/giveback.c \
	intercept/intercept.h \
	intercept/isock.c \
	intercept/isock.h \
	intercept/launch.c \
	intercept/launch.h \
	intercept/ledger.c \
	intercept/ledger.h \
	intercept/ledger_text.c \
	intercept/listen.c \
	intercept/lockdown.c \
	intercept/lockdown.h \
	intercept/message.c \
	intercept/message.h \
	intercept/message_dgram.c \
	intercept/message_stream.c \
	intercept/netns.c \
	intercept/netns.h \
	intercept/notif.c \
	intercept/notif.h \
	intercept/notify.c \
	intercept/obey.c \
	intercept/procfs.c \
	intercept/procfs.h \
	intercept/procmount.c \
	intercept/pump_dgram.c \
	intercept/pump_stream.c \
	intercept/recover.c \
	intercept/remote.c \
	intercept/ring.c \
	intercept/remote.h \
	intercept/rtnl.c \
	intercept/rtnl.h \
	intercept/taken.c \
	intercept/taken.h \
	intercept/takeover.c \
	intercept/takeover.h \
	intercept/takeover_more.c \
	intercept/takeover_priv.h \
	intercept/unread.c \
	intercept/userns.c \
	intercept/userns.h \
	intercept/watchdog.c \
	intercept/witness.c \
	intercept/worker.c \
	intercept/worker.h
libintercept_la_LIBADD = $(SECCOMP_LIBS) $(MNL_LIBS) $(FUSE3_LIBS)
