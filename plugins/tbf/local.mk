# SPDX-License-Identifier: Apache-2.0
weir_LTLIBRARIES += tbf.la
tbf_la_SOURCES = plugins/tbf/tbf.c plugins/tbf/tbf.h plugins/tbf/tc.c
tbf_la_CPPFLAGS = $(module_cppflags)
tbf_la_LDFLAGS = $(module_ldflags)
