/* SPDX-License-Identifier: Apache-2.0 */
/*
 * igmp.c - /proc/net/igmp and igmp6: the groups of each NIC.
 *
 * Every NIC is in the group of all hosts, of which the stack keeps no entry (ip/group.c); as on Linux it is told
 * last.
 */
#include "ip/group.h"
#include "procnet/procnet.h"

/* IPv6's flags, which the kernel keeps to itself. */
#define MAF6_TIMER	0x01u
#define MAF6_REPORTER	0x02u
#define MAF6_LOADED	0x04u
#define MAF6_NOREPORT	0x08u

/* Groups are told by their place among those of a NIC that have members; the last one is all hosts. */
struct place {
	const struct stack *s;
	const struct nic *nic;
	const struct group_host *host;	/* NULL: no group was ever joined there */
};

static unsigned long timer_ticks(const struct place *p, const struct group *g)
{
	uint64_t now = p->s->env.now;

	return timer_armed(&g->timer) && g->timer.at > now ? procnet_ticks(g->timer.at - now) : 0;
}

static bool put_v4(const struct place *p, const struct group *g, struct procnet_out *out)
{
	return procnet_line(out, 0, "\t\t\t\t%08X %5u %d:%08lX\t\t%d", ip_addr_to_v4(&g->addr),
			    g->nmembers, timer_armed(&g->timer), timer_ticks(p, g), g->reporter);
}

static bool put_v6(const struct place *p, const struct group *g, struct procnet_out *out)
{
	char hex[PROCNET_HEX6];
	unsigned int flags = MAF6_LOADED | (timer_armed(&g->timer) ? MAF6_TIMER : 0u) |
			     (g->reporter ? MAF6_REPORTER : 0u);

	return procnet_line(out, 0, "%-4u %-15s %s %5u %08X %lu", p->nic->index, p->nic->name,
			    procnet_hex6(&g->addr, hex), g->nmembers, flags, timer_ticks(p, g));
}

static bool put_all_hosts(const struct place *p, int family, struct procnet_out *out)
{
	if (family == AF_INET)
		return procnet_line(out, 0, "\t\t\t\t%08X %5u %d:%08X\t\t%d", htonl(INADDR_ALLHOSTS_GROUP), 1, 0,
				    0, 0);
	return procnet_put(out, "%-4u %-15s ff020000000000000000000000000001 %5u %08X %u\n"
			   "%-4u %-15s ff010000000000000000000000000001 %5u %08X %u\n",
			   p->nic->index, p->nic->name, 1, MAF6_LOADED | MAF6_NOREPORT, 0,
			   p->nic->index, p->nic->name, 1, MAF6_NOREPORT, 0);
}

static bool put_nic(const struct place *p, struct procnet_out *out)
{
	unsigned int n = 1;
	int version = p->host ? group_host_version(p->host) : 3;

	if (p->host)
		list_for_each(pos, &p->host->groups)
			n += !list_empty(&list_entry(pos, struct group, list)->members);
	return procnet_line(out, 0, "%u\t%-10s: %5u      V%d", p->nic->index, p->nic->name, n, version);
}

/* at[2]: what has been told of this NIC: its own line, its groups. */
static bool groups_of(const struct place *p, int family, struct procnet_cursor *c, struct procnet_out *out)
{
	uint64_t n = 1;

	if (!c->at[2] && family == AF_INET && !put_nic(p, out))
		return false;
	c->at[2] += !c->at[2];
	if (p->host)
		list_for_each(pos, &p->host->groups) {
			const struct group *g = list_entry(pos, struct group, list);

			if (n++ < c->at[2])
				continue;
			if (list_empty(&g->members) ? !procnet_skip(out) :
			    family == AF_INET ? !put_v4(p, g, out) : !put_v6(p, g, out))
				return false;
			c->at[2] = n;
		}
	return put_all_hosts(p, family, out);
}

/* at: the header; the index of the last NIC that was told whole; see groups_of. */
static bool groups(const struct procnet_file *f, const struct stack *s, struct procnet_cursor *c,
		   struct procnet_out *out)
{
	if (f->header && !procnet_header(f, c, out, 0))
		return false;
	list_for_each(pos, &s->nics.list) {
		const struct nic *nic = list_entry(pos, struct nic, node);
		struct place p = { s, nic, group_host_find(s->ip.groups, nic, f->family == AF_INET) };

		if (nic->index <= c->at[1])
			continue;
		if (!groups_of(&p, f->family, c, out))
			return false;
		c->at[1] = nic->index;
		c->at[2] = 0;
	}
	return true;
}

const struct procnet_file procnet_igmp[] = {
	{ .name = "igmp", .write = groups, .family = AF_INET, .header =
		"Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter" },
	{ .name = "igmp6", .write = groups, .family = AF_INET6 },
	{ }
};
