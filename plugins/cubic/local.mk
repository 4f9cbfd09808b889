# SPDX-License-Identifier: Apache-2.0
weir_LTLIBRARIES += cubic.la
cubic_la_SOURCES = plugins/cubic/cubic.c plugins/cubic/hystart.c plugins/cubic/hystart.h
cubic_la_CPPFLAGS = $(module_cppflags)
cubic_la_LDFLAGS = $(module_ldflags)
