/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linkbench.c - what a frame costs in the link drivers packet and tap, sent one by one and in
 * batches, and received. As root: it runs in a network namespace of its own.
 *
 * The driver under test is at one end of a cable; at the other end the kernel drops what it gets
 * (it is for another station), and a packet socket writes what is to be received.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "module/params.h"
#include "module/registry.h"
#include "packet/pool.h"

#define ROUNDS	400
#define HEADERS	54u

static struct packet_pool pool;
static struct registry registry;

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void fail(const char *why)
{
	fprintf(stderr, "linkbench: %s\n", why);
	exit(1);
}

static void sh(const char *cmd)
{
	if (system(cmd) != 0)
		fail(cmd);
}

static void link_open(struct link *l, const char *driver, const char *device)
{
	struct setting s = { .name = "device", .value = device };
	struct weir_error e;
	struct module *m;
	void *params;

	*l = (struct link){ .name = "bench", .pool = &pool, .fd = -1 };
	l->ops = registry_get(&registry, WEIR_KIND_LINK, driver, &m, &e);
	if (!l->ops)
		fail(e.text);
	l->priv = calloc(1, l->ops->priv_size);
	params = calloc(1, l->ops->params_size);
	if (!l->priv || !params)
		fail("no memory");
	if (params_parse(l->ops->params, &s, 1, NULL, params, l->ops->params_size, &e) < 0 ||
	    l->ops->open(l, params, &e) < 0 || l->ops->attach(l, &e) < 0)
		fail(e.text);
	free(params);
}

/* IPv4 and TCP, nothing of which anybody looks at twice. */
static struct packet *frame(uint32_t payload, const uint8_t dst[6])
{
	static const uint8_t bytes[65536];
	struct packet *p = packet_alloc(&pool, 0);
	uint8_t *h;

	if (!p || payload > sizeof(bytes))
		fail("no memory");
	h = packet_put(p, HEADERS);
	memset(h, 0, HEADERS);
	memcpy(h, dst, 6);
	h[6] = 2;
	h[12] = 8;
	h[14] = 0x45;
	h[16] = (uint8_t)((payload + 40) >> 8);
	h[17] = (uint8_t)(payload + 40);
	h[22] = 64;
	h[23] = 6;
	h[46] = 5 << 4;
	p->network = (uint16_t)(h + 14 - p->base);
	p->transport = (uint16_t)(h + 34 - p->base);
	p->csum = PACKET_CSUM_PARTIAL;
	p->csum_start = p->transport;
	p->csum_offset = 16;
	if (packet_copy_in(p, bytes, payload) < 0)
		fail("no memory");
	if (payload > 1460) {
		p->gso_type = PACKET_GSO_TCP4;
		p->gso_size = 1460;
		p->gso_segs = (uint16_t)((payload + 1459) / 1460);
	}
	return p;
}

static void send_all(struct link *l, struct packet **batch, int n, int step)
{
	for (int done = 0; done < n; ) {
		int want = n - done < step ? n - done : step;

		done += l->ops->transmit(l, batch + done, want);
	}
}

static double bench_send(struct link *l, uint32_t payload, int step)
{
	static const uint8_t elsewhere[6] = { 2, 0, 0, 0, 0, 0x77 };
	struct packet *batch[LINK_BATCH];
	double us = 0;

	for (int i = 0; i < ROUNDS; i++) {
		double t;

		for (int k = 0; k < LINK_BATCH; k++)
			batch[k] = frame(payload, elsewhere);
		t = now_us();
		send_all(l, batch, LINK_BATCH, step);
		us += now_us() - t;
	}
	return us / (ROUNDS * LINK_BATCH);
}

static double bench_receive(struct link *l, struct link *peer, uint32_t payload)
{
	struct packet *batch[LINK_BATCH];
	uint64_t frames = 0;
	double us = 0;

	for (int i = 0; i < ROUNDS; i++) {
		double t;
		int n;

		for (int k = 0; k < LINK_BATCH; k++)
			batch[k] = frame(payload, l->addr);
		send_all(peer, batch, LINK_BATCH, LINK_BATCH);
		t = now_us();
		do {
			n = l->ops->receive(l, batch, LINK_BATCH);
			for (int k = 0; k < n; k++)
				packet_free(batch[k]);
			frames += (uint64_t)n;
		} while (n == LINK_BATCH);
		us += now_us() - t;
	}
	return frames ? us / (double)frames : 0;
}

static void bench(const char *driver, const char *device, const char *far)
{
	static const uint32_t sizes[] = { 1460, 65160 };
	struct link l, peer;

	link_open(&l, driver, device);
	if (!strcmp(driver, "tap"))
		sh("ip link set t0 up");
	for (int i = 0; i < 2; i++) {
		double one = bench_send(&l, sizes[i], 1), batch = bench_send(&l, sizes[i], LINK_BATCH);

		link_open(&peer, "packet", far);
		printf("%-7s %6u bytes  send %5.2f us  in batches %5.2f us  receive %5.2f us\n", driver,
		       sizes[i], one, batch, bench_receive(&l, &peer, sizes[i]));
		peer.ops->detach(&peer);
		peer.ops->close(&peer);
		free(peer.priv);
	}
	l.ops->detach(&l);
	l.ops->close(&l);
	free(l.priv);
}

int main(void)
{
	struct log quiet = { 0 };
	struct weir_error e;

	if (unshare(CLONE_NEWNET) < 0)
		fail("run it as root");
	packet_pool_init(&pool, 256 << 20);
	if (registry_init(&registry, NULL, &quiet, &e) < 0)
		fail(e.text);
	sh("ip link add w0 type veth peer name w1 && ip link set w0 up && ip link set w1 up");
	bench("packet", "w0", "w1");
	bench("tap", "t0", "t0");
	return 0;
}
