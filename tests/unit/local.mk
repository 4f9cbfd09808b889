# tests/unit: one stanza a program
check_PROGRAMS += tests/unit/test_base
TESTS += tests/unit/test_base
tests_unit_test_base_SOURCES = tests/unit/test_base.c
tests_unit_test_base_CFLAGS = $(T_CFLAGS)
tests_unit_test_base_LDADD = $(T_LDADD)
tests_unit_test_base_LDFLAGS = $(T_LDFLAGS)

check_PROGRAMS += tests/unit/test_time
TESTS += tests/unit/test_time
tests_unit_test_time_SOURCES = tests/unit/test_time.c
tests_unit_test_time_CFLAGS = $(T_CFLAGS)
tests_unit_test_time_LDADD = $(T_LDADD)
tests_unit_test_time_LDFLAGS = $(T_LDFLAGS)

check_PROGRAMS += tests/unit/test_packet
TESTS += tests/unit/test_packet
tests_unit_test_packet_SOURCES = tests/unit/test_packet.c
tests_unit_test_packet_CFLAGS = $(T_CFLAGS)
tests_unit_test_packet_LDADD = $(T_LDADD)
tests_unit_test_packet_LDFLAGS = $(T_LDFLAGS)

check_PROGRAMS += tests/unit/test_qdisc
TESTS += tests/unit/test_qdisc
tests_unit_test_qdisc_SOURCES = tests/unit/test_qdisc.c tests/unit/qdisc_world.h
tests_unit_test_qdisc_CFLAGS = $(T_CFLAGS)
tests_unit_test_qdisc_LDADD = $(T_LDADD)
tests_unit_test_qdisc_LDFLAGS = $(T_LDFLAGS)

# Shared by the tests of nic, ip and what stands on them.
TESTNET = tests/unit/testnet.c tests/unit/testnet.h

check_PROGRAMS += tests/unit/test_nic
TESTS += tests/unit/test_nic
tests_unit_test_nic_SOURCES = tests/unit/test_nic.c $(TESTNET)
tests_unit_test_nic_CFLAGS = $(T_CFLAGS)
tests_unit_test_nic_LDADD = $(T_LDADD)
tests_unit_test_nic_LDFLAGS = $(T_LDFLAGS)

check_PROGRAMS += tests/unit/test_port
TESTS += tests/unit/test_port
tests_unit_test_port_SOURCES = tests/unit/test_port.c
tests_unit_test_port_CFLAGS = $(T_CFLAGS)
tests_unit_test_port_LDADD = $(T_LDADD)
tests_unit_test_port_LDFLAGS = $(T_LDFLAGS)

check_PROGRAMS += tests/unit/test_udp
TESTS += tests/unit/test_udp
tests_unit_test_udp_SOURCES = tests/unit/test_udp.c tests/unit/dgramnet.h $(TESTNET)
tests_unit_test_udp_CFLAGS = $(T_CFLAGS)
tests_unit_test_udp_LDADD = $(T_LDADD)
tests_unit_test_udp_LDFLAGS = $(T_LDFLAGS)

check_PROGRAMS += tests/unit/test_raw
TESTS += tests/unit/test_raw
tests_unit_test_raw_SOURCES = tests/unit/test_raw.c tests/unit/dgramnet.h $(TESTNET)
tests_unit_test_raw_CFLAGS = $(T_CFLAGS)
tests_unit_test_raw_LDADD = $(T_LDADD)
tests_unit_test_raw_LDFLAGS = $(T_LDFLAGS)

check_PROGRAMS += tests/unit/test_socket
TESTS += tests/unit/test_socket
tests_unit_test_socket_SOURCES = tests/unit/test_socket.c tests/unit/dgramnet.h $(TESTNET)
tests_unit_test_socket_CFLAGS = $(T_CFLAGS)
tests_unit_test_socket_LDADD = $(T_LDADD)
tests_unit_test_socket_LDFLAGS = $(T_LDFLAGS)

check_PROGRAMS += tests/unit/test_neighbour
TESTS += tests/unit/test_neighbour
tests_unit_test_neighbour_SOURCES = tests/unit/test_neighbour.c $(TESTNET)
tests_unit_test_neighbour_CFLAGS = $(T_CFLAGS)
tests_unit_test_neighbour_LDADD = $(T_LDADD)
tests_unit_test_neighbour_LDFLAGS = $(T_LDFLAGS)

check_PROGRAMS += tests/unit/test_route
TESTS += tests/unit/test_route
tests_unit_test_route_SOURCES = tests/unit/test_route.c $(TESTNET)
tests_unit_test_route_CFLAGS = $(T_CFLAGS)
tests_unit_test_route_LDADD = $(T_LDADD)
tests_unit_test_route_LDFLAGS = $(T_LDFLAGS)

check_PROGRAMS += tests/unit/test_tbf
TESTS += tests/unit/test_tbf
tests_unit_test_tbf_SOURCES = tests/unit/test_tbf.c tests/unit/qdisc_world.h
tests_unit_test_tbf_CFLAGS = $(T_CFLAGS)
tests_unit_test_tbf_LDADD = $(T_LDADD)
tests_unit_test_tbf_LDFLAGS = $(T_LDFLAGS)

include tests/unit/modules/local.mk

check_PROGRAMS += tests/unit/test_ipv4
TESTS += tests/unit/test_ipv4
tests_unit_test_ipv4_SOURCES = tests/unit/test_ipv4.c $(TESTNET)
tests_unit_test_ipv4_CFLAGS = $(T_CFLAGS)
tests_unit_test_ipv4_LDADD = $(T_LDADD)
tests_unit_test_ipv4_LDFLAGS = $(T_LDFLAGS)

check_PROGRAMS += tests/unit/test_icmp
TESTS += tests/unit/test_icmp
tests_unit_test_icmp_SOURCES = tests/unit/test_icmp.c $(TESTNET)
tests_unit_test_icmp_CFLAGS = $(T_CFLAGS)
tests_unit_test_icmp_LDADD = $(T_LDADD)
tests_unit_test_icmp_LDFLAGS = $(T_LDFLAGS)
check_PROGRAMS += tests/unit/test_control
TESTS += tests/unit/test_control
tests_unit_test_control_SOURCES = tests/unit/test_control.c tests/unit/instance_world.h
tests_unit_test_control_CFLAGS = $(T_CFLAGS)
tests_unit_test_control_LDADD = $(T_LDADD)
tests_unit_test_control_LDFLAGS = $(T_LDFLAGS)

TCP_SCRIPT = tests/unit/tcp_script.c tests/unit/tcp_script.h plugins/reno/reno.c $(TESTNET)

check_PROGRAMS += tests/unit/test_tcp_open
TESTS += tests/unit/test_tcp_open
tests_unit_test_tcp_open_SOURCES = tests/unit/test_tcp_open.c $(TCP_SCRIPT)
tests_unit_test_tcp_open_CFLAGS = $(T_CFLAGS)
tests_unit_test_tcp_open_LDADD = $(T_LDADD)
tests_unit_test_tcp_open_LDFLAGS = $(T_LDFLAGS)

check_PROGRAMS += tests/unit/test_tcp_data
TESTS += tests/unit/test_tcp_data
tests_unit_test_tcp_data_SOURCES = tests/unit/test_tcp_data.c $(TCP_SCRIPT)
tests_unit_test_tcp_data_CFLAGS = $(T_CFLAGS)
tests_unit_test_tcp_data_LDADD = $(T_LDADD)
tests_unit_test_tcp_data_LDFLAGS = $(T_LDFLAGS)

check_PROGRAMS += tests/unit/test_tcp_close
TESTS += tests/unit/test_tcp_close
tests_unit_test_tcp_close_SOURCES = tests/unit/test_tcp_close.c $(TCP_SCRIPT)
tests_unit_test_tcp_close_CFLAGS = $(T_CFLAGS)
tests_unit_test_tcp_close_LDADD = $(T_LDADD)
tests_unit_test_tcp_close_LDFLAGS = $(T_LDFLAGS)
