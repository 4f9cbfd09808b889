weir_LTLIBRARIES += packet.la
packet_la_SOURCES = plugins/packet/packet.c $(DEVICE_SOURCES)
packet_la_CPPFLAGS = -I$(top_srcdir)/include -I$(top_srcdir)/plugins/device
packet_la_LDFLAGS = $(MOD_LDFLAGS)
