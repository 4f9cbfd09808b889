# The workload's side; linked into the weir command and its tests only.
noinst_LTLIBRARIES += libintercept.la
libintercept_la_SOURCES = \
	intercept/intercept.h \
	intercept/takeover.h
libintercept_la_LIBADD = $(SECCOMP_LIBS) $(MNL_LIBS)
