/* SPDX-License-Identifier: Apache-2.0 */
/*
 * takeover_more.c - addresses that the host sets on a device that is taken, and devices that it adds.
 *
 * Theory of operation
 *
 * Such an address is taken like those before: the kernel must not answer for it, and the namespace
 * gets it back at the end. One that is set again, with other lifetimes, takes the place of what was
 * noted of it. It is noted, ledger included, before it is removed.
 *
 * The kernel has made a connected route for it. That goes with the address, and comes back with it,
 * but giveback.c takes away what was not there when the device was taken; so it is noted, too.
 *
 * With its last address a device of the kernel loses its routes and neighbours, also those that the
 * host has set. They are put back at once; noted meanwhile, should we be killed. A route that
 * cannot be put back, since only the address made its gateway known, is taken like the address.
 *
 * A device that the host adds is one more of ours; what it has by then comes as if it had been set later. When it is
 * deleted nothing can be given back to it, and it is forgotten.
 *
 * Lifetimes count from when the device was taken (takeover_left), so what an address has by now is
 * noted as that much more.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <stdlib.h>
#include <string.h>

#include "intercept/ledger.h"
#include "intercept/takeover_priv.h"

#define ADDRS_MAX	4096u		/* noted of a namespace */

static bool addr_ours(const struct nlmsghdr *nlh, void *arg)
{
	return takeover_wants(arg, TAKEN_ADDR, nlh);
}

static const struct nlattr *local_of(const struct rtnl_msg *m)
{
	const struct nlattr *tb[IFA_LOCAL + 1];

	rtnl_attrs(&m->nlh, sizeof(struct ifaddrmsg), tb, IFA_LOCAL);
	return tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
}

static bool same_addr(const struct rtnl_msg *a, const struct rtnl_msg *b)
{
	const struct ifaddrmsg *x = mnl_nlmsg_get_payload(&a->nlh), *y = mnl_nlmsg_get_payload(&b->nlh);
	const struct nlattr *p = local_of(a), *q = local_of(b);

	return x->ifa_family == y->ifa_family && x->ifa_index == y->ifa_index &&
	       x->ifa_prefixlen == y->ifa_prefixlen && p && q &&
	       mnl_attr_get_payload_len(p) == mnl_attr_get_payload_len(q) &&
	       !memcmp(mnl_attr_get_payload(p), mnl_attr_get_payload(q), mnl_attr_get_payload_len(p));
}

static void later(uint32_t *s, uint32_t passed)
{
	if (*s != TAKEN_FOREVER)
		*s = *s < TAKEN_FOREVER - 1 - passed ? *s + passed : TAKEN_FOREVER - 1;
}

/* As if it had been read with the others. */
static void backdate(const struct takeover *t, struct rtnl_msg *m)
{
	const struct nlattr *tb[IFA_CACHEINFO + 1];
	struct ifa_cacheinfo *ci;
	uint32_t passed = TAKEN_FOREVER - 1 - takeover_left(t, TAKEN_FOREVER - 1);

	rtnl_attrs(&m->nlh, sizeof(struct ifaddrmsg), tb, IFA_CACHEINFO);
	if (!tb[IFA_CACHEINFO] || mnl_attr_get_payload_len(tb[IFA_CACHEINFO]) < sizeof(*ci))
		return;
	ci = mnl_attr_get_payload(tb[IFA_CACHEINFO]);
	later(&ci->ifa_prefered, passed);
	later(&ci->ifa_valid, passed);
}

/* In the place of one that was noted, or behind all of them. */
static int note_addr(struct takeover *t, const struct rtnl_msg *addr)
{
	struct rtnl_msg *m = rtnl_msg_new(&addr->nlh);
	unsigned int n = 0;

	if (!m)
		return -ENOMEM;
	list_for_each(pos, &t->addrs) {
		struct rtnl_msg *old = list_entry(pos, struct rtnl_msg, node);

		n++;
		if (!same_addr(old, m))
			continue;
		list_add_before(&m->node, pos);
		list_del(pos);
		free(old);
		return 0;
	}
	if (n >= ADDRS_MAX) {
		free(m);
		return -ENOSPC;
	}
	list_add_tail(&m->node, &t->addrs);
	return 0;
}

/* What the host has set beside addresses, and the removal of those may cost. */
struct held {
	struct list routes, neighs;
};

static int note_copies(const struct list *of, struct list *to)
{
	list_for_each(pos, of) {
		struct rtnl_msg *m = rtnl_msg_new(&list_entry(pos, struct rtnl_msg, node)->nlh);

		if (!m)
			return -ENOMEM;
		list_add_tail(&m->node, to);
	}
	return 0;
}

/* The last ones noted, as many as there are in of. */
static void forget_copies(const struct list *of, struct list *to)
{
	list_for_each(pos, of) {
		struct list *last = to->prev;

		list_del(last);
		free(list_entry(last, struct rtnl_msg, node));
	}
}

/* What was noted before is dealt with: h is the rest of what is there, noted for now. */
static int hold(struct takeover *t, struct held *h)
{
	struct list now;
	int rc;

	list_init(&now);
	list_init(&h->routes);
	list_init(&h->neighs);
	rc = takeover_read_routes(t, &now);
	list_for_each_safe(pos, &now) {
		struct rtnl_msg *m = list_entry(pos, struct rtnl_msg, node);
		const struct rtmsg *rtm = mnl_nlmsg_get_payload(&m->nlh);

		if (takeover_route_in(m, &t->routes))
			continue;
		list_del(pos);
		list_add_tail(pos, rtm->rtm_protocol == RTPROT_KERNEL ? &t->routes : &h->routes);
	}
	rtnl_msg_purge(&now);
	if (!rc)
		rc = takeover_read_neighs(t, &h->neighs);
	if (!rc)
		rc = note_copies(&h->routes, &t->routes);
	return rc ? rc : note_copies(&h->neighs, &t->neighs);
}

/* What goes back into the kernel is not noted any more; what does not, is, and goes to routes. */
static int put_back(struct takeover *t, struct held *h, struct list *routes)
{
	struct mnl_socket *nl = rtnl_open();
	int rc = nl ? 0 : -errno, err = 0;

	forget_copies(&h->routes, &t->routes);
	forget_copies(&h->neighs, &t->neighs);
	while (nl && takeover_add_routes(nl, &h->routes, &err))
		;
	list_for_each(pos, &h->neighs)
		if (nl)
			rtnl_talk(nl, &list_entry(pos, struct rtnl_msg, node)->nlh, RTM_NEWNEIGH,
				  NLM_F_CREATE | NLM_F_REPLACE);
	rtnl_close(nl);
	if (!rc)
		rc = note_copies(&h->routes, &t->routes);
	list_splice_tail(&h->routes, routes);
	return rc;
}

static int note(const struct takeover *t, struct weir_error *e)
{
	return t->ledger_fd < 0 ? 0 : ledger_write(t, e);
}

/* now: the addresses that are there. */
static int take(struct takeover *t, struct list *now, struct list *routes, struct weir_error *e)
{
	struct held h;
	int rc = hold(t, &h), err = 0;

	list_for_each(pos, now) {
		struct rtnl_msg *m = list_entry(pos, struct rtnl_msg, node);

		backdate(t, m);
		rc = rc ? rc : note_addr(t, m);
	}
	if (rc)
		weir_fail(e, -rc, "--netns %s: an address that was set there cannot be taken, and the kernel answers for it: %s",
			  t->name, strerror(-rc));
	else
		rc = note(t, e);
	if (!rc) {
		rc = takeover_remove_addrs(t, now);
		if (rc)
			weir_fail(e, -rc, "--netns %s: cannot take an address off its device, so the kernel answers, too: %s",
				  t->name, strerror(-rc));
		err = put_back(t, &h, routes);
	}
	if (!rc)
		rc = err ? weir_fail(e, -err, "--netns %s: cannot put its routes back: %s", t->name, strerror(-err))
			 : note(t, e);
	rtnl_msg_purge(&h.routes);
	rtnl_msg_purge(&h.neighs);
	return rc;
}

static bool all_quiet(const struct takeover *t)
{
	list_for_each(pos, &t->devices) {
		const struct device *d = list_entry(pos, struct device, node);

		if (!d->lost && !d->quiet)
			return false;
	}
	return true;
}

int takeover_more(struct takeover *t, struct list *addrs, struct list *routes, struct weir_error *e)
{
	struct list now;
	int rc;

	list_init(&now);
	rc = rtnl_dump(RTM_GETADDR, AF_UNSPEC, 0, addr_ours, t, &now);
	if (rc)
		return weir_fail(e, -rc, "--netns %s: cannot read what addresses it was given: %s", t->name,
				 strerror(-rc));
	if (!list_empty(&now) || !all_quiet(t))
		rc = take(t, &now, routes, e);
	if (!rc)
		list_splice_tail(&now, addrs);
	rtnl_msg_purge(&now);
	return rc;
}

void takeover_set_mac(struct takeover *t, unsigned int index, const uint8_t mac[6])
{
	struct device *d = takeover_device(t, index);

	if (!d || !memcmp(d->mac, mac, sizeof(d->mac)))
		return;
	memcpy(d->mac, mac, sizeof(d->mac));
	if (t->ledger_fd >= 0)
		ledger_write(t, NULL);
}

int takeover_put_routes(struct takeover *t, struct list *set, struct list *routes, struct weir_error *e)
{
	struct mnl_socket *nl;
	struct list now;
	int rc, err = 0;

	list_init(&now);
	rc = list_empty(set) ? 0 : takeover_read_routes(t, &now);
	list_for_each_safe(pos, set) {
		struct rtnl_msg *m = list_entry(pos, struct rtnl_msg, node);

		if (!rc && !takeover_route_in(m, &now) && !takeover_route_in(m, &t->routes))
			continue;
		list_del(pos);
		free(m);
	}
	rtnl_msg_purge(&now);
	if (list_empty(set))
		return 0;
	nl = rtnl_open();
	while (nl && takeover_add_routes(nl, set, &err))
		;
	rtnl_close(nl);
	rc = note_copies(set, &t->routes);
	list_splice_tail(set, routes);
	return rc ? weir_fail(e, -rc, "--netns %s: cannot put its routes back: %s", t->name, strerror(-rc)) : note(t, e);
}

int takeover_adopt(struct takeover *t, const struct nlmsghdr *nlh, struct taken *x, struct weir_error *e)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct device *d;
	int rc;

	takeover_forget(t, (unsigned int)ifi->ifi_index);
	d = takeover_device_new(t, nlh);
	if (!d)
		return weir_fail(e, ENOMEM, "--netns %s: out of memory", t->name);
	rc = note(t, e);
	if (rc) {
		list_del(&d->node);
		free(d);
		return rc;
	}
	taken_device(d, x);
	return 0;
}

void takeover_forget(struct takeover *t, unsigned int index)
{
	struct device *d = takeover_device(t, index);

	if (!d)
		return;
	list_del(&d->node);
	free(d);
	takeover_forget_lost(t);
	note(t, NULL);
}
