libcore_la_SOURCES += \
	core/nic/ethernet.h \
	core/nic/neighbour.h \
	core/nic/nic.h \
	core/nic/qdisc.c \
	core/nic/qdisc.h
