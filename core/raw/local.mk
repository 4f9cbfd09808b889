libcore_la_SOURCES += \
	core/raw/raw.h
