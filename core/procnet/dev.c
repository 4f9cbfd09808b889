/* SPDX-License-Identifier: Apache-2.0 */
/* dev.c - /proc/net/dev and if_inet6: the NICs, their counters, their IPv6 addresses. */
#include "netlink/rt.h"
#include "procnet/procnet.h"

/* at: the header; the index of the last NIC that was told. The same counters as over netlink. */
static bool dev(const struct procnet_file *f, const struct stack *s, struct procnet_cursor *c,
		struct procnet_out *out)
{
	if (!procnet_header(f, c, out, 0))
		return false;
	list_for_each(pos, &s->nics.list) {
		const struct nic *nic = list_entry(pos, struct nic, node);

		if (nic->gone || nic->index <= c->at[1])
			continue;
		if (!procnet_line(out, 0, "%6s: %7llu %7llu %4u %4llu %4u %5u %10u %9u "
				  "%8llu %7llu %4u %4llu %4u %5u %7u %10u", nic->name,
				  (unsigned long long)nic->rx_bytes, (unsigned long long)nic->rx_packets, 0,
				  (unsigned long long)nic->rx_drops, 0, 0, 0, 0,
				  (unsigned long long)nic->tx_bytes, (unsigned long long)nic->tx_packets, 0,
				  (unsigned long long)(nic->tx_drops + nic->ring_drops), 0, 0, 0, 0))
			return false;
		c->at[1] = nic->index;
	}
	return true;
}

/* IPV6_ADDR_*, which the kernel keeps to itself. */
static unsigned int scope6(const struct ip_addr *a)
{
	static const unsigned int scopes[] = {
		[IFADDR_SCOPE_GLOBAL] = 0x00, [IFADDR_SCOPE_HOST] = 0x10, [IFADDR_SCOPE_LINK] = 0x20,
	};

	return scopes[ifaddr_scope(a)];
}

/* at: how many have been told. */
static bool if_inet6(const struct procnet_file *f, const struct stack *s, struct procnet_cursor *c,
		     struct procnet_out *out)
{
	char hex[PROCNET_HEX6];
	uint64_t n = 0;

	(void)f;
	list_for_each(npos, &s->nics.list) {
		const struct nic *nic = list_entry(npos, struct nic, node);

		list_for_each(pos, &nic->addrs) {
			const struct ifaddr *ia = list_entry(pos, struct ifaddr, node);

			if (ip_addr_is_v4(&ia->addr) || n++ < c->at[0])
				continue;
			if (!procnet_line(out, 0, "%s %02x %02x %02x %02x %8s",
					  procnet_hex6(&ia->addr, hex), nic->index, ia->prefix,
					  scope6(&ia->addr), rt_addr_flags(ia) & 0xff, nic->name))
				return false;
			c->at[0] = n;
		}
	}
	return true;
}

const struct procnet_file procnet_dev[] = {
	{ .name = "dev", .write = dev, .header =
		"Inter-|   Receive                                                |  Transmit\n"
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop "
		"fifo colls carrier compressed" },
	{ .name = "if_inet6", .write = if_inet6 },
	{ }
};
