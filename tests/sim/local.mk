# SPDX-License-Identifier: Apache-2.0
# tests/sim: TCP over simulated links, on virtual time
check_PROGRAMS += tests/sim/sim_tcp
TESTS += tests/sim/sim_tcp
tests_sim_sim_tcp_SOURCES = tests/sim/sim_tcp.c tests/sim/operator.c tests/sim/operator.h \
	tests/sim/sim.c tests/sim/sim.h

check_PROGRAMS += tests/sim/sim_bulk
TESTS += tests/sim/sim_bulk
tests_sim_sim_bulk_SOURCES = tests/sim/sim_bulk.c tests/sim/sim.c tests/sim/sim.h
