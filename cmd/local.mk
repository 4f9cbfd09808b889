bin_PROGRAMS += weir
weir_SOURCES = \
	cmd/cmd.h \
	cmd/main.c
weir_CPPFLAGS = $(AM_CPPFLAGS) -DWEIR_VERSION='"$(PACKAGE_VERSION)"'
weir_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
weir_LDADD = libcore.la
