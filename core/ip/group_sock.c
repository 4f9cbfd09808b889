/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group_sock.c - the memberships of sockets (ip(7), RFC 3678), with the errors of Linux's
 * ip_mc_join_group, ip_mc_source, ip_mc_msfilter and their like, in the same order.
 *
 * A socket has at most so many memberships, and each so many sources, as Linux's sysctls allow.
 * They go with the socket, or with their NIC.
 */
#include <errno.h>
#include <stdlib.h>

#include "ip/group.h"
#include "ip/sock.h"

static struct membership *entry(struct list *pos)
{
	return list_entry(pos, struct membership, owner);
}

static uint32_t max_memberships(const struct ip_addr *a)
{
	return ip_addr_is_v4(a) ? GROUP_SOCK_MAX_V4 : GROUP_SOCK_MAX_V6;
}

static uint32_t max_sources(const struct ip_addr *a)
{
	return ip_addr_is_v4(a) ? GROUP_MSF_MAX_V4 : GROUP_MSF_MAX_V6;
}

struct membership *group_sock_find(const struct sock *sk, const struct nic *nic,
				   const struct ip_addr *a)
{
	list_for_each(pos, &sk->memberships) {
		struct membership *m = entry(pos);

		if (m->group->host->nic == nic && ip_addr_eq(&m->group->addr, a))
			return m;
	}
	return NULL;
}

static uint32_t count_memberships(const struct sock *sk, bool v4)
{
	uint32_t n = 0;

	list_for_each(pos, &sk->memberships)
		n += ip_addr_is_v4(&entry(pos)->group->addr) == v4;
	return n;
}

int group_sock_join(struct sock *sk, struct nic *nic, const struct ip_addr *a,
		    const struct ip_addr *via, bool exclude)
{
	struct membership *m;
	int err;

	if (!ip_addr_is_multicast(a))
		return -EINVAL;
	if (group_sock_find(sk, nic, a))
		return -EADDRINUSE;
	if (count_memberships(sk, ip_addr_is_v4(a)) >= max_memberships(a))
		return -ENOBUFS;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOBUFS;
	m->via = *via;
	m->filter.exclude = exclude;
	list_init(&m->node);
	err = group_enter(sk->ip, nic, a, m);
	if (err) {
		free(m);
		return err;
	}
	list_add_tail(&m->owner, &sk->memberships);
	return 0;
}

static void drop(struct membership *m)
{
	list_del(&m->owner);
	group_leave(m);
	free(m);
}

int group_sock_leave(struct sock *sk, const struct nic *nic, const struct ip_addr *a,
		     const struct ip_addr *via)
{
	list_for_each(pos, &sk->memberships) {
		struct membership *m = entry(pos);

		if (!ip_addr_eq(&m->group->addr, a))
			continue;
		if (nic ? m->group->host->nic != nic : !ip_addr_eq(&m->via, via))
			continue;
		drop(m);
		return 0;
	}
	return -EADDRNOTAVAIL;
}

/* The filter of m with src in it, or not. */
static int copy_with(const struct membership *m, const struct ip_addr *src, bool add,
		     struct source_filter *out)
{
	*out = (struct source_filter){ .exclude = m->filter.exclude };
	for (uint16_t i = 0; i < m->filter.n; i++)
		if (!ip_addr_eq(&m->filter.src[i], src) &&
		    !source_filter_add(out, &m->filter.src[i]))
			goto err;
	if (!add || source_filter_add(out, src))
		return 0;
err:
	source_filter_free(out);
	return -ENOBUFS;
}

int group_sock_source(struct sock *sk, const struct nic *nic, const struct ip_addr *a,
		      const struct ip_addr *src, bool exclude, bool add)
{
	struct membership *m = group_sock_find(sk, nic, a);
	struct source_filter f = { .exclude = exclude };
	bool has;
	int err;

	if (!ip_addr_is_multicast(a) || !m)
		return -EINVAL;
	if (m->filter.exclude != exclude) {
		if (m->filter.n)
			return -EINVAL;
		group_refilter(m, &f);		/* an empty filter may change its mode: that cannot fail */
	}
	has = source_filter_has(&m->filter, src);
	if (!add && has && m->filter.n == 1 && !exclude) {
		drop(m);			/* nothing is included: that is to leave */
		return 0;
	}
	if (add && m->filter.n >= max_sources(a))
		return -ENOBUFS;
	if (has == add)
		return -EADDRNOTAVAIL;
	err = copy_with(m, src, add, &f);
	return err ? err : group_refilter(m, &f);
}

int group_sock_filter(struct sock *sk, const struct nic *nic, const struct ip_addr *a,
		      struct source_filter *f)
{
	struct membership *m = group_sock_find(sk, nic, a);

	if (!m) {
		source_filter_free(f);
		return -EINVAL;
	}
	return group_refilter(m, f);
}

void group_sock_close(struct sock *sk)
{
	list_for_each_safe(pos, &sk->memberships)
		drop(entry(pos));
}

/* One of the stack's own has no owner's list: it is the holder's. */
void group_sock_lost(struct membership *m)
{
	source_filter_free(&m->filter);
	if (list_empty(&m->owner))
		return;
	list_del(&m->owner);
	free(m);
}

bool group_sock_allows(const struct sock *sk, const struct nic *nic, const struct ip_addr *dst,
		       const struct ip_addr *src)
{
	const struct membership *m;

	if (!ip_addr_is_multicast(dst))
		return true;
	m = group_sock_find(sk, nic, dst);
	if (!m)
		return ip_addr_is_v4(dst) ? sk->mc_all : sk->mc6_all;
	return source_filter_passes(&m->filter, src);
}
