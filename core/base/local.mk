libcore_la_SOURCES += \
	core/base/error.c \
	core/base/hash.h \
	core/base/list.h \
	core/base/log.h \
	core/base/random.h \
	core/base/siphash.h
