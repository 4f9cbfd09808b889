libcore_la_SOURCES += \
	core/socket/socket.h
