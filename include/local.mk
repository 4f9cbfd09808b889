# SPDX-License-Identifier: Apache-2.0
# The ABI: all that a module may include; and weir.h, for embedding.
weirincludedir = $(includedir)/weir
weirinclude_HEADERS = \
	include/weir/congestion.h \
	include/weir/error.h \
	include/weir/link.h \
	include/weir/mode.h \
	include/weir/module.h \
	include/weir/packet.h \
	include/weir/param.h \
	include/weir/qdisc.h \
	include/weir/tc.h \
	include/weir/weir.h
