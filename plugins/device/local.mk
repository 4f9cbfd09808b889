# What the drivers of the kernel's devices share; each compiles its own copy.
DEVICE_SOURCES = \
	plugins/device/device.c \
	plugins/device/device.h \
	plugins/device/frame.c \
	plugins/device/frame.h
