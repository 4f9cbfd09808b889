/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_bpf.c - a packet filter from a hostile program, and a packet for it.
 *
 * Input: one byte, how many instructions there are; these, eight bytes each; the rest is the
 * packet, its first bytes linear and the others in a fragment. What must hold: a program that the
 * checker takes ends, and reads nothing outside of the packet (the sanitizers see); run twice it
 * gives the same, and it has not changed the packet; the checker takes again what it took.
 */
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "packet/bpf.h"
#include "packet/pool.h"
#include "tests/fuzz/fuzz.h"

#define INSN	 sizeof(struct sock_filter)
#define LINEAR	 64u

static struct packet *packet_of(struct packet_pool *pool, const uint8_t *data, size_t len)
{
	struct packet *p = packet_alloc(pool, PACKET_HEADROOM);
	uint32_t linear = len < LINEAR ? (uint32_t)len : LINEAR;

	memcpy(packet_put(p, linear), data, linear);
	if (len > linear && packet_copy_in(p, data + linear, (uint32_t)len - linear))
		abort();
	p->network = (uint16_t)(p->data - p->base + (linear > 14 ? 14 : 0));
	p->protocol = 0x0800;
	return p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct sock_filter insns[256];
	struct bpf_program *prog, *again;
	struct packet_pool pool;
	struct bpf_view v = { .ifindex = 2, .mark = 3, .hatype = 1, .link = true };
	const struct sock_filter *same;
	uint32_t n, m, result;
	uint8_t flat[4096];

	if (!len || len > sizeof(flat))
		return 0;
	n = data[0];
	if (n * INSN > len - 1)
		n = (uint32_t)((len - 1) / INSN);
	memcpy(insns, data + 1, n * INSN);
	if (bpf_create(insns, n, &prog))
		return 0;
	data += 1 + n * INSN;
	len -= 1 + n * INSN;
	packet_pool_init(&pool, 16u << 20);
	v.p = packet_of(&pool, data, len);
	result = bpf_run(prog, &v);
	fuzz_check(bpf_run(prog, &v) == result);
	fuzz_check(v.p->len == len);
	packet_copy_out(v.p, 0, flat, v.p->len);
	fuzz_check(!memcmp(flat, data, len));
	same = bpf_instructions(prog, &m);
	fuzz_check(m == n && !bpf_create(same, m, &again));
	bpf_free(again);
	bpf_free(prog);
	packet_free((struct packet *)(uintptr_t)v.p);
	fuzz_check(!pool.packets && !pool.bufs);
	packet_pool_destroy(&pool);
	return 0;
}
