# SPDX-License-Identifier: Apache-2.0
# tests/unit: a program of one file is one word in this list.
unit_tests = \
	tests/unit/test_base \
	tests/unit/test_config \
	tests/unit/test_control \
	tests/unit/test_icmp \
	tests/unit/test_ipv4 \
	tests/unit/test_module \
	tests/unit/test_neighbour \
	tests/unit/test_nic \
	tests/unit/test_packet \
	tests/unit/test_params \
	tests/unit/test_port \
	tests/unit/test_qdisc \
	tests/unit/test_raw \
	tests/unit/test_route \
	tests/unit/test_socket \
	tests/unit/test_tbf \
	tests/unit/test_tcp_close \
	tests/unit/test_tcp_data \
	tests/unit/test_tcp_open \
	tests/unit/test_time \
	tests/unit/test_udp
unit_scripts = \
	tests/unit/check-command.sh \
	tests/unit/outside-module.sh
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests) $(unit_scripts)
EXTRA_DIST += $(unit_scripts)

# What several of them share; the linker takes from it what a program uses.
tests_libtest_la_SOURCES += \
	tests/unit/dgramnet.h \
	tests/unit/instance_world.h \
	tests/unit/plain_qdisc.c \
	tests/unit/plain_qdisc.h \
	tests/unit/qdisc_world.h \
	tests/unit/tcp_script.c \
	tests/unit/tcp_script.h \
	tests/unit/testnet.c \
	tests/unit/testnet.h

include tests/unit/modules/local.mk
