/* SPDX-License-Identifier: Apache-2.0 */
/* neigh.c - /proc/net/arp. */
#include <net/if_arp.h>
#include <stdio.h>

#include "procnet/procnet.h"

#define ARP_VALID (NUD_PERMANENT | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY)

static bool arp_row(const struct neighbour *n, struct procnet_out *out)
{
	const struct ip_addr a = ip_addr_read(n->ip);
	char ip[IP_ADDR_TEXT], hw[3 * LINK_ADDR_LEN];
	bool valid = n->state & ARP_VALID;
	unsigned int flags = !valid ? 0 : n->state == NUD_PERMANENT ? ATF_PERM | ATF_COM : ATF_COM;

	for (size_t i = 0; i < LINK_ADDR_LEN; i++)
		snprintf(hw + 3 * i, 4, i + 1 < LINK_ADDR_LEN ? "%02x:" : "%02x", valid ? n->addr[i] : 0);
	return procnet_line(out, 0, "%-16s 0x%-10x0x%-10x%-17s     *        %s", ip_addr_text(&a, ip),
			    nic_hatype(n->nic), flags, hw, n->nic->name);
}

/* at: the header; how many have been told. There are NEIGHBOUR_MAX at most. */
static bool arp(const struct procnet_file *f, const struct stack *s, struct procnet_cursor *c,
		struct procnet_out *out)
{
	uint64_t n = 0;

	if (!procnet_header(f, c, out, 0))
		return false;
	hash_for_each(node, &s->ip.arp.table) {
		if (n++ < c->at[1])
			continue;
		if (!arp_row(container_of(node, struct neighbour, node), out))
			return false;
		c->at[1] = n;
	}
	return true;
}

const struct procnet_file procnet_neigh[] = {
	{ .name = "arp", .write = arp, .header =
		"IP address       HW type     Flags       HW address            Mask     Device" },
	{ }
};
