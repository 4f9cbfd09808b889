# SPDX-License-Identifier: Apache-2.0
weir_LTLIBRARIES += host.la
host_la_SOURCES = plugins/host/host.c
host_la_CPPFLAGS = $(module_cppflags)
host_la_LDFLAGS = $(module_ldflags)
