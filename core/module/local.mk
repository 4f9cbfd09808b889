libcore_la_SOURCES += \
	core/module/params.h \
	core/module/registry.h
