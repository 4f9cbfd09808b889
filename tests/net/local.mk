# SPDX-License-Identifier: Apache-2.0
# Tests with real peers, in network namespaces of their own: as root; skipped (77) otherwise.
net_scripts = \
	tests/net/test_adopt.sh \
	tests/net/test_bad_input.sh \
	tests/net/test_bundle.sh \
	tests/net/test_calls.sh \
	tests/net/test_capture.sh \
	tests/net/test_close.sh \
	tests/net/test_closed.sh \
	tests/net/test_completion.sh \
	tests/net/test_confine.sh \
	tests/net/test_embed.sh \
	tests/net/test_follow.sh \
	tests/net/test_gone.sh \
	tests/net/test_hammer.sh \
	tests/net/test_held.sh \
	tests/net/test_ipv6.sh \
	tests/net/test_late.sh \
	tests/net/test_limits.sh \
	tests/net/test_many.sh \
	tests/net/test_metrics.sh \
	tests/net/test_modes.sh \
	tests/net/test_multicast.sh \
	tests/net/test_ndp.sh \
	tests/net/test_netlink.sh \
	tests/net/test_operator.sh \
	tests/net/test_posix.sh \
	tests/net/test_procnet.sh \
	tests/net/test_restore.sh \
	tests/net/test_run.sh \
	tests/net/test_sleepers.sh \
	tests/net/test_ss.sh \
	tests/net/test_stats.sh \
	tests/net/test_stuck.sh \
	tests/net/test_swap.sh \
	tests/net/test_takeover.sh \
	tests/net/test_tap.sh \
	tests/net/test_tcpdump.sh \
	tests/net/test_tls.sh \
	tests/net/test_unread.sh \
	tests/net/test_waits.sh \
	tests/net/test_watch.sh
# Rates, volumes, other people's stacks and programs, which learn nothing from a sanitizer.
net_scripts_heavy = \
	tests/net/test_cgroup.sh \
	tests/net/test_compare.sh \
	tests/net/test_files.sh \
	tests/net/test_http.sh \
	tests/net/test_interop.sh \
	tests/net/test_netem.sh \
	tests/net/test_redirect.sh \
	tests/net/test_secondary.sh \
	tests/net/test_services.sh \
	tests/net/test_tbf.sh \
	tests/net/test_tc.sh \
	tests/net/test_tcp_info.sh \
	tests/net/test_tcp_keys.sh
net_programs = tests/net/test_link
check_PROGRAMS += $(net_programs)
if NET_TESTS
TESTS += $(net_programs) $(net_scripts)
if !SANITIZERS
TESTS += $(net_scripts_heavy)
endif
endif
# Rates are only true on a machine that does nothing else: after all the others (with GNU make).
tests/net/test_tbf.log: $(filter-out tests/net/test_tbf.log,$(TEST_LOGS))
EXTRA_DIST += $(net_scripts) $(net_scripts_heavy) tests/net/alone.sh tests/net/common.sh tests/net/twin.sh tests/net/confine.py tests/net/close.py tests/net/follow_compare.py tests/net/follow_sockets.py tests/net/interop.py tests/net/multicast.py tests/net/netlink_compare.py tests/net/control_peer.py tests/net/procnet_compare.py tests/net/procnet_hostile.py tests/net/router.py tests/net/sock_diag.py tests/net/stuck.c tests/net/tbf_window.py tests/net/tcp_info.py tests/net/tcp_keys.py tests/net/watch_screen.py tests/net/watch_terminal.py

check_PROGRAMS += tests/net/kill_at
tests_net_kill_at_LDADD =

check_PROGRAMS += tests/net/callers tests/net/holders
tests_net_callers_LDADD =
tests_net_holders_LDADD = -lpthread

check_PROGRAMS += tests/net/hammer
tests_net_hammer_LDADD = -lpthread

check_PROGRAMS += tests/net/neighbour
tests_net_neighbour_LDADD =

check_PROGRAMS += tests/net/old_kernel
tests_net_old_kernel_LDADD = $(SECCOMP_LIBS)

check_PROGRAMS += tests/net/takeover_tool
tests_net_takeover_tool_LDADD = libintercept.la libcore.la

check_PROGRAMS += tests/net/posix/posix
tests_net_posix_posix_SOURCES = \
	tests/net/posix/bind.c \
	tests/net/posix/bindtable.c \
	tests/net/posix/check.c \
	tests/net/posix/check.h \
	tests/net/posix/connect.c \
	tests/net/posix/datagram.c \
	tests/net/posix/dual.c \
	tests/net/posix/ending.c \
	tests/net/posix/events.c \
	tests/net/posix/frame.c \
	tests/net/posix/info.c \
	tests/net/posix/ipv6opt.c \
	tests/net/posix/main.c \
	tests/net/posix/message.c \
	tests/net/posix/option.c \
	tests/net/posix/passing.c \
	tests/net/posix/signals.c \
	tests/net/posix/state.c \
	tests/net/posix/stream.c \
	tests/net/posix/tcpopt.c \
	tests/net/posix/urgent.c
tests_net_posix_posix_LDADD = -lpthread
