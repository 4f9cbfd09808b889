# SPDX-License-Identifier: Apache-2.0
# The manual pages, each made from its PAGE.in and the tables of the modules and commands that it tells of (manpage.c).
# What makes them has to run here, so a build for another machine has none.
manual_date = November 28, 2026
manual_pages = \
	docs/man/weir.1 \
	docs/man/weir.ini.5 \
	docs/man/weir-bbr.7 \
	docs/man/weir-cubic.7 \
	docs/man/weir-fifo.7 \
	docs/man/weir-host.7 \
	docs/man/weir-netem.7 \
	docs/man/weir-none.7 \
	docs/man/weir-packet.7 \
	docs/man/weir-reno.7 \
	docs/man/weir-sandbox.7 \
	docs/man/weir-tap.7 \
	docs/man/weir-tbf.7
EXTRA_DIST += $(manual_pages:=.in)

if MANUAL
noinst_PROGRAMS += docs/man/manpage
docs_man_manpage_CPPFLAGS = $(libcmd_la_CPPFLAGS) -DWEIR_CONFIG_DIR='"$(weirconfdir)"'
docs_man_manpage_LDADD = $(weir_LDADD)
nodist_man_MANS = $(manual_pages)
CLEANFILES += $(manual_pages)

# AddressSanitizer would take the symbol that every module exports for a mistake (tests/local.mk), and a debugger's
# hold on a build for an error of its own.
$(manual_pages): %: %.in docs/man/manpage$(EXEEXT) $(weir_LTLIBRARIES) $(top_srcdir)/docs/man/local.mk
	$(AM_V_GEN)ASAN_OPTIONS=detect_odr_violation=0:detect_leaks=0 docs/man/manpage$(EXEEXT) '$(manual_date)' \
		$< $(patsubst %.la,.libs/%.so,$(sort $(weir_LTLIBRARIES))) > $@.tmp && mv $@.tmp $@
endif
