# SPDX-License-Identifier: Apache-2.0
weir_LTLIBRARIES += fifo.la
fifo_la_SOURCES = plugins/fifo/fifo.c
fifo_la_CPPFLAGS = $(module_cppflags)
fifo_la_LDFLAGS = $(module_ldflags)
