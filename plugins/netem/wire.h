/* SPDX-License-Identifier: Apache-2.0 */
/* wire.h - what happens to the bytes of a packet on a bad wire. */
#ifndef NETEM_WIRE_H
#define NETEM_WIRE_H

#include <weir/packet.h>

#include "chance.h"

/* Turn one bit of the frame over, each with the same chance. p may become another packet. False:
 * there was no memory for bytes of its own, and it is as it was. */
bool wire_corrupt(struct packet **p, struct rng *r);
/* Congestion Experienced (RFC 3168 section 5). False: the packet is of no ECN-capable transport. */
bool wire_mark(struct packet *p);

#endif
