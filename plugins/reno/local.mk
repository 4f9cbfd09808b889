weir_LTLIBRARIES += reno.la
reno_la_SOURCES = plugins/reno/reno.c
reno_la_LDFLAGS = $(MOD_LDFLAGS)
