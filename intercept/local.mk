# The workload's side; linked into the weir command and its tests only.
noinst_LTLIBRARIES += libintercept.la
libintercept_la_SOURCES = \
	intercept/fill.c \
	intercept/giveback.c \
	intercept/intercept.h \
	intercept/netns.c \
	intercept/netns.h \
	intercept/rtnl.c \
	intercept/rtnl.h \
	intercept/taken.c \
	intercept/taken.h \
	intercept/takeover.c \
	intercept/takeover.h \
	intercept/takeover_priv.h
libintercept_la_LIBADD = $(SECCOMP_LIBS) $(MNL_LIBS)
