/* SPDX-License-Identifier: Apache-2.0 */
/*
 * option.c - socket options of the level IPPROTO_TCP (tcp(7)): Linux's names, bounds and errors.
 */
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>

#include "tcp/sock.h"

#define MAX_KEEP_S	32767
#define MAX_KEEPCNT	127
#define MAX_SYNCNT	127
#define MAX_RTO_S	120
#define CC_NAME_MAX	16

static void output_now(struct tcp_sock *tp)
{
	tp->pushed = true;
	work_defer(tp->tcp->env, &tp->output_work);
}

static int set_range(uint32_t *dst, int v, int min, int max)
{
	if (v < min || v > max)
		return -EINVAL;
	*dst = (uint32_t)v;
	return 0;
}

/* As if the time had been set when the connection was last heard of. */
static int set_keepidle(struct tcp_sock *tp, int v)
{
	int err = set_range(&tp->keepidle, v, 1, MAX_KEEP_S);

	if (!err)
		tcp_arm_keepalive(tp);
	return err;
}

/* Seconds in SYN-ACKs, at 1, 3, 7 ... s, and back: an incomplete one counts. */
static uint32_t defer_count(int s)
{
	uint32_t n = 0;

	for (int at = 0, step = 1; s > at && n < UINT8_MAX; n++) {
		at += step;
		step = step * 2 < MAX_RTO_S ? step * 2 : MAX_RTO_S;
	}
	return n;
}

static int defer_seconds(uint32_t n)
{
	int s = 0;

	for (int step = 1; n; n--) {
		s += step;
		step = step * 2 < MAX_RTO_S ? step * 2 : MAX_RTO_S;
	}
	return s;
}

static int set_window_clamp(struct tcp_sock *tp, int v)
{
	if (!v && tp->end.state != TCPS_CLOSED)
		return -EINVAL;
	tp->window_clamp = v && v < (int)SOCK_RCVBUF_MIN / 2 ? SOCK_RCVBUF_MIN / 2 : (uint32_t)v;
	return 0;
}

static int set_quickack(struct tcp_sock *tp, int v)
{
	tp->quickacks = v ? TCP_QUICKACKS : 0;
	if (v && tp->ack_pending && tcp_in(tp, TCPS_BIT(TCPS_ESTABLISHED) |
					   TCPS_BIT(TCPS_CLOSE_WAIT))) {
		tcp_send_ack(tp);
		if (!(v & 1))		/* this once */
			tp->quickacks = 0;
	}
	return 0;
}

static bool before_connection(const struct tcp_sock *tp)
{
	return tcp_in(tp, TCPS_BIT(TCPS_CLOSED) | TCPS_BIT(TCPS_LISTEN));
}

/* One key, or two: the second one's cookies are still taken. */
static int set_fastopen_key(struct tcp_sock *tp, const void *v, socklen_t len)
{
	if (len != sizeof(struct siphash_key) && len != 2 * sizeof(struct siphash_key))
		return -EINVAL;
	if (!fastopen_queue(tp))
		return -ENOBUFS;
	memcpy(tp->tfo->keys, v, len);
	tp->tfo->nkeys = len / sizeof(struct siphash_key);
	return 0;
}

static int set_int(struct tcp_sock *tp, int name, int v)
{
	switch (name) {
	case TCP_NODELAY:
		tp->nodelay = v != 0;
		if (v)
			output_now(tp);
		return 0;
	case TCP_CORK:
		tp->cork = v != 0;
		if (!v)
			output_now(tp);
		return 0;
	case TCP_MAXSEG:
		if (v && (v < (int)TCP_MSS_FLOOR || v > 32767))
			return -EINVAL;
		tp->user_mss = (uint32_t)v;
		return 0;
	case TCP_KEEPIDLE:
		return set_keepidle(tp, v);
	case TCP_KEEPINTVL:
		return set_range(&tp->keepintvl, v, 1, MAX_KEEP_S);
	case TCP_KEEPCNT:
		return set_range(&tp->keepcnt, v, 1, MAX_KEEPCNT);
	case TCP_SYNCNT:
		return set_range(&tp->syncnt, v, 1, MAX_SYNCNT);
	case TCP_LINGER2:
		tp->linger2 = v < 0 ? TCP_LINGER2_NONE : v < MAX_RTO_S ? (uint32_t)v : MAX_RTO_S;
		return 0;
	case TCP_DEFER_ACCEPT:
		tp->defer_accept = defer_count(v);
		return 0;
	case TCP_WINDOW_CLAMP:
		return set_window_clamp(tp, v);
	case TCP_USER_TIMEOUT:
		return set_range(&tp->user_timeout, v, 0, INT32_MAX);
	case TCP_NOTSENT_LOWAT:
		tp->notsent_lowat = (uint32_t)v;
		tcp_write_space(tp);
		return 0;
	case TCP_QUICKACK:
		return set_quickack(tp, v);
	case TCP_SAVE_SYN:
		if (v < 0 || v > 2)
			return -EINVAL;
		tp->save_syn = (uint8_t)v;
		return 0;
	case TCP_FASTOPEN:
		if (v < 0 || !before_connection(tp))
			return -EINVAL;
		return fastopen_set_max(tp, v);
	case TCP_FASTOPEN_CONNECT:
		if (v < 0 || v > 1)
			return -EINVAL;
		if (!(tp->tcp->fastopen.flags & FASTOPEN_CLIENT))
			return -EOPNOTSUPP;
		if (tp->end.state != TCPS_CLOSED)
			return -EINVAL;
		tp->tfo_connect = v;
		return 0;
	case TCP_FASTOPEN_NO_COOKIE:
		if (v < 0 || v > 1 || !before_connection(tp))
			return -EINVAL;
		tp->tfo_no_cookie = v;
		return 0;
	case TCP_REPAIR:
	case TCP_TIMESTAMP:		/* these two are for checkpoints only */
		return -EPERM;
	default:
		return -ENOPROTOOPT;
	}
}

static int set_congestion(struct tcp_sock *tp, const void *v, socklen_t len)
{
	char name[CC_NAME_MAX];
	size_t n = len < sizeof(name) - 1 ? len : sizeof(name) - 1;

	if (len < 1)
		return -EINVAL;
	memcpy(name, v, n);
	name[n] = '\0';
	return tcp_cc_set(tp, name);
}

int tcp_setsockopt(struct sock *sk, int level, int name, const void *v, socklen_t len)
{
	struct tcp_sock *tp = tcp_sock(sk);
	int n;

	if (level == SOL_SOCKET && name == SO_KEEPALIVE) {	/* the socket floor has set it */
		tcp_arm_keepalive(tp);
		return 0;
	}
	if (level != IPPROTO_TCP)
		return -ENOPROTOOPT;
	if (name == TCP_CONGESTION)
		return set_congestion(tp, v, len);
	if (name == TCP_FASTOPEN_KEY)
		return set_fastopen_key(tp, v, len);
	if (len < sizeof(n))
		return -EINVAL;
	memcpy(&n, v, sizeof(n));
	return set_int(tp, name, n);
}

/* ---- reading ---- */

static int get_int(struct tcp_sock *tp, int name, int *v)
{
	switch (name) {
	case TCP_NODELAY:
		*v = tp->nodelay;
		break;
	case TCP_CORK:
		*v = tp->cork;
		break;
	case TCP_MAXSEG:
		*v = (int)(tcp_in(tp, TCPS_BIT(TCPS_CLOSED) | TCPS_BIT(TCPS_LISTEN)) &&
			   tp->user_mss ? tp->user_mss : tp->mss);
		break;
	case TCP_KEEPIDLE:
		*v = (int)tcp_keepidle(tp);
		break;
	case TCP_KEEPINTVL:
		*v = (int)tcp_keepintvl(tp);
		break;
	case TCP_KEEPCNT:
		*v = (int)tcp_keepcnt(tp);
		break;
	case TCP_SYNCNT:
		*v = (int)tcp_syncnt(tp);
		break;
	case TCP_LINGER2:
		*v = !tp->linger2 ? (int)(tp->tcp->fin_timeout / NSEC_PER_SEC) :
		     tp->linger2 == TCP_LINGER2_NONE ? -1 : (int)tp->linger2;
		break;
	case TCP_DEFER_ACCEPT:
		*v = defer_seconds(tp->defer_accept);
		break;
	case TCP_WINDOW_CLAMP:
		*v = (int)tp->window_clamp;
		break;
	case TCP_SAVE_SYN:
		*v = tp->save_syn;
		break;
	case TCP_FASTOPEN:
		*v = tp->tfo ? (int)tp->tfo->max : 0;
		break;
	case TCP_FASTOPEN_CONNECT:
		*v = tp->tfo_connect;
		break;
	case TCP_FASTOPEN_NO_COOKIE:
		*v = tp->tfo_no_cookie;
		break;
	case TCP_REPAIR:
		*v = 0;
		break;
	case TCP_TIMESTAMP:
		*v = (int)tcp_ts(tp);
		break;
	case TCP_USER_TIMEOUT:
		*v = (int)tp->user_timeout;
		break;
	case TCP_NOTSENT_LOWAT:
		*v = (int)tp->notsent_lowat;
		break;
	case TCP_QUICKACK:
		*v = tp->quickacks > 0;
		break;
	default:
		return -ENOPROTOOPT;
	}
	return 0;
}

static int give(void *v, socklen_t *len, const void *from, size_t size)
{
	if (*len > size)
		*len = (socklen_t)size;
	memcpy(v, from, *len);
	return 0;
}

static int get_congestion(struct tcp_sock *tp, void *v, socklen_t *len)
{
	char name[CC_NAME_MAX] = "";

	strncpy(name, tp->cc_ops->name, sizeof(name) - 1);
	return give(v, len, name, sizeof(name));
}

/* Once: reading frees it. Too short a buffer learns the size. */
static int get_saved_syn(struct tcp_sock *tp, void *v, socklen_t *len)
{
	uint32_t n = tp->saved_syn_len;
	bool fits = *len >= n;

	*len = n;
	if (!fits)
		return -EINVAL;
	if (n)
		memcpy(v, tp->saved_syn, n);
	tcp_forget_syn(tp);
	return 0;
}

int tcp_getsockopt(struct sock *sk, int level, int name, void *v, socklen_t *len)
{
	struct tcp_sock *tp = tcp_sock(sk);
	const struct siphash_key *keys;
	struct tcp_info info;
	uint32_t nkeys;
	int n, err;

	if (level != IPPROTO_TCP)
		return -ENOPROTOOPT;
	switch (name) {
	case TCP_INFO:
		tcp_info_fill(tp, &info);
		return give(v, len, &info, sizeof(info));
	case TCP_CONGESTION:
		return get_congestion(tp, v, len);
	case TCP_FASTOPEN_KEY:
		keys = fastopen_keys(tp, &nkeys);
		return give(v, len, keys, nkeys * sizeof(*keys));
	case TCP_SAVED_SYN:
		return get_saved_syn(tp, v, len);
	}
	err = get_int(tp, name, &n);
	return err ? err : give(v, len, &n, sizeof(n));
}
