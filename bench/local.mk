# SPDX-License-Identifier: Apache-2.0
# bench/run measures weir against the kernel; bench/demo is the README's first command.
noinst_PROGRAMS += bench/netbench
bench_netbench_SOURCES = bench/netbench.c
bench_netbench_LDADD = -lpthread
EXTRA_DIST += bench/demo bench/run

# The link drivers alone.
noinst_PROGRAMS += bench/linkbench
bench_linkbench_SOURCES = bench/linkbench.c
bench_linkbench_LDADD = libcore.la

# bench/compare: weir against the kernel over the same bad wire, which impair is.
noinst_PROGRAMS += bench/impair
bench_impair_SOURCES = bench/impair.c
bench_impair_LDADD = libcore.la
EXTRA_DIST += bench/compare

# bench/churn: does a sandbox stay as it was under all that happens at once?
EXTRA_DIST += bench/churn

# bench/scale: what an operation costs with 10, 1,000 and 19,000 objects: flat, or it is a sweep.
noinst_PROGRAMS += bench/scale
bench_scale_SOURCES = bench/scale.c plugins/reno/reno.c
bench_scale_CFLAGS = $(AM_CFLAGS)	# an object of its own: modules' are libtool's
bench_scale_LDADD = libcore.la
