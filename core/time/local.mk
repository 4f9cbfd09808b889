libcore_la_SOURCES += \
	core/time/env.h \
	core/time/loop.h \
	core/time/timer.h
