# bench/run measures weir against the kernel; bench/demo is the README's first command.
noinst_PROGRAMS += bench/netbench
bench_netbench_SOURCES = bench/netbench.c
bench_netbench_LDADD = -lpthread
EXTRA_DIST += bench/demo bench/run
