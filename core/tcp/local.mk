libcore_la_SOURCES += \
	core/tcp/tcp.h
