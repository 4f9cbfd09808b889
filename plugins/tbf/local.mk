weir_LTLIBRARIES += tbf.la
tbf_la_SOURCES = plugins/tbf/tbf.c
tbf_la_LDFLAGS = $(MOD_LDFLAGS)
