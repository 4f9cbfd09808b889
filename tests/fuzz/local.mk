# SPDX-License-Identifier: Apache-2.0
# tests/fuzz: one stanza a program, fuzz_NAME, with its seeds in corpus/NAME/.
#
# make check replays the seeds. To fuzz: ./configure CC=clang --enable-fuzzers && make check-fuzz
# builds the programs with libFuzzer; then, from the build folder,
#	mkdir new && tests/fuzz/fuzz_NAME new SRCDIR/tests/fuzz/corpus/NAME
# An input that fails goes, once mended, into corpus/NAME/.
fuzz_harnesses = tests/fuzz/fuzz_annotations tests/fuzz/fuzz_bpf tests/fuzz/fuzz_control tests/fuzz/fuzz_dialogue tests/fuzz/fuzz_frame tests/fuzz/fuzz_ini tests/fuzz/fuzz_netlink tests/fuzz/fuzz_vnet
EXTRA_DIST += tests/fuzz/corpus tests/fuzz/fuzz_main.c

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

tests_fuzz_fuzz_annotations_SOURCES = tests/fuzz/fuzz_annotations.c tests/fuzz/modules.c tests/fuzz/modules.h $(fuzz_main)
tests_fuzz_fuzz_annotations_LDFLAGS = $(fuzz_link)

tests_fuzz_fuzz_bpf_SOURCES = tests/fuzz/fuzz_bpf.c $(fuzz_main)
tests_fuzz_fuzz_bpf_LDFLAGS = $(fuzz_link)

tests_fuzz_fuzz_vnet_SOURCES = tests/fuzz/fuzz_vnet.c $(fuzz_main)
tests_fuzz_fuzz_vnet_LDFLAGS = $(fuzz_link)

tests_fuzz_fuzz_ini_SOURCES = tests/fuzz/fuzz_ini.c tests/fuzz/modules.c tests/fuzz/modules.h $(fuzz_main)
tests_fuzz_fuzz_ini_LDFLAGS = $(fuzz_link)

tests_fuzz_fuzz_netlink_SOURCES = tests/fuzz/fuzz_netlink.c tests/fuzz/modules.c tests/fuzz/modules.h $(fuzz_main)
tests_fuzz_fuzz_netlink_LDFLAGS = $(fuzz_link)

tests_fuzz_fuzz_frame_SOURCES = tests/fuzz/fuzz_frame.c tests/fuzz/mend.c tests/fuzz/mend.h $(fuzz_main)
tests_fuzz_fuzz_frame_LDFLAGS = $(fuzz_link)

tests_fuzz_fuzz_control_SOURCES = tests/fuzz/fuzz_control.c $(fuzz_main)
tests_fuzz_fuzz_control_LDFLAGS = $(fuzz_link)

tests_fuzz_fuzz_dialogue_SOURCES = tests/fuzz/fuzz_dialogue.c tests/fuzz/mend.c tests/fuzz/mend.h $(fuzz_main)
tests_fuzz_fuzz_dialogue_LDFLAGS = $(fuzz_link)
