weir_LTLIBRARIES += none.la
none_la_SOURCES = plugins/none/none.c
none_la_LDFLAGS = $(MOD_LDFLAGS)
