libcore_la_SOURCES += \
	core/ip/addr.h \
	core/ip/dgram.c \
	core/ip/dgram.h \
	core/ip/errqueue.c \
	core/ip/errqueue.h \
	core/ip/ip.h \
	core/ip/port.c \
	core/ip/port.h \
	core/ip/sock.c \
	core/ip/sock.h
