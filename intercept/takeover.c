/* SPDX-License-Identifier: Apache-2.0 */
/*
 * takeover.c - the devices of a network namespace become NICs of the stack.
 *
 * Theory of operation
 *
 * Read: every message that the kernel dumps about a usable device is kept as it came: addresses,
 * routes of all tables, permanent and proxy neighbours. A device is usable when it is Ethernet,
 * up, not lo, and no port of a bridge or bond. Nothing that the kernel knows of an address or a
 * route (label, scope, lifetimes, metrics, protocol) can so be lost: what goes back is the
 * kernel's own message, made into a request.
 *
 * Remove: the device stays up and carries frames, but the kernel must not answer any of them. With
 * its last IPv4 address a device loses its routes and its neighbours, and the kernel drops
 * what arrives for others silently. IPv6 would make itself a link-local address again, so it is
 * switched off on the device (disable_ipv6). arp_ignore = 8 keeps the kernel from answering ARP
 * here for an address of another device, which Linux otherwise does; forwarding = 0 keeps it
 * from routing what arrives.
 *
 * Heed: the stack keeps to what the kernel was told of IPv6 on a device. Who switched it off
 * there, or would not have routers believed, said so of the device and not of the kernel's stack.
 * The removal sets disable_ipv6, so all this is read before.
 *
 * Restore: switches back, addresses, then routes until none can be added any more (a gateway needs
 * its link's route first), then neighbours. Each step finds "it exists" good enough, so that it
 * may run twice, or over a half-done removal, and in another process than the one that read: the
 * janitor inherits all by fork. The kernel makes a connected route for an address that it is
 * given; one that was not there before is taken away again.
 *
 * A namespace is taken by one weir at a time: an abstract AF_UNIX name, which belongs to the
 * namespace and goes with its last holder, is the lock. Who has it, and finds in a ledger
 * (ledger.c) that a weir before was killed with all its processes, gives back first.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "intercept/ledger.h"
#include "intercept/netns.h"
#include "intercept/taken.h"
#include "intercept/takeover_priv.h"

#define LOCK_NAME	"weir/takeover"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE	71	/* Linux 5.14 */
#endif

/* Inside the namespace: only one weir at a time. */
static int netns_lock(struct takeover *t, struct weir_error *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof(LOCK_NAME));
	int err;

	memcpy(sa.sun_path + 1, LOCK_NAME, sizeof(LOCK_NAME) - 1);
	t->lock_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (t->lock_fd >= 0 && bind(t->lock_fd, (struct sockaddr *)&sa, len) == 0) {
		len = sizeof(t->cookie);
		if (getsockopt(t->lock_fd, SOL_SOCKET, SO_NETNS_COOKIE, &t->cookie, &len))
			t->cookie = 0;
		return 0;
	}
	err = errno;
	if (err == EADDRINUSE)
		return weir_fail(e, EBUSY, "--netns %s: another weir has taken the devices of this namespace; end it first, see `weir ctl`",
				 t->name);
	return weir_fail(e, err, "--netns %s: cannot lock the namespace: %s", t->name,
			 strerror(err));
}

/* s, suspended time included */
static uint64_t clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec;
}

uint32_t takeover_left(const struct takeover *t, uint32_t s)
{
	uint64_t passed = clock_now() - t->read_at;

	if (s == TAKEN_FOREVER)
		return s;
	return s > passed ? (uint32_t)(s - passed) : 0;
}

struct device *takeover_device(const struct takeover *t, unsigned int index)
{
	list_for_each(pos, &t->devices) {
		struct device *d = list_entry(pos, struct device, node);

		if (d->index == index && !d->lost)
			return d;
	}
	return NULL;
}

/* Bits of rtm_flags and rtnh_flags that are a route's own; the others tell its present state. */
#define ROUTE_FLAGS	(RTNH_F_ONLINK | RTNH_F_PERVASIVE)

static bool link_usable(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[IFLA_MASTER + 1];

	(void)arg;
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifi))
		return false;
	rtnl_attrs(nlh, sizeof(*ifi), tb, IFLA_MASTER);
	return ifi->ifi_type == ARPHRD_ETHER && (ifi->ifi_flags & IFF_UP) &&
		!(ifi->ifi_flags & IFF_LOOPBACK) && !tb[IFLA_MASTER] && tb[IFLA_IFNAME];
}

/* A number in an attribute; 0: it is not there, or too short. */
static uint32_t attr_u32(const struct nlattr *a)
{
	return a && mnl_attr_get_payload_len(a) >= sizeof(uint32_t) ? mnl_attr_get_u32(a) : 0;
}

bool takeover_link_usable(const struct nlmsghdr *nlh)
{
	return link_usable(nlh, NULL);
}

static bool addr_wanted(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);

	return mnl_nlmsg_get_payload_len(nlh) >= sizeof(*ifa) && (ifa->ifa_family == AF_INET || ifa->ifa_family == AF_INET6) &&
		takeover_device(arg, ifa->ifa_index);
}

/* Routes that the kernel keeps itself as addresses come and go: its local table. */
static bool route_kernels_own(const struct rtmsg *rtm)
{
	return rtm->rtm_table == RT_TABLE_LOCAL && rtm->rtm_protocol == RTPROT_KERNEL;
}

/* Does one of the hops of a multipath route leave through one of our devices? */
static bool multipath_ours(const struct takeover *t, const struct nlattr *mp)
{
	const struct rtnexthop *nh = mnl_attr_get_payload(mp);
	int left = (int)mnl_attr_get_payload_len(mp);

	for (; rtnl_hop_ok(nh, left); left -= RTNH_ALIGN(nh->rtnh_len), nh = RTNH_NEXT(nh))
		if (takeover_device(t, (unsigned int)nh->rtnh_ifindex))
			return true;
	return false;
}

static bool route_wanted(const struct nlmsghdr *nlh, void *arg)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[RTA_NH_ID + 1];

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm) ||
	    (rtm->rtm_family != AF_INET && rtm->rtm_family != AF_INET6) ||
	    (rtm->rtm_flags & RTM_F_CLONED) || route_kernels_own(rtm))
		return false;
	rtnl_attrs(nlh, sizeof(*rtm), tb, RTA_NH_ID);
	if (tb[RTA_OIF])
		return takeover_device(arg, attr_u32(tb[RTA_OIF])) != NULL;
	return tb[RTA_MULTIPATH] && multipath_ours(arg, tb[RTA_MULTIPATH]);
}

static bool neigh_wanted(const struct nlmsghdr *nlh, void *arg)
{
	const struct ndmsg *nd = mnl_nlmsg_get_payload(nlh);

	return mnl_nlmsg_get_payload_len(nlh) >= sizeof(*nd) &&
		(nd->ndm_family == AF_INET || nd->ndm_family == AF_INET6) &&
		((nd->ndm_state & NUD_PERMANENT) || (nd->ndm_flags & NTF_PROXY)) &&
		takeover_device(arg, (unsigned int)nd->ndm_ifindex);
}

bool takeover_wants(const struct takeover *t, enum taken_kind kind, const struct nlmsghdr *nlh)
{
	const struct nlattr *tb[RTA_NH_ID + 1];
	void *arg = (void *)(uintptr_t)t;

	if (kind == TAKEN_ADDR)
		return addr_wanted(nlh, arg);
	if (kind == TAKEN_NEIGH)
		return neigh_wanted(nlh, arg);
	if (route_wanted(nlh, arg))
		return true;
	/* kept by the number of its nexthop object alone */
	if (kind != TAKEN_ROUTE || mnl_nlmsg_get_payload_len(nlh) < sizeof(struct rtmsg))
		return false;
	rtnl_attrs(nlh, sizeof(struct rtmsg), tb, RTA_NH_ID);
	return tb[RTA_NH_ID] && !tb[RTA_OIF];
}

static int gen_mode_get(const struct nlattr *af_spec)
{
	const struct nlattr *family, *a;

	if (!af_spec)
		return -1;
	mnl_attr_for_each_nested(family, af_spec) {
		if (mnl_attr_get_type(family) != AF_INET6)
			continue;
		mnl_attr_for_each_nested(a, family)
			if (mnl_attr_get_type(a) == IFLA_INET6_ADDR_GEN_MODE)
				return mnl_attr_get_u8(a);
	}
	return -1;
}

struct device *takeover_device_new(struct takeover *t, const struct nlmsghdr *nlh)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[IFLA_AF_SPEC + 1];
	struct device *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	rtnl_attrs(nlh, sizeof(*ifi), tb, IFLA_AF_SPEC);
	d->index = (unsigned int)ifi->ifi_index;
	snprintf(d->name, sizeof(d->name), "%s", mnl_attr_get_str(tb[IFLA_IFNAME]));
	if (tb[IFLA_ADDRESS] && mnl_attr_get_payload_len(tb[IFLA_ADDRESS]) == sizeof(d->mac))
		memcpy(d->mac, mnl_attr_get_payload(tb[IFLA_ADDRESS]), sizeof(d->mac));
	d->gen_mode = gen_mode_get(tb[IFLA_AF_SPEC]);
	takeover_read_switches(d);
	list_add_tail(&d->node, &t->devices);
	return d;
}

static int read_devices(struct takeover *t)
{
	struct list links;
	int rc;

	list_init(&links);
	rc = rtnl_dump(RTM_GETLINK, AF_UNSPEC, 0, link_usable, NULL, &links);
	list_for_each(pos, &links) {
		if (rc)
			break;
		rc = takeover_device_new(t, &list_entry(pos, struct rtnl_msg, node)->nlh) ? 0 : -ENOMEM;
	}
	rtnl_msg_purge(&links);
	return rc;
}

/*
 * A new message without some attributes, which tell the state and are not part of a request, and
 * with another one at its end unless that is 0.
 */
static struct rtnl_msg *msg_without(const struct rtnl_msg *m, size_t hdr, uint64_t drop,
				    uint16_t last, uint32_t value)
{
	char buf[65536];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	const struct nlattr *a;

	if (m->nlh.nlmsg_len > sizeof(buf) - MNL_ATTR_HDRLEN - sizeof(value))
		return NULL;
	memcpy(mnl_nlmsg_put_extra_header(nlh, hdr), mnl_nlmsg_get_payload(&m->nlh), hdr);
	mnl_attr_for_each(a, &m->nlh, (unsigned int)hdr) {
		uint16_t type = mnl_attr_get_type(a);

		if (type > 63 || !(drop & (UINT64_C(1) << type)))
			mnl_attr_put(nlh, type | (a->nla_type & NLA_F_NESTED),
				     mnl_attr_get_payload_len(a), mnl_attr_get_payload(a));
	}
	if (value)
		mnl_attr_put_u32(nlh, last, value);
	return rtnl_msg_new(nlh);
}

#define ATTR(n)	(UINT64_C(1) << (n))

static void multipath_clean(struct nlattr *mp)
{
	struct rtnexthop *nh = mnl_attr_get_payload(mp);
	int left = (int)mnl_attr_get_payload_len(mp);

	for (; rtnl_hop_ok(nh, left); left -= RTNH_ALIGN(nh->rtnh_len), nh = RTNH_NEXT(nh))
		nh->rtnh_flags &= ROUTE_FLAGS;
}

/* What is left of a route's life, s; 0 = it does not end. The kernel tells it in clock ticks. */
static uint32_t route_expires(const struct nlattr *cacheinfo)
{
	const struct rta_cacheinfo *ci = cacheinfo ? mnl_attr_get_payload(cacheinfo) : NULL;

	if (!ci || mnl_attr_get_payload_len(cacheinfo) < sizeof(*ci) || ci->rta_expires <= 0)
		return 0;
	return (uint32_t)ci->rta_expires / (uint32_t)sysconf(_SC_CLK_TCK) + 1;
}

/* A route as a request for it: its state left out, and of a nexthop object only the number. */
static struct rtnl_msg *route_request(const struct rtnl_msg *m)
{
	const struct nlattr *tb[RTA_NH_ID + 1];
	uint64_t drop = ATTR(RTA_CACHEINFO) | ATTR(RTA_EXPIRES);
	struct rtnl_msg *r;
	struct rtmsg *rtm;

	rtnl_attrs(&m->nlh, sizeof(*rtm), tb, RTA_NH_ID);
	if (tb[RTA_NH_ID])
		drop |= ATTR(RTA_OIF) | ATTR(RTA_GATEWAY) | ATTR(RTA_VIA) | ATTR(RTA_MULTIPATH);
	r = msg_without(m, sizeof(*rtm), drop, RTA_EXPIRES, route_expires(tb[RTA_CACHEINFO]));
	if (!r)
		return NULL;
	rtm = mnl_nlmsg_get_payload(&r->nlh);
	rtm->rtm_flags &= ROUTE_FLAGS;
	rtnl_attrs(&r->nlh, sizeof(*rtm), tb, RTA_NH_ID);
	if (tb[RTA_MULTIPATH])
		multipath_clean((struct nlattr *)(uintptr_t)tb[RTA_MULTIPATH]);
	return r;
}

struct rtnl_msg *takeover_route_request(const struct nlmsghdr *nlh)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct rtnl_msg *m = rtm->rtm_protocol == RTPROT_KERNEL ? NULL : rtnl_msg_new(nlh), *r = m ? route_request(m) : NULL;

	free(m);
	return r;
}

static struct rtnl_msg *neigh_request(const struct rtnl_msg *m)
{
	return msg_without(m, sizeof(struct ndmsg), ATTR(NDA_CACHEINFO) | ATTR(NDA_PROBES),
			   0, 0);
}

static int msgs_convert(struct list *msgs, struct rtnl_msg *(*request)(const struct rtnl_msg *))
{
	struct list done;
	int rc = 0;

	list_init(&done);
	list_for_each_safe(pos, msgs) {
		struct rtnl_msg *old = list_entry(pos, struct rtnl_msg, node);
		struct rtnl_msg *m = rc ? NULL : request(old);

		if (m)
			list_add_tail(&m->node, &done);
		else
			rc = -ENOMEM;
		list_del(pos);
		free(old);
	}
	list_splice_tail(&done, msgs);
	return rc;
}

int takeover_read_routes(const struct takeover *t, struct list *out)
{
	int rc = rtnl_dump(RTM_GETROUTE, AF_UNSPEC, 0, route_wanted, (void *)(uintptr_t)t, out);

	return rc ? rc : msgs_convert(out, route_request);
}

int takeover_read_neighs(const struct takeover *t, struct list *out)
{
	void *arg = (void *)(uintptr_t)t;
	int rc = rtnl_dump(RTM_GETNEIGH, AF_UNSPEC, 0, neigh_wanted, arg, out);

	if (rc == 0)
		rc = rtnl_dump(RTM_GETNEIGH, AF_UNSPEC, NTF_PROXY, neigh_wanted, arg, out);
	return rc ? rc : msgs_convert(out, neigh_request);
}

/* Inside the namespace. */
static int read_all(struct takeover *t, struct weir_error *e)
{
	int rc = ledger_recover_here(t, e);

	if (rc)
		return rc;
	t->read_at = clock_now();
	rc = read_devices(t);
	if (rc == 0 && list_empty(&t->devices))
		return weir_fail(e, ENODEV, "--netns %s: no Ethernet device there is up; move one in with `ip link set DEV netns %s` and `ip -n %s link set DEV up`",
				 t->name, t->name, t->name);
	if (rc == 0)
		rc = rtnl_dump(RTM_GETADDR, AF_UNSPEC, 0, addr_wanted, t, &t->addrs);
	if (rc == 0)
		rc = takeover_read_routes(t, &t->routes);
	if (rc == 0)
		rc = takeover_read_neighs(t, &t->neighs);
	if (rc)
		return weir_fail(e, -rc, "--netns %s: cannot read its devices: %s", t->name,
				 strerror(-rc));
	return 0;
}

struct takeover *takeover_new(const char *netns)
{
	struct takeover *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->netns_fd = t->lock_fd = t->ledger_fd = -1;
	snprintf(t->name, sizeof(t->name), "%s", netns);
	list_init(&t->devices);
	list_init(&t->addrs);
	list_init(&t->routes);
	list_init(&t->neighs);
	return t;
}

int takeover_enter(struct takeover *t, struct weir_error *e)
{
	int back = netns_enter(t->netns_fd), rc;

	if (back < 0)
		return weir_fail(e, -back, "--netns %s: cannot enter it: %s; run weir as root",
				 t->name, strerror(-back));
	rc = netns_lock(t, e);
	if (rc == 0)
		return back;
	netns_leave(back);
	return rc;
}

struct takeover *takeover_read(const char *netns, struct weir_error *e)
{
	struct takeover *t = takeover_new(netns);
	int back, rc;

	if (!t) {
		weir_fail(e, ENOMEM, "--netns %s: out of memory", netns);
		return NULL;
	}
	ledger_recover_dead();
	t->netns_fd = netns_open(netns, e);
	if (t->netns_fd < 0)
		goto fail;
	back = takeover_enter(t, e);
	if (back < 0)
		goto fail;
	rc = read_all(t, e);
	netns_leave(back);
	if (rc)
		goto fail;
	return t;
fail:
	takeover_free(t);
	return NULL;
}

void takeover_free(struct takeover *t)
{
	if (!t)
		return;
	list_for_each_safe(pos, &t->devices)
		free(list_entry(pos, struct device, node));
	rtnl_msg_purge(&t->addrs);
	rtnl_msg_purge(&t->routes);
	rtnl_msg_purge(&t->neighs);
	if (t->netns_fd >= 0)
		close(t->netns_fd);
	if (t->lock_fd >= 0)
		close(t->lock_fd);
	if (t->ledger_fd >= 0)
		close(t->ledger_fd);
	free(t);
}

int takeover_netns_fd(const struct takeover *t)
{
	return t->netns_fd;
}
