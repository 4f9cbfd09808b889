weir_LTLIBRARIES += fifo.la
fifo_la_SOURCES = plugins/fifo/fifo.c
fifo_la_LDFLAGS = $(MOD_LDFLAGS)
