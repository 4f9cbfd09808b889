/* SPDX-License-Identifier: Apache-2.0 */
/*
 * impair.c - a wire between Ethernet devices, made bad by the qdisc netem: for kernels without
 * sch_netem, and so that both of two stacks meet the same.
 *
 *	impair RIGHT SETTINGS LEFT... SETTINGS
 *
 * Frames that arrive on a LEFT device leave by RIGHT, through a netem with the first SETTINGS; what
 * arrives on RIGHT leaves by every LEFT device, through netems with the second. SETTINGS is one
 * argument of words like "rate=50mbit limit=100 loss=1%", or "". No address is touched, nothing is
 * learned. The driver takes in only what is for its device's own address: so each device has to
 * have the address of the station at the other end of the wire.
 *
 * Says "ready" when it is, runs until its input, a pipe, ends, and then prints RIGHT's statistics
 * as JSON; with /dev/null as its input, until it is killed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "module/params.h"
#include "module/registry.h"
#include "nic/ethernet.h"
#include "nic/nic.h"
#include "nic/qdisc.h"
#include "packet/pool.h"
#include "time/loop.h"

#define PORTS		4
#define SETTINGS	16
#define BATCHES		8	/* of one port a turn */

struct port {
	struct loop_io io;
	struct bridge *bridge;
	struct nic *nic;
	bool right;
};

struct bridge {
	struct env env;
	struct packet_pool pool;
	struct random_buffer random;
	struct registry registry;
	struct qdisc_kinds kinds;
	struct nics nics;
	struct loop loop;
	struct loop_io input;
	struct port ports[PORTS];
	int nports;
};

static void fail(const char *why)
{
	fprintf(stderr, "impair: %s\n", why);
	exit(1);
}

/* ---- frames ---- */

/* What nic_output and a qdisc want to know of a packet. */
static bool read_header(struct packet *p)
{
	if (!packet_need(p, ETH_HEADER_LEN))
		return false;
	p->protocol = (uint16_t)(p->data[12] << 8 | p->data[13]);
	p->network = (uint16_t)(p->data - p->base + ETH_HEADER_LEN);
	return true;
}

static void forward(struct port *from, struct packet *p)
{
	struct bridge *b = from->bridge;
	struct port *last = NULL;

	if (!read_header(p)) {
		packet_free(p);
		return;
	}
	for (int i = 0; i < b->nports; i++) {
		if (b->ports[i].right == from->right)
			continue;
		if (last) {
			struct packet *copy = packet_clone(p);

			if (copy)
				nic_output(last->nic, copy);
		}
		last = &b->ports[i];
	}
	nic_output(last->nic, p);
}

static void receive(struct port *port)
{
	struct link *l = &port->nic->link;
	struct packet *batch[LINK_BATCH];

	for (int round = 0; round < BATCHES; round++) {
		int n = l->ops->receive(l, batch, LINK_BATCH);

		for (int i = 0; i < n; i++)
			forward(port, batch[i]);
		if (n < LINK_BATCH)
			return;
	}
}

static void port_ready(struct loop_io *io, uint32_t events)
{
	struct port *port = container_of(io, struct port, io);

	if (events & EPOLLOUT)
		nic_writable(port->nic);
	if (events & EPOLLIN)
		receive(port);
}

static void want_write(struct nic *nic, bool on)
{
	struct port *port = nic->watcher;

	loop_mod(&port->io, on ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void input_ready(struct loop_io *io, uint32_t events)
{
	char c[64];

	(void)events;
	if (read(io->fd, c, sizeof(c)) <= 0)
		io->loop->stop = true;
}

/* ---- set-up ---- */

/* name=value words into a parameter struct. Cuts text up. */
static void *parse(const struct param *table, size_t size, char *text)
{
	struct setting s[SETTINGS];
	struct weir_error e = { "" };
	void *blob = calloc(1, size);
	char *save = NULL;
	size_t n = 0;

	if (!blob)
		fail("no memory");
	for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		char *eq = strchr(w, '=');

		if (!eq || n == SETTINGS)
			fail("settings are at most 16 words name=value");
		*eq = '\0';
		s[n++] = (struct setting){ .name = w, .value = eq + 1 };
	}
	if (params_parse(table, s, n, NULL, blob, size, &e) < 0)
		fail(e.text);
	return blob;
}

static void open_link(struct bridge *b, struct link *l, const char *device)
{
	struct weir_error e = { "" };
	struct module *m;
	void *params;
	char none[1] = "";

	*l = (struct link){ .pool = &b->pool, .fd = -1 };
	snprintf(l->name, sizeof(l->name), "%s", device);
	l->ops = registry_get(&b->registry, WEIR_KIND_LINK, "packet", &m, &e);
	if (!l->ops)
		fail(e.text);
	l->priv = calloc(1, l->ops->priv_size);
	if (!l->priv)
		fail("no memory");
	params = parse(l->ops->params, l->ops->params_size, none);
	if (l->ops->open(l, params, &e) < 0 || l->ops->attach(l, &e) < 0)
		fail(e.text);
	free(params);
}

static void add_netem(struct bridge *b, struct nic *nic, const char *settings)
{
	struct weir_error e = { "" };
	struct module *m;
	const struct qdisc_ops *ops = b->kinds.get(b->kinds.arg, "netem", &m, &e);
	char *text = strdup(settings);
	struct qdisc *q;
	void *params;

	if (!ops || !text)
		fail(ops ? "no memory" : e.text);
	params = parse(ops->params, ops->params_size, text);
	q = qdisc_create_ops(nic, ops, m, params, &e);
	if (!q)
		fail(e.text);
	nic_set_root(nic, q);
	free(params);
	free(text);
}

static void add_port(struct bridge *b, const char *device, bool right, const char *settings)
{
	struct port *port = &b->ports[b->nports];
	struct weir_error e = { "" };
	struct link l;

	if (b->nports == PORTS)
		fail("too many devices");
	open_link(b, &l, device);
	port->bridge = b;
	port->right = right;
	port->nic = nic_create(&b->nics, &l, true, &e);
	if (!port->nic)
		fail(e.text);
	port->nic->watcher = port;
	port->nic->want_write = want_write;
	add_netem(b, port->nic, settings);
	if (loop_add(&b->loop, &port->io, l.fd, EPOLLIN, port_ready) < 0)
		fail("cannot watch a device");
	b->nports++;
}

static void start(struct bridge *b)
{
	const struct random r = { .fill = random_system, .arg = &b->random };
	const struct log log = { .write = log_to_stderr, .level = LOG_WARN };
	struct weir_error e = { "" };

	/* A late wake-up here would be jitter for the stacks under test. */
	setpriority(PRIO_PROCESS, 0, -15);
	prctl(PR_SET_TIMERSLACK, 1);
	env_init(&b->env, clock_now(), &r, &log);
	b->env.clock = clock_now;
	packet_pool_init(&b->pool, 256u << 20);
	b->env.pool = &b->pool;
	if (registry_init(&b->registry, NULL, &b->env.log, &e) < 0 ||
	    loop_init(&b->loop, &b->env, &e) < 0)
		fail(e.text);
	registry_qdisc_kinds(&b->registry, &b->kinds);
	nics_init(&b->nics, &b->env);
	b->nics.kinds = &b->kinds;
}

static void print_stats(struct nic *nic)
{
	const struct qdisc_stats *s = qdisc_stats(nic->root);
	struct qdisc_xstat x[16];
	int n = nic->root->ops->stats(nic->root, x, 16);

	printf("{\"packets\": %llu, \"bytes\": %llu, \"drops\": %llu, \"rx_drops\": %llu",
	       (unsigned long long)s->packets, (unsigned long long)s->bytes,
	       (unsigned long long)s->drops, (unsigned long long)nic->link.stats.rx_drops);
	for (int i = 0; i < n; i++)
		printf(", \"%s\": %llu", x[i].name, (unsigned long long)x[i].value);
	printf("}\n");
}

int main(int argc, char **argv)
{
	static struct bridge b;
	int err;

	if (argc < 5) {
		fprintf(stderr, "usage: impair RIGHT SETTINGS LEFT... SETTINGS\n");
		return 2;
	}
	start(&b);
	add_port(&b, argv[1], true, argv[2]);
	for (int i = 3; i < argc - 1; i++)
		add_port(&b, argv[i], false, argv[argc - 1]);
	err = loop_add(&b.loop, &b.input, STDIN_FILENO, EPOLLIN, input_ready);
	if (err < 0 && err != -EPERM)	/* a file, /dev/null: there is nothing to wait for */
		fail("cannot watch its input");
	puts("ready");
	fflush(stdout);
	loop_run(&b.loop);
	print_stats(b.ports[0].nic);
	return 0;
}
