/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands_stats.c - every counter of the stack, by floor.
 *
 * The names are a promise to who reads them by machine (docs/observing.md): one may be added,
 * none changes its meaning.
 */
#include <errno.h>
#include <netinet/tcp.h>

#include "control/commands.h"
#include "nic/qdisc.h"

struct counter {
	const char *name;
	size_t offset;			/* of the uint64_t in its struct */
};

static json_t *counters(const struct counter *c, const void *base)
{
	json_t *o = json_object();

	for (; c->name; c++)
		json_object_set_new(o, c->name,
				    json_integer((json_int_t)*(const uint64_t *)
						 ((const char *)base + c->offset)));
	return o;
}

#define C(m) { #m, offsetof(struct ip_stats, m) }
static const struct counter ip_counters[] = {
	C(in_receives), C(in_hdr_errors), C(in_addr_errors), C(in_unknown_protos),
	C(in_discards), C(in_delivers), C(out_requests), C(out_discards), C(out_no_routes),
	C(reasm_timeout), C(reasm_reqds), C(reasm_oks), C(reasm_fails), C(frag_oks),
	C(frag_fails), C(frag_creates), C(in_csum_errors), C(in_martians), C(in_unjoined), { }
};
#undef C

#define C(m) { #m, offsetof(struct icmp_stats, m) }
static const struct counter icmp_counters[] = {
	C(in_msgs), C(in_errors), C(in_csum_errors), C(out_msgs), C(out_errors),
	C(out_rate_limited), C(in_echos), C(out_echo_reps), C(in_dest_unreachs),
	C(in_time_excds), C(in_redirects), C(redirect_limits), { }
};
#undef C

#define C(m) { #m, offsetof(struct igmp_stats, m) }
static const struct counter igmp_counters[] = {
	C(in_msgs), C(in_errors), C(in_csum_errors), C(in_queries), C(in_reports), C(out_msgs),
	{ }
};
#undef C

#define C(m) { #m, offsetof(struct arp_stats, m) }
static const struct counter arp_counters[] = {
	C(in_requests), C(in_replies), C(in_errors), C(in_conflicts), C(out_requests),
	C(out_replies), { }
};
#undef C

#define C(m) { #m, offsetof(struct ndp_stats, m) }
static const struct counter ndp_counters[] = {
	C(in_solicits), C(in_adverts), C(in_errors), C(in_conflicts), C(out_solicits),
	C(out_adverts), { }
};
#undef C

#define C(m) { #m, offsetof(struct ip6_stats, m) }
static const struct counter autoconf_counters[] = {
	C(in_adverts), C(in_redirects), C(in_errors), C(out_solicits), C(dad_failures), C(limits),
	{ }
};
#undef C

#define C(m) { #m, offsetof(struct udp_stats, m) }
static const struct counter udp_counters[] = {
	C(in_datagrams), C(no_ports), C(in_errors), C(out_datagrams), C(rcvbuf_errors),
	C(sndbuf_errors), C(mem_errors), C(in_csum_errors), { }
};
#undef C

#define C(m) { #m, offsetof(struct tcp_stats, m) }
static const struct counter tcp_counters[] = {
	C(active_opens), C(passive_opens), C(attempt_fails), C(estab_resets), C(curr_estab),
	C(in_segs), C(out_segs), C(retrans_segs), C(in_errs), C(out_rsts), C(in_csum_errors),
	C(paws_drops), C(challenge_acks), C(listen_drops), C(ofo_queued), C(ofo_drops),
	C(rcv_pruned), C(dup_acks), C(fast_retrans), C(timeouts), C(delayed_acks),
	C(keepalive_probes), C(zero_window_probes), C(time_waits), C(time_wait_overflow),
	C(bad_seq_resets), C(abort_on_timeout), C(abort_on_close), C(abort_on_data),
	C(abort_on_memory), C(memory_pressures), C(memory_squeezes), C(rcv_collapsed), C(dsack_old_sent), C(dsack_ofo_sent), C(dsack_recv),
	C(dsack_ofo_recv), C(sack_discard), C(dsack_ignored), C(sack_recovery),
	C(reno_recovery), C(sack_renegs), C(sack_reorder), C(lost_retransmit), C(loss_probes),
	C(loss_probe_recovery), C(full_undo), C(partial_undo), C(dsack_undo), C(loss_undo),
	C(spurious_rtos), C(delivered_ce),
	C(listen_overflows), C(syncookies_sent), C(syncookies_recv),
	C(syncookies_failed), C(req_q_full_do_cookies), C(req_q_full_drop),
	C(defer_accept_drop), C(abort_on_linger), C(fastopen_active), C(fastopen_active_fail),
	C(fastopen_passive), C(fastopen_passive_fail), C(fastopen_listen_overflow),
	C(fastopen_cookie_reqd), C(fastopen_blackhole), C(mtup_probes), C(mtup_success),
	C(mtup_fail), C(out_of_window_icmps), C(min_ttl_drops), { }
};
#undef C

#define C(m) { #m, offsetof(struct link_stats, m) }
static const struct counter link_counters[] = {
	C(rx_packets), C(rx_bytes), C(rx_drops), C(rx_errors), C(tx_packets), C(tx_bytes),
	C(tx_drops), C(tx_errors), { }
};
#undef C

#define C(m) { #m, offsetof(struct nic, m) }
static const struct counter nic_counters[] = {
	C(rx_packets), C(rx_bytes), C(rx_drops), C(tx_packets), C(tx_bytes), C(tx_drops),
	C(qdisc_drops), C(ring_drops),
	{ "gro_merged_packets", offsetof(struct nic, gro_stats.merged_packets) },
	{ "gro_merged_segs", offsetof(struct nic, gro_stats.merged_segs) }, { }
};
#undef C

#define C(m) { #m, offsetof(struct qdisc_stats, m) }
static const struct counter qdisc_counters[] = {
	C(bytes), C(packets), C(drops), C(overlimits), C(requeues), C(backlog), C(qlen), { }
};
#undef C

#define C(m) { #m, offsetof(struct neighbour_table, m) }
static const struct counter neighbour_counters[] = {
	C(failures), C(evictions), C(queue_drops), { }
};
#undef C

#define C(m) { #m, offsetof(struct packet_pool, m) }
static const struct counter pool_counters[] = {
	C(used), C(limit), C(peak), C(packets), C(bufs), C(failures), C(cached), { }
};
#undef C

/* By all root qdiscs that the NIC has had; no counter goes back when one is swapped. Drops are
 * among the NIC's own counters. */
static void stats_qdiscs_ever(const struct nic *nic, json_t *o)
{
	const struct qdisc_stats *past = &nic->qdisc_past, *now = &nic->root->stats;

	json_object_set_new(o, "qdisc_packets", json_integer((json_int_t)(past->packets + now->packets)));
	json_object_set_new(o, "qdisc_bytes", json_integer((json_int_t)(past->bytes + now->bytes)));
	json_object_set_new(o, "qdisc_overlimits",
			    json_integer((json_int_t)(past->overlimits + now->overlimits)));
	json_object_set_new(o, "qdisc_requeues",
			    json_integer((json_int_t)(past->requeues + now->requeues)));
}

static json_t *nic_json(const struct nic *nic)
{
	json_t *o = counters(nic_counters, nic);

	json_object_set_new(o, "ring", json_integer(nic->ring.len));
	json_object_set_new(o, "up", json_integer(nic->up));
	json_object_set_new(o, "carrier", json_integer(nic->up && nic->carrier));
	json_object_set_new(o, "mtu", json_integer(nic->mtu));
	if (nic->root)
		stats_qdiscs_ever(nic, o);
	return o;
}

json_t *json_nics(const struct stack *s)
{
	json_t *o = json_object();

	list_for_each(pos, &s->nics.list) {
		const struct nic *nic = list_entry(pos, struct nic, node);

		json_object_set_new(o, nic->name, nic_json(nic));
	}
	return o;
}

json_t *json_links(const struct stack *s)
{
	json_t *o = json_object();

	list_for_each(pos, &s->nics.list) {
		const struct nic *nic = list_entry(pos, struct nic, node);

		if (!nic->loopback)
			json_object_set_new(o, nic->name, counters(link_counters, &nic->link.stats));
	}
	return o;
}

/* Of each NIC the root, which counts what is below it. */
static json_t *root_qdiscs(const struct stack *s)
{
	json_t *list = json_object();

	list_for_each(pos, &s->nics.list) {
		const struct nic *nic = list_entry(pos, struct nic, node);
		json_t *o;

		if (!nic->root)
			continue;
		o = counters(qdisc_counters, &nic->root->stats);
		json_object_set_new(o, "kind", json_string(nic->root->ops->name));
		json_object_set_new(list, nic->name, o);
	}
	return list;
}

static json_t *neighbours(const struct neighbour_table *t)
{
	json_t *o = counters(neighbour_counters, t);

	json_object_set_new(o, "entries", json_integer((json_int_t)t->table.count));
	return o;
}

/* ---- sockets, by kind and state ---- */

/* Every state is there, also one that no connection is in. */
static json_t *tcp_states(const struct tcp *tcp)
{
	static const char *const states[] = {
		[TCP_LISTEN] = "LISTEN", [TCP_SYN_SENT] = "SYN-SENT", [TCP_SYN_RECV] = "SYN-RECV",
		[TCP_ESTABLISHED] = "ESTAB", [TCP_FIN_WAIT1] = "FIN-WAIT-1",
		[TCP_FIN_WAIT2] = "FIN-WAIT-2", [TCP_CLOSING] = "CLOSING",
		[TCP_TIME_WAIT] = "TIME-WAIT", [TCP_CLOSE_WAIT] = "CLOSE-WAIT",
		[TCP_LAST_ACK] = "LAST-ACK",
	};
	json_t *o = json_object();

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		json_int_t n = (json_int_t)tcp->states[i][0] + tcp->states[i][1];

		if (states[i])
			json_object_set_new(o, states[i], json_integer(i == TCP_TIME_WAIT ? tcp->time_waits : n));
	}
	return o;
}

/* As `ctl sockets` calls them: connected to one peer, or not. */
static json_t *datagram_states(const struct sock_set *set)
{
	return json_pack("{s:I, s:I}", "ESTAB", (json_int_t)set->connected, "UNCONN",
			 (json_int_t)(set->count - set->connected));
}

/* What waits in sockets without connections. */
static json_t *datagram_memory(const struct sock_memory *mem)
{
	const struct sock_marks m = sock_memory_marks(mem);

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "used", (json_int_t)mem->used, "low", (json_int_t)m.low,
			 "pressure", (json_int_t)m.pressure, "max", (json_int_t)m.max,
			 "pressures", (json_int_t)mem->pressures, "refused", (json_int_t)mem->refused);
}

static json_t *stats_sockets(const struct stack *s)
{
	return json_pack("{s:o, s:o, s:o}", "tcp", tcp_states(&s->tcp), "udp",
			 datagram_states(&s->udp.set), "raw", datagram_states(&s->raw.set));
}

static int stats(void *arg, struct control_request *rq, json_t **result, struct weir_error *e)
{
	const struct stack *s = rq->instance->stack;
	json_t *tcp = counters(tcp_counters, &s->tcp.stats);

	(void)arg;
	(void)e;
	json_object_set_new(tcp, "orphans", json_integer(s->tcp.orphans));
	json_object_set_new(tcp, "time_waits_now", json_integer(s->tcp.time_waits));
	*result = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
			    "s:o, s:o, s:o, s:o, s:I}",
			    "links", json_links(s), "nics", json_nics(s), "qdiscs", root_qdiscs(s),
			    "ip", counters(ip_counters, &s->ip.stats),
			    "icmp", counters(icmp_counters, &s->ip.icmp_stats),
			    "igmp", counters(igmp_counters, &s->ip.igmp_stats),
			    "arp", counters(arp_counters, &s->ip.arp_stats),
			    "neighbour", neighbours(&s->ip.arp),
			    "ip6", counters(ip_counters, &s->ip.stats6),
			    "icmp6", counters(icmp_counters, &s->ip.icmp6_stats),
			    "ndp", counters(ndp_counters, &s->ip.ndp_stats),
			    "neighbour6", neighbours(&s->ip.ndp),
			    "autoconf6", counters(autoconf_counters, &s->ip.ip6_stats),
			    "udp", counters(udp_counters, &s->udp.stats), "tcp", tcp,
			    "pool", counters(pool_counters, &s->pool),
			    "datagram_memory", datagram_memory(&s->ip.sock_memory),
			    "sockets", stats_sockets(s),
			    "uptime_ns", (json_int_t)(s->env.now - rq->instance->started));
	return *result ? 0 : -ENOMEM;
}

const struct control_command commands_stats[] = {
	{ "stats", stats },
	{ }
};
