# SPDX-License-Identifier: Apache-2.0
# The modules. Each is one .so, found by its file name; none links with the core, whose symbols
# it finds in the process that loads it.
module_ldflags = $(AM_LDFLAGS) -module -avoid-version -shared
# A module sees the ABI and no more of weir.
module_cppflags = -I$(top_srcdir)/include

include plugins/fifo/local.mk
include plugins/none/local.mk
include plugins/netem/local.mk
include plugins/tbf/local.mk
include plugins/sandbox/local.mk
include plugins/host/local.mk
include plugins/device/local.mk
include plugins/packet/local.mk
include plugins/tap/local.mk
include plugins/reno/local.mk
include plugins/cubic/local.mk
include plugins/bbr/local.mk
