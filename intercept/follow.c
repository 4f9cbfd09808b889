/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follow.c - what the kernel tells of devices, told on to the stack process (follow.h).
 *
 * Theory of operation
 *
 * The front listens, not the stack process: what the host sets on a device that was taken has to be
 * taken, too, and the front has the privilege and time for that. It asks nobody but the kernel
 * (messages of others are not read), and the stack process has no way to ask it for anything: the
 * socket to it is never read here.
 *
 * A link's message holds all of its state, so it is told on as it comes, if it says anything new.
 * Of addresses, routes and neighbours a message only says that something has changed; then the
 * table is read and compared with what was told. So a lost message (ENOBUFS) is no different from
 * any other: all tables are read, links too. Before that the kernel's queue is emptied unread, since
 * it holds what is older than what was lost, and loses more without a word until it is empty. Between two comparisons passes COMPARE_MS, and a turn reads
 * TURN_MESSAGES, so a storm costs a bounded share.
 *
 * A device that the namespace gets later, as a container does that is connected to one more network, is taken like those before,
 * once it is up and the host seems to be done with it: a route by a gateway cannot be set any more when the address is taken,
 * and the kernel refuses all of IPv6. It is opened here, and told of with its descriptor before anything else is told of it. Deleted, it is
 * forgotten, and one that comes by its name is another one again.
 *
 * An address is moved (takeover_more.c). A route or a neighbour is copied and stays in the kernel,
 * where it does nothing without an address, but can be seen, and be deleted by who set it: that is
 * followed, too. What was removed by us echoes as a message, and the comparison finds nothing.
 *
 * When the stack process does not take what it is told, nothing is read until it does. Nothing is
 * lost by that: what was not told is still found to be different.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "intercept/follow.h"
#include "intercept/netns.h"
#include "intercept/route_set.h"
#include "intercept/takeover_priv.h"

#define LOWER_UP	0x10000u		/* IFF_LOWER_UP, which <linux/if.h> has beside names that clash */
#define TURN_MESSAGES	64
#define COMPARE_MS	50u
#define RECEIVE_BUFFER	(1 << 20)
#define TOLD_MAX	4096u		/* routes, and neighbours, that are remembered as told */
#define SETTLED_MS	300u		/* since the host has last set anything on a device that is none of ours */
#define SETTLED_MAX_MS	3000u		/* however much it goes on doing */
#define ADOPTED_MAX	64u		/* devices that came later: each leaves a NIC in the stack process */

enum { DIRTY_LINKS = 1, DIRTY_ADDRS = 2, DIRTY_ROUTES = 4, DIRTY_NEIGHS = 8, DIRTY_ALL = 15 };

struct followed {
	struct list node;
	unsigned int index;
	char nic[FOLLOW_NAME_MAX];
	bool far;
	bool adopted;			/* came later */
	bool told_any, seen, again;
	struct follow_link told, now;
};

struct follow {
	struct takeover *takeover;
	const struct log *log;
	struct list devices;
	int nl;				/* the kernel's messages */
	int out;			/* to the stack process */
	bool full;			/* it did not take the last one */
	bool ended;			/* nor will it ever */
	bool drained;			/* the kernel's queue was empty when it was last read */
	struct route_set set;		/* of routes that come while an address is taken */
	bool overrun;			/* messages were lost: those that are left are read away first */
	unsigned int dirty;		/* DIRTY_*: to be compared */
	uint64_t compared;		/* ms */
	uint64_t stirring, stirred;	/* ms: devices that are none of ours are being set up, since, and lastly */
	struct list addrs, moved;	/* struct rtnl_msg: addresses and routes taken, to be told */
	struct list routes, neighs;	/* told, and in the kernel */
	int (*open)(void *arg, const struct taken *x, char opened[FOLLOW_NEW_MAX], struct weir_error *e);
	void *open_arg;
	struct follow_msg new;		/* to be told before all else; */
	int new_fd;			/* -1: there is none */
	unsigned int adopted;		/* so many */
	char refused[FOLLOW_NAME_MAX];	/* the last device that could not be taken */
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static struct followed *find(const struct follow *f, unsigned int index)
{
	list_for_each(pos, &f->devices) {
		struct followed *d = list_entry(pos, struct followed, node);

		if (d->index == index && !d->now.gone)
			return d;
	}
	return NULL;
}

/* ---- to the stack ---- */

static bool send_with(struct follow *f, const struct follow_msg *m, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} room = { .align = { .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { (void *)(uintptr_t)m, sizeof(*m) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = fd < 0 ? NULL : &room,
			      .msg_controllen = fd < 0 ? 0 : sizeof(room.bytes) };

	memcpy(CMSG_DATA(&room.align), &fd, sizeof(fd));
	if (f->full)			/* in order */
		return false;
	if (sendmsg(f->out, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof(*m))
		return true;
	f->full = true;
	f->ended = errno != EAGAIN;
	return false;
}

static bool send_msg(struct follow *f, const struct follow_msg *m)
{
	return send_with(f, m, -1);
}

static bool tell_new(struct follow *f)
{
	if (f->new_fd >= 0 && !send_with(f, &f->new, f->new_fd))
		return false;
	f->new_fd = -1;
	return true;
}

static bool tell_link(struct follow *f, struct followed *d)
{
	struct follow_msg m;

	if (d->told_any && !memcmp(&d->told, &d->now, sizeof(d->told)))
		return true;
	memset(&m, 0, sizeof(m));	/* nothing else of ours is told with it */
	m.kind = FOLLOW_LINK;
	m.link = d->now;
	memcpy(m.nic, d->nic, sizeof(m.nic));
	if (!send_msg(f, &m))
		return false;
	d->told = d->now;
	d->told_any = true;
	if (f->takeover && !d->far)
		takeover_set_mac(f->takeover, d->index, d->now.addr);
	return true;
}

static void tell_links(struct follow *f)
{
	list_for_each(pos, &f->devices)
		if (!tell_link(f, list_entry(pos, struct followed, node)))
			return;
}

/* True: told, or there is nothing in it for the stack. */
static bool tell_taken(struct follow *f, enum follow_kind kind, enum taken_kind as, const struct rtnl_msg *msg)
{
	const struct followed *d;
	struct follow_msg m;

	memset(&m, 0, sizeof(m));
	m.kind = kind;
	if (!taken_read(f->takeover, as, msg, &m.taken))
		return true;
	d = find(f, m.taken.index);
	/* The stack makes its own link-local address. */
	if (!d || (as == TAKEN_ADDR && ip_addr_is_linklocal(&m.taken.addr)))
		return true;
	m.taken.device = NULL;
	memcpy(m.nic, d->nic, sizeof(m.nic));
	return send_msg(f, &m);
}

/* ---- links ---- */

static uint32_t u32_of(const struct nlattr *a, uint32_t missing)
{
	return a && mnl_attr_get_payload_len(a) >= sizeof(uint32_t) ? mnl_attr_get_u32(a) : missing;
}

static void link_of(const struct followed *d, const struct nlmsghdr *nlh, struct follow_link *l)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[IFLA_OPERSTATE + 1];
	bool up = ifi->ifi_flags & IFF_UP;

	rtnl_attrs(nlh, sizeof(*ifi), tb, IFLA_OPERSTATE);
	memset(l, 0, sizeof(*l));
	l->up = d->far || up;
	l->carrier = d->far ? up : up && (ifi->ifi_flags & LOWER_UP);
	if (tb[IFLA_IFNAME] && mnl_attr_validate(tb[IFLA_IFNAME], MNL_TYPE_NUL_STRING) >= 0)
		snprintf(l->name, sizeof(l->name), "%s", mnl_attr_get_str(tb[IFLA_IFNAME]));
	if (d->far)
		return;
	l->mtu = u32_of(tb[IFLA_MTU], 0);
	if (tb[IFLA_OPERSTATE] && mnl_attr_get_payload_len(tb[IFLA_OPERSTATE]))
		l->operstate = mnl_attr_get_u8(tb[IFLA_OPERSTATE]);
	if (tb[IFLA_ADDRESS] && mnl_attr_get_payload_len(tb[IFLA_ADDRESS]) == sizeof(l->addr))
		memcpy(l->addr, mnl_attr_get_payload(tb[IFLA_ADDRESS]), sizeof(l->addr));
}

static void link_gone(struct follow *f, struct followed *d)
{
	if (d->now.gone)
		return;
	d->now.gone = true;
	d->now.up = d->now.carrier = false;
	d->now.operstate = 0;
	tell_link(f, d);
	if (d->adopted)
		takeover_forget(f->takeover, d->index);
}

static const char *name_of(const struct nlmsghdr *nlh)
{
	const struct nlattr *tb[IFLA_IFNAME + 1];

	rtnl_attrs(nlh, sizeof(struct ifinfomsg), tb, IFLA_IFNAME);
	return tb[IFLA_IFNAME] && mnl_attr_validate(tb[IFLA_IFNAME], MNL_TYPE_NUL_STRING) >= 0 &&
	       strlen(mnl_attr_get_str(tb[IFLA_IFNAME])) < FOLLOW_NAME_MAX ? mnl_attr_get_str(tb[IFLA_IFNAME]) : NULL;
}

/* Could a device that is none of ours be taken? */
static bool link_welcome(const struct follow *f, const struct nlmsghdr *nlh)
{
	return f->open && nlh->nlmsg_type == RTM_NEWLINK && takeover_link_usable(nlh) && name_of(nlh);
}

/* It cannot: the operator may think that it is one of ours. */
static void tell_again(struct follow *f, const char *name)
{
	list_for_each(pos, &f->devices) {
		struct followed *d = list_entry(pos, struct followed, node);

		if (!d->now.gone || d->again || strcmp(d->now.name, name))
			continue;
		d->again = true;
		log_write(f->log, LOG_WARN, "NIC %s: there is a device %s again, but it is another one, and a running sandbox cannot open it; start a new sandbox",
			  d->nic, name);
		return;
	}
}

/* ---- devices that come later ---- */

static bool name_used(const struct follow *f, const char *name)
{
	list_for_each(pos, &f->devices) {
		const struct followed *d = list_entry(pos, struct followed, node);

		if (!d->now.gone && (!strcmp(d->nic, name) || !strcmp(d->now.name, name)))
			return true;
	}
	return false;
}

static int adopt(struct follow *f, const struct nlmsghdr *nlh, struct weir_error *e)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const char *name = name_of(nlh);
	struct followed *d;
	struct taken x;
	int fd, rc;

	if (f->adopted >= ADOPTED_MAX)
		return weir_fail(e, ENOSPC, "a sandbox takes at most %u devices that come later", ADOPTED_MAX);
	if (name_used(f, name))
		return weir_fail(e, EEXIST, "there is a NIC %s, on another device; name it otherwise", name);
	d = calloc(1, sizeof(*d));
	if (!d)
		return weir_fail(e, ENOMEM, "out of memory");
	rc = takeover_adopt(f->takeover, nlh, &x, e);
	fd = rc ? rc : f->open(f->open_arg, &x, f->new.opened, e);
	if (fd < 0) {
		takeover_forget(f->takeover, (unsigned int)ifi->ifi_index);
		free(d);
		return fd;
	}
	d->index = (unsigned int)ifi->ifi_index;
	d->adopted = d->seen = true;
	snprintf(d->nic, sizeof(d->nic), "%s", name);
	link_of(d, nlh, &d->now);
	list_add_tail(&d->node, &f->devices);
	f->adopted++;
	f->new.kind = FOLLOW_NEW;
	memcpy(f->new.nic, d->nic, sizeof(f->new.nic));
	f->new_fd = fd;
	f->dirty |= DIRTY_ADDRS | DIRTY_ROUTES | DIRTY_NEIGHS;
	if (tell_new(f))
		tell_link(f, d);
	return 0;
}

/* Something was set that is not about our devices. */
static void stir(struct follow *f)
{
	f->stirred = now_ms();
	if (!f->stirring)
		f->stirring = f->stirred;
}

static bool settled(const struct follow *f)
{
	uint64_t now = now_ms();

	return !f->stirring || now - f->stirred >= SETTLED_MS || now - f->stirring >= SETTLED_MAX_MS;
}

/* Within the namespace. One at a time is on its way to the stack process. */
static void link_strange(struct follow *f, const struct nlmsghdr *nlh)
{
	struct weir_error e;

	if (!link_welcome(f, nlh) || !strcmp(f->refused, name_of(nlh)))
		return;
	if (f->full || !settled(f)) {
		f->dirty |= DIRTY_LINKS;
		return;
	}
	if (!adopt(f, nlh, &e))
		return;
	snprintf(f->refused, sizeof(f->refused), "%s", name_of(nlh));
	log_write(f->log, LOG_WARN, "--netns %s: device %s is new there, and cannot be taken, so the kernel answers on it: %s; start a new sandbox to have it",
		  f->takeover->name, name_of(nlh), e.text);
}

/* True: it is about one of our devices. */
static bool link_message(struct follow *f, const struct nlmsghdr *nlh)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct followed *d;

	if (ifi->ifi_family != AF_UNSPEC)	/* a bridge tells of a port */
		return false;
	d = find(f, (unsigned int)ifi->ifi_index);
	if (d && nlh->nlmsg_type == RTM_DELLINK)
		link_gone(f, d);
	else if (d) {
		link_of(d, nlh, &d->now);
		tell_link(f, d);
	}
	if (d)
		d->seen = true;
	return d;
}

static bool link_any(const struct nlmsghdr *nlh, void *arg)
{
	(void)arg;
	return mnl_nlmsg_get_payload_len(nlh) >= sizeof(struct ifinfomsg);
}

static int compare_links(struct follow *f)
{
	struct list links;
	int rc;

	list_init(&links);
	rc = rtnl_dump(RTM_GETLINK, AF_UNSPEC, 0, link_any, NULL, &links);
	list_for_each(pos, &f->devices)
		list_entry(pos, struct followed, node)->seen = rc;
	list_for_each_safe(pos, &links) {
		struct rtnl_msg *m = list_entry(pos, struct rtnl_msg, node);

		if (!link_message(f, &m->nlh))
			continue;
		list_del(pos);
		free(m);
	}
	list_for_each(pos, &f->devices) {
		struct followed *d = list_entry(pos, struct followed, node);

		if (!d->seen)
			link_gone(f, d);
	}
	list_for_each(pos, &links)	/* those that are gone have left their names */
		link_strange(f, &list_entry(pos, struct rtnl_msg, node)->nlh);
	rtnl_msg_purge(&links);
	return rc;
}

/* ---- addresses, routes, neighbours ---- */

static bool tell_all(struct follow *f, enum follow_kind kind, enum taken_kind as, struct list *msgs)
{
	list_for_each_safe(pos, msgs) {
		struct rtnl_msg *m = list_entry(pos, struct rtnl_msg, node);

		if (!tell_taken(f, kind, as, m))
			return false;
		list_del(pos);
		free(m);
	}
	return true;
}

static void tell_moved(struct follow *f)
{
	if (tell_all(f, FOLLOW_ADDR, TAKEN_ADDR, &f->addrs))
		tell_all(f, FOLLOW_ROUTE, TAKEN_ROUTE, &f->moved);
}

/* A route that the stack was told of already is not told again. */
static void forget_told(struct list *told, struct list *moved)
{
	list_for_each_safe(pos, told) {
		struct rtnl_msg *m = list_entry(pos, struct rtnl_msg, node);

		list_for_each_safe(mpos, moved) {
			struct rtnl_msg *x = list_entry(mpos, struct rtnl_msg, node);

			if (!takeover_route_same(m, x))
				continue;
			list_del(mpos);
			free(x);
			list_del(pos);
			free(m);
			break;
		}
	}
}

static void compare_addrs(struct follow *f)
{
	struct weir_error e;
	struct list moved;

	list_init(&moved);
	if (takeover_more(f->takeover, &f->addrs, &moved, &e))
		log_write(f->log, LOG_ERROR, "%s", e.text);
	forget_told(&f->routes, &moved);
	list_splice_tail(&moved, &f->moved);
	if (!list_empty(&f->addrs)) {
		route_set_open(&f->set);
		f->dirty |= DIRTY_ROUTES;
	}
	tell_moved(f);
}

static bool msg_in(const struct rtnl_msg *m, const struct list *msgs)
{
	list_for_each(pos, msgs) {
		const struct rtnl_msg *x = list_entry(pos, struct rtnl_msg, node);

		if (x->nlh.nlmsg_len == m->nlh.nlmsg_len &&
		    !memcmp(mnl_nlmsg_get_payload(&x->nlh), mnl_nlmsg_get_payload(&m->nlh),
			    m->nlh.nlmsg_len - MNL_NLMSG_HDRLEN))
			return true;
	}
	return false;
}

struct table {
	enum taken_kind kind;
	enum follow_kind is, gone;
	int (*read)(const struct takeover *t, struct list *out);
	bool (*in)(const struct rtnl_msg *m, const struct list *msgs);
};

static const struct table routes = {
	TAKEN_ROUTE, FOLLOW_ROUTE, FOLLOW_ROUTE_GONE, takeover_read_routes, takeover_route_in
}, neighs = {
	TAKEN_NEIGH, FOLLOW_NEIGH, FOLLOW_NEIGH_GONE, takeover_read_neighs, msg_in
};

/* What goes is told before what comes, so that the one can take the other's place. */
static int compare_table(struct follow *f, const struct table *t, struct list *told)
{
	struct list now;
	unsigned int n = 0;
	int rc;

	list_init(&now);
	rc = t->read(f->takeover, &now);
	list_for_each_safe(pos, told) {
		struct rtnl_msg *m = list_entry(pos, struct rtnl_msg, node);

		n++;
		if (rc || f->full || t->in(m, &now) || !tell_taken(f, t->gone, t->kind, m))
			continue;
		list_del(pos);
		free(m);
		n--;
	}
	list_for_each_safe(pos, &now) {
		struct rtnl_msg *m = list_entry(pos, struct rtnl_msg, node);

		if (rc || f->full || n >= TOLD_MAX || t->in(m, told) || !tell_taken(f, t->is, t->kind, m))
			continue;
		list_del(pos);
		list_add_tail(pos, told);
		n++;
	}
	rtnl_msg_purge(&now);
	return rc;
}

/* Inside the namespace. What could not be told, or read, is compared again. */
static void compare(struct follow *f)
{
	unsigned int dirty = f->dirty;
	struct weir_error e;

	f->dirty = 0;
	f->compared = now_ms();
	if (dirty & DIRTY_LINKS && compare_links(f))
		f->dirty |= DIRTY_LINKS;
	dirty |= f->dirty;		/* of devices that have come */
	f->dirty &= DIRTY_LINKS;
	if (settled(f))
		f->stirring = 0;
	if (f->takeover && f->drained && route_set_close(&f->set, f->takeover, &f->moved, &e))
		log_write(f->log, LOG_ERROR, "%s", e.text);
	tell_moved(f);
	if (f->takeover && dirty & DIRTY_ADDRS)
		compare_addrs(f);
	if (f->takeover && dirty & DIRTY_ROUTES && (compare_table(f, &routes, &f->routes) || f->full))
		f->dirty |= DIRTY_ROUTES;
	if (f->takeover && dirty & DIRTY_NEIGHS && (compare_table(f, &neighs, &f->neighs) || f->full))
		f->dirty |= DIRTY_NEIGHS;
}

/* ---- from the kernel ---- */

/* Is one of our devices meant? A route may name several, or none. */
static bool is_ours(const struct follow *f, enum taken_kind kind, const struct nlmsghdr *nlh)
{
	const struct ndmsg *nd = mnl_nlmsg_get_payload(nlh);

	if (kind == TAKEN_NEIGH)	/* of any state: a permanent one may have become another */
		return mnl_nlmsg_get_payload_len(nlh) >= sizeof(*nd) && find(f, (unsigned int)nd->ndm_ifindex);
	return takeover_wants(f->takeover, kind, nlh);
}

static void message(struct follow *f, const struct nlmsghdr *nlh)
{
	switch (nlh->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		/* With a device go its routes and neighbours, of which nothing is said. */
		if (!link_any(nlh, NULL))
			break;
		if (link_message(f, nlh))
			f->dirty |= DIRTY_ROUTES | DIRTY_NEIGHS;
		else if (f->open && nlh->nlmsg_type == RTM_NEWLINK) {
			stir(f);
			f->dirty |= link_welcome(f, nlh) ? DIRTY_LINKS : 0;
		}
		else if (nlh->nlmsg_type == RTM_NEWLINK && name_of(nlh))
			tell_again(f, name_of(nlh));
		break;
	case RTM_NEWADDR:
		if (is_ours(f, TAKEN_ADDR, nlh))
			f->dirty |= DIRTY_ADDRS;
		else
			stir(f);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		if (!is_ours(f, TAKEN_ROUTE, nlh)) {
			stir(f);
			break;
		}
		f->dirty |= DIRTY_ROUTES;
		route_set_heard(&f->set, nlh);
		break;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		if (is_ours(f, TAKEN_NEIGH, nlh))
			f->dirty |= DIRTY_NEIGHS;
		break;
	}
}

static void receive(struct follow *f)
{
	_Alignas(struct nlmsghdr) char buf[32768];

	for (int i = 0; i < TURN_MESSAGES && !f->full; i++) {
		struct sockaddr_nl from = { 0 };
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(f->nl, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&from, &len);
		int left = (int)n;

		f->drained = false;
		if (n < 0 && errno == ENOBUFS) {
			f->overrun = true;
			continue;
		}
		if (n < 0) {
			f->drained = true;
			f->dirty = f->overrun ? DIRTY_ALL : f->dirty;
			f->overrun = false;
			return;
		}
		if (f->overrun || from.nl_pid)		/* old, or not the kernel's */
			continue;
		for (const struct nlmsghdr *nlh = (const void *)buf; mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left))
			message(f, nlh);
	}
}

static bool due(const struct follow *f)
{
	return f->dirty && !f->full && !f->overrun && now_ms() - f->compared >= COMPARE_MS;
}

void follow_turn(struct follow *f)
{
	int back = -1;

	if (f->full) {
		f->full = false;
		if (tell_new(f))
			tell_links(f);
		if (!f->full)
			tell_moved(f);
	}
	receive(f);
	if (!due(f))
		return;
	if (f->takeover) {
		back = netns_enter(f->takeover->netns_fd);
		if (back < 0)
			return;
	}
	compare(f);
	if (back >= 0)
		netns_leave(back);
}

void follow_poll(const struct follow *f, struct pollfd *p)
{
	*p = (struct pollfd){ .fd = f->ended ? -1 : f->full ? f->out : f->nl,
			      .events = f->full ? POLLOUT : POLLIN };
}

int follow_timeout(const struct follow *f)
{
	uint64_t passed;

	if (f->overrun && !f->full)
		return 0;
	if (!f->dirty || f->full)
		return -1;
	passed = now_ms() - f->compared;
	return passed < COMPARE_MS ? (int)(COMPARE_MS - passed) : 0;
}

/* ---- beginning and end ---- */

static int listen_kernel(struct follow *f)
{
	const int bytes = RECEIVE_BUFFER;
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };

	if (f->takeover)
		nl.nl_groups |= RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
				RTMGRP_IPV6_ROUTE | RTMGRP_NEIGH;
	f->nl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (f->nl < 0)
		return -errno;
	setsockopt(f->nl, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	return bind(f->nl, (struct sockaddr *)&nl, sizeof(nl)) ? -errno : 0;
}

static int enter(const struct follow *f, int *back)
{
	*back = f->takeover ? netns_enter(f->takeover->netns_fd) : -1;
	return f->takeover && *back < 0 ? *back : 0;
}

struct follow *follow_open(struct takeover *t, const struct log *log, int *stack_end, struct weir_error *e)
{
	struct follow *f = calloc(1, sizeof(*f));
	int pair[2], back, rc;

	if (!f) {
		weir_fail(e, ENOMEM, "out of memory");
		return NULL;
	}
	f->takeover = t;
	f->log = log;
	f->nl = f->out = f->new_fd = -1;
	f->dirty = DIRTY_ALL;
	list_init(&f->devices);
	list_init(&f->addrs);
	list_init(&f->moved);
	list_init(&f->routes);
	list_init(&f->neighs);
	route_set_init(&f->set);
	rc = enter(f, &back);
	if (!rc)
		rc = listen_kernel(f);
	if (back >= 0)
		netns_leave(back);
	if (!rc && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		rc = -errno;
	if (rc) {
		follow_free(f);
		weir_fail(e, -rc, "cannot listen to what becomes of the devices: %s", strerror(-rc));
		return NULL;
	}
	f->out = pair[0];
	*stack_end = pair[1];
	return f;
}

int follow_add(struct follow *f, const char *nic, const char *device, bool far)
{
	struct followed *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	snprintf(d->nic, sizeof(d->nic), "%s", nic);
	snprintf(d->now.name, sizeof(d->now.name), "%s", device);
	d->far = far;
	list_add_tail(&d->node, &f->devices);
	return 0;
}

void follow_adopt(struct follow *f, int (*open)(void *arg, const struct taken *x, char opened[FOLLOW_NEW_MAX],
						struct weir_error *e), void *arg)
{
	f->open = open;
	f->open_arg = arg;
}

int follow_begin(struct follow *f, struct weir_error *e)
{
	int back, rc = enter(f, &back);

	if (rc)
		return weir_fail(e, -rc, "cannot enter the namespace of the devices: %s", strerror(-rc));
	list_for_each(pos, &f->devices) {
		struct followed *d = list_entry(pos, struct followed, node);

		d->index = if_nametoindex(d->now.name);
	}
	compare(f);
	if (back >= 0)
		netns_leave(back);
	return 0;
}

void follow_free(struct follow *f)
{
	if (!f)
		return;
	list_for_each_safe(pos, &f->devices)
		free(list_entry(pos, struct followed, node));
	rtnl_msg_purge(&f->addrs);
	rtnl_msg_purge(&f->moved);
	rtnl_msg_purge(&f->routes);
	rtnl_msg_purge(&f->neighs);
	rtnl_msg_purge(&f->set.routes);
	if (f->nl >= 0)
		close(f->nl);
	if (f->out >= 0)
		close(f->out);
	free(f);
}
