# SPDX-License-Identifier: Apache-2.0
weir_LTLIBRARIES += tap.la
tap_la_SOURCES = plugins/tap/tap.c $(device_sources)
tap_la_CPPFLAGS = $(module_cppflags) -I$(top_srcdir)/plugins/device
tap_la_LDFLAGS = $(module_ldflags)
