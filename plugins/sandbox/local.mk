weir_LTLIBRARIES += sandbox.la
sandbox_la_SOURCES = plugins/sandbox/sandbox.c
sandbox_la_LDFLAGS = $(MOD_LDFLAGS)
