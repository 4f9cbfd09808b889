/* SPDX-License-Identifier: Apache-2.0 */
/* wire.h - the links of a simulated world (sim.h). */
#ifndef SIM_WIRE_H
#define SIM_WIRE_H

#include "sim.h"

struct virtio_net_hdr;

/* For struct weir_link_config; arg: struct sim_nic. */
int wire_transmit(void *arg, const struct iovec *iov, int n, size_t len,
		  const struct virtio_net_hdr *vnet);
void wire_fini(struct sim *s);

#endif
