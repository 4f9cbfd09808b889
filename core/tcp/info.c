/* SPDX-License-Identifier: Apache-2.0 */
/*
 * info.c - TCP_INFO: what a connection tells about itself.
 *
 * Theory of operation. Linux counts segments where weir counts bytes: windows are bytes by the
 * current mss, rounded up; what is under way is counted in both (sendq.c), and so is what has
 * arrived, for a segment may be small. docs/tcp-info.md lists all fields. Three clocks (RFC 4898's
 * tcpEStatsPerf of the sender) tell what held up the sender while it had something to send:
 *
 *	rwnd	data waits, and the peer's window has no room for it
 *	sndbuf	all that was written is out, and the writer waits for room in the send buffer
 *	busy	neither; tcpi_busy_time is the sum of all three
 *
 * The state is looked at whenever output was tried, which is after every event that can change it.
 */
#include <linux/tcp.h>

#include "tcp/sock.h"

static enum tcp_chrono chrono_now(const struct tcp_sock *tp)
{
	if (!tp->sendq || !tcp_in(tp, ~TCPS_BIT(TCPS_CLOSED)))
		return TCP_CHRONO_IDLE;
	if (tp->send_next) {
		uint32_t left = tp->snd_una + tp->snd_wnd - tp->snd_nxt;

		if ((int32_t)left < (int32_t)tp->mss && (int32_t)left < (int32_t)tp->queued)
			return TCP_CHRONO_RWND;
	} else if (tp->nospace) {
		return TCP_CHRONO_SNDBUF;
	}
	return TCP_CHRONO_BUSY;
}

void tcp_chrono_update(struct tcp_sock *tp)
{
	enum tcp_chrono state = chrono_now(tp);

	if (state == tp->chrono)
		return;
	tp->chrono_ns[tp->chrono] += tcp_now(tp) - tp->chrono_since;
	tp->chrono = state;
	tp->chrono_since = tcp_now(tp);
}

static uint64_t chrono_us(const struct tcp_sock *tp, enum tcp_chrono c)
{
	uint64_t ns = tp->chrono_ns[c];

	if (tp->chrono == c)
		ns += tcp_now(tp) - tp->chrono_since;
	return ns / 1000;
}

static uint32_t usec(uint64_t ns)
{
	return (uint32_t)((ns + 999) / 1000);	/* what was measured is not 0 */
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

/* Our SYN is under way. A child's SYN-ACK is none of its segments, as on Linux. */
static bool syn_out(const struct tcp_sock *tp)
{
	return tp->end.state == TCPS_SYN_SENT && tp->snd_una != tp->snd_nxt;
}

void tcp_info_fill(struct tcp_sock *tp, struct tcp_info *i)
{
	memset(i, 0, sizeof(*i));
	i->tcpi_state = tp->end.state;
	i->tcpi_reordering = tp->reordering;
	i->tcpi_max_pacing_rate = tp->sk.max_pacing_rate;
	if (tp->end.state == TCPS_LISTEN) {
		i->tcpi_unacked = tp->naccept;
		i->tcpi_sacked = tp->backlog;
		i->tcpi_snd_cwnd = TCP_INIT_CWND;	/* the children's */
		i->tcpi_pacing_rate = tp->sk.max_pacing_rate;
		return;
	}
	i->tcpi_ca_state = tp->ca_state;
	i->tcpi_retransmits = (uint8_t)tp->retries;
	i->tcpi_probes = (uint8_t)(tp->probes + tp->keep_probes);
	i->tcpi_backoff = (uint8_t)tp->backoff;
	i->tcpi_options = (uint8_t)((tp->ts_ok ? TCPI_OPT_TIMESTAMPS : 0) |
				    (tp->sack_ok ? TCPI_OPT_SACK : 0) |
				    (tp->ecn_ok ? TCPI_OPT_ECN : 0) |
				    (tp->ecn_seen ? TCPI_OPT_ECN_SEEN : 0) |
				    (tp->wscale_ok ? TCPI_OPT_WSCALE : 0) |
				    (tp->tfo_acked ? TCPI_OPT_SYN_DATA : 0));
	i->tcpi_fastopen_client_fail = tp->tfo_fail & 3;
	i->tcpi_snd_wscale = tp->snd_wscale & 15;
	i->tcpi_rcv_wscale = tp->rcv_wscale & 15;
	i->tcpi_delivery_rate_app_limited = tp->delivery_app_limited;
	i->tcpi_rto = usec(tp->rto);
	i->tcpi_ato = tp->data_segs_in ? usec(tp->ato) : 0;
	i->tcpi_snd_mss = tp->mss;
	i->tcpi_rcv_mss = tp->rcv_mss;
	i->tcpi_unacked = tp->segs.out + syn_out(tp);
	i->tcpi_sacked = tp->sack_ok ? tp->segs.sacked : segs(tp, tp->sacked_out);
	i->tcpi_lost = tp->segs.lost;
	i->tcpi_retrans = tp->segs.retrans;
	i->tcpi_last_data_sent = msec_since(tp, tp->last_sent);
	i->tcpi_last_data_recv = msec_since(tp, tp->last_data);
	i->tcpi_last_ack_recv = msec_since(tp, tp->last_ack_recv);
	i->tcpi_pmtu = ip_addr_is_v4(&tp->end.remote) && tp->pmtu > UINT16_MAX ? UINT16_MAX :
		       tp->pmtu;
	i->tcpi_rcv_ssthresh = recvq_full_window(tp);
	i->tcpi_rtt = usec(tp->srtt);
	i->tcpi_rttvar = usec(tp->rttvar);
	i->tcpi_snd_ssthresh = tp->cc.ssthresh > INT32_MAX ? INT32_MAX : segs(tp, tp->cc.ssthresh);
	i->tcpi_snd_cwnd = segs(tp, tp->cc.cwnd);
	i->tcpi_advmss = tcp_advmss(tp) - (tp->ts_ok ? TCP_TS_LEN : 0);
	i->tcpi_rcv_rtt = usec(tp->drs_rtt);
	i->tcpi_rcv_space = tp->drs_space;
	i->tcpi_total_retrans = tp->total_retrans;
	i->tcpi_pacing_rate = tcp_cc_rate(tp);
	i->tcpi_bytes_acked = tp->bytes_acked;
	i->tcpi_bytes_received = tp->bytes_received;
	i->tcpi_notsent_bytes = tp->write_seq - tp->snd_nxt;
	i->tcpi_min_rtt = usec(tp->min_rtt);
	i->tcpi_delivery_rate = tp->delivery_rate;
	i->tcpi_bytes_sent = tp->bytes_sent;
	i->tcpi_bytes_retrans = tp->bytes_retrans;
	i->tcpi_segs_out = tp->segs_out;
	i->tcpi_segs_in = tp->segs_in;
	i->tcpi_data_segs_out = tp->data_segs_out;
	i->tcpi_data_segs_in = tp->data_segs_in;
	i->tcpi_rwnd_limited = chrono_us(tp, TCP_CHRONO_RWND);
	i->tcpi_sndbuf_limited = chrono_us(tp, TCP_CHRONO_SNDBUF);
	i->tcpi_busy_time = chrono_us(tp, TCP_CHRONO_BUSY) + i->tcpi_rwnd_limited +
			    i->tcpi_sndbuf_limited;
	i->tcpi_delivered = tp->segs_delivered;
	i->tcpi_delivered_ce = tp->segs_delivered_ce;
	i->tcpi_dsack_dups = tp->dsack_dups;
	i->tcpi_reord_seen = tp->reord_seen;
	i->tcpi_rcv_ooopack = tp->rcv_ooopack;
	i->tcpi_snd_wnd = tp->snd_wnd;
}
