/* SPDX-License-Identifier: Apache-2.0 */
/*
 * giveback.c - what takeover.c has read is removed from the kernel's devices, and given back.
 * The theory of operation is in takeover.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "intercept/ledger.h"
#include "intercept/netns.h"
#include "intercept/takeover_priv.h"

#define DAD_WAITS	30	/* of 100 ms: a source address can be named once its duplicates are ruled out */

/* What is switched on each device so that the kernel keeps quiet; conf/DEVICE/NAME. */
static const struct quiet {
	const char *name, *path, *value;
} quiets[TAKEOVER_QUIETS] = {
	[QUIET_DISABLE_IPV6] = { "disable_ipv6", "/proc/sys/net/ipv6/conf/%s/disable_ipv6", "1" },
	[QUIET_ARP_IGNORE] = { "arp_ignore", "/proc/sys/net/ipv4/conf/%s/arp_ignore", "8" },
	[QUIET_FORWARDING] = { "forwarding", "/proc/sys/net/ipv4/conf/%s/forwarding", "0" },
};

/* What is only read. */
static const char *const heeds[TAKEOVER_HEEDS] = {
	[HEED_FORWARDING] = "/proc/sys/net/ipv6/conf/%s/forwarding",
	[HEED_ACCEPT_RA] = "/proc/sys/net/ipv6/conf/%s/accept_ra",
	[HEED_ACCEPT_REDIRECTS] = "/proc/sys/net/ipv6/conf/%s/accept_redirects",
	[HEED_STABLE_SECRET] = "/proc/sys/net/ipv6/conf/%s/stable_secret",	/* EIO: there is none */
	[HEED_ACCEPT_REDIRECTS4] = "/proc/sys/net/ipv4/conf/%s/accept_redirects",
	[HEED_SECURE_REDIRECTS4] = "/proc/sys/net/ipv4/conf/%s/secure_redirects",
	[HEED_SHARED_MEDIA4] = "/proc/sys/net/ipv4/conf/%s/shared_media",
	[HEED_ALL_ACCEPT_REDIRECTS4] = "/proc/sys/net/ipv4/conf/all/accept_redirects",
	[HEED_ALL_SECURE_REDIRECTS4] = "/proc/sys/net/ipv4/conf/all/secure_redirects",
	[HEED_ALL_SHARED_MEDIA4] = "/proc/sys/net/ipv4/conf/all/shared_media",
	[HEED_PROMOTE_SECONDARIES4] = "/proc/sys/net/ipv4/conf/%s/promote_secondaries",
	[HEED_ALL_PROMOTE_SECONDARIES4] = "/proc/sys/net/ipv4/conf/all/promote_secondaries",
};

static bool sysctl_read(const char *pattern, const char *dev, char value[SYSCTL_MAX])
{
	char path[128];
	ssize_t n;
	int fd;

	value[0] = '\0';
	snprintf(path, sizeof(path), pattern, dev);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, value, SYSCTL_MAX - 1);
	close(fd);
	value[n > 0 ? n : 0] = '\0';
	value[strcspn(value, "\n")] = '\0';
	return n > 0;
}

static int sysctl_write(const char *pattern, const char *dev, const char *value)
{
	char path[128];
	int fd, rc = 0;

	snprintf(path, sizeof(path), pattern, dev);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, value, strlen(value)) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

/* How the kernel makes its own IPv6 addresses on dev. Over netlink it is only noted; writing the
 * sysctl would also make one at once. */
static int gen_mode_set(struct mnl_socket *nl, const struct device *dev, uint8_t mode)
{
	char buf[128];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	struct nlattr *spec, *inet6;

	ifi->ifi_index = (int)dev->index;
	spec = mnl_attr_nest_start(nlh, IFLA_AF_SPEC);
	inet6 = mnl_attr_nest_start(nlh, AF_INET6);
	mnl_attr_put_u8(nlh, IFLA_INET6_ADDR_GEN_MODE, mode);
	mnl_attr_nest_end(nlh, inet6);
	mnl_attr_nest_end(nlh, spec);
	return rtnl_talk(nl, nlh, RTM_SETLINK, 0);
}

const char *takeover_quiet_name(enum takeover_quiet q)
{
	return quiets[q].name;
}

void takeover_read_switches(struct device *d)
{
	for (size_t i = 0; i < TAKEOVER_QUIETS; i++)
		sysctl_read(quiets[i].path, d->name, d->saved[i]);
	for (size_t i = 0; i < TAKEOVER_HEEDS; i++)
		sysctl_read(heeds[i], d->name, d->heeds[i]);
}

static void complain(const struct takeover *t, const char *what, int err)
{
	struct weir_error e;

	weir_fail(&e, err, "--netns %s: cannot give back %s: %s", t->name, what, strerror(err));
	log_to_stderr(NULL, LOG_ERROR, e.text);
}

/* ---- remove ---- */

/* A device that is gone needs nothing, and one that was renamed has its switches elsewhere. */
static int quiet_device(struct device *d)
{
	char name[IF_NAMESIZE];

	if (!if_indextoname(d->index, name))
		return 0;
	for (size_t i = 0; i < TAKEOVER_QUIETS; i++) {
		int rc = d->saved[i][0] ? sysctl_write(quiets[i].path, name, quiets[i].value)
					: 0;

		if (rc)
			return rc;
	}
	d->quiet = true;
	return 0;
}

/* With a primary address its secondaries may go, and with disable_ipv6 all of IPv6. */
static bool addr_gone(int rc)
{
	return rc == -EADDRNOTAVAIL || rc == -ENODEV || rc == -ENXIO || rc == -EACCES;
}

int takeover_remove_addrs(const struct takeover *t, const struct list *addrs)
{
	struct mnl_socket *nl = rtnl_open();
	int rc = nl ? 0 : -errno;

	list_for_each(pos, &t->devices) {
		struct device *d = list_entry(pos, struct device, node);

		if (rc == 0 && !d->lost)
			rc = quiet_device(d);
	}
	/* The last one first: no secondary is made a primary, and should we be killed on the way, what
	 * is left is the list's beginning, and its order can be made again. */
	for (struct list *pos = addrs->prev; pos != addrs && rc == 0; pos = pos->prev) {
		struct rtnl_msg *m = list_entry(pos, struct rtnl_msg, node);

		rc = rtnl_talk(nl, &m->nlh, RTM_DELADDR, 0);
		if (addr_gone(rc))
			rc = 0;
	}
	rtnl_close(nl);
	return rc;
}

int takeover_remove(struct takeover *t, struct weir_error *e)
{
	int back = netns_enter(t->netns_fd), rc;

	if (back < 0)
		return weir_fail(e, -back, "--netns %s: cannot enter it: %s", t->name,
				 strerror(-back));
	rc = takeover_remove_addrs(t, &t->addrs);
	netns_leave(back);
	if (rc == 0)
		return 0;
	takeover_restore(t);
	return weir_fail(e, -rc, "--netns %s: cannot take the addresses off its devices: %s",
			 t->name, strerror(-rc));
}

/* ---- compare ---- */

static bool link_any(const struct nlmsghdr *nlh, void *arg)
{
	(void)arg;
	return mnl_nlmsg_get_payload_len(nlh) >= sizeof(struct ifinfomsg);
}

/* Without a cookie of the namespace, numbers of devices may be those of another one's. */
static bool is_device(const struct takeover *t, const struct device *d, const struct nlmsghdr *nlh)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[IFLA_ADDRESS + 1];

	rtnl_attrs(nlh, sizeof(*ifi), tb, IFLA_ADDRESS);
	return (unsigned int)ifi->ifi_index == d->index &&
	       (t->cookie || (tb[IFLA_ADDRESS] && mnl_attr_get_payload_len(tb[IFLA_ADDRESS]) == sizeof(d->mac) &&
			      !memcmp(mnl_attr_get_payload(tb[IFLA_ADDRESS]), d->mac, sizeof(d->mac))));
}

static void forget_lost(const struct takeover *t, enum taken_kind kind, struct list *msgs)
{
	list_for_each_safe(pos, msgs) {
		struct rtnl_msg *m = list_entry(pos, struct rtnl_msg, node);

		if (takeover_wants(t, kind, &m->nlh))
			continue;
		list_del(pos);
		free(m);
	}
}

void takeover_forget_lost(struct takeover *t)
{
	forget_lost(t, TAKEN_ADDR, &t->addrs);
	forget_lost(t, TAKEN_ROUTE, &t->routes);
	forget_lost(t, TAKEN_NEIGH, &t->neighs);
}

int takeover_compare(struct takeover *t)
{
	struct list links;
	int rc;

	list_init(&links);
	rc = rtnl_dump(RTM_GETLINK, AF_UNSPEC, 0, link_any, NULL, &links);
	list_for_each(pos, &t->devices) {
		struct device *d = list_entry(pos, struct device, node);

		d->lost = !rc;
		list_for_each(l, &links)
			if (is_device(t, d, &list_entry(l, struct rtnl_msg, node)->nlh))
				d->lost = false;
	}
	rtnl_msg_purge(&links);
	takeover_forget_lost(t);
	return rc;
}

/* ---- restore ---- */

/* A device may have been renamed, or be gone: then there is nothing to give back to. */
static bool device_name(const struct device *d, char name[IF_NAMESIZE])
{
	return !d->lost && if_indextoname(d->index, name) != NULL;
}

static void tell_gone(const struct takeover *t, const struct device *d)
{
	struct weir_error e;

	weir_fail(&e, ENODEV, "--netns %s: device %s is gone: its addresses and routes cannot be "
		  "given back", t->name, d->name);
	log_to_stderr(NULL, LOG_ERROR, e.text);
}

static bool all_gone(const struct takeover *t)
{
	char name[IF_NAMESIZE];

	list_for_each(pos, &t->devices)
		if (device_name(list_entry(pos, struct device, node), name))
			return false;
	return true;
}

static void restore_switches(const struct takeover *t, struct mnl_socket *nl)
{
	char name[IF_NAMESIZE];

	list_for_each(pos, &t->devices) {
		const struct device *d = list_entry(pos, struct device, node);

		if (!device_name(d, name)) {
			tell_gone(t, d);
			continue;
		}
		if (d->gen_mode >= 0)
			gen_mode_set(nl, d, IN6_ADDR_GEN_MODE_NONE);
		for (size_t i = 0; i < TAKEOVER_QUIETS; i++) {
			int rc = d->saved[i][0] ? sysctl_write(quiets[i].path, name, d->saved[i])
						: 0;

			if (rc)
				complain(t, name, -rc);
		}
	}
}

static void restore_gen_modes(const struct takeover *t, struct mnl_socket *nl)
{
	char name[IF_NAMESIZE];

	list_for_each(pos, &t->devices) {
		const struct device *d = list_entry(pos, struct device, node);
		int rc;

		if (d->gen_mode < 0 || !device_name(d, name))
			continue;
		rc = gen_mode_set(nl, d, (uint8_t)d->gen_mode);
		if (rc)
			complain(t, "how a device makes IPv6 addresses", -rc);
	}
}

/* Count down the lifetimes by what has passed since they were read. False: expired meanwhile. */
static bool addr_age(const struct takeover *t, struct nlmsghdr *nlh)
{
	const struct nlattr *tb[IFA_CACHEINFO + 1];
	struct ifa_cacheinfo *ci;

	rtnl_attrs(nlh, sizeof(struct ifaddrmsg), tb, IFA_CACHEINFO);
	if (!tb[IFA_CACHEINFO] || mnl_attr_get_payload_len(tb[IFA_CACHEINFO]) < sizeof(*ci))
		return true;
	ci = mnl_attr_get_payload(tb[IFA_CACHEINFO]);
	ci->ifa_prefered = takeover_left(t, ci->ifa_prefered);
	ci->ifa_valid = takeover_left(t, ci->ifa_valid);
	return ci->ifa_valid != 0;
}

static void restore_addr(const struct takeover *t, struct mnl_socket *nl,
			 const struct rtnl_msg *saved)
{
	struct rtnl_msg *m = rtnl_msg_new(&saved->nlh);
	int rc = -ENOMEM;

	if (m)
		rc = addr_age(t, &m->nlh)
			? rtnl_talk(nl, &m->nlh, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL) : 0;
	if (rc && rc != -EEXIST && rc != -ENODEV)
		complain(t, "an address", -rc);
	free(m);
}

/* The kernel appends IPv4 addresses to a device's list and puts IPv6 ones in front: in this order
 * the lists are as they were. */
static void restore_addrs(const struct takeover *t, struct mnl_socket *nl)
{
	for (struct list *pos = t->addrs.next; pos != &t->addrs; pos = pos->next) {
		const struct rtnl_msg *m = list_entry(pos, struct rtnl_msg, node);

		if (((const struct ifaddrmsg *)mnl_nlmsg_get_payload(&m->nlh))->ifa_family == AF_INET)
			restore_addr(t, nl, m);
	}
	for (struct list *pos = t->addrs.prev; pos != &t->addrs; pos = pos->prev) {
		const struct rtnl_msg *m = list_entry(pos, struct rtnl_msg, node);

		if (((const struct ifaddrmsg *)mnl_nlmsg_get_payload(&m->nlh))->ifa_family == AF_INET6)
			restore_addr(t, nl, m);
	}
}

/* The expiry, which counts down, stands last in a route's request and does not tell routes
 * apart. */
static size_t route_key_len(const struct rtnl_msg *m)
{
	const struct nlattr *tb[RTA_EXPIRES + 1];

	rtnl_attrs(&m->nlh, sizeof(struct rtmsg), tb, RTA_EXPIRES);
	return m->nlh.nlmsg_len - (tb[RTA_EXPIRES] ? MNL_ATTR_HDRLEN + sizeof(uint32_t) : 0);
}

bool takeover_route_same(const struct rtnl_msg *a, const struct rtnl_msg *b)
{
	size_t len = route_key_len(a);

	return route_key_len(b) == len && !memcmp(mnl_nlmsg_get_payload(&a->nlh), mnl_nlmsg_get_payload(&b->nlh),
						  len - MNL_NLMSG_HDRLEN);
}

bool takeover_route_in(const struct rtnl_msg *m, const struct list *routes)
{
	list_for_each(pos, routes)
		if (takeover_route_same(m, list_entry(pos, struct rtnl_msg, node)))
			return true;
	return false;
}

static bool same_bits(const struct nlattr *a, const struct nlattr *b, unsigned int bits)
{
	const uint8_t *x = mnl_attr_get_payload(a), *y = mnl_attr_get_payload(b);
	unsigned int bytes = bits / 8, rest = bits % 8;
	unsigned int len = mnl_attr_get_payload_len(a) < mnl_attr_get_payload_len(b)
		? mnl_attr_get_payload_len(a) : mnl_attr_get_payload_len(b);

	return bytes + !!rest <= len && !memcmp(x, y, bytes) &&
	       (!rest || !((x[bytes] ^ y[bytes]) >> (8 - rest)));
}

/* Did the kernel make the route for an address that we give back? One of somebody else's address,
 * set meanwhile, is none of ours. */
static bool connects_ours(const struct takeover *t, const struct rtnl_msg *m)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(&m->nlh);
	const struct nlattr *r[RTA_PREFSRC + 1], *a[IFA_LOCAL + 1];

	if (rtm->rtm_protocol != RTPROT_KERNEL)
		return false;
	rtnl_attrs(&m->nlh, sizeof(*rtm), r, RTA_PREFSRC);
	list_for_each(pos, &t->addrs) {
		const struct rtnl_msg *saved = list_entry(pos, struct rtnl_msg, node);
		const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(&saved->nlh);
		const struct nlattr *local;

		rtnl_attrs(&saved->nlh, sizeof(*ifa), a, IFA_LOCAL);
		local = a[IFA_LOCAL] ? a[IFA_LOCAL] : a[IFA_ADDRESS];
		if (ifa->ifa_family != rtm->rtm_family || !local)
			continue;
		if (rtm->rtm_family == AF_INET && r[RTA_PREFSRC] && same_bits(r[RTA_PREFSRC], local, 32))
			return true;
		if (rtm->rtm_family == AF_INET6 && r[RTA_DST] && ifa->ifa_prefixlen == rtm->rtm_dst_len &&
		    same_bits(r[RTA_DST], local, rtm->rtm_dst_len))
			return true;
	}
	return false;
}

/* Add what can be added; how many that were. */
unsigned int takeover_add_routes(struct mnl_socket *nl, struct list *missing, int *err)
{
	unsigned int added = 0;

	list_for_each_safe(pos, missing) {
		struct rtnl_msg *m = list_entry(pos, struct rtnl_msg, node);
		int rc = rtnl_talk(nl, &m->nlh, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_APPEND);

		if (rc && rc != -EEXIST && rc != -ENODEV) {
			*err = -rc;
			continue;
		}
		list_del(pos);
		free(m);
		added++;
	}
	return added;
}

static void restore_routes(const struct takeover *t, struct mnl_socket *nl)
{
	bool gone = all_gone(t);	/* no route can come back, and it was told */
	struct list now, missing;
	int rc, err = 0;

	list_init(&now);
	list_init(&missing);
	rc = takeover_read_routes(t, &now);
	list_for_each(pos, &now) {
		struct rtnl_msg *m = list_entry(pos, struct rtnl_msg, node);

		if (connects_ours(t, m) && !takeover_route_in(m, &t->routes))
			rtnl_talk(nl, &m->nlh, RTM_DELROUTE, 0);
	}
	list_for_each(pos, &t->routes) {
		const struct rtnl_msg *saved = list_entry(pos, struct rtnl_msg, node);
		struct rtnl_msg *m = takeover_route_in(saved, &now) ? NULL : rtnl_msg_new(&saved->nlh);

		if (m)
			list_add_tail(&m->node, &missing);
	}
	for (int i = 0; i < (gone ? 1 : DAD_WAITS) && !list_empty(&missing); i++) {
		if (i)
			usleep(100000);
		while (takeover_add_routes(nl, &missing, &err))
			;
	}
	if (rc || (!list_empty(&missing) && !gone))
		complain(t, "a route", rc ? -rc : err);
	rtnl_msg_purge(&now);
	rtnl_msg_purge(&missing);
}

static void restore_neighs(const struct takeover *t, struct mnl_socket *nl)
{
	list_for_each(pos, &t->neighs) {
		struct rtnl_msg *m = list_entry(pos, struct rtnl_msg, node);
		int rc = rtnl_talk(nl, &m->nlh, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);

		if (rc && rc != -ENODEV)
			complain(t, "a neighbour", -rc);
	}
}

void takeover_restore(struct takeover *t)
{
	int back = netns_enter(t->netns_fd);
	struct mnl_socket *nl;

	if (back < 0) {
		complain(t, "anything", -back);
		return;
	}
	nl = rtnl_open();
	if (nl) {
		restore_switches(t, nl);
		restore_addrs(t, nl);
		restore_routes(t, nl);
		restore_neighs(t, nl);
		restore_gen_modes(t, nl);
		rtnl_close(nl);
		ledger_end(t);
	} else {
		complain(t, "anything", errno);
	}
	netns_leave(back);
}
