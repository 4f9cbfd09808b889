/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl_metrics.c - the statistics in Prometheus's text exposition format, version 0.0.4.
 *
 * Theory of operation
 *
 * One table says what each number of `weir ctl NAME stats -j` is called, of which type it is and
 * what it means; everything is written by going through it. A group of the answer says by its
 * shape which labels its numbers have (struct group). Counters end in _total, and never go back
 * while the sandbox lives: those about qdiscs are the NIC's, over all the root qdiscs that it has
 * had, and have no label kind. What a qdisc holds now is a gauge, and has one. A root counts what is
 * below it, so a child would say nothing new.
 *
 * Each HELP ends with the number's place in the answer, so that the two can be compared.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/ctl.h"
#include "cmd/options.h"

enum type { COUNTER, GAUGE, GAUGE_NS /* ns in the answer, seconds in the metric */ };

enum shape {
	PLAIN,		/* group.key */
	FAMILIES,	/* the same in group and group6: label family */
	NICS,		/* group.NIC.key: label nic */
	QDISCS,		/* the same, and "kind" beside key: labels nic, qdisc, kind */
	SOCKETS,	/* group.kind.state: labels kind, state */
};

/* name: without weir_ and _total. */
struct metric {
	const char *key, *name;
	enum type type;
	const char *help;
};

static const struct metric of_instance[] = {
	{ "uptime_ns", "uptime_seconds", GAUGE_NS, "Time since the stack was started" }, { }
};

static const struct metric of_nics[] = {
	{ "up", "nic_up", GAUGE, "Whether the NIC carries traffic" },
	{ "carrier", "nic_carrier", GAUGE, "Whether somebody is at the other end of the NIC's link" },
	{ "mtu", "nic_mtu_bytes", GAUGE, "Largest IP packet" },
	{ "rx_packets", "nic_receive_packets", COUNTER, "Packets taken in, as they were on the wire" },
	{ "rx_bytes", "nic_receive_bytes", COUNTER, "Bytes taken in, link headers included" },
	{ "rx_drops", "nic_receive_drops", COUNTER, "Frames that were none, or came to a NIC that was down" },
	{ "tx_packets", "nic_transmit_packets", COUNTER, "Packets given to the link, as they are on the wire" },
	{ "tx_bytes", "nic_transmit_bytes", COUNTER, "Bytes given to the link, link headers included" },
	{ "tx_drops", "nic_transmit_drops", COUNTER, "Packets for a NIC that was down" },
	{ "ring", "nic_ring_packets", GAUGE, "Packets that have passed the qdisc and wait for the link" },
	{ "ring_drops", "nic_ring_drops", COUNTER, "Packets dropped since the ring was full" },
	{ "gro_merged_packets", "nic_gro_packets", COUNTER, "Super-segments made of received packets" },
	{ "gro_merged_segs", "nic_gro_segments", COUNTER, "Received packets merged into super-segments" },
	{ "qdisc_packets", "qdisc_sent_packets", COUNTER, "Packets sent by every root qdisc that the NIC has had" },
	{ "qdisc_bytes", "qdisc_sent_bytes", COUNTER, "Bytes sent by every root qdisc that the NIC has had" },
	{ "qdisc_drops", "qdisc_drops", COUNTER, "Packets dropped by every qdisc that the NIC has had" },
	{ "qdisc_overlimits", "qdisc_overlimits", COUNTER, "Times that a root qdisc had to wait" },
	{ "qdisc_requeues", "qdisc_requeues", COUNTER, "Packets moved into a root qdisc from the one before" }, { }
};

static const struct metric of_links[] = {
	{ "rx_packets", "link_receive_packets", COUNTER, "Packets from the device" },
	{ "rx_bytes", "link_receive_bytes", COUNTER, "Bytes from the device" },
	{ "rx_drops", "link_receive_drops", COUNTER, "Packets lost between the device and weir" },
	{ "rx_errors", "link_receive_errors", COUNTER, "Errors of the device when read" },
	{ "tx_packets", "link_transmit_packets", COUNTER, "Packets that the device took; a super-segment is one" },
	{ "tx_bytes", "link_transmit_bytes", COUNTER, "Bytes that the device took" },
	{ "tx_drops", "link_transmit_drops", COUNTER, "Packets that the device refused" },
	{ "tx_errors", "link_transmit_errors", COUNTER, "Errors of the device when written" }, { }
};

static const struct metric of_qdiscs[] = {
	{ "backlog", "qdisc_backlog_bytes", GAUGE, "Bytes that wait in the root qdisc and below it" },
	{ "qlen", "qdisc_backlog_packets", GAUGE, "Packets that wait in the root qdisc and below it" }, { }
};

static const struct metric of_ip[] = {
	{ "in_receives", "ip_receive_packets", COUNTER, "IP packets received" },
	{ "in_hdr_errors", "ip_receive_header_errors", COUNTER, "Packets with a bad header" },
	{ "in_addr_errors", "ip_receive_address_errors", COUNTER, "Packets for addresses that are not ours" },
	{ "in_unknown_protos", "ip_receive_unknown_protocols", COUNTER, "Packets of a protocol that nobody takes" },
	{ "in_discards", "ip_receive_discards", COUNTER, "Good packets dropped for want of memory" },
	{ "in_delivers", "ip_receive_delivered_packets", COUNTER, "Packets given to a transport" },
	{ "in_csum_errors", "ip_receive_checksum_errors", COUNTER, "Packets with a bad header checksum" },
	{ "in_martians", "ip_receive_martians", COUNTER, "Packets from addresses that cannot send" },
	{ "in_unjoined", "ip_receive_unjoined", COUNTER, "Multicasts that nobody here listens to" },
	{ "out_requests", "ip_transmit_packets", COUNTER, "Packets that transports sent" },
	{ "out_discards", "ip_transmit_discards", COUNTER, "Packets to be sent that were dropped" },
	{ "out_no_routes", "ip_transmit_no_routes", COUNTER, "Packets to be sent that had no route" },
	{ "reasm_timeout", "ip_reassembly_timeouts", COUNTER, "Packets whose fragments did not all come in time" },
	{ "reasm_reqds", "ip_reassembly_fragments", COUNTER, "Fragments received" },
	{ "reasm_oks", "ip_reassembled_packets", COUNTER, "Packets joined from fragments" },
	{ "reasm_fails", "ip_reassembly_failures", COUNTER, "Packets that could not be joined" },
	{ "frag_oks", "ip_fragmented_packets", COUNTER, "Packets cut into fragments" },
	{ "frag_fails", "ip_fragmentation_failures", COUNTER, "Packets that could not be cut" },
	{ "frag_creates", "ip_fragments_created", COUNTER, "Fragments made" }, { }
};

static const struct metric of_icmp[] = {
	{ "in_msgs", "icmp_receive_messages", COUNTER, "Messages received" },
	{ "in_errors", "icmp_receive_errors", COUNTER, "Bad messages" },
	{ "in_csum_errors", "icmp_receive_checksum_errors", COUNTER, "Messages with a bad checksum" },
	{ "in_echos", "icmp_receive_echos", COUNTER, "Echo requests received" },
	{ "in_dest_unreachs", "icmp_receive_unreachables", COUNTER, "Destination unreachable, received" },
	{ "in_time_excds", "icmp_receive_time_exceeded", COUNTER, "Time exceeded, received" },
	{ "in_redirects", "icmp_receive_redirects", COUNTER, "Redirects received" },
	{ "redirect_limits", "icmp_redirects_ignored", COUNTER, "Redirects beyond what a NIC remembers" },
	{ "out_msgs", "icmp_transmit_messages", COUNTER, "Messages sent" },
	{ "out_errors", "icmp_transmit_errors", COUNTER, "Messages that could not be sent" },
	{ "out_rate_limited", "icmp_transmit_rate_limited", COUNTER, "Messages kept back by the rate limit" },
	{ "out_echo_reps", "icmp_transmit_echo_replies", COUNTER, "Echo requests answered" }, { }
};

static const struct metric of_neighbours[] = {
	{ "entries", "neighbour_entries", GAUGE, "Neighbours known" },
	{ "failures", "neighbour_failures", COUNTER, "Neighbours that did not answer" },
	{ "evictions", "neighbour_evictions", COUNTER, "Neighbours forgotten to make room" },
	{ "queue_drops", "neighbour_queue_drops", COUNTER, "Packets dropped that waited for a neighbour" }, { }
};

static const struct metric of_arp[] = {
	{ "in_requests", "arp_receive_requests", COUNTER, "Requests received" },
	{ "in_replies", "arp_receive_replies", COUNTER, "Replies received" },
	{ "in_errors", "arp_receive_errors", COUNTER, "Bad messages" },
	{ "in_conflicts", "arp_receive_conflicts", COUNTER, "Others that claim an address of ours" },
	{ "out_requests", "arp_transmit_requests", COUNTER, "Requests sent" },
	{ "out_replies", "arp_transmit_replies", COUNTER, "Replies sent" }, { }
};

static const struct metric of_ndp[] = {
	{ "in_solicits", "ndp_receive_solicitations", COUNTER, "Neighbour solicitations received" },
	{ "in_adverts", "ndp_receive_advertisements", COUNTER, "Neighbour advertisements received" },
	{ "in_errors", "ndp_receive_errors", COUNTER, "Bad messages" },
	{ "in_conflicts", "ndp_receive_conflicts", COUNTER, "Others that claim an address of ours" },
	{ "out_solicits", "ndp_transmit_solicitations", COUNTER, "Neighbour solicitations sent" },
	{ "out_adverts", "ndp_transmit_advertisements", COUNTER, "Neighbour advertisements sent" }, { }
};

static const struct metric of_autoconf[] = {
	{ "in_adverts", "autoconf_receive_advertisements", COUNTER, "Router advertisements received" },
	{ "in_redirects", "autoconf_receive_redirects", COUNTER, "IPv6 redirects followed" },
	{ "in_errors", "autoconf_receive_errors", COUNTER, "Bad messages" },
	{ "out_solicits", "autoconf_transmit_solicitations", COUNTER, "Router solicitations sent" },
	{ "dad_failures", "autoconf_duplicate_addresses", COUNTER, "Addresses that somebody else had already" },
	{ "limits", "autoconf_ignored", COUNTER, "What routers said beyond what a NIC remembers" }, { }
};

static const struct metric of_igmp[] = {
	{ "in_msgs", "igmp_receive_messages", COUNTER, "Messages received" },
	{ "in_errors", "igmp_receive_errors", COUNTER, "Bad messages" },
	{ "in_csum_errors", "igmp_receive_checksum_errors", COUNTER, "Messages with a bad checksum" },
	{ "in_queries", "igmp_receive_queries", COUNTER, "Queries received" },
	{ "in_reports", "igmp_receive_reports", COUNTER, "Reports of others received" },
	{ "out_msgs", "igmp_transmit_messages", COUNTER, "Messages sent" }, { }
};

static const struct metric of_udp[] = {
	{ "in_datagrams", "udp_receive_datagrams", COUNTER, "Datagrams received" },
	{ "no_ports", "udp_receive_no_ports", COUNTER, "Datagrams for a port that nobody has" },
	{ "in_errors", "udp_receive_errors", COUNTER, "Datagrams that could not be delivered" },
	{ "in_csum_errors", "udp_receive_checksum_errors", COUNTER, "Datagrams with a bad checksum" },
	{ "mem_errors", "udp_memory_errors", COUNTER, "Datagrams dropped since all sockets together held too much" },
	{ "rcvbuf_errors", "udp_receive_buffer_errors", COUNTER, "Datagrams dropped since the receive buffer was full" },
	{ "out_datagrams", "udp_transmit_datagrams", COUNTER, "Datagrams sent" },
	{ "sndbuf_errors", "udp_transmit_buffer_errors", COUNTER, "Datagrams refused since the send buffer was full" }, { }
};

static const struct metric of_tcp[] = {
	{ "active_opens", "tcp_active_opens", COUNTER, "Connections begun" },
	{ "passive_opens", "tcp_passive_opens", COUNTER, "Connections taken by listeners" },
	{ "attempt_fails", "tcp_attempt_failures", COUNTER, "Connections that failed before they were established" },
	{ "estab_resets", "tcp_established_resets", COUNTER, "Established connections that were reset" },
	{ "curr_estab", "tcp_established_connections", GAUGE, "Connections in ESTABLISHED and CLOSE-WAIT" },
	{ "orphans", "tcp_orphans", GAUGE, "Connections whose program has closed them" },
	{ "time_waits_now", "tcp_time_wait_connections", GAUGE, "Entries in TIME-WAIT" },
	{ "in_segs", "tcp_receive_segments", COUNTER, "Segments received" },
	{ "out_segs", "tcp_transmit_segments", COUNTER, "Segments sent, those sent again not included" },
	{ "retrans_segs", "tcp_retransmit_segments", COUNTER, "Segments sent again" },
	{ "in_errs", "tcp_receive_errors", COUNTER, "Bad segments" },
	{ "in_csum_errors", "tcp_receive_checksum_errors", COUNTER, "Segments with a bad checksum" },
	{ "out_rsts", "tcp_transmit_resets", COUNTER, "Resets sent" },
	{ "min_ttl_drops", "tcp_min_ttl_drops", COUNTER, "Segments below IP_MINTTL or IPV6_MINHOPCOUNT" },
	{ "paws_drops", "tcp_paws_drops", COUNTER, "Segments dropped for an old timestamp" },
	{ "challenge_acks", "tcp_challenge_acks", COUNTER, "Challenge ACKs sent (RFC 5961)" },
	{ "listen_drops", "tcp_listen_drops", COUNTER, "SYNs and ACKs that a listener dropped" },
	{ "listen_overflows", "tcp_listen_overflows", COUNTER, "Connections dropped since the accept queue was full" },
	{ "ofo_queued", "tcp_out_of_order_segments", COUNTER, "Segments kept that came out of order" },
	{ "ofo_drops", "tcp_out_of_order_drops", COUNTER, "Segments out of order that were dropped" },
	{ "rcv_pruned", "tcp_receive_pruned", COUNTER, "Times that out-of-order data was dropped for want of memory" },
	{ "rcv_collapsed", "tcp_receive_collapsed", COUNTER, "Packets copied together for want of memory" },
	{ "dup_acks", "tcp_duplicate_acks", COUNTER, "Duplicate ACKs received" },
	{ "fast_retrans", "tcp_fast_retransmits", COUNTER, "Segments sent again without a timeout" },
	{ "timeouts", "tcp_timeouts", COUNTER, "Retransmission timeouts" },
	{ "spurious_rtos", "tcp_spurious_timeouts", COUNTER, "Timeouts found to be spurious" },
	{ "delayed_acks", "tcp_delayed_acks", COUNTER, "Delayed ACKs sent" },
	{ "keepalive_probes", "tcp_keepalive_probes", COUNTER, "Keepalive probes sent" },
	{ "zero_window_probes", "tcp_zero_window_probes", COUNTER, "Probes of a closed window sent" },
	{ "time_waits", "tcp_time_waits", COUNTER, "Connections that ended in TIME-WAIT" },
	{ "time_wait_overflow", "tcp_time_wait_overflows", COUNTER, "TIME-WAIT entries that there was no room for" },
	{ "bad_seq_resets", "tcp_bad_sequence_resets", COUNTER, "Resets received whose sequence number was wrong" },
	{ "abort_on_timeout", "tcp_abort_timeouts", COUNTER, "Connections given up since nobody answered" },
	{ "abort_on_close", "tcp_abort_closes", COUNTER, "Connections reset since unread data was left at close" },
	{ "abort_on_data", "tcp_abort_data", COUNTER, "Connections reset since data came after close, or at close by SO_LINGER of 0" },
	{ "abort_on_memory", "tcp_abort_memory", COUNTER, "Orphans reset for want of memory" },
	{ "abort_on_linger", "tcp_abort_lingers", COUNTER, "Connections reset after SO_LINGER or FIN-WAIT-2 ran out" },
	{ "memory_pressures", "tcp_memory_pressures", COUNTER, "Times that the mark of memory pressure was passed" },
	{ "memory_squeezes", "tcp_memory_squeezes", COUNTER, "Times that the highest mark of memory was passed" },
	{ "dsack_old_sent", "tcp_dsack_old_sent", COUNTER, "D-SACKs sent for old data" },
	{ "dsack_ofo_sent", "tcp_dsack_out_of_order_sent", COUNTER, "D-SACKs sent for data out of order" },
	{ "dsack_recv", "tcp_dsack_received", COUNTER, "D-SACKs received for old data" },
	{ "dsack_ofo_recv", "tcp_dsack_out_of_order_received", COUNTER, "D-SACKs received for data out of order" },
	{ "dsack_ignored", "tcp_dsack_ignored", COUNTER, "D-SACKs that made no sense" },
	{ "sack_discard", "tcp_sack_discards", COUNTER, "SACK blocks that made no sense" },
	{ "sack_recovery", "tcp_sack_recoveries", COUNTER, "Recoveries entered by SACK" },
	{ "reno_recovery", "tcp_reno_recoveries", COUNTER, "Recoveries entered by duplicate ACKs" },
	{ "sack_renegs", "tcp_sack_reneges", COUNTER, "Peers that took back what they had selectively acknowledged" },
	{ "sack_reorder", "tcp_sack_reorders", COUNTER, "Reordering seen by SACK" },
	{ "lost_retransmit", "tcp_lost_retransmits", COUNTER, "Segments sent again that were lost again" },
	{ "loss_probes", "tcp_loss_probes", COUNTER, "Tail loss probes sent" },
	{ "loss_probe_recovery", "tcp_loss_probe_recoveries", COUNTER, "Losses mended by a probe" },
	{ "full_undo", "tcp_full_undos", COUNTER, "Recoveries undone whole" },
	{ "partial_undo", "tcp_partial_undos", COUNTER, "Recoveries undone in part" },
	{ "dsack_undo", "tcp_dsack_undos", COUNTER, "Recoveries undone by D-SACK" },
	{ "loss_undo", "tcp_loss_undos", COUNTER, "Timeouts undone" },
	{ "delivered_ce", "tcp_delivered_ce", COUNTER, "Segments delivered with a congestion mark" },
	{ "syncookies_sent", "tcp_syncookies_sent", COUNTER, "SYN cookies sent" },
	{ "syncookies_recv", "tcp_syncookies_received", COUNTER, "Good SYN cookies received" },
	{ "syncookies_failed", "tcp_syncookies_failed", COUNTER, "Bad SYN cookies received" },
	{ "req_q_full_do_cookies", "tcp_syn_queue_full_cookies", COUNTER, "SYNs answered with a cookie since the queue was full" },
	{ "req_q_full_drop", "tcp_syn_queue_full_drops", COUNTER, "SYNs dropped since the queue was full" },
	{ "defer_accept_drop", "tcp_defer_accept_drops", COUNTER, "ACKs passed over by TCP_DEFER_ACCEPT" },
	{ "fastopen_active", "tcp_fastopen_active", COUNTER, "Fast Opens that the peer took" },
	{ "fastopen_active_fail", "tcp_fastopen_active_failures", COUNTER, "Fast Opens that the peer did not take" },
	{ "fastopen_passive", "tcp_fastopen_passive", COUNTER, "Fast Opens taken" },
	{ "fastopen_passive_fail", "tcp_fastopen_passive_failures", COUNTER, "Fast Opens with a bad cookie" },
	{ "fastopen_listen_overflow", "tcp_fastopen_listen_overflows", COUNTER, "Fast Opens beyond the listener's queue" },
	{ "fastopen_cookie_reqd", "tcp_fastopen_cookie_requests", COUNTER, "Fast Open cookies asked for" },
	{ "fastopen_blackhole", "tcp_fastopen_blackholes", COUNTER, "Times that Fast Open was turned off for a black hole" },
	{ "mtup_probes", "tcp_mtu_probes", COUNTER, "Probes of the path MTU sent" },
	{ "mtup_success", "tcp_mtu_probe_successes", COUNTER, "Probes of the path MTU that arrived" },
	{ "mtup_fail", "tcp_mtu_probe_failures", COUNTER, "Probes of the path MTU that were lost" },
	{ "out_of_window_icmps", "tcp_out_of_window_icmps", COUNTER, "ICMP errors about no segment in flight" }, { }
};

static const struct metric of_pool[] = {
	{ "used", "memory_used_bytes", GAUGE, "Memory of packets and buffers in use" },
	{ "limit", "memory_limit_bytes", GAUGE, "What they may take" },
	{ "peak", "memory_peak_bytes", GAUGE, "The most that was in use" },
	{ "cached", "memory_cached_bytes", GAUGE, "Memory that is kept for packets to come" },
	{ "packets", "memory_packets", GAUGE, "Packets in use" },
	{ "bufs", "memory_buffers", GAUGE, "Buffers in use" },
	{ "failures", "memory_failures", COUNTER, "Allocations refused by the limit" }, { }
};

static const struct metric of_datagram_memory[] = {
	{ "used", "datagram_memory_used_bytes", GAUGE, "Memory that waits in sockets without connections" },
	{ "low", "datagram_memory_low_bytes", GAUGE, "Where pressure on it ends" },
	{ "pressure", "datagram_memory_pressure_bytes", GAUGE, "Where pressure on it begins" },
	{ "max", "datagram_memory_max_bytes", GAUGE, "What it may be in all" },
	{ "pressures", "datagram_memory_pressures", COUNTER, "Times that pressure began" },
	{ "refused", "datagram_memory_refused", COUNTER, "Datagrams and errors that found no room in it" }, { }
};

static const struct metric of_intercept[] = {
	{ "notifications", "intercept_notifications", COUNTER, "System calls of programs that came to weir" },
	{ "continued", "intercept_continued", COUNTER, "System calls that the host kernel was left to do" },
	{ "interrupted", "intercept_interrupted", COUNTER, "System calls that ended before they were answered" },
	{ "unknown_options", "intercept_unknown_options", COUNTER, "Socket options that weir does not know" },
	{ "unread_drops", "intercept_unread_drops", COUNTER, "Datagrams dropped while programs left too much unread" },
	{ "waiting", "intercept_waiting", GAUGE, "System calls that wait for their socket" },
	{ "workers", "intercept_workers", GAUGE, "Threads that answer system calls" },
	{ "stuck_calls", "intercept_stuck_calls", COUNTER, "System calls that could not be served in time" },
	{ "sockets", "intercept_sockets", GAUGE, "Sockets that programs hold" }, { }
};

static const struct metric of_sockets[] = {
	{ "", "sockets", GAUGE, "Sockets, by kind and state" }, { }
};

/* Of the answer. name NULL: its numbers stand at the top. */
static const struct group {
	const char *name;
	enum shape shape;
	const struct metric *metrics;
} groups[] = {
	{ NULL, PLAIN, of_instance },
	{ "nics", NICS, of_nics },
	{ "qdiscs", QDISCS, of_qdiscs },
	{ "links", NICS, of_links },
	{ "ip", FAMILIES, of_ip },
	{ "icmp", FAMILIES, of_icmp },
	{ "neighbour", FAMILIES, of_neighbours },
	{ "arp", PLAIN, of_arp },
	{ "ndp", PLAIN, of_ndp },
	{ "autoconf6", PLAIN, of_autoconf },
	{ "igmp", PLAIN, of_igmp },
	{ "udp", PLAIN, of_udp },
	{ "tcp", PLAIN, of_tcp },
	{ "sockets", SOCKETS, of_sockets },
	{ "pool", PLAIN, of_pool },
	{ "datagram_memory", PLAIN, of_datagram_memory },
	{ "intercept", PLAIN, of_intercept },	/* not where nothing is intercepted */
};

/* ---- writing ---- */

struct page {
	FILE *out;
	const char *instance;
};

struct label {
	const char *name, *value;	/* value NULL: there is none */
};

static void write_label(FILE *out, const char *name, const char *value)
{
	fprintf(out, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			putc('\\', out);
		if (*value == '\n')
			fputs("\\n", out);
		else
			putc(*value, out);
	}
	putc('"', out);
}

static void write_name(FILE *out, const struct metric *m)
{
	fprintf(out, "weir_%s%s", m->name, m->type == COUNTER ? "_total" : "");
}

static void sample(const struct page *p, const struct metric *m, const json_t *value,
		   const struct label labels[3])
{
	long long n = (long long)json_integer_value(value);

	if (!json_is_integer(value))
		return;
	write_name(p->out, m);
	putc('{', p->out);
	write_label(p->out, "instance", p->instance);
	for (int i = 0; i < 3 && labels[i].value; i++) {
		putc(',', p->out);
		write_label(p->out, labels[i].name, labels[i].value);
	}
	if (m->type == GAUGE_NS)
		fprintf(p->out, "} %lld.%09lld\n", n / 1000000000, n % 1000000000);
	else
		fprintf(p->out, "} %lld\n", n);
}

static void samples_by_nic(const struct page *p, const struct group *g, const struct metric *m,
			   json_t *nics)
{
	const char *nic;
	json_t *o;

	json_object_foreach(nics, nic, o) {
		const char *kind = json_string_value(json_object_get(o, "kind"));
		const struct label labels[3] = {
			{ "nic", nic }, { "qdisc", g->shape == QDISCS ? "root" : NULL },
			{ "kind", kind },
		};

		sample(p, m, json_object_get(o, m->key), labels);
	}
}

static void samples_of_sockets(const struct page *p, const struct metric *m, json_t *kinds)
{
	const char *kind, *state;
	json_t *states, *n;

	json_object_foreach(kinds, kind, states)
		json_object_foreach(states, state, n)
			sample(p, m, n, (struct label[3]){ { "kind", kind }, { "state", state } });
}

static void samples(const struct page *p, const struct group *g, const struct metric *m,
		    json_t *stats)
{
	json_t *o = g->name ? json_object_get(stats, g->name) : stats;
	char group6[32];

	switch (g->shape) {
	case PLAIN:
		sample(p, m, json_object_get(o, m->key), (struct label[3]){ });
		break;
	case FAMILIES:
		snprintf(group6, sizeof(group6), "%s6", g->name);
		sample(p, m, json_object_get(o, m->key), (struct label[3]){ { "family", "ipv4" } });
		sample(p, m, json_object_get(json_object_get(stats, group6), m->key),
		       (struct label[3]){ { "family", "ipv6" } });
		break;
	case NICS:
	case QDISCS:
		samples_by_nic(p, g, m, o);
		break;
	case SOCKETS:
		samples_of_sockets(p, m, o);
		break;
	}
}

static void metric_write(const struct page *p, const struct group *g, const struct metric *m,
			 json_t *stats)
{
	fputs("# HELP ", p->out);
	write_name(p->out, m);
	fprintf(p->out, " %s (%s%s%s)\n# TYPE ", m->help, g->name ? g->name : "",
		g->name && *m->key ? "." : "", m->key);
	write_name(p->out, m);
	fprintf(p->out, " %s\n", m->type == COUNTER ? "counter" : "gauge");
	samples(p, g, m, stats);
}

void metrics_write(FILE *out, const char *instance, json_t *stats)
{
	const struct page p = { out, instance };

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		for (const struct metric *m = groups[i].metrics; m->key; m++)
			metric_write(&p, &groups[i], m, stats);
}

/* ---- the command ---- */

json_t *metrics_ask(struct ctl *c, struct weir_error *e)
{
	json_t *rq = json_pack("{s:s}", "command", "stats");
	json_t *stats = control_request(c->name, NULL, rq, NULL, 0, NULL, NULL, &c->pid, e);

	json_decref(rq);
	return stats;
}

const struct help_option ctl_metrics_options[] = {
	{ "--listen", "WHERE", "serve it over HTTP at 127.0.0.1:PORT, [::1]:PORT or unix:PATH" },
	{ }
};

int ctl_metrics(struct ctl *c, int argc, char **argv, struct weir_error *e)
{
	const char *where = NULL;
	json_t *stats;

	for (int i = 1; i < argc; i++) {
		int rc = options_value(argc, argv, &i, "--listen", NULL, &where, e);

		if (rc == 0)
			weir_fail(e, EINVAL, "%s: not understood here; metrics takes --listen ADDRESS only",
				  argv[i]);
		if (rc <= 0)
			return CMD_USAGE;
	}
	if (where)
		return metrics_listen(c, where, e);
	stats = metrics_ask(c, e);
	if (stats)
		metrics_write(stdout, c->name, stats);
	json_decref(stats);
	return stats ? 0 : CMD_FAIL;
}
