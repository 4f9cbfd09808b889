/* SPDX-License-Identifier: Apache-2.0 */
/* sim.c - a world of stacks on virtual time (sim.h): its clock, its events, its hosts. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/module.h>

#include "sim.h"
#include "wire.h"

#define STEPS_MAX	20000000u	/* of one world: one that never ends is a failure, too */
#define QUIET_TIME	(1800 * SEC)

extern const struct weir_module weir_module;	/* reno, linked in */

uint32_t sim_below(struct sim *s, uint32_t n)
{
	return random_below(&s->random, n);
}

bool sim_chance(struct sim *s, uint32_t of_10000)
{
	return of_10000 && sim_below(s, 10000) < of_10000;
}

void sim_fail(struct sim *s, const char *fmt, ...)
{
	va_list ap;

	if (s->failure[0])
		return;
	va_start(ap, fmt);
	vsnprintf(s->failure, sizeof(s->failure), fmt, ap);
	va_end(ap);
}

/* ---- events: a binary heap ---- */

static bool before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

void sim_at(struct sim *s, uint64_t at, void (*fn)(struct sim *s, void *arg), void *arg)
{
	struct sim_event e = { at, s->seq++, fn, arg };
	size_t i = s->nevents++;

	if (i == s->room) {
		s->room = s->room ? 2 * s->room : 64;
		s->heap = realloc(s->heap, s->room * sizeof(*s->heap));
		if (!s->heap)
			abort();
	}
	for (; i && before(&e, &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
		s->heap[i] = s->heap[(i - 1) / 2];
	s->heap[i] = e;
}

static struct sim_event pop_event(struct sim *s)
{
	struct sim_event first = s->heap[0], last = s->heap[--s->nevents];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < s->nevents) {
		if (child + 1 < s->nevents && before(&s->heap[child + 1], &s->heap[child]))
			child++;
		if (!before(&s->heap[child], &last))
			break;
		s->heap[i] = s->heap[child];
		i = child;
	}
	s->heap[i] = last;
	return first;
}

/* ---- time ---- */

static uint64_t next_turn(struct sim *s)
{
	uint64_t at = s->nevents ? s->heap[0].at : SIM_NEVER;

	for (int i = 0; i < s->nhosts; i++) {
		uint64_t next = weir_next(s->hosts[i].stack);

		at = next < at ? next : at;
	}
	return at < s->now ? s->now : at;
}

static void set_now(struct sim *s, uint64_t now)
{
	s->now = now;
	for (int i = 0; i < s->nhosts; i++)
		weir_set_now(s->hosts[i].stack, now);
}

bool sim_step(struct sim *s, uint64_t until)
{
	uint64_t at = next_turn(s);

	if (at > until) {
		set_now(s, until);
		return false;
	}
	set_now(s, at);
	if (++s->steps > STEPS_MAX)
		sim_fail(s, "no end after %u steps", STEPS_MAX);
	while (s->nevents && s->heap[0].at <= at) {
		struct sim_event e = pop_event(s);

		e.fn(s, e.arg);
	}
	for (int i = 0; i < s->nhosts; i++)
		if (weir_next(s->hosts[i].stack) <= at)
			weir_run(s->hosts[i].stack, at);
	return true;
}

bool sim_run(struct sim *s, uint64_t until, bool (*over)(struct sim *s, void *arg), void *arg)
{
	while (!s->failure[0]) {
		if (over && over(s, arg))
			return true;
		if (!sim_step(s, until))
			return false;
	}
	return false;
}

static void check_left(struct sim *s, const struct sim_host *h)
{
	struct weir_stats st = { .size = sizeof(st) };

	weir_stats_get(h->stack, &st);
	if (st.sockets || st.tcp_sockets || st.tcp_time_waits || st.tcp_established)
		sim_fail(s, "host %d: %llu sockets, %llu of TCP, %llu TIME-WAITs, %llu established are left",
			 h->index, (unsigned long long)st.sockets,
			 (unsigned long long)st.tcp_sockets,
			 (unsigned long long)st.tcp_time_waits,
			 (unsigned long long)st.tcp_established);
	if (st.packets || st.buffers || st.memory)
		sim_fail(s, "host %d: %llu packets and %llu buffers are left, %llu bytes", h->index,
			 (unsigned long long)st.packets, (unsigned long long)st.buffers,
			 (unsigned long long)st.memory);
	if (st.timers)
		sim_fail(s, "host %d: %llu timers are still armed", h->index,
			 (unsigned long long)st.timers);
}

void sim_settle(struct sim *s)
{
	uint64_t end = s->now + QUIET_TIME;

	while (!s->failure[0] && s->now < end && sim_step(s, end))
		;
	for (int i = 0; i < s->nhosts; i++)
		check_left(s, &s->hosts[i]);
}

/* ---- hosts ---- */

struct weir_modules *sim_modules(void)
{
	static struct weir_modules *m;
	struct weir_error e = { "" };

	if (!m) {
		m = weir_modules_create(getenv("WEIR_MODULE_PATH") ? NULL : ".libs", &e);
		if (!m || weir_modules_add(m, &weir_module, &e) < 0) {
			fprintf(stderr, "sim: %s\n", e.text);
			abort();
		}
	}
	return m;
}

void sim_init(struct sim *s, uint64_t seed)
{
	memset(s, 0, sizeof(*s));
	s->now = 1000 * SEC;
	random_seed(&s->seed, seed);
	s->random = (struct random){ random_from_seed, &s->seed };
	s->modules = sim_modules();
}

void sim_fini(struct sim *s)
{
	for (int i = 0; i < s->nhosts; i++)
		weir_destroy(s->hosts[i].stack);
	wire_fini(s);
	free(s->heap);
}

struct sim_host *sim_host_add(struct sim *s)
{
	struct sim_host *h = &s->hosts[s->nhosts];
	struct weir_error e = { "" };
	struct weir_config c = {
		.size = sizeof(c), .now = s->now, .random = random_from_seed, .random_arg = &h->seed,
		.memory = 64u << 20, .modules = s->modules, .congestion = "reno",
	};

	if (s->nhosts == SIM_HOSTS)
		abort();
	h->sim = s;
	h->index = s->nhosts++;
	random_seed(&h->seed, random_u64(&s->random));
	h->stack = weir_create(&c, &e);
	if (!h->stack) {
		fprintf(stderr, "sim: %s\n", e.text);
		abort();
	}
	return h;
}

struct sim_segment *sim_segment_add(struct sim *s)
{
	if (s->nsegments == SIM_HOSTS)
		abort();
	return &s->segments[s->nsegments++];
}

struct sim_nic *sim_nic_add(struct sim_host *h, struct sim_segment *seg, const char *addr,
			    uint32_t mtu, uint32_t kind)
{
	struct sim_nic *n = &h->nics[h->nnics];
	struct weir_error e = { "" };
	char name[8];
	struct weir_link_config c = {
		.size = sizeof(c), .name = name, .mtu = mtu,
		.caps = (kind & SIM_GSO ? LINK_CSUM | LINK_GSO_TCP4 | LINK_GSO_TCP6 : 0) |
			(kind & SIM_L3 ? LINK_L3 : 0),
		.addr = { 2, 0, 0, 0, (uint8_t)h->nnics, (uint8_t)(h->index + 1) },
		.transmit = wire_transmit, .arg = n, .gro = kind & SIM_GRO,
	};

	if (h->nnics == SIM_NICS || seg->n == SIM_HOSTS)
		abort();
	snprintf(name, sizeof(name), "eth%d", h->nnics++);
	n->host = h;
	n->segment = seg;
	n->kind = kind;
	memcpy(n->mac, c.addr, sizeof(n->mac));
	seg->ports[seg->n++] = n;
	n->nic = weir_nic_create(h->stack, &c, &e);
	if (!n->nic || weir_addr_add(n->nic, addr, &e) < 0) {
		fprintf(stderr, "sim: %s\n", e.text);
		abort();
	}
	return n;
}

void sim_narrow(struct sim_nic *n, uint32_t mtu)
{
	n->wire.mtu = mtu;
	n->wire.told = 0;
}

void sim_know(struct sim_nic *n, const char *addr, const struct sim_nic *peer)
{
	struct weir_error e = { "" };

	if (weir_neighbour_add(n->nic, addr, peer->mac, &e) < 0)
		sim_fail(n->host->sim, "%s", e.text);
}
