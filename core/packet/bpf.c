/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf.c - classic BPF.
 *
 * Theory of operation
 *
 * A program is a list of instructions for a machine with an accumulator A, an index register X and
 * sixteen words of memory; its result is how many bytes of the packet are let through. It is the
 * program's, so it is believed nothing: bpf_create refuses all that Linux refuses
 *
 *	an instruction that there is not
 *	a jump past the end; all jumps are forward, so every program ends
 *	a last instruction that is no return
 *	a constant divisor of zero, a constant shift by 32 or more
 *	memory beyond the sixteen words, or read before it was written on every way to the read
 *
 * and what only the packet decides is checked at run time: a read outside of it, or a division by
 * an X of zero, ends the program with 0, which drops the packet.
 *
 * Negative offsets are Linux's: SKF_NET_OFF from the network header, SKF_LL_OFF from the link
 * header, SKF_AD_OFF for what is known beside the bytes. Of the latter the netlink attribute
 * searches and the payload offset are refused; libpcap's programs use neither.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/random.h"
#include "packet/bpf.h"

#define AD_OFF		((uint32_t)SKF_AD_OFF)
#define NET_OFF		((uint32_t)SKF_NET_OFF)
#define LL_OFF		((uint32_t)SKF_LL_OFF)

struct bpf_program {
	uint32_t n;
	struct sock_filter insns[];
};

struct machine {
	uint32_t a, x, mem[BPF_MEMWORDS];
};

/* ---- checking ---- */

static bool is_jump(uint16_t code)
{
	return BPF_CLASS(code) == BPF_JMP;
}

static bool check_load(const struct sock_filter *f)
{
	switch (f->code) {
	case BPF_LD | BPF_W | BPF_ABS:
	case BPF_LD | BPF_H | BPF_ABS:
	case BPF_LD | BPF_B | BPF_ABS:
		if (f->k < AD_OFF)
			return true;
		switch (f->k - AD_OFF) {
		case SKF_AD_PROTOCOL: case SKF_AD_PKTTYPE: case SKF_AD_IFINDEX: case SKF_AD_MARK:
		case SKF_AD_QUEUE: case SKF_AD_HATYPE: case SKF_AD_RXHASH: case SKF_AD_CPU:
		case SKF_AD_ALU_XOR_X: case SKF_AD_VLAN_TAG: case SKF_AD_VLAN_TAG_PRESENT:
		case SKF_AD_RANDOM: case SKF_AD_VLAN_TPID:
			return true;
		}
		return false;
	case BPF_LD | BPF_W | BPF_IND: case BPF_LD | BPF_H | BPF_IND: case BPF_LD | BPF_B | BPF_IND:
	case BPF_LD | BPF_W | BPF_LEN: case BPF_LDX | BPF_W | BPF_LEN:
	case BPF_LD | BPF_IMM: case BPF_LDX | BPF_IMM: case BPF_LDX | BPF_B | BPF_MSH:
		return true;
	case BPF_LD | BPF_MEM: case BPF_LDX | BPF_MEM: case BPF_ST: case BPF_STX:
		return f->k < BPF_MEMWORDS;
	default:
		return false;
	}
}

static bool check_alu(const struct sock_filter *f)
{
	switch (f->code) {
	case BPF_ALU | BPF_ADD | BPF_K: case BPF_ALU | BPF_ADD | BPF_X:
	case BPF_ALU | BPF_SUB | BPF_K: case BPF_ALU | BPF_SUB | BPF_X:
	case BPF_ALU | BPF_MUL | BPF_K: case BPF_ALU | BPF_MUL | BPF_X:
	case BPF_ALU | BPF_AND | BPF_K: case BPF_ALU | BPF_AND | BPF_X:
	case BPF_ALU | BPF_OR | BPF_K: case BPF_ALU | BPF_OR | BPF_X:
	case BPF_ALU | BPF_XOR | BPF_K: case BPF_ALU | BPF_XOR | BPF_X:
	case BPF_ALU | BPF_DIV | BPF_X: case BPF_ALU | BPF_MOD | BPF_X:
	case BPF_ALU | BPF_LSH | BPF_X: case BPF_ALU | BPF_RSH | BPF_X:
	case BPF_ALU | BPF_NEG:
		return true;
	case BPF_ALU | BPF_DIV | BPF_K: case BPF_ALU | BPF_MOD | BPF_K:
		return f->k != 0;
	case BPF_ALU | BPF_LSH | BPF_K: case BPF_ALU | BPF_RSH | BPF_K:
		return f->k < 32;
	default:
		return false;
	}
}

/* left: instructions behind this one. */
static bool check_jump(const struct sock_filter *f, uint32_t left)
{
	switch (f->code) {
	case BPF_JMP | BPF_JA:
		return f->k < left;
	case BPF_JMP | BPF_JEQ | BPF_K: case BPF_JMP | BPF_JEQ | BPF_X:
	case BPF_JMP | BPF_JGT | BPF_K: case BPF_JMP | BPF_JGT | BPF_X:
	case BPF_JMP | BPF_JGE | BPF_K: case BPF_JMP | BPF_JGE | BPF_X:
	case BPF_JMP | BPF_JSET | BPF_K: case BPF_JMP | BPF_JSET | BPF_X:
		return f->jt < left && f->jf < left;
	default:
		return false;
	}
}

static bool check_one(const struct sock_filter *f, uint32_t left)
{
	switch (BPF_CLASS(f->code)) {
	case BPF_LD: case BPF_LDX: case BPF_ST: case BPF_STX:
		return check_load(f);
	case BPF_ALU:
		return check_alu(f);
	case BPF_JMP:
		return check_jump(f, left);
	case BPF_RET:
		return f->code == (BPF_RET | BPF_K) || f->code == (BPF_RET | BPF_A);
	default:
		return f->code == (BPF_MISC | BPF_TAX) || f->code == (BPF_MISC | BPF_TXA);
	}
}

/*
 * Is every word of memory written on every way to where it is read? written[i]: the words that are
 * for sure written when instruction i is reached; all jumps lead forward, so one pass is enough.
 */
static int check_memory(const struct sock_filter *insns, uint32_t n)
{
	uint16_t *written = malloc(n * sizeof(*written)), now = 0;
	int err = 0;

	if (!written)
		return -ENOMEM;
	memset(written, 0xff, n * sizeof(*written));
	for (uint32_t i = 0; i < n && !err; i++) {
		const struct sock_filter *f = &insns[i];

		now &= written[i];
		if (f->code == BPF_ST || f->code == BPF_STX)
			now |= (uint16_t)(1u << f->k);
		else if ((f->code == (BPF_LD | BPF_MEM) || f->code == (BPF_LDX | BPF_MEM)) &&
			 !(now >> f->k & 1))
			err = -EINVAL;
		if (f->code == (BPF_JMP | BPF_JA)) {
			written[i + 1 + f->k] &= now;
		} else if (is_jump(f->code)) {
			written[i + 1 + f->jt] &= now;
			written[i + 1 + f->jf] &= now;
		}
		if (is_jump(f->code) || BPF_CLASS(f->code) == BPF_RET)
			now = 0xffff;	/* nobody comes by here */
	}
	free(written);
	return err;
}

int bpf_create(const struct sock_filter *insns, uint32_t n, struct bpf_program **out)
{
	struct bpf_program *prog;
	int err;

	if (!n || n > BPF_MAXINSNS)
		return -EINVAL;
	for (uint32_t i = 0; i < n; i++)
		if (!check_one(&insns[i], n - 1 - i))
			return -EINVAL;
	if (BPF_CLASS(insns[n - 1].code) != BPF_RET)
		return -EINVAL;
	err = check_memory(insns, n);
	if (err)
		return err;
	prog = malloc(sizeof(*prog) + n * sizeof(*insns));
	if (!prog)
		return -ENOMEM;
	prog->n = n;
	memcpy(prog->insns, insns, n * sizeof(*insns));
	*out = prog;
	return 0;
}

void bpf_free(struct bpf_program *prog)
{
	free(prog);
}

const struct sock_filter *bpf_instructions(const struct bpf_program *prog, uint32_t *n)
{
	*n = prog->n;
	return prog->insns;
}

/* ---- running ---- */

static uint32_t ancillary(const struct bpf_view *v, const struct machine *m, uint32_t what)
{
	switch (what) {
	case SKF_AD_PROTOCOL:	return v->p->protocol;
	case SKF_AD_PKTTYPE:	return v->pkttype;
	case SKF_AD_IFINDEX:	return v->ifindex;
	case SKF_AD_MARK:	return v->mark;
	case SKF_AD_HATYPE:	return v->hatype;
	case SKF_AD_ALU_XOR_X:	return m->a ^ m->x;
	case SKF_AD_RANDOM:	return v->random ? random_u32(v->random) : 0;
	default:		return 0;	/* queue, hash, processor, VLAN tag: there is one, or none */
	}
}

/* size bytes at off, which may count from a header in front of data. False: they are not there. */
static bool load(const struct bpf_view *v, uint32_t off, uint32_t size, uint32_t *value)
{
	const struct packet *p = v->p;
	uint8_t b[4];
	int64_t at = off;

	if (off >= NET_OFF)
		at = (int64_t)(off - NET_OFF) + p->network - (p->data - p->base);
	else if (off >= LL_OFF && v->link)
		at = (int64_t)(off - LL_OFF);
	else if (off >= 0x80000000u)
		return false;
	if (at < 0) {			/* what was pulled already */
		if (at + p->data < p->base || at + (int64_t)size > (int64_t)p->linear)
			return false;
		memcpy(b, p->data + at, size);
	} else {
		if (at > (int64_t)p->len || (int64_t)size > (int64_t)p->len - at)
			return false;
		packet_copy_out(p, (uint32_t)at, b, size);
	}
	*value = size == 4 ? get_be32(b) : size == 2 ? get_be16(b) : b[0];
	return true;
}

static uint32_t size_of(uint16_t code)
{
	return BPF_SIZE(code) == BPF_W ? 4 : BPF_SIZE(code) == BPF_H ? 2 : 1;
}

/* False: the packet is dropped. */
static bool run_load(const struct bpf_view *v, struct machine *m, const struct sock_filter *f)
{
	uint32_t value;

	switch (BPF_MODE(f->code)) {
	case BPF_ABS:
		if (f->k >= AD_OFF) {
			m->a = ancillary(v, m, f->k - AD_OFF);
			return true;
		}
		return load(v, f->k, size_of(f->code), &m->a);
	case BPF_IND:
		return load(v, m->x + f->k, size_of(f->code), &m->a);
	case BPF_LEN:
		value = v->p->len;
		break;
	case BPF_MEM:
		value = m->mem[f->k];
		break;
	case BPF_MSH:
		if (!load(v, f->k, 1, &value))
			return false;
		value = (value & 15) * 4;
		break;
	default:
		value = f->k;
	}
	if (BPF_CLASS(f->code) == BPF_LD)
		m->a = value;
	else
		m->x = value;
	return true;
}

static bool run_alu(struct machine *m, const struct sock_filter *f)
{
	uint32_t by = BPF_SRC(f->code) == BPF_X ? m->x : f->k;

	switch (BPF_OP(f->code)) {
	case BPF_ADD:	m->a += by; break;
	case BPF_SUB:	m->a -= by; break;
	case BPF_MUL:	m->a *= by; break;
	case BPF_AND:	m->a &= by; break;
	case BPF_OR:	m->a |= by; break;
	case BPF_XOR:	m->a ^= by; break;
	case BPF_NEG:	m->a = -m->a; break;
	case BPF_LSH:	m->a <<= by & 31; break;
	case BPF_RSH:	m->a >>= by & 31; break;
	case BPF_DIV:
		if (!by)
			return false;
		m->a /= by;
		break;
	case BPF_MOD:
		if (!by)
			return false;
		m->a %= by;
		break;
	}
	return true;
}

/* How many instructions are passed over. */
static uint32_t run_jump(const struct machine *m, const struct sock_filter *f)
{
	uint32_t with = BPF_SRC(f->code) == BPF_X ? m->x : f->k;
	bool yes;

	switch (BPF_OP(f->code)) {
	case BPF_JA:	return f->k;
	case BPF_JEQ:	yes = m->a == with; break;
	case BPF_JGT:	yes = m->a > with; break;
	case BPF_JGE:	yes = m->a >= with; break;
	default:	yes = m->a & with;
	}
	return yes ? f->jt : f->jf;
}

uint32_t bpf_run(const struct bpf_program *prog, const struct bpf_view *v)
{
	struct machine m = { 0 };

	for (const struct sock_filter *f = prog->insns; f < prog->insns + prog->n; f++) {
		switch (BPF_CLASS(f->code)) {
		case BPF_LD:
		case BPF_LDX:
			if (!run_load(v, &m, f))
				return 0;
			break;
		case BPF_ST:
			m.mem[f->k] = m.a;
			break;
		case BPF_STX:
			m.mem[f->k] = m.x;
			break;
		case BPF_ALU:
			if (!run_alu(&m, f))
				return 0;
			break;
		case BPF_JMP:
			f += run_jump(&m, f);
			break;
		case BPF_RET:
			return BPF_RVAL(f->code) == BPF_A ? m.a : f->k;
		default:
			if (BPF_MISCOP(f->code) == BPF_TAX)
				m.x = m.a;
			else
				m.a = m.x;
		}
	}
	return 0;
}
