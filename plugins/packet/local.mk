# SPDX-License-Identifier: Apache-2.0
weir_LTLIBRARIES += packet.la
packet_la_SOURCES = plugins/packet/packet.c $(device_sources)
packet_la_CPPFLAGS = $(module_cppflags) -I$(top_srcdir)/plugins/device
packet_la_LDFLAGS = $(module_ldflags)
