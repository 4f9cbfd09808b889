# The modules. Each is one .so, found by its file name; none links with the core, whose symbols
# it finds in the process that loads it.
MOD_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared

include plugins/fifo/local.mk
