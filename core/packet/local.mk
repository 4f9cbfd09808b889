libcore_la_SOURCES += \
	core/packet/checksum.h \
	core/packet/pool.h
