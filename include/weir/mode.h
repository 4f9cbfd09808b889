/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/mode.h - network modes: what of the world a sandbox is given.
 *
 * A mode answers two questions: are the program's socket calls intercepted, and which NICs besides
 * loopback does its stack have. The second can change while the program runs (`weir ctl NAME mode
 * set none` cuts it off, `sandbox` lets it back); the first is fixed when the program starts,
 * since a seccomp filter can be neither added to nor taken from a running program.
 */
#ifndef WEIR_MODE_H
#define WEIR_MODE_H

#include <stdbool.h>
#include <stddef.h>

#include <weir/error.h>
#include <weir/param.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mode_ops {
	const char *name;
	bool intercept;		/* the program's sockets are the stack's */
	/* May this NIC carry traffic? NULL: all may. Asked for every NIC at start and at each
	 * change. */
	bool (*nic_allowed)(const char *nic);
};

#ifdef __cplusplus
}
#endif

#endif
