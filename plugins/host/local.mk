weir_LTLIBRARIES += host.la
host_la_SOURCES = plugins/host/host.c
host_la_LDFLAGS = $(MOD_LDFLAGS)
