/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rt_neigh.c - neighbours over rtnetlink: ARP's and NDP's tables.
 *
 * A program may set permanent entries and delete any; what is learned, the stack learns itself.
 */
#include <errno.h>

#include "netlink/rt.h"

#define TICK_NS 10000000ull		/* of USER_HZ, 100 */

static uint32_t ticks_since(uint64_t then, uint64_t now)
{
	uint64_t ticks = now > then ? (now - then) / TICK_NS : 0;

	return ticks < UINT32_MAX ? (uint32_t)ticks : UINT32_MAX;
}

static bool neigh_fill(struct nlbuf *nb, const struct nlbuf_to *to, const void *about)
{
	const struct rt_about *a = about;
	const struct neighbour *n = a->what;
	const struct ip_addr addr = ip_addr_read(n->ip);
	const struct ndmsg ndm = {
		.ndm_family = ip_addr_is_v4(&addr) ? AF_INET : AF_INET6,
		.ndm_ifindex = (int)n->nic->index, .ndm_state = (uint16_t)n->state,
		.ndm_flags = n->router ? NTF_ROUTER : 0, .ndm_type = RTN_UNICAST,
	};
	const struct nda_cacheinfo times = {
		.ndm_confirmed = ticks_since(n->confirmed, a->now),
		.ndm_used = ticks_since(n->used, a->now),
		.ndm_updated = ticks_since(n->updated, a->now),
	};

	nlbuf_begin(nb, to, a->type, &ndm, sizeof(ndm));
	nlbuf_addr(nb, NDA_DST, &addr);
	if (n->state != NUD_INCOMPLETE && n->state != NUD_FAILED)
		nlbuf_put(nb, NDA_LLADDR, n->addr, sizeof(n->addr));
	nlbuf_put(nb, NDA_CACHEINFO, &times, sizeof(times));
	nlbuf_u32(nb, NDA_PROBES, n->probes);
	return nlbuf_end(nb);
}

static bool wanted(const struct netlink_dump *d, const struct neighbour *n)
{
	const struct ndmsg *ndm = (const void *)(d->nlh + 1);
	const struct ip_addr addr = ip_addr_read(n->ip);
	const struct nlattr *tb[NDA_IFINDEX + 1];
	uint32_t index = (uint32_t)ndm->ndm_ifindex;

	if (!nlattrs(d->nlh, sizeof(*ndm), tb, NDA_IFINDEX) && tb[NDA_IFINDEX])
		nlattr_get(tb[NDA_IFINDEX], &index, sizeof(index));
	return rt_family_is(ndm->ndm_family, &addr) && (!index || index == n->nic->index);
}

/* at: tables that are done, and how many of the next one. */
int rt_neigh_dump(struct netlink_dump *d, struct nlbuf *nb)
{
	const struct neighbour_table *const tables[] = { &d->nl->ip->arp, &d->nl->ip->ndp };
	const struct ndmsg *ndm = (const void *)(d->nlh + 1);

	if (ndm->ndm_flags & NTF_PROXY)		/* there are none */
		return 0;
	for (; d->at[0] < 2; d->at[0]++, d->at[1] = 0) {
		uint64_t at = 0;

		hash_for_each(node, &tables[d->at[0]]->table) {
			const struct neighbour *n = container_of(node, struct neighbour, node);
			const struct rt_about about = { RTM_NEWNEIGH, n, d->nl->env->now };

			if (at++ < d->at[1])
				continue;
			if (wanted(d, n) && !neigh_fill(nb, &d->to, &about))
				return 1;
			d->at[1] = at;
		}
	}
	return 0;
}

/* Whom the request is about. */
static int read_neigh(struct netlink_request *rq, struct nic **nic, struct ip_addr *a,
		      const struct nlattr **tb)
{
	const struct ndmsg *ndm = (const void *)(rq->nlh + 1);
	int err = nlattrs(rq->nlh, sizeof(*ndm), tb, NDA_LLADDR);

	if (err)
		return err;
	if (ndm->ndm_family != AF_INET && ndm->ndm_family != AF_INET6)
		return -EAFNOSUPPORT;
	if (ndm->ndm_flags & NTF_PROXY)
		return weir_fail(rq->e, EOPNOTSUPP, "weir is nobody's proxy");
	*nic = rt_nic(rq, (uint32_t)ndm->ndm_ifindex);
	if (!*nic)
		return -ENODEV;
	if (!tb[NDA_DST] || !nlattr_addr(tb[NDA_DST], ndm->ndm_family, a))
		return weir_fail(rq->e, EINVAL, "there is no address in the message");
	return 0;
}

int rt_neigh_get(struct netlink_request *rq)
{
	const struct nlattr *tb[NDA_LLADDR + 1];
	struct rt_about about = { .type = RTM_NEWNEIGH, .now = rq->nl->env->now };
	struct ip_addr a;
	struct nic *nic;
	int err = read_neigh(rq, &nic, &a, tb);

	if (err)
		return err;
	about.what = neighbour_find(ip_neighbours(rq->nl->ip, &a), nic, a.b);
	return about.what ? netlink_reply(rq, neigh_fill, &about) : -ENOENT;
}

static int neigh_set(struct netlink_request *rq, struct nic *nic, const struct ip_addr *a,
		     const struct nlattr *lladdr)
{
	const struct ndmsg *ndm = (const void *)(rq->nlh + 1);
	struct neighbour_table *t = ip_neighbours(rq->nl->ip, a);
	uint8_t addr[LINK_ADDR_LEN];
	bool there = neighbour_find(t, nic, a->b);
	int err;

	if (there && rq->nlh->nlmsg_flags & NLM_F_EXCL)
		return -EEXIST;
	if (!there && !(rq->nlh->nlmsg_flags & NLM_F_CREATE))
		return -ENOENT;
	if (ndm->ndm_state != NUD_PERMANENT)
		return weir_fail(rq->e, EOPNOTSUPP, "weir finds out itself who is reachable; set permanent neighbours only");
	if (!lladdr || !nlattr_get(lladdr, addr, sizeof(addr)) || addr[0] & 1)
		return weir_fail(rq->e, EINVAL, "a permanent neighbour needs its link address, of 6 bytes, not a group's");
	err = nic->loopback ? -EOPNOTSUPP : neighbour_set_permanent(t, nic, a->b, addr);
	return err == -EOPNOTSUPP ? weir_fail(rq->e, -err, "%s has no link addresses, and so no neighbours",
					      nic->name) : err;
}

int rt_neigh_change(struct netlink_request *rq)
{
	const struct nlattr *tb[NDA_LLADDR + 1];
	struct ip_addr a;
	struct nic *nic;
	int err = read_neigh(rq, &nic, &a, tb);

	if (err)
		return err;
	if (rq->nlh->nlmsg_type == RTM_DELNEIGH)
		return neighbour_delete(ip_neighbours(rq->nl->ip, &a), nic, a.b);
	return neigh_set(rq, nic, &a, tb[NDA_LLADDR]);
}
