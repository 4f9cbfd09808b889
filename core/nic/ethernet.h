/* SPDX-License-Identifier: Apache-2.0 */
/* ethernet.h - Ethernet II framing (RFC 894). */
#ifndef NIC_ETHERNET_H
#define NIC_ETHERNET_H

#include <stdint.h>

#include "nic/nic.h"

#define ETH_HEADER_LEN	14u
#define ETH_TYPE_IPV4	0x0800u
#define ETH_TYPE_ARP	0x0806u
#define ETH_TYPE_IPV6	0x86ddu

extern const uint8_t eth_broadcast[LINK_ADDR_LEN];

/* Push the header and send: p->data at the network header, p->protocol set. Consumes p. */
void ethernet_output(struct nic *nic, struct packet *p, const uint8_t dst[LINK_ADDR_LEN]);
/* Take the header off; sets protocol and type. False: dropped and freed. */
bool ethernet_input(struct nic *nic, struct packet *p);

#endif
