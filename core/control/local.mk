libcore_la_SOURCES += \
	core/control/congestion.c \
	core/control/instance.c \
	core/control/instance.h \
	core/control/names.c \
	core/control/parts.h \
	core/control/reconfigure.c \
	core/control/reload.c \
	core/control/server.h \
	core/control/swap.c
