# SPDX-License-Identifier: Apache-2.0
weir_LTLIBRARIES += reno.la
reno_la_SOURCES = plugins/reno/reno.c
reno_la_CPPFLAGS = $(module_cppflags)
reno_la_LDFLAGS = $(module_ldflags)
