libcore_la_SOURCES += \
	core/ip/addr.h \
	core/ip/ip.h \
	core/ip/port.c \
	core/ip/port.h \
	core/ip/sock.c \
	core/ip/sock.h
