/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_bpf.c - packet filters: what is refused (bpf_check_classic of Linux; socket(7),
 * SO_ATTACH_FILTER), and what programs compute.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "packet/bpf.h"
#include "packet/pool.h"
#include "tests/suite.h"

static struct packet_pool pool;
static struct packet *p;
static struct bpf_view v;

static void setup(void)
{
	uint8_t more[64];

	packet_pool_init(&pool, 1u << 20);
	p = packet_alloc(&pool, PACKET_HEADROOM);
	for (int i = 0; i < 64; i++)
		*packet_put(p, 1) = (uint8_t)i;
	for (int i = 0; i < 64; i++)
		more[i] = (uint8_t)(64 + i);
	ck_assert_int_eq(packet_copy_in(p, more, 64), 0);
	p->network = (uint16_t)(p->data - p->base + 14);
	p->protocol = 0x0800;
	v = (struct bpf_view){ .p = p, .link = true, .ifindex = 7, .mark = 9, .hatype = 772, .pkttype = 4 };
}

static void teardown(void)
{
	packet_free(p);
	packet_pool_destroy(&pool);
}

#define S(code, k) BPF_STMT(code, k)
#define J(code, k, t, f) BPF_JUMP(code, k, t, f)
#define RETA S(BPF_RET | BPF_A, 0)
#define RETK(k) S(BPF_RET | BPF_K, k)
#define ANC(what) ((uint32_t)SKF_AD_OFF + (what))

struct program {
	const char *what;
	uint32_t n;			/* 0: up to the first empty instruction behind the first */
	uint32_t result;
	struct sock_filter insns[8];
};

static uint32_t count(const struct program *t)
{
	uint32_t n = t->n;

	if (!n)
		for (n = 8; n > 1 && !memcmp(&t->insns[n - 1], &(struct sock_filter){ 0 }, 8); n--)
			;
	return n;
}

static const struct program refused[] = {
	{ "no return at the end", 0, 0, { S(BPF_LD | BPF_IMM, 1) } },
	{ "a jump past the end", 0, 0, { S(BPF_JMP | BPF_JA, 1), RETK(1) } },
	{ "a jump that wraps round", 0, 0, { S(BPF_JMP | BPF_JA, 0xffffffff), RETK(1) } },
	{ "true leads past the end", 0, 0, { J(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), RETK(1) } },
	{ "false leads past the end", 0, 0, { J(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), RETK(1) } },
	{ "division by 0", 0, 0, { S(BPF_ALU | BPF_DIV | BPF_K, 0), RETA } },
	{ "modulo 0", 0, 0, { S(BPF_ALU | BPF_MOD | BPF_K, 0), RETA } },
	{ "left shift by 32", 0, 0, { S(BPF_ALU | BPF_LSH | BPF_K, 32), RETA } },
	{ "right shift by 32", 0, 0, { S(BPF_ALU | BPF_RSH | BPF_K, 32), RETA } },
	{ "memory word 16 written", 0, 0, { S(BPF_ST, 16), RETA } },
	{ "memory word 16 read", 0, 0, { S(BPF_LD | BPF_MEM, 16), RETA } },
	{ "memory read before it is written", 0, 0, { S(BPF_LD | BPF_MEM, 0), RETA } },
	{ "memory written on one way only", 0, 0,
	  { J(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), S(BPF_ST, 2), S(BPF_LD | BPF_MEM, 2), RETA } },
	{ "an unknown instruction", 0, 0, { S(0xffff, 0), RETA } },
	{ "a load of 8 bytes", 0, 0, { S(BPF_LD | 0x18 | BPF_ABS, 0), RETA } },
	{ "return X", 0, 0, { S(BPF_RET | BPF_X, 0) } },
	{ "an unknown ancillary", 0, 0, { S(BPF_LD | BPF_W | BPF_ABS, ANC(100)), RETA } },
	{ "netlink attributes", 0, 0, { S(BPF_LD | BPF_W | BPF_ABS, ANC(SKF_AD_NLATTR)), RETA } },
};

START_TEST(checker_refuses)
{
	struct bpf_program *prog;

	ck_assert_msg(bpf_create(refused[_i].insns, count(&refused[_i]), &prog) == -EINVAL, "%s",
		      refused[_i].what);
}
END_TEST

static const struct program programs[] = {
	{ "a constant", 0, 99, { RETK(99) } },
	{ "word at 1", 0, 0x01020304, { S(BPF_LD | BPF_W | BPF_ABS, 1), RETA } },
	{ "half across the fragment's edge", 0, 0x3f40, { S(BPF_LD | BPF_H | BPF_ABS, 63), RETA } },
	{ "the last byte", 0, 127, { S(BPF_LD | BPF_B | BPF_ABS, 127), RETA } },
	{ "behind the last byte", 0, 0, { S(BPF_LD | BPF_H | BPF_ABS, 127), RETK(1) } },
	{ "far behind", 0, 0, { S(BPF_LD | BPF_W | BPF_ABS, 0x7fffffff), RETK(1) } },
	{ "X + k", 0, 30, { S(BPF_LDX | BPF_IMM, 10), S(BPF_LD | BPF_B | BPF_IND, 20), RETA } },
	{ "the header's length", 0, 24,
	  { S(BPF_LDX | BPF_B | BPF_MSH, 6), S(BPF_MISC | BPF_TXA, 0), RETA } },
	{ "length", 0, 128, { S(BPF_LD | BPF_W | BPF_LEN, 0), RETA } },
	{ "memory", 0, 12,
	  { S(BPF_LD | BPF_IMM, 5), S(BPF_ST, 15), S(BPF_LD | BPF_IMM, 7), S(BPF_LDX | BPF_MEM, 15),
	    S(BPF_ALU | BPF_ADD | BPF_X, 0), RETA } },
	{ "division by an X of 0", 0, 0,
	  { S(BPF_LD | BPF_IMM, 5), S(BPF_LDX | BPF_IMM, 0), S(BPF_ALU | BPF_DIV | BPF_X, 0), RETK(1) } },
	{ "modulo an X of 0", 0, 0,
	  { S(BPF_LD | BPF_IMM, 5), S(BPF_LDX | BPF_IMM, 0), S(BPF_ALU | BPF_MOD | BPF_X, 0), RETK(1) } },
	{ "a shift by more than 31 is taken modulo 32", 0, 2,
	  { S(BPF_LD | BPF_IMM, 1), S(BPF_LDX | BPF_IMM, 33), S(BPF_ALU | BPF_LSH | BPF_X, 0), RETA } },
	{ "difference wraps", 0, 0xffffffff, { S(BPF_LD | BPF_IMM, 1), S(BPF_ALU | BPF_SUB | BPF_K, 2), RETA } },
	{ "negation", 0, 0xfffffffe, { S(BPF_LD | BPF_IMM, 2), S(BPF_ALU | BPF_NEG, 0), RETA } },
	{ "bit set", 0, 1, { S(BPF_LD | BPF_IMM, 6), J(BPF_JMP | BPF_JSET | BPF_K, 4, 0, 1), RETK(1), RETK(2) } },
	{ "greater, unsigned", 0, 1,
	  { S(BPF_LD | BPF_IMM, 0x80000000), J(BPF_JMP | BPF_JGT | BPF_K, 1, 0, 1), RETK(1), RETK(2) } },
	{ "not greater or equal", 0, 2,
	  { S(BPF_LD | BPF_IMM, 3), J(BPF_JMP | BPF_JGE | BPF_K, 4, 0, 1), RETK(1), RETK(2) } },
	{ "from the network header", 0, 15, { S(BPF_LD | BPF_B | BPF_ABS, (uint32_t)SKF_NET_OFF + 1), RETA } },
	{ "from the link header", 0, 1, { S(BPF_LD | BPF_B | BPF_ABS, (uint32_t)SKF_LL_OFF + 1), RETA } },
	{ "another negative offset", 0, 0, { S(BPF_LD | BPF_B | BPF_ABS, 0x90000000), RETK(1) } },
	{ "protocol", 0, 0x0800, { S(BPF_LD | BPF_W | BPF_ABS, ANC(SKF_AD_PROTOCOL)), RETA } },
	{ "packet type", 0, 4, { S(BPF_LD | BPF_W | BPF_ABS, ANC(SKF_AD_PKTTYPE)), RETA } },
	{ "interface", 0, 7, { S(BPF_LD | BPF_W | BPF_ABS, ANC(SKF_AD_IFINDEX)), RETA } },
	{ "hardware type", 0, 772, { S(BPF_LD | BPF_W | BPF_ABS, ANC(SKF_AD_HATYPE)), RETA } },
	{ "no VLAN tag", 0, 0, { S(BPF_LD | BPF_W | BPF_ABS, ANC(SKF_AD_VLAN_TAG_PRESENT)), RETA } },
	{ "A xor X", 0, 6,
	  { S(BPF_LD | BPF_IMM, 5), S(BPF_LDX | BPF_IMM, 3), S(BPF_LD | BPF_W | BPF_ABS, ANC(SKF_AD_ALU_XOR_X)), RETA } },
};

START_TEST(programs_compute)
{
	const struct program *t = &programs[_i];
	struct bpf_program *prog;
	uint32_t got;

	ck_assert_msg(!bpf_create(t->insns, count(t), &prog), "%s", t->what);
	got = bpf_run(prog, &v);
	ck_assert_msg(got == t->result, "%s: %u, not %u", t->what, got, t->result);
	bpf_free(prog);
}
END_TEST

/* Not at the link header: there is none to read from; the network header lies before the bytes
 * shown. */
START_TEST(behind_headers)
{
	static const struct sock_filter link[] = { S(BPF_LD | BPF_B | BPF_ABS, (uint32_t)SKF_LL_OFF), RETK(1) };
	static const struct sock_filter net[] = { S(BPF_LD | BPF_B | BPF_ABS, (uint32_t)SKF_NET_OFF), RETA };
	struct bpf_program *prog;

	packet_pull(p, 34);
	v.link = false;
	ck_assert_int_eq(bpf_create(link, 2, &prog), 0);
	ck_assert_uint_eq(bpf_run(prog, &v), 0);
	bpf_free(prog);
	ck_assert_int_eq(bpf_create(net, 2, &prog), 0);
	ck_assert_uint_eq(bpf_run(prog, &v), 14);
	bpf_free(prog);
}
END_TEST

START_TEST(sizes)
{
	struct sock_filter *insns = calloc(BPF_MAXINSNS + 1, sizeof(*insns));
	struct bpf_program *prog;
	uint32_t n;

	for (int i = 0; i <= BPF_MAXINSNS; i++)
		insns[i] = (struct sock_filter)RETK(5);
	ck_assert_int_eq(bpf_create(insns, 0, &prog), -EINVAL);
	ck_assert_int_eq(bpf_create(insns, BPF_MAXINSNS + 1, &prog), -EINVAL);
	ck_assert_int_eq(bpf_create(insns, BPF_MAXINSNS, &prog), 0);
	ck_assert_ptr_nonnull(bpf_instructions(prog, &n));
	ck_assert_uint_eq(n, BPF_MAXINSNS);
	bpf_free(prog);
	free(insns);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bpf");
	TCase *t = tcase_create("bpf");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, checker_refuses, 0, (int)(sizeof(refused) / sizeof(refused[0])));
	tcase_add_loop_test(t, programs_compute, 0, (int)(sizeof(programs) / sizeof(programs[0])));
	tcase_add_test(t, behind_headers);
	tcase_add_test(t, sizes);
	suite_add_tcase(s, t);
	return run_suite(s);
}
