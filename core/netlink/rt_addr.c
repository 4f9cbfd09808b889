/* SPDX-License-Identifier: Apache-2.0 */
/* rt_addr.c - addresses over rtnetlink. */
#include <errno.h>
#include <stdlib.h>

#include "ip/ip6_link.h"
#include "netlink/rt.h"

#define SEC 1000000000ull

uint32_t rt_addr_flags(const struct ifaddr *ia)
{
	uint32_t flags = ia->valid_until == IFADDR_FOREVER ? IFA_F_PERMANENT : 0;

	if (ia->no_prefix_route)
		flags |= IFA_F_NOPREFIXROUTE;
	if (ip_addr_is_v4(&ia->addr))
		return flags | (ia->secondary ? IFA_F_SECONDARY : 0);
	if (ia->temporary)
		flags |= IFA_F_TEMPORARY;
	if (ia->no_dad)
		flags |= IFA_F_NODAD;
	if (ia->generated && ia->nic->ip6 && !ia->nic->ip6->config.eui64)
		flags |= IFA_F_STABLE_PRIVACY;
	if (ia->state == IFADDR_DEPRECATED)
		flags |= IFA_F_DEPRECATED;
	if (!ifaddr_usable(ia))
		flags |= IFA_F_TENTATIVE;
	if (ia->state == IFADDR_DUPLICATE)
		flags |= IFA_F_DADFAILED;
	return flags;
}

static uint8_t addr_scope(const struct ip_addr *a)
{
	static const uint8_t scopes[] = {
		[IFADDR_SCOPE_GLOBAL] = RT_SCOPE_UNIVERSE, [IFADDR_SCOPE_LINK] = RT_SCOPE_LINK, [IFADDR_SCOPE_HOST] = RT_SCOPE_HOST,
	};

	return scopes[ifaddr_scope(a)];
}

/* s from now; UINT32_MAX: for ever. */
static uint32_t lifetime(uint64_t until, uint64_t now)
{
	uint64_t s = until > now ? (until - now) / SEC : 0;

	return until == IFADDR_FOREVER || s >= UINT32_MAX ? UINT32_MAX : (uint32_t)s;
}

bool rt_addr_fill(struct nlbuf *nb, const struct nlbuf_to *to, const void *about)
{
	const struct rt_about *a = about;
	const struct ifaddr *ia = a->what;
	bool v4 = ip_addr_is_v4(&ia->addr);
	uint32_t flags = rt_addr_flags(ia);
	const struct ifaddrmsg ifa = {
		.ifa_family = v4 ? AF_INET : AF_INET6, .ifa_prefixlen = ia->prefix,
		.ifa_flags = (uint8_t)flags, .ifa_scope = addr_scope(&ia->addr), .ifa_index = ia->nic->index,
	};
	const struct ifa_cacheinfo times = {
		.ifa_prefered = lifetime(ia->preferred_until, a->now),
		.ifa_valid = lifetime(ia->valid_until, a->now),
	};

	nlbuf_begin(nb, to, a->type, &ifa, sizeof(ifa));
	nlbuf_addr(nb, IFA_ADDRESS, &ia->addr);
	if (v4) {
		nlbuf_addr(nb, IFA_LOCAL, &ia->addr);
		if (!ip_addr_is_any(&ia->broadcast))
			nlbuf_addr(nb, IFA_BROADCAST, &ia->broadcast);
		nlbuf_text(nb, IFA_LABEL, ia->nic->name);
	}
	nlbuf_put(nb, IFA_CACHEINFO, &times, sizeof(times));
	nlbuf_u32(nb, IFA_FLAGS, flags);
	return nlbuf_end(nb);
}

/* *at: how many have been told, of all families. 1: there is no room for more. */
static int dump_family(struct netlink_dump *d, struct nlbuf *nb, int family, uint64_t *at)
{
	const struct ifaddrmsg *ifa = (const void *)(d->nlh + 1);

	list_for_each(pos, &d->nl->ip->nics->list) {
		const struct nic *nic = list_entry(pos, struct nic, node);

		if (ifa->ifa_index && ifa->ifa_index != nic->index)
			continue;
		list_for_each(apos, &nic->addrs) {
			const struct ifaddr *ia = list_entry(apos, struct ifaddr, node);
			const struct rt_about about = { RTM_NEWADDR, ia, d->nl->env->now };

			if (!rt_family_is(family, &ia->addr) || (*at)++ < d->at[0])
				continue;
			if (!rt_addr_fill(nb, &d->to, &about))
				return 1;
			d->at[0] = *at;
		}
	}
	return 0;
}

int rt_addr_dump(struct netlink_dump *d, struct nlbuf *nb)
{
	const struct ifaddrmsg *ifa = (const void *)(d->nlh + 1);
	uint64_t at = 0;

	if (ifa->ifa_family != AF_UNSPEC)
		return dump_family(d, nb, ifa->ifa_family, &at);
	return dump_family(d, nb, AF_INET, &at) || dump_family(d, nb, AF_INET6, &at);
}

/* ---- changes ---- */

static int read_lifetimes(struct netlink_request *rq, const struct nlattr *a, struct ifaddr *ia)
{
	uint64_t now = rq->nl->env->now;
	struct ifa_cacheinfo c;

	if (!nlattr_get(a, &c, sizeof(c)) || !c.ifa_valid || c.ifa_prefered > c.ifa_valid)
		return weir_fail(rq->e, EINVAL, "an address is valid for a while, and preferred no longer");
	ia->valid_until = c.ifa_valid == UINT32_MAX ? IFADDR_FOREVER : now + c.ifa_valid * SEC;
	ia->preferred_until = c.ifa_prefered == UINT32_MAX ? IFADDR_FOREVER : now + c.ifa_prefered * SEC;
	if (!c.ifa_prefered)
		ia->state = IFADDR_DEPRECATED;
	return 0;
}

/* What the message says of an address, and how much of it weir has no way to do. */
static int read_addr(struct netlink_request *rq, struct ifaddr *ia)
{
	const struct ifaddrmsg *ifa = (const void *)(rq->nlh + 1);
	const struct nlattr *tb[IFA_FLAGS + 1], *local;
	uint32_t flags = ifa->ifa_flags;
	struct ip_addr peer;
	int err = nlattrs(rq->nlh, sizeof(*ifa), tb, IFA_FLAGS);

	if (err)
		return err;
	if (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6)
		return -EAFNOSUPPORT;
	local = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	if (!local || !nlattr_addr(local, ifa->ifa_family, &ia->addr))
		return weir_fail(rq->e, EINVAL, "there is no address in the message");
	if (tb[IFA_ADDRESS] && (!nlattr_addr(tb[IFA_ADDRESS], ifa->ifa_family, &peer) ||
				!ip_addr_eq(&peer, &ia->addr)))
		return weir_fail(rq->e, EOPNOTSUPP, "weir has no addresses with a peer; add a route to it");
	if (tb[IFA_FLAGS] && !nlattr_get(tb[IFA_FLAGS], &flags, sizeof(flags)))
		return -EINVAL;
	ia->prefix = ifa->ifa_prefixlen;
	ia->no_prefix_route = flags & IFA_F_NOPREFIXROUTE;
	ia->no_dad = ifa->ifa_family == AF_INET6 && flags & IFA_F_NODAD;
	ia->no_broadcast = !tb[IFA_BROADCAST];
	return tb[IFA_CACHEINFO] ? read_lifetimes(rq, tb[IFA_CACHEINFO], ia) : 0;
}

/* One of IPv6, by the address, and the NIC where it is named: Linux has no more than that. */
int rt_addr_get(struct netlink_request *rq)
{
	const struct ifaddrmsg *ifa = (const void *)(rq->nlh + 1);
	struct ifaddr wanted = { 0 };
	int err;

	if (ifa->ifa_family != AF_INET6)
		return weir_fail(rq->e, EOPNOTSUPP, "a single address can be asked for of IPv6 only; dump them all");
	err = read_addr(rq, &wanted);
	if (err)
		return err;
	list_for_each(pos, &rq->nl->ip->nics->list) {
		struct nic *nic = list_entry(pos, struct nic, node);
		const struct ifaddr *ia = ifaddr_find(nic, &wanted.addr);
		const struct rt_about about = { RTM_NEWADDR, ia, rq->nl->env->now };

		if (ia && (!ifa->ifa_index || ifa->ifa_index == nic->index))
			return netlink_reply(rq, rt_addr_fill, &about);
	}
	return -EADDRNOTAVAIL;
}

static int addr_new(struct netlink_request *rq, struct nic *nic, const struct ifaddr *ia)
{
	if (nic->addrs_by_name.count >= RT_ADDRS_MAX)
		return weir_fail(rq->e, ENOSPC, "%s has %u addresses, which is the most; delete one",
				 nic->name, RT_ADDRS_MAX);
	return ip_ifaddr_add(rq->nl->ip, nic, ia, rq->e);
}

static int replace_times(struct netlink_request *rq, struct nic *nic, const struct ifaddr *by)
{
	struct ifaddr *ia = ifaddr_find(nic, &by->addr);

	if (!ia || ia->prefix != by->prefix || !(rq->nlh->nlmsg_flags & NLM_F_REPLACE))
		return addr_new(rq, nic, by);
	ia->preferred_until = by->preferred_until;
	ia->valid_until = by->valid_until;
	if (ifaddr_usable(ia))
		ifaddr_set_state(rq->nl->ip, ia, by->state);
	return 0;
}

int rt_addr_change(struct netlink_request *rq)
{
	const struct ifaddrmsg *ifa = (const void *)(rq->nlh + 1);
	struct ifaddr ia = { .preferred_until = IFADDR_FOREVER, .valid_until = IFADDR_FOREVER };
	struct nic *nic = rt_nic(rq, ifa->ifa_index);
	int err;

	if (!nic)
		return -ENODEV;
	err = read_addr(rq, &ia);
	if (err)
		return err;
	if (rq->nlh->nlmsg_type == RTM_DELADDR) {
		err = ip_addr_del(rq->nl->ip, nic, &ia.addr, ia.prefix, rq->e);
		return err == -ENOENT ? -EADDRNOTAVAIL : err;
	}
	err = replace_times(rq, nic, &ia);
	if (!err && nic->ip6)
		ip6_link_schedule(nic->ip6);
	return err;
}
