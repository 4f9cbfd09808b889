# SPDX-License-Identifier: Apache-2.0
weir_LTLIBRARIES += bbr.la
bbr_la_SOURCES = plugins/bbr/bbr.c plugins/bbr/bbr.h plugins/bbr/filter.h plugins/bbr/policer.c
bbr_la_CPPFLAGS = $(module_cppflags)
bbr_la_LDFLAGS = $(module_ldflags)
