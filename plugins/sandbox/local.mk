# SPDX-License-Identifier: Apache-2.0
weir_LTLIBRARIES += sandbox.la
sandbox_la_SOURCES = plugins/sandbox/sandbox.c
sandbox_la_CPPFLAGS = $(module_cppflags)
sandbox_la_LDFLAGS = $(module_ldflags)
