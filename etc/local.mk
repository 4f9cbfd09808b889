# SPDX-License-Identifier: Apache-2.0
# INI files that work as they are.
weirconfdir = $(sysconfdir)/weir
dist_weirconf_DATA = \
	etc/weir.ini \
	etc/weir-tbf.ini \
	etc/weir-netem.ini \
	etc/weir-tap.ini
