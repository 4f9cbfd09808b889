# make check: unit tests and simulations (Check), then, as root, tests in network namespaces.
T_LDADD = libcore.la $(CHECK_LIBS)
T_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
T_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
AM_TESTS_ENVIRONMENT = \
	WEIR_MODULE_PATH='$(abs_top_builddir)/.libs'; export WEIR_MODULE_PATH; \
	WEIR='$(abs_top_builddir)/weir'; export WEIR; \
	SRCDIR='$(abs_top_srcdir)'; export SRCDIR; \
	BUILDDIR='$(abs_top_builddir)'; export BUILDDIR;

include tests/unit/local.mk
include tests/sim/local.mk
include tests/net/local.mk
include tests/fuzz/local.mk
