/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qdisc_world.h - a NIC on virtual time whose link writes down what leaves and when, for tests of
 * qdiscs. The modules are the built ones, through the registry.
 */
#ifndef TESTS_QDISC_WORLD_H
#define TESTS_QDISC_WORLD_H

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "module/params.h"
#include "module/registry.h"
#include "nic/ethernet.h"
#include "nic/nic.h"
#include "nic/qdisc.h"
#include "packet/pool.h"

#define MTU		1500u
#define MTU_FRAME	(MTU + ETH_HEADER_LEN)
#define HEADERS		(14u + 20u + 20u)
#define MSS		(MTU - 40u)
#define MS		1000000ull
#define SEC		1000000000ull

struct departure {
	uint64_t at;		/* ns */
	uint32_t len;		/* wire bytes */
	uint32_t id;		/* of its first byte of payload */
	bool gso;
};

struct world {
	struct env env;
	struct packet_pool pool;
	struct random_seeded seed;
	struct registry registry;
	struct qdisc_kinds kinds;
	struct log log;
	struct nics nics;
	struct nic *nic;
	struct departure *out;
	size_t nout, room;
	uint64_t bytes;			/* that left */
	bool closed;			/* the link takes nothing */
	bool quiet;			/* only bytes are counted */
	unsigned int freed;		/* destructors called */
};

static struct world *world_of(struct link *l)
{
	return *(struct world **)l->priv;
}

static uint32_t packet_id(const struct packet *p)
{
	uint32_t id = 0;

	if (p->len >= HEADERS + sizeof(id))
		packet_copy_out(p, HEADERS, &id, sizeof(id));
	return id;
}

static int world_transmit(struct link *l, struct packet **batch, int n)
{
	struct world *w = world_of(l);

	if (w->closed)
		return 0;
	for (int i = 0; i < n; i++) {
		w->bytes += batch[i]->wire_len;
		if (!w->quiet) {
			if (w->nout == w->room) {
				w->room = w->room ? 2 * w->room : 1024;
				w->out = realloc(w->out, w->room * sizeof(*w->out));
				ck_assert_ptr_nonnull(w->out);
			}
			w->out[w->nout++] = (struct departure){
				.at = w->env.now, .len = batch[i]->wire_len,
				.id = packet_id(batch[i]), .gso = batch[i]->gso_size,
			};
		}
		packet_free(batch[i]);
	}
	return n;
}

static int world_receive(struct link *l, struct packet **batch, int max)
{
	(void)l;
	(void)batch;
	(void)max;
	return 0;
}

static const struct link_ops world_link = {
	.name = "world", .transmit = world_transmit, .receive = world_receive,
};

static struct world *world_create(uint64_t seed)
{
	struct world *w = calloc(1, sizeof(*w));
	struct world **self = malloc(sizeof(*self));
	const char *path = getenv("WEIR_MODULE_PATH");
	struct random r = { .fill = random_from_seed, .arg = &w->seed };
	struct link link = { .name = "eth0", .ops = &world_link, .fd = -1, .mtu = MTU,
			     .caps = LINK_CSUM | LINK_GSO_TCP4, .gso_max = 65535,
			     .addr = { 2, 0, 0, 0, 0, 1 } };
	struct weir_error e = { "" };

	*self = w;
	link.priv = self;
	random_seed(&w->seed, seed);
	env_init(&w->env, 5 * SEC, &r, &w->log);
	packet_pool_init(&w->pool, 1ull << 30);
	w->env.pool = &w->pool;
	link.pool = &w->pool;
	ck_assert_msg(registry_init(&w->registry, path ? path : ".libs", &w->log, &e) == 0, "%s",
		      e.text);
	registry_qdisc_kinds(&w->registry, &w->kinds);
	nics_init(&w->nics, &w->env);
	w->nics.kinds = &w->kinds;
	w->nic = nic_create(&w->nics, &link, true, &e);
	ck_assert_msg(w->nic != NULL, "%s", e.text);
	return w;
}

/* Every packet and every module must be given back. */
static void world_destroy(struct world *w)
{
	void *self = w->nic->link.priv;

	nics_destroy(&w->nics);
	ck_assert_uint_eq(w->pool.packets, 0);
	ck_assert_uint_eq(w->pool.bufs, 0);
	registry_destroy(&w->registry);
	packet_pool_destroy(&w->pool);
	free(self);
	free(w->out);
	free(w);
}

/* "rate=1mbit burst=10kb" into a parameter struct, on base or on the defaults; NULL: see e. */
static void *world_params(struct world *w, const char *kind, const char *text, const void *base,
			  struct weir_error *e)
{
	struct setting s[16];
	size_t n = 0;
	char *copy = strdup(text), *save = NULL;
	struct module *m;
	const struct qdisc_ops *ops = w->kinds.get(w->kinds.arg, kind, &m, e);
	void *blob;

	ck_assert_msg(ops != NULL, "%s", e->text);
	for (char *t = strtok_r(copy, " ", &save); t; t = strtok_r(NULL, " ", &save)) {
		char *eq = strchr(t, '=');

		*eq = '\0';
		s[n++] = (struct setting){ .name = t, .value = eq + 1 };
	}
	blob = calloc(1, ops->params_size + 1);
	if (params_parse(ops->params, s, n, base, blob, ops->params_size, e) < 0) {
		free(blob);
		blob = NULL;
	}
	free(copy);
	w->kinds.put(w->kinds.arg, m);
	return blob;
}

static struct qdisc *world_qdisc(struct world *w, const char *kind, const char *text,
				 struct weir_error *e)
{
	void *params = world_params(w, kind, text, NULL, e);
	struct qdisc *q = params ? qdisc_create(w->nic, kind, params, e) : NULL;

	free(params);
	return q;
}

/* As `weir ctl qdisc replace`. */
static struct qdisc *world_set(struct world *w, const char *kind, const char *text)
{
	struct weir_error e = { "" };
	struct qdisc *q = world_qdisc(w, kind, text, &e);

	ck_assert_msg(q != NULL, "%s", e.text);
	nic_set_root(w->nic, q);
	return q;
}

static inline int world_change(struct world *w, const char *text, struct weir_error *e)
{
	struct qdisc *q = w->nic->root;
	void *params = world_params(w, q->ops->name, text, q->params, e);
	int err = params ? qdisc_change(q, params, e) : -EINVAL;

	free(params);
	return err;
}

/* Of the root. */
static inline struct qdisc_stats *world_stats(struct world *w)
{
	return &w->nic->root->stats;
}

/* Its own statistic of that name. */
static inline uint64_t world_xstat(struct world *w, const char *name)
{
	struct qdisc_xstat x[16];
	int n = w->nic->root->ops->stats(w->nic->root, x, 16);

	for (int i = 0; i < n; i++)
		if (!strcmp(x[i].name, name))
			return x[i].value;
	ck_abort_msg("no statistic %s", name);
	return 0;
}

static inline void world_freed(struct packet *p)
{
	((struct world *)p->owner)->freed++;
}

/* TCP with n bytes of payload, of which id is the first word; a super-segment above MSS. */
static struct packet *world_packet(struct world *w, uint32_t n, uint32_t id)
{
	struct packet *p = packet_alloc(&w->pool, PACKET_HEADROOM);
	static uint8_t payload[65536];
	uint8_t *ip, *tcp;

	ck_assert_ptr_nonnull(p);
	memcpy(payload, &id, sizeof(id));
	memset(packet_put(p, 40), 0, 40);
	ip = p->data;
	tcp = ip + 20;
	ip[0] = 0x45;
	ip[2] = (uint8_t)((40 + n) >> 8);
	ip[3] = (uint8_t)(40 + n);
	ip[8] = 64;
	ip[9] = 6;
	tcp[12] = 5 << 4;
	ck_assert_int_eq(packet_copy_in(p, payload, n), 0);
	p->protocol = ETH_TYPE_IPV4;
	p->network = (uint16_t)(p->data - p->base);
	p->transport = (uint16_t)(p->network + 20);
	p->csum = PACKET_CSUM_PARTIAL;
	p->csum_start = p->transport;
	p->csum_offset = 16;
	if (n > MSS) {
		p->gso_type = PACKET_GSO_TCP4;
		p->gso_size = MSS;
		p->gso_segs = (uint16_t)((n + MSS - 1) / MSS);
	}
	p->owner = w;
	p->destructor = world_freed;
	return p;
}

/* What it will be on the wire. */
static inline uint32_t world_wire_len(uint32_t payload)
{
	uint32_t segs = payload ? (payload + MSS - 1) / MSS : 1;

	return payload + segs * HEADERS;
}

static void world_send(struct world *w, uint32_t n, uint32_t id)
{
	ethernet_output(w->nic, world_packet(w, n, id), (const uint8_t[]){ 2, 0, 0, 0, 0, 2 });
}

/* Run the stack's time on to the absolute time until, stopping whenever something is due. */
static void world_run(struct world *w, uint64_t until)
{
	for (;;) {
		uint64_t next;

		env_run(&w->env, w->env.now);
		next = env_next(&w->env);
		if (next <= w->env.now && next != 0)
			next = w->env.now + 1;
		if (next > until)
			break;
		if (next)
			w->env.now = next;
	}
	if (w->env.now < until)
		env_run(&w->env, until);
}

#endif
