# SPDX-License-Identifier: Apache-2.0
# What the drivers of the kernel's devices share; each compiles its own copy.
device_sources = \
	plugins/device/device.c \
	plugins/device/device.h \
	plugins/device/frame.c \
	plugins/device/frame.h
