/* SPDX-License-Identifier: Apache-2.0 */
/*
 * instance_world.h - an instance with one NIC, eth0, on a link that swallows everything, and its
 * control socket in the abstract space. Modules come from $WEIR_MODULE_PATH.
 */
#ifndef TESTS_INSTANCE_WORLD_H
#define TESTS_INSTANCE_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/server.h"

static int sink_transmit(struct link *l, struct packet **batch, int n)
{
	for (int i = 0; i < n; i++) {
		l->stats.tx_packets++;
		l->stats.tx_bytes += batch[i]->len;
		packet_free(batch[i]);
	}
	return n;
}

static int sink_receive(struct link *l, struct packet **batch, int max)
{
	(void)l;
	(void)batch;
	(void)max;
	return 0;
}

static const struct link_ops sink = {
	.name = "packet", .transmit = sink_transmit, .receive = sink_receive,
};

static const char base_config[] =
	"[weir]\nmode = sandbox\n"
	"[link eth0]\ndriver = packet\naddress = 10.0.0.2/24\ngateway = 10.0.0.1\n"
	"[qdisc]\nkind = fifo\nlimit = 100\n";

static void world_add_link(struct instance *inst)
{
	struct instance_nic *n = calloc(1, sizeof(*n));
	struct config_link *c = &inst->config.links[0];

	n->instance = inst;
	n->link = (struct link){ .name = "eth0", .ops = &sink, .fd = eventfd(0, EFD_CLOEXEC),
				 .mtu = 1500, .caps = LINK_CSUM | LINK_GSO_TCP4, .gso_max = 65536,
				 .addr = { 2, 0, 0, 0, 0, 1 } };
	n->link.priv = calloc(1, 1);
	n->params = calloc(1, 1);
	n->addrs = calloc(1, sizeof(*n->addrs));
	n->naddrs = 1;
	n->addrs[0].addr = ip_addr_v4(htonl(0x0a000002));
	n->addrs[0].prefix = c->addrs[0].addr.prefix;
	n->routes = calloc(1, sizeof(*n->routes));
	n->nroutes = 1;
	n->routes[0] = (struct route_spec){ .dst = ip_addr_v4(0), .prefsrc = ip_addr_v4(0),
					    .gateway = ip_addr_v4(htonl(0x0a000001)) };
	list_add_tail(&n->node, &inst->nics);
}

/* In two steps, for who has modules to add in between. 0, or -errno with e; what is there is to be taken down in both
 * cases. */
static int world_init(struct instance *inst, struct weir_error *e)
{
	struct log log = { 0 };

	return instance_init(inst, "test", &log, NULL, e);
}

static int world_start(struct instance *inst, struct weir_error *e)
{
	int rc = config_read_text(&inst->config, base_config, "test.ini", e);

	if (rc == 0)
		rc = config_check(&inst->config, &inst->registry, NULL, NULL, e);
	if (rc)
		return rc;
	world_add_link(inst);
	rc = instance_start(inst, e);
	inst->registry.locked = true;
	return rc;
}

static void world_stop(struct instance *inst)
{
	instance_stop(inst);
	list_for_each(pos, &inst->nics)
		close(list_entry(pos, struct instance_nic, node)->link.fd);
	instance_close_links(inst);
	instance_free(inst);
}

static inline socklen_t world_address(struct sockaddr_un *sa)
{
	memset(sa, 0, sizeof(*sa));
	sa->sun_family = AF_UNIX;
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   (size_t)snprintf(sa->sun_path + 1, sizeof(sa->sun_path) - 1,
					    "weir-test-%d", getpid()));
}

static inline struct control *world_serve(struct instance *inst, struct weir_error *e)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_un sa;
	socklen_t len = world_address(&sa);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, len) || listen(fd, 64))
		return NULL;
	return control_start(inst, fd, e);
}

static inline int world_client(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un sa;
	socklen_t len = world_address(&sa);

	return connect(fd, (struct sockaddr *)&sa, len) ? -1 : fd;
}

/* Everything the server has to do now, without waiting. */
static inline void world_turns(struct instance *inst, int n)
{
	while (n-- > 0) {
		eventfd_write(list_first(&inst->nics, struct instance_nic, node)->link.fd, 1);
		loop_turn(&inst->loop);
	}
}

#endif
