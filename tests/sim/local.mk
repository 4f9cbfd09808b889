# tests/sim: one stanza a program
check_PROGRAMS += tests/sim/sim_tcp
TESTS += tests/sim/sim_tcp
tests_sim_sim_tcp_SOURCES = tests/sim/sim_tcp.c tests/sim/sim.c tests/sim/sim.h plugins/reno/reno.c
tests_sim_sim_tcp_CFLAGS = $(T_CFLAGS)
tests_sim_sim_tcp_LDADD = $(T_LDADD)
tests_sim_sim_tcp_LDFLAGS = $(T_LDFLAGS)
