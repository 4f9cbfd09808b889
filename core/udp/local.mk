libcore_la_SOURCES += \
	core/udp/udp.h
