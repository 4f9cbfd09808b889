# SPDX-License-Identifier: Apache-2.0
# tests/sim: stacks over simulated links, on virtual time; a program is a scenario of many seeds.
sims = tests/sim/sim_bulk tests/sim/sim_cc tests/sim/sim_memory tests/sim/sim_net tests/sim/sim_tcp
check_PROGRAMS += $(sims)
TESTS += $(sims)

check_LTLIBRARIES += tests/libsim.la
tests_libsim_la_SOURCES = \
	tests/sim/flow.c \
	tests/sim/flow.h \
	tests/sim/operator.c \
	tests/sim/operator.h \
	tests/sim/runner.c \
	tests/sim/runner.h \
	tests/sim/sim.c \
	tests/sim/sim.h \
	tests/sim/wire.c \
	tests/sim/wire.h
tests_sim_sim_bulk_LDADD = tests/libsim.la $(LDADD)
tests_sim_sim_cc_LDADD = tests/libsim.la $(LDADD)
tests_sim_sim_memory_LDADD = tests/libsim.la $(LDADD)
tests_sim_sim_net_LDADD = tests/libsim.la $(LDADD)
tests_sim_sim_tcp_LDADD = tests/libsim.la $(LDADD)
