weir_LTLIBRARIES += tap.la
tap_la_SOURCES = plugins/tap/tap.c $(DEVICE_SOURCES)
tap_la_CPPFLAGS = -I$(top_srcdir)/include -I$(top_srcdir)/plugins/device
tap_la_LDFLAGS = $(MOD_LDFLAGS)
