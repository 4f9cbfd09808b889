# SPDX-License-Identifier: Apache-2.0
# tests/unit: a program of one file is one word in this list.
unit_tests = \
	tests/unit/test_base \
	tests/unit/test_bbr \
	tests/unit/test_bpf \
	tests/unit/test_cgroup \
	tests/unit/test_checksum \
	tests/unit/test_config \
	tests/unit/test_control \
	tests/unit/test_control_clients \
	tests/unit/test_cubic \
	tests/unit/test_diag \
	tests/unit/test_embed \
	tests/unit/test_ending \
	tests/unit/test_exhaust \
	tests/unit/test_exthdr \
	tests/unit/test_fill \
	tests/unit/test_gro \
	tests/unit/test_gso \
	tests/unit/test_group \
	tests/unit/test_icmp \
	tests/unit/test_igmp \
	tests/unit/test_ipv4 \
	tests/unit/test_ipv6 \
	tests/unit/test_l3 \
	tests/unit/test_logger \
	tests/unit/test_ledger \
	tests/unit/test_mld \
	tests/unit/test_module \
	tests/unit/test_ndp \
	tests/unit/test_neighbour \
	tests/unit/test_netem \
	tests/unit/test_netem_loss \
	tests/unit/test_netlink \
	tests/unit/test_nic \
	tests/unit/test_obey \
	tests/unit/test_packet \
	tests/unit/test_params \
	tests/unit/test_peer \
	tests/unit/test_pfpacket \
	tests/unit/test_policy \
	tests/unit/test_port \
	tests/unit/test_procnet \
	tests/unit/test_qdisc \
	tests/unit/test_raw \
	tests/unit/test_route \
	tests/unit/test_slaac \
	tests/unit/test_socket \
	tests/unit/test_socket6 \
	tests/unit/test_taken \
	tests/unit/test_tbf \
	tests/unit/test_tc \
	tests/unit/test_tcp_attack \
	tests/unit/test_tcp_close \
	tests/unit/test_tcp_data \
	tests/unit/test_tcp_ecn \
	tests/unit/test_tcp_fastopen \
	tests/unit/test_tcp_listen \
	tests/unit/test_tcp_memory \
	tests/unit/test_tcp_mtu \
	tests/unit/test_tcp_option \
	tests/unit/test_tcp_urgent \
	tests/unit/test_tcp_open \
	tests/unit/test_tcp_pacing \
	tests/unit/test_tcp_rack \
	tests/unit/test_tcp_rate \
	tests/unit/test_tcp_recovery \
	tests/unit/test_tcp_renew \
	tests/unit/test_tcp_sack \
	tests/unit/test_time \
	tests/unit/test_tree \
	tests/unit/test_udp \
	tests/unit/test_udp_bulk \
	tests/unit/test_vnet \
	tests/unit/test_watch
unit_scripts = \
	tests/unit/annotations-command.sh \
	tests/unit/check-command.sh \
	tests/unit/completion.sh \
	tests/unit/help.sh \
	tests/unit/manual.sh \
	tests/unit/outside-module.sh
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests) $(unit_scripts)
EXTRA_DIST += $(unit_scripts) tests/unit/command.sh tests/unit/common.sh tests/unit/completion.bash
tests_unit_test_watch_SOURCES = tests/unit/test_watch.c cmd/watch_model.c
tests_unit_test_ending_LDADD = tests/libtest.la libcmd.la libintercept.la libcore.la $(CHECK_LIBS)
tests_unit_test_fill_LDADD = tests/libtest.la libintercept.la libcore.la $(CHECK_LIBS)
tests_unit_test_ledger_LDADD = tests/libtest.la libintercept.la libcore.la $(CHECK_LIBS) $(MNL_LIBS)
tests_unit_test_logger_LDADD = tests/libtest.la libcmd.la libintercept.la libcore.la $(CHECK_LIBS)
tests_unit_test_obey_LDADD = tests/libtest.la libintercept.la libcore.la $(CHECK_LIBS)
tests_unit_test_peer_LDADD = tests/libtest.la libcmd.la libintercept.la libcore.la $(CHECK_LIBS)
tests_unit_test_taken_LDADD = tests/libtest.la libintercept.la libcore.la $(CHECK_LIBS)

# What several of them share; the linker takes from it what a program uses.
tests_libtest_la_SOURCES += \
	tests/unit/cc_world.h \
	tests/unit/dgramnet.h \
	tests/unit/groupnet.h \
	tests/unit/control_world.h \
	tests/unit/instance_world.h \
	tests/unit/ndpnet.h \
	tests/unit/netem_world.h \
	tests/unit/netlink_world.h \
	tests/unit/packet_world.h \
	tests/unit/plain_qdisc.c \
	tests/unit/plain_qdisc.h \
	tests/unit/qdisc_world.h \
	tests/unit/stack_world.h \
	tests/unit/tcp_script.c \
	tests/unit/tcp_script.h \
	tests/unit/testnet.c \
	tests/unit/testnet.h

include tests/unit/modules/local.mk
