# SPDX-License-Identifier: Apache-2.0
# The netstack. libcore is linked into the weir command and the tests as it is; libweir is the same for embedders.
noinst_LTLIBRARIES += libcore.la
libcore_la_SOURCES = core/stack.c core/stack.h
libcore_la_CPPFLAGS = $(AM_CPPFLAGS) -DWEIR_MODULE_DIR='"$(weirdir)"' -DWEIR_VERSION='"$(PACKAGE_VERSION)"'
libcore_la_LIBADD = $(INIH_LIBS) $(JANSSON_LIBS) $(MNL_LIBS) -ldl -lm
include core/base/local.mk
include core/time/local.mk
include core/packet/local.mk
include core/module/local.mk
include core/config/local.mk
include core/nic/local.mk
include core/ip/local.mk
include core/udp/local.mk
include core/raw/local.mk
include core/pfpacket/local.mk
include core/netlink/local.mk
include core/diag/local.mk
include core/procnet/local.mk
include core/tcp/local.mk
include core/socket/local.mk
include core/control/local.mk
include core/embed/local.mk

# Exports what a module may call, and nothing else: see include/weir/module.h.
lib_LTLIBRARIES += libweir.la
libweir_la_SOURCES =
libweir_la_LIBADD = libcore.la
libweir_la_LDFLAGS = $(AM_LDFLAGS) -no-undefined -version-info 0:0:0
