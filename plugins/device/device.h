/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device.h - asking and configuring a network device of the kernel, by netdevice(7)'s ioctls. Used
 * in a driver's open only, which may use any system call. A failure is a sentence in e.
 */
#ifndef DEVICE_DEVICE_H
#define DEVICE_DEVICE_H

#include <weir/link.h>

/* index: 0 = not wanted. mtu and addr are filled in, flags are IFF_*. */
struct device {
	int index;
	unsigned int flags;
	uint32_t mtu;
	uint8_t addr[LINK_ADDR_LEN];
	bool ethernet;
};

int device_read(const char *name, struct device *d, struct weir_error *e);
int device_set_mtu(const char *name, uint32_t mtu, struct weir_error *e);
int device_set_up(const char *name, struct weir_error *e);
int device_add_address(const char *name, const struct param_address *a, struct weir_error *e);

#endif
