# SPDX-License-Identifier: Apache-2.0
weir_LTLIBRARIES += none.la
none_la_SOURCES = plugins/none/none.c
none_la_CPPFLAGS = $(module_cppflags)
none_la_LDFLAGS = $(module_ldflags)
