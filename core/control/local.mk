libcore_la_SOURCES += \
	core/control/instance.h \
	core/control/server.h
