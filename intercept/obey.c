/* SPDX-License-Identifier: Apache-2.0 */
/*
 * obey.c - the stack's NICs become what their devices are (follow.h).
 *
 * Theory of operation
 *
 * A NIC on a device of the kernel is that device to the programs: set down, it loses what Linux takes
 * from it (ip_link_set_up); without a carrier it keeps its routes and drops what is sent; with
 * another MTU, link address or name it has these; deleted, it is seen no more. A NIC whose mode
 * does not allow it stays down whatever its device does. Where [link] has an MTU the NIC's is never
 * larger, and where it has a name of its own that stays.
 *
 * Addresses, routes and permanent neighbours that the host sets on a device come as if a program had
 * set them. What the stack has already stays as it is.
 *
 * Each change is a line of the log, but of a link that flaps only the first ones.
 *
 * System calls: recvmsg, epoll_ctl; of a device that is new, adopt.c's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/instance.h"
#include "control/parts.h"
#include "intercept/adopt.h"
#include "intercept/follow.h"

#define TURN_MESSAGES	32
#define LOG_BURST	20u		/* lines at once */
#define LOG_EVERY	3000000000ull	/* ns: one more */

struct obey {
	struct instance *instance;
	struct loop_io io;
	uint64_t log_spent;		/* ns: LOG_EVERY for each line, paid back as time passes */
	bool log_silent;
};

static void say(struct obey *o, enum log_level level, const struct instance_nic *n, const char *what)
{
	struct env *env = &o->instance->stack->env;
	uint64_t from = env->now > LOG_BURST * LOG_EVERY ? env->now - LOG_BURST * LOG_EVERY : 0;

	if (o->log_spent < from)
		o->log_spent = from;
	if (o->log_spent + LOG_EVERY > env->now) {
		if (!o->log_silent)
			log_write(&env->log, level, "NIC %s: its device changes so often that not all of it is told",
				  n->nic->name);
		o->log_silent = true;
		return;
	}
	o->log_spent += LOG_EVERY;
	o->log_silent = false;
	log_write(&env->log, level, "NIC %s: %s", n->nic->name, what);
}

/* ---- the device itself ---- */

static uint32_t mtu_of(const struct instance_nic *n, uint32_t device)
{
	const struct config *c = &n->instance->config;

	for (size_t i = 0; i < c->nlinks; i++)
		if (!strcmp(c->links[i].name, n->link.name) && c->links[i].mtu && c->links[i].mtu < device)
			device = c->links[i].mtu;
	if (device < NIC_MTU_MIN)
		return NIC_MTU_MIN;
	return device < NIC_MTU_LOOPBACK ? device : NIC_MTU_LOOPBACK;
}

static void obey_name(struct obey *o, struct instance_nic *n, const struct follow_link *l)
{
	struct nic *nic = n->nic;
	bool same = !strcmp(nic->name, n->link.host_device), renamed = strcmp(l->name, n->link.host_device);
	const struct nic *other = nic_find(nic->nics, l->name);
	char text[128];

	if (renamed) {
		snprintf(text, sizeof(text), "its device %s is called %s now", n->link.host_device, l->name);
		say(o, LOG_WARN, n, text);
		snprintf(n->link.host_device, sizeof(n->link.host_device), "%s", l->name);
		snprintf(nic->link.host_device, sizeof(nic->link.host_device), "%s", l->name);
	}
	nic_set_shown(nic, renamed && same && (!other || other == nic) ? l->name : nic->name, l->operstate);
}

static void obey_mtu(struct obey *o, struct instance_nic *n, uint32_t device)
{
	uint32_t mtu = device ? mtu_of(n, device) : n->nic->mtu;
	char text[128];

	if (mtu == n->nic->mtu)
		return;
	snprintf(text, sizeof(text), "the MTU of its device was changed: it has %u instead of %u%s", mtu, n->nic->mtu,
		 mtu < 1280 ? ", too small for IPv6" : "");
	nic_set_mtu(n->nic, mtu);
	say(o, LOG_WARN, n, text);
}

static void obey_addr(struct obey *o, struct instance_nic *n, const uint8_t addr[LINK_ADDR_LEN])
{
	static const uint8_t none[LINK_ADDR_LEN];
	char text[128];

	if (n->nic->l3 || !memcmp(addr, n->nic->addr, LINK_ADDR_LEN) || !memcmp(addr, none, LINK_ADDR_LEN) || addr[0] & 1)
		return;
	snprintf(text, sizeof(text), "the link address of its device was changed to %02x:%02x:%02x:%02x:%02x:%02x",
		 addr[0], addr[1], addr[2], addr[3], addr[4], addr[5]);
	nic_set_addr(n->nic, addr);
	say(o, LOG_WARN, n, text);
}

static void obey_carrier(struct obey *o, struct instance_nic *n, bool carrier)
{
	if (carrier == n->nic->carrier)
		return;
	nic_set_carrier(n->nic, carrier);
	if (!n->down)
		say(o, LOG_WARN, n, carrier ? "there is a carrier" : "there is no carrier");
}

static void obey_up(struct obey *o, struct instance_nic *n, bool up)
{
	if (up != n->down)
		return;
	n->down = !up;
	ip_link_set_up(&o->instance->stack->ip, n->nic, up && mode_allows(o->instance->mode, n->nic));
	say(o, LOG_WARN, n, up ? "its device was set up" : "its device was set down");
}

static void obey_link(struct obey *o, struct instance_nic *n, const struct follow_link *l)
{
	if (l->gone) {
		instance_link_gone(n);
		return;
	}
	obey_name(o, n, l);
	obey_mtu(o, n, l->mtu);
	obey_addr(o, n, l->addr);
	if (l->up)		/* what comes up finds its carrier, and what goes down takes it along */
		obey_carrier(o, n, l->carrier);
	obey_up(o, n, l->up);
	if (!l->up)
		obey_carrier(o, n, l->carrier);
}

/* ---- what the host has set on it ---- */

static uint64_t until(const struct obey *o, uint32_t s)
{
	return s == TAKEN_FOREVER ? IFADDR_FOREVER : o->instance->stack->env.now + s * UINT64_C(1000000000);
}

/* Set once more: it may live longer or shorter now. */
static void renew(struct obey *o, struct ifaddr *ia, const struct ifaddr *by)
{
	struct ip *ip = &o->instance->stack->ip;

	ia->preferred_until = by->preferred_until;
	ia->valid_until = by->valid_until;
	if (ifaddr_usable(ia))
		ifaddr_set_state(ip, ia, by->state);
	if (ia->nic->ip6)
		ip6_link_schedule(ia->nic->ip6);
}

static void obey_address(struct obey *o, struct instance_nic *n, const struct taken *x)
{
	const struct ifaddr a = {
		.addr = x->addr, .prefix = x->prefix, .dynamic = x->dynamic, .temporary = x->temporary,
		.no_prefix_route = x->no_prefix_route, .no_broadcast = x->no_broadcast, .no_dad = x->no_dad,
		.preferred_until = until(o, x->preferred), .valid_until = until(o, x->valid),
		.state = x->preferred ? IFADDR_PREFERRED : IFADDR_DEPRECATED,
	};
	struct ifaddr *there = ifaddr_find(n->nic, &x->addr);
	struct weir_error e = { "" };
	char addr[IP_ADDR_TEXT], text[128];

	if (there && there->prefix == x->prefix) {
		renew(o, there, &a);
		return;
	}
	if (ip_ifaddr_add(&o->instance->stack->ip, n->nic, &a, &e)) {
		say(o, LOG_ERROR, n, e.text);
		return;
	}
	if (n->nic->ip6)
		ip6_link_schedule(n->nic->ip6);
	snprintf(text, sizeof(text), "the host has set the address %s/%u on its device: it is taken like those before",
		 ip_addr_text(&x->addr, addr), x->prefix);
	say(o, LOG_WARN, n, text);
}

static void obey_route(struct obey *o, struct instance_nic *n, const struct taken *x, bool gone)
{
	const struct route r = {
		.dst = x->addr, .prefix = x->prefix, .gateway = x->gateway, .prefsrc = x->prefsrc,
		.nic = n->nic, .metric = x->metric, .mtu = x->mtu, .onlink = x->onlink, .protocol = x->protocol,
	};
	struct ip *ip = &o->instance->stack->ip;
	struct weir_error e = { "" };
	char addr[IP_ADDR_TEXT], text[128];
	int err = gone ? route_del(ip, &r, NULL) : route_add(ip, &r, &e);

	if (err && !gone)
		say(o, LOG_WARN, n, e.text);
	if (err)		/* what goes with its device is gone already */
		return;
	snprintf(text, sizeof(text), "the host has %s the route %s/%u by its device", gone ? "deleted" : "set",
		 ip_addr_text(&x->addr, addr), x->prefix);
	say(o, LOG_WARN, n, text);
}

static void obey_neigh(struct obey *o, struct instance_nic *n, const struct taken *x, bool gone)
{
	struct neighbour_table *t = ip_neighbours(&o->instance->stack->ip, &x->addr);
	char addr[IP_ADDR_TEXT], text[128];
	int err = gone ? neighbour_delete(t, n->nic, x->addr.b)
		       : neighbour_set_permanent(t, n->nic, x->addr.b, x->lladdr);

	if (err)
		return;
	snprintf(text, sizeof(text), "the host has %s the permanent neighbour %s on its device", gone ? "deleted" : "set",
		 ip_addr_text(&x->addr, addr));
	say(o, LOG_WARN, n, text);
}

/* ---- what comes ---- */

static void obey_new(struct obey *o, const struct follow_msg *m, int fd)
{
	const struct log *log = &o->instance->stack->env.log;
	struct weir_error e = { "" };

	if (adopt_start(o->instance, m->opened, fd, &e))
		log_write(log, LOG_ERROR, "device %.16s is new in the namespace, but cannot become a NIC, and nobody answers on it: %s; start a new sandbox to have it",
			  m->nic, e.text);
	else
		log_write(log, LOG_WARN, "NIC %.16s: its device is new in the namespace: it is taken like those before", m->nic);
}

static void obey(struct obey *o, const struct follow_msg *m)
{
	list_for_each(pos, &o->instance->nics) {
		struct instance_nic *n = list_entry(pos, struct instance_nic, node);

		if (strncmp(n->link.name, m->nic, sizeof(m->nic)) || n->nic->gone)
			continue;
		switch (m->kind) {
		case FOLLOW_NEW:
			return;
		case FOLLOW_LINK:
			obey_link(o, n, &m->link);
			break;
		case FOLLOW_ADDR:
			obey_address(o, n, &m->taken);
			break;
		case FOLLOW_ROUTE:
		case FOLLOW_ROUTE_GONE:
			obey_route(o, n, &m->taken, m->kind == FOLLOW_ROUTE_GONE);
			break;
		case FOLLOW_NEIGH:
		case FOLLOW_NEIGH_GONE:
			obey_neigh(o, n, &m->taken, m->kind == FOLLOW_NEIGH_GONE);
			break;
		}
		return;
	}
}

/* As recv; *with: a descriptor that came along, or -1. */
static ssize_t receive(int fd, struct follow_msg *m, int *with)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} room;
	struct iovec iov = { m, sizeof(*m) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &room, .msg_controllen = sizeof(room.bytes) };
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	const struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;

	*with = -1;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(with, CMSG_DATA(c), sizeof(*with));
	return n;
}

static void obey_ready(struct loop_io *io, uint32_t events)
{
	struct obey *o = container_of(io, struct obey, io);
	struct follow_msg m;
	int fd;

	for (int i = 0; i < TURN_MESSAGES; i++) {
		ssize_t n = receive(io->fd, &m, &fd);

		if (n != (ssize_t)sizeof(m)) {
			if (n == 0 && events & EPOLLHUP)	/* the front has ended; the pipe to it says so, too */
				loop_del(io);
			return;
		}
		if (m.kind == FOLLOW_NEW)
			obey_new(o, &m, fd);
		else
			obey(o, &m);
	}
}

struct obey *obey_create(struct instance *inst, int fd, struct weir_error *e)
{
	struct obey *o = calloc(1, sizeof(*o));

	if (!o || loop_add(&inst->loop, &o->io, fd, EPOLLIN, obey_ready)) {
		free(o);
		weir_fail(e, ENOMEM, "cannot watch what becomes of the devices");
		return NULL;
	}
	o->instance = inst;
	obey_ready(&o->io, 0);
	return o;
}

void obey_destroy(struct obey *o)
{
	if (!o)
		return;
	loop_del(&o->io);
	close(o->io.fd);
	free(o);
}

int obey_follow(struct instance *inst, struct takeover *t, struct follow **follow, int *stack_end, struct weir_error *e)
{
	struct follow *f;

	*follow = NULL;
	*stack_end = -1;
	if (list_empty(&inst->nics))
		return 0;
	f = follow_open(t, &inst->log, stack_end, e);
	if (!f)
		return -EIO;
	*follow = f;
	if (t)
		follow_adopt(f, adopt_open, inst);
	list_for_each(pos, &inst->nics) {
		const struct link *l = &list_entry(pos, struct instance_nic, node)->link;

		if (*l->host_device && follow_add(f, l->name, l->host_device, l->caps & LINK_FAR))
			return weir_fail(e, ENOMEM, "out of memory");
	}
	return follow_begin(f, e);
}
