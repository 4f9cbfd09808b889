/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter.c - inet_diag's little language (<linux/inet_diag.h>).
 *
 * Theory of operation
 *
 * The code is a row of operations of 4 bytes, some with an argument behind them. Each asks one
 * question and says how many bytes further it goes on when the answer is yes, and when it is no. Who
 * comes to the exact end wants the row; who is sent beyond it does not. As all go forward, every
 * row is decided after at most as many steps as there are operations.
 */
#include <errno.h>
#include <linux/inet_diag.h>
#include <string.h>

#include "diag/diag.h"

#define OP (sizeof(struct inet_diag_bc_op))

static struct inet_diag_bc_op op_at(const uint8_t *at)
{
	struct inet_diag_bc_op op;

	memcpy(&op, at, sizeof(op));
	return op;
}

/* Bytes of an operation with its argument, given n bytes from it on; 0: malformed. */
static size_t op_len(const uint8_t *at, size_t n)
{
	struct inet_diag_hostcond h;
	size_t addr;

	if (n < OP)
		return 0;
	switch (op_at(at).code) {
	case INET_DIAG_BC_NOP:
	case INET_DIAG_BC_JMP:
	case INET_DIAG_BC_AUTO:
		return OP;
	case INET_DIAG_BC_S_GE:
	case INET_DIAG_BC_S_LE:
	case INET_DIAG_BC_D_GE:
	case INET_DIAG_BC_D_LE:
	case INET_DIAG_BC_S_EQ:
	case INET_DIAG_BC_D_EQ:
	case INET_DIAG_BC_DEV_COND:
		return n < 2 * OP ? 0 : 2 * OP;
	case INET_DIAG_BC_S_COND:
	case INET_DIAG_BC_D_COND:
		if (n < OP + sizeof(h))
			return 0;
		memcpy(&h, at + OP, sizeof(h));
		addr = h.family == AF_INET ? 4 : h.family == AF_INET6 ? 16 : 0;
		if ((!addr && h.family != AF_UNSPEC) || h.prefix_len > 8 * addr)
			return 0;
		return n < OP + sizeof(h) + addr ? 0 : OP + sizeof(h) + addr;
	default:
		return 0;
	}
}

int diag_filter_check(const void *code, size_t len)
{
	const uint8_t *at = code;

	while (len) {
		size_t n = op_len(at, len);

		if (!n)
			return -EINVAL;
		at += n;
		len -= n;
	}
	return 0;
}

/* A host of either family; the family of an IPv4 address may be mapped. */
static bool host_matches(const uint8_t *cond, const struct ip_addr *a, uint16_t port)
{
	struct inet_diag_hostcond h;
	struct ip_addr want, mine;
	uint32_t v4;

	memcpy(&h, cond, sizeof(h));
	if (h.port != -1 && h.port != port)
		return false;
	if (!h.prefix_len)
		return true;
	if (h.family == AF_INET) {
		memcpy(&v4, cond + sizeof(h), sizeof(v4));
		want = ip_addr_v4(v4);
	} else {
		want = ip_addr_read(cond + sizeof(h));
	}
	if (ip_addr_is_v4(&want) != ip_addr_is_v4(a))
		return false;
	want = ip_addr_mask(&want, h.prefix_len);
	mine = ip_addr_mask(a, h.prefix_len);
	return ip_addr_eq(&want, &mine);
}

static bool device_is(const uint8_t *arg, const struct sock *sk)
{
	uint32_t index;

	memcpy(&index, arg, sizeof(index));
	return (sk && sk->bound_nic ? sk->bound_nic->index : 0) == index;
}

/* n: the operation's bytes. */
static bool holds(const uint8_t *at, size_t n, const struct diag_row *r)
{
	uint16_t port = n > OP ? op_at(at + OP).no : 0;

	switch (op_at(at).code) {
	case INET_DIAG_BC_NOP:
		return true;
	case INET_DIAG_BC_S_GE:
		return r->lport >= port;
	case INET_DIAG_BC_S_LE:
		return r->lport <= port;
	case INET_DIAG_BC_D_GE:
		return r->rport >= port;
	case INET_DIAG_BC_D_LE:
		return r->rport <= port;
	case INET_DIAG_BC_S_EQ:
		return r->lport == port;
	case INET_DIAG_BC_D_EQ:
		return r->rport == port;
	case INET_DIAG_BC_AUTO:
		return !r->sk || !r->sk->bound_port;
	case INET_DIAG_BC_S_COND:
		return host_matches(at + OP, &r->local, r->lport);
	case INET_DIAG_BC_D_COND:
		return host_matches(at + OP, &r->remote, r->rport);
	case INET_DIAG_BC_DEV_COND:
		return device_is(at + OP, r->sk);
	default:			/* JMP is never true */
		return false;
	}
}

bool diag_filter(const void *code, size_t len, const struct diag_row *r)
{
	const uint8_t *at = code;

	while (len) {
		size_t n = op_len(at, len), step;

		if (!n)
			return false;
		step = holds(at, n, r) ? op_at(at).yes : op_at(at).no;
		if (step < OP || step > len)
			return false;
		at += step;
		len -= step;
	}
	return true;
}
