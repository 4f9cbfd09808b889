# SPDX-License-Identifier: Apache-2.0
# make check: unit tests and simulations (Check), replayed fuzz seeds, then, as root, tests in network namespaces.
# configure --disable-net-tests leaves the last out.
# Every module exports the one symbol weir_module, so AddressSanitizer's search for such is off.
TEST_EXTENSIONS = .sh
# One that hangs has failed: the longest takes some two minutes.
TEST_LIMIT = 900
LOG_COMPILER = timeout -k 30 $(TEST_LIMIT)
SH_LOG_COMPILER = $(LOG_COMPILER)
# Check's limits of single tests, 4 s by default, are for a quiet machine. One that is busy has not failed.
AM_TESTS_ENVIRONMENT = \
	CK_TIMEOUT_MULTIPLIER=20; export CK_TIMEOUT_MULTIPLIER; \
	WEIR_MODULE_PATH='$(abs_top_builddir)/.libs'; export WEIR_MODULE_PATH; \
	WEIR='$(abs_top_builddir)/weir'; export WEIR; \
	SRCDIR='$(abs_top_srcdir)'; export SRCDIR; \
	BUILDDIR='$(abs_top_builddir)'; export BUILDDIR; \
	CC='$(CC) $(SAN_CFLAGS)'; export CC; \
	ASAN_OPTIONS="detect_odr_violation=0$${ASAN_OPTIONS:+:$$ASAN_OPTIONS}"; export ASAN_OPTIONS;

# Every test program is linked with these, unless it says otherwise.
LDADD = tests/libtest.la libcore.la $(CHECK_LIBS)
check_LTLIBRARIES += tests/libtest.la
tests_libtest_la_SOURCES = plugins/reno/reno.c tests/silent_link.h tests/suite.h

include tests/unit/local.mk
include tests/sim/local.mk
include tests/fuzz/local.mk
include tests/net/local.mk
