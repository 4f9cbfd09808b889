# SPDX-License-Identifier: Apache-2.0
# tests/fuzz: one stanza a program, fuzz_NAME, with its seeds in corpus/NAME/.
#
# make check replays the seeds. To fuzz: ./configure CC=clang --enable-fuzzers && make && make check-fuzz
# builds the programs with libFuzzer, and runs each for a moment as follows; then, from the build folder,
#	mkdir new && tests/fuzz/fuzz_NAME new SRCDIR/tests/fuzz/corpus/NAME
# An input that fails goes, once mended, into corpus/NAME/.
fuzz_harnesses = tests/fuzz/fuzz_annotations tests/fuzz/fuzz_bpf tests/fuzz/fuzz_calls tests/fuzz/fuzz_control tests/fuzz/fuzz_dialogue tests/fuzz/fuzz_frame tests/fuzz/fuzz_ini tests/fuzz/fuzz_netlink tests/fuzz/fuzz_vnet
EXTRA_DIST += tests/fuzz/corpus tests/fuzz/fuzz_main.c tests/fuzz/moment.sh

check_PROGRAMS += $(fuzz_harnesses)
fuzz_link = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
if FUZZERS
fuzz_main = tests/fuzz/fuzz.h
else
fuzz_main = tests/fuzz/fuzz.h tests/fuzz/fuzz_main.c
TESTS += $(fuzz_harnesses)
endif

.PHONY: check-fuzz
check-fuzz: $(fuzz_harnesses)
if FUZZERS
	$(srcdir)/tests/fuzz/moment.sh $(srcdir) $(fuzz_harnesses)
endif

# Weir's modules are linked with the harnesses that need them, each under a name of its own: so nothing is to be
# found when they run, libFuzzer counts what they cover, and no dlclose takes its counters away. Reno is in libtest.
fuzz_modules_sources = tests/fuzz/modules.c tests/fuzz/modules.h
fuzz_modules_libs = tests/fuzz/libmodule_bbr.la tests/fuzz/libmodule_cubic.la tests/fuzz/libmodule_fifo.la tests/fuzz/libmodule_host.la tests/fuzz/libmodule_netem.la tests/fuzz/libmodule_none.la tests/fuzz/libmodule_packet.la tests/fuzz/libmodule_sandbox.la tests/fuzz/libmodule_tap.la tests/fuzz/libmodule_tbf.la
fuzz_modules_ldadd = $(fuzz_modules_libs) $(LDADD) -lm
check_LTLIBRARIES += $(fuzz_modules_libs)
tests_fuzz_libmodule_bbr_la_SOURCES = $(bbr_la_SOURCES)
tests_fuzz_libmodule_bbr_la_CPPFLAGS = $(bbr_la_CPPFLAGS) -Dweir_module=fuzz_module_bbr
tests_fuzz_libmodule_cubic_la_SOURCES = $(cubic_la_SOURCES)
tests_fuzz_libmodule_cubic_la_CPPFLAGS = $(cubic_la_CPPFLAGS) -Dweir_module=fuzz_module_cubic
tests_fuzz_libmodule_fifo_la_SOURCES = $(fifo_la_SOURCES)
tests_fuzz_libmodule_fifo_la_CPPFLAGS = $(fifo_la_CPPFLAGS) -Dweir_module=fuzz_module_fifo
tests_fuzz_libmodule_host_la_SOURCES = $(host_la_SOURCES)
tests_fuzz_libmodule_host_la_CPPFLAGS = $(host_la_CPPFLAGS) -Dweir_module=fuzz_module_host
tests_fuzz_libmodule_netem_la_SOURCES = $(netem_la_SOURCES)
tests_fuzz_libmodule_netem_la_CPPFLAGS = $(netem_la_CPPFLAGS) -Dweir_module=fuzz_module_netem
tests_fuzz_libmodule_none_la_SOURCES = $(none_la_SOURCES)
tests_fuzz_libmodule_none_la_CPPFLAGS = $(none_la_CPPFLAGS) -Dweir_module=fuzz_module_none
tests_fuzz_libmodule_packet_la_SOURCES = $(packet_la_SOURCES)
tests_fuzz_libmodule_packet_la_CPPFLAGS = $(packet_la_CPPFLAGS) -Dweir_module=fuzz_module_packet
tests_fuzz_libmodule_sandbox_la_SOURCES = $(sandbox_la_SOURCES)
tests_fuzz_libmodule_sandbox_la_CPPFLAGS = $(sandbox_la_CPPFLAGS) -Dweir_module=fuzz_module_sandbox
tests_fuzz_libmodule_tap_la_SOURCES = $(tap_la_SOURCES)
tests_fuzz_libmodule_tap_la_CPPFLAGS = $(tap_la_CPPFLAGS) -Dweir_module=fuzz_module_tap
tests_fuzz_libmodule_tbf_la_SOURCES = $(tbf_la_SOURCES)
tests_fuzz_libmodule_tbf_la_CPPFLAGS = $(tbf_la_CPPFLAGS) -Dweir_module=fuzz_module_tbf

tests_fuzz_fuzz_annotations_SOURCES = tests/fuzz/fuzz_annotations.c $(fuzz_modules_sources) $(fuzz_main)
tests_fuzz_fuzz_annotations_LDFLAGS = $(fuzz_link)
tests_fuzz_fuzz_annotations_LDADD = $(fuzz_modules_ldadd)

tests_fuzz_fuzz_bpf_SOURCES = tests/fuzz/fuzz_bpf.c $(fuzz_main)
tests_fuzz_fuzz_bpf_LDFLAGS = $(fuzz_link)

# callers.c stands for a kernel: its notif_ and remote_ functions come before the library's.
tests_fuzz_fuzz_calls_SOURCES = tests/fuzz/callers.c tests/fuzz/callers.h tests/fuzz/fiber.c tests/fuzz/fiber.h tests/fuzz/fuzz_calls.c $(fuzz_main)
tests_fuzz_fuzz_calls_LDADD = libintercept.la $(LDADD)
tests_fuzz_fuzz_calls_LDFLAGS = $(fuzz_link)

tests_fuzz_fuzz_vnet_SOURCES = tests/fuzz/fuzz_vnet.c $(fuzz_main)
tests_fuzz_fuzz_vnet_LDFLAGS = $(fuzz_link)

tests_fuzz_fuzz_ini_SOURCES = tests/fuzz/fuzz_ini.c $(fuzz_modules_sources) $(fuzz_main)
tests_fuzz_fuzz_ini_LDFLAGS = $(fuzz_link)
tests_fuzz_fuzz_ini_LDADD = $(fuzz_modules_ldadd)

tests_fuzz_fuzz_netlink_SOURCES = tests/fuzz/fuzz_netlink.c $(fuzz_modules_sources) $(fuzz_main)
tests_fuzz_fuzz_netlink_LDFLAGS = $(fuzz_link)
tests_fuzz_fuzz_netlink_LDADD = $(fuzz_modules_ldadd)

tests_fuzz_fuzz_frame_SOURCES = tests/fuzz/fuzz_frame.c tests/fuzz/mend.c tests/fuzz/mend.h $(fuzz_main)
tests_fuzz_fuzz_frame_LDFLAGS = $(fuzz_link)

tests_fuzz_fuzz_control_SOURCES = tests/fuzz/fuzz_control.c $(fuzz_modules_sources) $(fuzz_main)
tests_fuzz_fuzz_control_LDFLAGS = $(fuzz_link)
tests_fuzz_fuzz_control_LDADD = $(fuzz_modules_ldadd)

tests_fuzz_fuzz_dialogue_SOURCES = tests/fuzz/fuzz_dialogue.c tests/fuzz/mend.c tests/fuzz/mend.h $(fuzz_main)
tests_fuzz_fuzz_dialogue_LDFLAGS = $(fuzz_link)
