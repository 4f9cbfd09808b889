/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snmp.c - /proc/net/snmp, netstat and snmp6: the stack's counters under the names that Linux gives them.
 *
 * Every name that Linux 6.18 prints is there, in its order; what weir does not count, or does not do, is 0.
 * The line MPTcpExt and the counters of single types of ICMP (IcmpMsg) are left out, as by a kernel that is
 * without, or has counted none.
 *
 * weir counts UDP's datagrams of both families as one: they are in snmp.
 */
#include <limits.h>

#include "procnet/procnet.h"

#define NOTHING	SIZE_MAX		/* weir counts none of these */
#define FIXED	(SIZE_MAX - 1)
#define DEFAULT_TTL (SIZE_MAX - 2)

struct counter {
	const char *name;
	size_t offset;			/* of the uint64_t in struct stack, or one of these */
	int64_t value;			/* FIXED */
};

#define C(name, field)	{ #name, offsetof(struct stack, field), 0 }
#define N(name)		{ #name, NOTHING, 0 }
#define F(n)		FIXED, n
#define TTL		DEFAULT_TTL, 0

static const struct counter ip[] = {
	{ "Forwarding", F(2) }, { "DefaultTTL", TTL }, C(InReceives, ip.stats.in_receives),
	C(InHdrErrors, ip.stats.in_hdr_errors), C(InAddrErrors, ip.stats.in_addr_errors),
	N(ForwDatagrams), C(InUnknownProtos, ip.stats.in_unknown_protos),
	C(InDiscards, ip.stats.in_discards), C(InDelivers, ip.stats.in_delivers),
	C(OutRequests, ip.stats.out_requests), C(OutDiscards, ip.stats.out_discards),
	C(OutNoRoutes, ip.stats.out_no_routes), C(ReasmTimeout, ip.stats.reasm_timeout),
	C(ReasmReqds, ip.stats.reasm_reqds), C(ReasmOKs, ip.stats.reasm_oks),
	C(ReasmFails, ip.stats.reasm_fails), C(FragOKs, ip.stats.frag_oks),
	C(FragFails, ip.stats.frag_fails), C(FragCreates, ip.stats.frag_creates), N(OutTransmits), { }
};

static const struct counter icmp[] = {
	C(InMsgs, ip.icmp_stats.in_msgs), C(InErrors, ip.icmp_stats.in_errors),
	C(InCsumErrors, ip.icmp_stats.in_csum_errors), C(InDestUnreachs, ip.icmp_stats.in_dest_unreachs),
	C(InTimeExcds, ip.icmp_stats.in_time_excds), N(InParmProbs), N(InSrcQuenchs),
	C(InRedirects, ip.icmp_stats.in_redirects), C(InEchos, ip.icmp_stats.in_echos), N(InEchoReps),
	N(InTimestamps), N(InTimestampReps), N(InAddrMasks), N(InAddrMaskReps),
	C(OutMsgs, ip.icmp_stats.out_msgs), C(OutErrors, ip.icmp_stats.out_errors),
	C(OutRateLimitGlobal, ip.icmp_stats.out_rate_limited), N(OutRateLimitHost), N(OutDestUnreachs),
	N(OutTimeExcds), N(OutParmProbs), N(OutSrcQuenchs), N(OutRedirects), N(OutEchos),
	C(OutEchoReps, ip.icmp_stats.out_echo_reps), N(OutTimestamps), N(OutTimestampReps),
	N(OutAddrMasks), N(OutAddrMaskReps), { }
};

static const struct counter tcp[] = {
	{ "RtoAlgorithm", F(1) }, { "RtoMin", F(200) }, { "RtoMax", F(120000) }, { "MaxConn", F(-1) },
	C(ActiveOpens, tcp.stats.active_opens), C(PassiveOpens, tcp.stats.passive_opens),
	C(AttemptFails, tcp.stats.attempt_fails), C(EstabResets, tcp.stats.estab_resets),
	C(CurrEstab, tcp.stats.curr_estab), C(InSegs, tcp.stats.in_segs), C(OutSegs, tcp.stats.out_segs),
	C(RetransSegs, tcp.stats.retrans_segs), C(InErrs, tcp.stats.in_errs),
	C(OutRsts, tcp.stats.out_rsts), C(InCsumErrors, tcp.stats.in_csum_errors), { }
};

static const struct counter udp[] = {
	C(InDatagrams, udp.stats.in_datagrams), C(NoPorts, udp.stats.no_ports),
	C(InErrors, udp.stats.in_errors), C(OutDatagrams, udp.stats.out_datagrams),
	C(RcvbufErrors, udp.stats.rcvbuf_errors), C(SndbufErrors, udp.stats.sndbuf_errors),
	C(InCsumErrors, udp.stats.in_csum_errors), N(IgnoredMulti), C(MemErrors, udp.stats.mem_errors), { }
};

static const struct counter udplite[] = {
	N(InDatagrams), N(NoPorts), N(InErrors), N(OutDatagrams), N(RcvbufErrors), N(SndbufErrors),
	N(InCsumErrors), N(IgnoredMulti), N(MemErrors), { }
};

static const struct counter tcp_ext[] = {
	C(SyncookiesSent, tcp.stats.syncookies_sent), C(SyncookiesRecv, tcp.stats.syncookies_recv),
	C(SyncookiesFailed, tcp.stats.syncookies_failed), N(EmbryonicRsts), N(PruneCalled),
	C(RcvPruned, tcp.stats.rcv_pruned), N(OfoPruned),
	C(OutOfWindowIcmps, tcp.stats.out_of_window_icmps), N(LockDroppedIcmps), N(ArpFilter),
	C(TW, tcp.stats.time_waits), N(TWRecycled), N(TWKilled), N(PAWSActive),
	C(PAWSEstab, tcp.stats.paws_drops), N(BeyondWindow), N(TSEcrRejected), N(PAWSOldAck),
	N(PAWSTimewait), C(DelayedACKs, tcp.stats.delayed_acks), N(DelayedACKLocked), N(DelayedACKLost),
	C(ListenOverflows, tcp.stats.listen_overflows), C(ListenDrops, tcp.stats.listen_drops),
	N(TCPHPHits), N(TCPPureAcks), N(TCPHPAcks), C(TCPRenoRecovery, tcp.stats.reno_recovery),
	C(TCPSackRecovery, tcp.stats.sack_recovery), C(TCPSACKReneging, tcp.stats.sack_renegs),
	C(TCPSACKReorder, tcp.stats.sack_reorder), N(TCPRenoReorder), N(TCPTSReorder),
	C(TCPFullUndo, tcp.stats.full_undo), C(TCPPartialUndo, tcp.stats.partial_undo),
	C(TCPDSACKUndo, tcp.stats.dsack_undo), C(TCPLossUndo, tcp.stats.loss_undo),
	C(TCPLostRetransmit, tcp.stats.lost_retransmit), N(TCPRenoFailures), N(TCPSackFailures),
	N(TCPLossFailures), C(TCPFastRetrans, tcp.stats.fast_retrans), N(TCPSlowStartRetrans),
	C(TCPTimeouts, tcp.stats.timeouts), C(TCPLossProbes, tcp.stats.loss_probes),
	C(TCPLossProbeRecovery, tcp.stats.loss_probe_recovery), N(TCPRenoRecoveryFail),
	N(TCPSackRecoveryFail), C(TCPRcvCollapsed, tcp.stats.rcv_collapsed), N(TCPBacklogCoalesce),
	C(TCPDSACKOldSent, tcp.stats.dsack_old_sent), C(TCPDSACKOfoSent, tcp.stats.dsack_ofo_sent),
	C(TCPDSACKRecv, tcp.stats.dsack_recv), C(TCPDSACKOfoRecv, tcp.stats.dsack_ofo_recv),
	C(TCPAbortOnData, tcp.stats.abort_on_data), C(TCPAbortOnClose, tcp.stats.abort_on_close),
	C(TCPAbortOnMemory, tcp.stats.abort_on_memory), C(TCPAbortOnTimeout, tcp.stats.abort_on_timeout),
	C(TCPAbortOnLinger, tcp.stats.abort_on_linger), N(TCPAbortFailed),
	C(TCPMemoryPressures, tcp.stats.memory_pressures), N(TCPMemoryPressuresChrono),
	C(TCPSACKDiscard, tcp.stats.sack_discard), N(TCPDSACKIgnoredOld), N(TCPDSACKIgnoredNoUndo),
	C(TCPSpuriousRTOs, tcp.stats.spurious_rtos), N(TCPMD5NotFound), N(TCPMD5Unexpected),
	N(TCPMD5Failure), N(TCPSackShifted), N(TCPSackMerged), N(TCPSackShiftFallback), N(TCPBacklogDrop),
	N(PFMemallocDrop), C(TCPMinTTLDrop, tcp.stats.min_ttl_drops),
	C(TCPDeferAcceptDrop, tcp.stats.defer_accept_drop), N(IPReversePathFilter),
	C(TCPTimeWaitOverflow, tcp.stats.time_wait_overflow),
	C(TCPReqQFullDoCookies, tcp.stats.req_q_full_do_cookies),
	C(TCPReqQFullDrop, tcp.stats.req_q_full_drop), N(TCPRetransFail), N(TCPRcvCoalesce),
	C(TCPOFOQueue, tcp.stats.ofo_queued), C(TCPOFODrop, tcp.stats.ofo_drops), N(TCPOFOMerge),
	C(TCPChallengeACK, tcp.stats.challenge_acks), N(TCPSYNChallenge),
	C(TCPFastOpenActive, tcp.stats.fastopen_active),
	C(TCPFastOpenActiveFail, tcp.stats.fastopen_active_fail),
	C(TCPFastOpenPassive, tcp.stats.fastopen_passive),
	C(TCPFastOpenPassiveFail, tcp.stats.fastopen_passive_fail),
	C(TCPFastOpenListenOverflow, tcp.stats.fastopen_listen_overflow),
	C(TCPFastOpenCookieReqd, tcp.stats.fastopen_cookie_reqd),
	C(TCPFastOpenBlackhole, tcp.stats.fastopen_blackhole), N(TCPSpuriousRtxHostQueues),
	N(BusyPollRxPackets), N(TCPAutoCorking), N(TCPFromZeroWindowAdv), N(TCPToZeroWindowAdv),
	N(TCPWantZeroWindowAdv), N(TCPSynRetrans), N(TCPOrigDataSent), N(TCPHystartTrainDetect),
	N(TCPHystartTrainCwnd), N(TCPHystartDelayDetect), N(TCPHystartDelayCwnd), N(TCPACKSkippedSynRecv),
	N(TCPACKSkippedPAWS), N(TCPACKSkippedSeq), N(TCPACKSkippedFinWait2), N(TCPACKSkippedTimeWait),
	N(TCPACKSkippedChallenge), C(TCPWinProbe, tcp.stats.zero_window_probes),
	C(TCPKeepAlive, tcp.stats.keepalive_probes), C(TCPMTUPFail, tcp.stats.mtup_fail),
	C(TCPMTUPSuccess, tcp.stats.mtup_success), N(TCPDelivered),
	C(TCPDeliveredCE, tcp.stats.delivered_ce), N(TCPAckCompressed), N(TCPZeroWindowDrop),
	N(TCPRcvQDrop), N(TCPWqueueTooBig), N(TCPFastOpenPassiveAltKey), N(TcpTimeoutRehash),
	N(TcpDuplicateDataRehash), N(TCPDSACKRecvSegs),
	C(TCPDSACKIgnoredDubious, tcp.stats.dsack_ignored), N(TCPMigrateReqSuccess),
	N(TCPMigrateReqFailure), N(TCPPLBRehash), N(TCPAORequired), N(TCPAOBad), N(TCPAOKeyNotFound),
	N(TCPAOGood), N(TCPAODroppedIcmps), { }
};

static const struct counter ip_ext[] = {
	N(InNoRoutes), N(InTruncatedPkts), N(InMcastPkts), N(OutMcastPkts), N(InBcastPkts),
	N(OutBcastPkts), N(InOctets), N(OutOctets), N(InMcastOctets), N(OutMcastOctets), N(InBcastOctets),
	N(OutBcastOctets), C(InCsumErrors, ip.stats.in_csum_errors), N(InNoECTPkts), N(InECT1Pkts),
	N(InECT0Pkts), N(InCEPkts), N(ReasmOverlaps), { }
};

static const struct counter six[] = {
	C(Ip6InReceives, ip.stats6.in_receives), C(Ip6InHdrErrors, ip.stats6.in_hdr_errors),
	N(Ip6InTooBigErrors), N(Ip6InNoRoutes), C(Ip6InAddrErrors, ip.stats6.in_addr_errors),
	C(Ip6InUnknownProtos, ip.stats6.in_unknown_protos), N(Ip6InTruncatedPkts),
	C(Ip6InDiscards, ip.stats6.in_discards), C(Ip6InDelivers, ip.stats6.in_delivers),
	N(Ip6OutForwDatagrams), C(Ip6OutRequests, ip.stats6.out_requests),
	C(Ip6OutDiscards, ip.stats6.out_discards), C(Ip6OutNoRoutes, ip.stats6.out_no_routes),
	C(Ip6ReasmTimeout, ip.stats6.reasm_timeout), C(Ip6ReasmReqds, ip.stats6.reasm_reqds),
	C(Ip6ReasmOKs, ip.stats6.reasm_oks), C(Ip6ReasmFails, ip.stats6.reasm_fails),
	C(Ip6FragOKs, ip.stats6.frag_oks), C(Ip6FragFails, ip.stats6.frag_fails),
	C(Ip6FragCreates, ip.stats6.frag_creates), N(Ip6InMcastPkts), N(Ip6OutMcastPkts), N(Ip6InOctets),
	N(Ip6OutOctets), N(Ip6InMcastOctets), N(Ip6OutMcastOctets), N(Ip6InBcastOctets),
	N(Ip6OutBcastOctets), N(Ip6InNoECTPkts), N(Ip6InECT1Pkts), N(Ip6InECT0Pkts), N(Ip6InCEPkts),
	N(Ip6OutTransmits), C(Icmp6InMsgs, ip.icmp6_stats.in_msgs),
	C(Icmp6InErrors, ip.icmp6_stats.in_errors), C(Icmp6OutMsgs, ip.icmp6_stats.out_msgs),
	C(Icmp6OutErrors, ip.icmp6_stats.out_errors), C(Icmp6InCsumErrors, ip.icmp6_stats.in_csum_errors),
	C(Icmp6OutRateLimitHost, ip.icmp6_stats.out_rate_limited),
	C(Icmp6InDestUnreachs, ip.icmp6_stats.in_dest_unreachs), N(Icmp6InPktTooBigs),
	C(Icmp6InTimeExcds, ip.icmp6_stats.in_time_excds), N(Icmp6InParmProblems),
	C(Icmp6InEchos, ip.icmp6_stats.in_echos), N(Icmp6InEchoReplies), N(Icmp6InGroupMembQueries),
	N(Icmp6InGroupMembResponses), N(Icmp6InGroupMembReductions), N(Icmp6InRouterSolicits),
	C(Icmp6InRouterAdvertisements, ip.ip6_stats.in_adverts),
	C(Icmp6InNeighborSolicits, ip.ndp_stats.in_solicits),
	C(Icmp6InNeighborAdvertisements, ip.ndp_stats.in_adverts),
	C(Icmp6InRedirects, ip.ip6_stats.in_redirects), N(Icmp6InMLDv2Reports), N(Icmp6OutDestUnreachs),
	N(Icmp6OutPktTooBigs), N(Icmp6OutTimeExcds), N(Icmp6OutParmProblems), N(Icmp6OutEchos),
	C(Icmp6OutEchoReplies, ip.icmp6_stats.out_echo_reps), N(Icmp6OutGroupMembQueries),
	N(Icmp6OutGroupMembResponses), N(Icmp6OutGroupMembReductions),
	C(Icmp6OutRouterSolicits, ip.ip6_stats.out_solicits), N(Icmp6OutRouterAdvertisements),
	C(Icmp6OutNeighborSolicits, ip.ndp_stats.out_solicits),
	C(Icmp6OutNeighborAdvertisements, ip.ndp_stats.out_adverts), N(Icmp6OutRedirects),
	N(Icmp6OutMLDv2Reports), N(Udp6InDatagrams), N(Udp6NoPorts), N(Udp6InErrors), N(Udp6OutDatagrams),
	N(Udp6RcvbufErrors), N(Udp6SndbufErrors), N(Udp6InCsumErrors), N(Udp6IgnoredMulti),
	N(Udp6MemErrors), N(UdpLite6InDatagrams), N(UdpLite6NoPorts), N(UdpLite6InErrors),
	N(UdpLite6OutDatagrams), N(UdpLite6RcvbufErrors), N(UdpLite6SndbufErrors),
	N(UdpLite6InCsumErrors), N(UdpLite6MemErrors), { }
};

#undef C
#undef N
#undef F
#undef TTL

static long long value(const struct counter *c, const struct stack *s)
{
	switch (c->offset) {
	case NOTHING:
		return 0;
	case FIXED:
		return c->value;
	case DEFAULT_TTL:
		return s->ip.ttl;
	default:
		return (long long)*(const uint64_t *)(const void *)((const char *)s + c->offset);
	}
}

/* ---- snmp and netstat: a line of names, a line of values ---- */

struct group_of {
	const char *name;
	const struct counter *counters;
};

static const struct group_of snmp_groups[] = {
	{ "Ip", ip }, { "Icmp", icmp }, { "Tcp", tcp }, { "Udp", udp }, { "UdpLite", udplite }, { }
};
static const struct group_of netstat_groups[] = {
	{ "TcpExt", tcp_ext }, { "IpExt", ip_ext }, { }
};

/* Both lines, whole or not at all, as one row. */
static bool put_group(const struct group_of *g, const struct stack *s, struct procnet_out *out)
{
	size_t len = out->len;
	unsigned int rows = out->rows;
	bool ok;

	if (!rows)
		return false;
	out->rows = UINT_MAX;
	ok = procnet_put(out, "%s:", g->name);

	for (const struct counter *c = g->counters; ok && c->name; c++)
		ok = procnet_put(out, " %s", c->name);
	ok = ok && procnet_put(out, "\n%s:", g->name);
	for (const struct counter *c = g->counters; ok && c->name; c++)
		ok = procnet_put(out, " %lld", value(c, s));
	ok = ok && procnet_put(out, "\n");
	if (!ok)
		out->len = len;
	out->rows = rows - ok;
	return ok;
}

/* at: how many groups have been told. */
static bool groups(const struct group_of *all, const struct stack *s, struct procnet_cursor *c,
		   struct procnet_out *out)
{
	for (; all[c->at[0]].name; c->at[0]++)
		if (!put_group(&all[c->at[0]], s, out))
			return false;
	return true;
}

static bool snmp(const struct procnet_file *f, const struct stack *s, struct procnet_cursor *c,
		 struct procnet_out *out)
{
	(void)f;
	return groups(snmp_groups, s, c, out);
}

static bool netstat(const struct procnet_file *f, const struct stack *s, struct procnet_cursor *c,
		    struct procnet_out *out)
{
	(void)f;
	return groups(netstat_groups, s, c, out);
}

/* ---- snmp6: a line each. at: how many have been told ---- */

static bool snmp6(const struct procnet_file *f, const struct stack *s, struct procnet_cursor *c,
		  struct procnet_out *out)
{
	(void)f;
	for (; six[c->at[0]].name; c->at[0]++)
		if (!procnet_put(out, "%-32s\t%lld\n", six[c->at[0]].name, value(&six[c->at[0]], s)))
			return false;
	return true;
}

const struct procnet_file procnet_snmp[] = {
	{ .name = "snmp", .write = snmp },
	{ .name = "netstat", .write = netstat },
	{ .name = "snmp6", .write = snmp6 },
	{ }
};
