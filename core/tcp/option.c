/* SPDX-License-Identifier: Apache-2.0 */
/*
 * option.c - socket options of the level IPPROTO_TCP, and TCP_INFO. Linux's names, bounds and
 * errors.
 */
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>

#include "tcp/sock.h"

#define MAX_KEEP_S	32767
#define MAX_KEEPCNT	127
#define MAX_SYNCNT	127
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

static int set_keepidle(struct tcp_sock *tp, int v)
{
	int err = set_range(&tp->keepidle, v, 1, MAX_KEEP_S);

	if (!err)
		tcp_arm_keepalive(tp);
	return err;
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
		tp->linger2 = v < 0 ? TCP_LINGER2_NONE : (uint32_t)v;
		return 0;
	case TCP_USER_TIMEOUT:
		return set_range(&tp->user_timeout, v, 0, INT32_MAX);
	case TCP_NOTSENT_LOWAT:
		tp->notsent_lowat = (uint32_t)v;
		tcp_write_space(tp);
		return 0;
	case TCP_QUICKACK:
		tp->quickacks = v ? TCP_QUICKACKS : 0;
		if (v && tp->ack_pending && tcp_in(tp, TCPS_BIT(TCPS_ESTABLISHED) |
						   TCPS_BIT(TCPS_CLOSE_WAIT)))
			tcp_send_ack(tp);
		return 0;
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
		*v = (int)(tp->end.state == TCPS_CLOSED && tp->user_mss ? tp->user_mss : tp->mss);
		break;
	case TCP_KEEPIDLE:
		*v = (int)tp->keepidle;
		break;
	case TCP_KEEPINTVL:
		*v = (int)tp->keepintvl;
		break;
	case TCP_KEEPCNT:
		*v = (int)tp->keepcnt;
		break;
	case TCP_SYNCNT:
		*v = (int)tp->syncnt;
		break;
	case TCP_LINGER2:
		*v = tp->linger2 ? (int)tp->linger2 : (int)(TCP_MSL2 / NSEC_PER_SEC);
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

static uint32_t usec(uint64_t ns)
{
	return (uint32_t)(ns / 1000);
}

static uint32_t msec_since(const struct tcp_sock *tp, uint64_t t)
{
	return t ? (uint32_t)((tcp_now(tp) - t) / NSEC_PER_MSEC) : 0;
}

static uint32_t segs(const struct tcp_sock *tp, uint64_t bytes)
{
	uint64_t n = (bytes + tp->mss - 1) / tp->mss;

	return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

static void fill_info(struct tcp_sock *tp, struct tcp_info *i)
{
	memset(i, 0, sizeof(*i));
	i->tcpi_state = tp->end.state;
	if (tp->end.state == TCPS_LISTEN) {
		i->tcpi_unacked = tp->naccept;
		i->tcpi_sacked = tp->backlog;
		return;
	}
	i->tcpi_ca_state = tp->ca_state == TCP_CA_OPEN ? tp->dupacks ? 1 : 0 :
			   tp->ca_state == TCP_CA_RECOVERY ? 3 : 4;
	i->tcpi_retransmits = (uint8_t)tp->retries;
	i->tcpi_probes = (uint8_t)(tp->probes + tp->keep_probes);
	i->tcpi_backoff = (uint8_t)tp->backoff;
	i->tcpi_options = (uint8_t)((tp->ts_ok ? TCPI_OPT_TIMESTAMPS : 0) |
				    (tp->wscale_ok ? TCPI_OPT_WSCALE : 0));
	i->tcpi_snd_wscale = tp->snd_wscale & 15;
	i->tcpi_rcv_wscale = tp->rcv_wscale & 15;
	i->tcpi_delivery_rate_app_limited = tp->app_limited;
	i->tcpi_rto = usec(tp->rto);
	i->tcpi_ato = usec(tp->ato);
	i->tcpi_snd_mss = tp->mss;
	i->tcpi_rcv_mss = tp->rcv_mss;
	i->tcpi_unacked = segs(tp, tp->snd_nxt - tp->snd_una);
	i->tcpi_sacked = segs(tp, tp->reno_sacked);
	i->tcpi_lost = segs(tp, tp->lost_out);
	i->tcpi_retrans = segs(tp, tp->retrans_out);
	i->tcpi_last_data_sent = msec_since(tp, tp->last_sent);
	i->tcpi_last_data_recv = msec_since(tp, tp->last_data);
	i->tcpi_last_ack_recv = msec_since(tp, tp->last_ack_recv);
	i->tcpi_pmtu = tp->pmtu;
	i->tcpi_rcv_ssthresh = recvq_full_window(tp);
	i->tcpi_rtt = usec(tp->srtt);
	i->tcpi_rttvar = usec(tp->rttvar);
	i->tcpi_snd_ssthresh = tp->cc.ssthresh > INT32_MAX ? INT32_MAX : segs(tp, tp->cc.ssthresh);
	i->tcpi_snd_cwnd = segs(tp, tp->cc.cwnd);
	i->tcpi_advmss = tp->sk.dst.mtu > 40 ? tp->sk.dst.mtu - 40 : TCP_MSS_ASSUMED;
	i->tcpi_reordering = TCP_DUPTHRESH;
	i->tcpi_rcv_rtt = usec(tp->drs_rtt);
	i->tcpi_rcv_space = tp->drs_space;
	i->tcpi_total_retrans = segs(tp, tp->bytes_retrans);
	i->tcpi_pacing_rate = tp->cc.pacing_rate ? tp->cc.pacing_rate : UINT64_MAX;
	i->tcpi_max_pacing_rate = UINT64_MAX;
	i->tcpi_bytes_acked = tp->bytes_acked;
	i->tcpi_bytes_received = tp->bytes_received;
	i->tcpi_notsent_bytes = tp->write_seq - tp->snd_nxt;
	i->tcpi_min_rtt = usec(tp->min_rtt);
	i->tcpi_delivery_rate = tp->rate;
	i->tcpi_bytes_sent = tp->bytes_sent;
	i->tcpi_bytes_retrans = tp->bytes_retrans;
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

int tcp_getsockopt(struct sock *sk, int level, int name, void *v, socklen_t *len)
{
	struct tcp_sock *tp = tcp_sock(sk);
	struct tcp_info info;
	int n, err;

	if (level != IPPROTO_TCP)
		return -ENOPROTOOPT;
	switch (name) {
	case TCP_INFO:
		fill_info(tp, &info);
		return give(v, len, &info, sizeof(info));
	case TCP_CONGESTION:
		return get_congestion(tp, v, len);
	}
	err = get_int(tp, name, &n);
	return err ? err : give(v, len, &n, sizeof(n));
}
