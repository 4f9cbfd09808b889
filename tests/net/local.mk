# Tests with real peers, in network namespaces of their own: as root; skipped (77) otherwise.
NET_TESTS = \
	tests/net/test_bad_input.sh \
	tests/net/test_files.sh \
	tests/net/test_http.sh \
	tests/net/test_many.sh \
	tests/net/test_modes.sh \
	tests/net/test_posix.sh \
	tests/net/test_run.sh \
	tests/net/test_services.sh \
	tests/net/test_stats.sh \
	tests/net/test_swap.sh \
	tests/net/test_takeover.sh \
	tests/net/test_tbf.sh
TESTS += $(NET_TESTS)
EXTRA_DIST += $(NET_TESTS) tests/net/common.sh tests/net/tbf_window.py

check_PROGRAMS += tests/net/takeover_tool
tests_net_takeover_tool_SOURCES = tests/net/takeover_tool.c
tests_net_takeover_tool_LDADD = libintercept.la libcore.la
tests_net_takeover_tool_LDFLAGS = $(T_LDFLAGS)

check_PROGRAMS += tests/net/test_link
TESTS += tests/net/test_link
tests_net_test_link_SOURCES = tests/net/test_link.c
tests_net_test_link_CFLAGS = $(T_CFLAGS)
tests_net_test_link_LDADD = $(T_LDADD)
tests_net_test_link_LDFLAGS = $(T_LDFLAGS)

check_PROGRAMS += tests/net/posix/posix
tests_net_posix_posix_SOURCES = \
	tests/net/posix/check.h \
	tests/net/posix/datagram.c \
	tests/net/posix/events.c \
	tests/net/posix/main.c \
	tests/net/posix/option.c \
	tests/net/posix/passing.c \
	tests/net/posix/signals.c \
	tests/net/posix/stream.c
tests_net_posix_posix_LDADD = -lpthread
tests_net_posix_posix_LDFLAGS = $(T_LDFLAGS)
