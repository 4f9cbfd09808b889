/* SPDX-License-Identifier: Apache-2.0 */
/* test_ndp.c - neighbours and routers as IPv6 learns of them. Sections are RFC 4861's unless
 * named. */
#include "ndpnet.h"

static void ready(void)
{
	start(&defaults);
	testnet_run(&tn, 3 * SEC);
	testnet_discard(eth);
}

static struct neighbour *neighbour(const char *addr)
{
	struct ip_addr a = testnet_addr(addr);

	return neighbour_find(&tn.ip.ndp, eth, a.b);
}

/* A datagram to addr leaves, or waits for its neighbour. */
static void send_one(const char *addr)
{
	struct flow f = { .dst = testnet_addr(addr), .proto = 59 };
	struct dst d;

	ck_assert_int_eq(route_lookup(&tn.ip, &f, &d), 0);
	ck_assert_int_eq(ip_output(&tn.ip, payload("x", 1), &f, &d), 0);
	testnet_run(&tn, 0);
}

/* ---- solicitations ---- */

/* 7.1.1: each of these is silently discarded. */
START_TEST(bad_solicitations)
{
	uint8_t msg[40];
	uint64_t errors;

	add("2001:db8::1", 64);
	start(&defaults);
	errors = tn.ip.ndp_stats.in_errors;
	nd(msg, NDP_SOLICIT, 0, "2001:db8::1");
	lladdr(msg + 24, NDP_OPT_SOURCE_LL, 2);
	feed6(HOST, "2001:db8::1", 254, msg, 32);		/* has passed a router */
	msg[1] = 1;
	feed6(HOST, "2001:db8::1", 255, msg, 32);		/* code */
	msg[1] = 0;
	feed6(HOST, "2001:db8::1", 255, msg, 20);		/* short */
	feed6(HOST, "2001:db8::1", 255, msg, 30);		/* an option cut off */
	msg[25] = 0;
	feed6(HOST, "2001:db8::1", 255, msg, 32);		/* an option of length zero */
	msg[25] = 2;
	feed6(HOST, "2001:db8::1", 255, msg, 32);		/* longer than the message */
	msg[25] = 1;
	feed6("::", solicited("2001:db8::1"), 255, msg, 32);	/* nobody has a link address */
	feed6("::", "ff02::1", 255, msg, 24);			/* nobody asks all */
	msg[8] = 0xff;
	feed6(HOST, "2001:db8::1", 255, msg, 32);		/* about a group */
	ck_assert_uint_eq(tn.ip.ndp_stats.in_errors - errors, 9);
	ck_assert_int_eq(count(NDP_ADVERT), 0);
	ck_assert_ptr_null(neighbour(HOST));
}
END_TEST

/* 7.2.3, 7.2.4: solicited and override, to who asked, whose link address is noted as stale. */
START_TEST(solicitation_is_answered)
{
	uint8_t msg[32];
	struct seen s;

	add("2001:db8::1", 64);
	nd(msg, NDP_SOLICIT, 0, "2001:db8::1");
	lladdr(msg + 24, NDP_OPT_SOURCE_LL, 7);
	feed6(HOST, solicited("2001:db8::1"), 255, msg, 32);
	ck_assert(take(NDP_ADVERT, &s));
	ck_assert_str_eq(text_of(&s.src), "2001:db8::1");
	ck_assert_str_eq(text_of(&s.dst), HOST);
	ck_assert_uint_eq(s.hops, 255);
	ck_assert_uint_eq(get_be32(s.msg + 4), NA_S | NA_O);
	ck_assert_uint_eq(s.msg[24], NDP_OPT_TARGET_LL);
	ck_assert_mem_eq(s.msg + 26, eth->addr, 6);
	ck_assert_uint_eq(s.mac[5], 7);
	ck_assert_int_eq(neighbour(HOST)->state, NUD_DELAY);	/* stale, and just used */
	/* 7.2.4: who looks for duplicates is told so with all others. */
	feed6("::", solicited("2001:db8::1"), 255, msg, 24);
	ck_assert(take(NDP_ADVERT, &s));
	ck_assert_str_eq(text_of(&s.dst), "ff02::1");
	ck_assert_uint_eq(get_be32(s.msg + 4), NA_O);
	/* A stranger, from no network of this link, is answered by way of the routers and not
	 * noted. */
	feed6("2001:db8:77::1", solicited("2001:db8::1"), 255, msg, 32);
	ck_assert_int_eq(neighbour("2001:db8:77::1") && neighbour("2001:db8:77::1")->state == NUD_STALE, 0);
}
END_TEST

/* 7.2.2: three solicitations a second apart, to the solicited-node group, from our address. */
START_TEST(resolution)
{
	struct seen s;

	add("2001:db8::1", 64);
	send_one(HOST);
	ck_assert(take(NDP_SOLICIT, &s));
	ck_assert_str_eq(text_of(&s.dst), solicited(HOST));
	ck_assert_str_eq(text_of(&s.src), "2001:db8::1");
	ck_assert_uint_eq(s.msg[24], NDP_OPT_SOURCE_LL);
	testnet_run(&tn, 2 * SEC + 100 * MSEC);
	ck_assert_int_eq(count(NDP_SOLICIT), 2);
	advert(HOST, "2001:db8::1", NA_S | NA_O, HOST, 9);
	ck_assert_int_eq(neighbour(HOST)->state, NUD_REACHABLE);
	ck_assert_uint_eq(testnet_captured(eth), 1);		/* what had waited */
}
END_TEST

/* ---- advertisements: 7.2.5, line by line ---- */

static const struct {
	enum nud_state before;
	uint32_t flags;
	uint8_t ll;			/* 0 = no option; 2 is what is known */
	enum nud_state after;
	uint8_t known;			/* the last byte afterwards */
} rules[] = {
	{ NUD_REACHABLE, 0, 2, NUD_REACHABLE, 2 },
	{ NUD_STALE, 0, 2, NUD_STALE, 2 },
	{ NUD_STALE, NA_S, 2, NUD_REACHABLE, 2 },
	{ NUD_STALE, NA_S, 0, NUD_REACHABLE, 2 },
	{ NUD_STALE, NA_S | NA_O, 3, NUD_REACHABLE, 3 },
	{ NUD_STALE, NA_O, 3, NUD_STALE, 3 },
	{ NUD_REACHABLE, NA_O, 3, NUD_STALE, 3 },
	{ NUD_REACHABLE, NA_O, 2, NUD_REACHABLE, 2 },
	{ NUD_REACHABLE, 0, 3, NUD_STALE, 2 },		/* (I): no override: doubt, nothing more */
	{ NUD_REACHABLE, NA_S, 3, NUD_STALE, 2 },
	{ NUD_STALE, NA_S, 3, NUD_STALE, 2 },
};

START_TEST(advertisement_rules)
{
	struct ip_addr a = testnet_addr(HOST);
	const uint8_t known[6] = { 2, 0, 0, 0, 0, 2 };
	struct neighbour *n;

	add("2001:db8::1", 64);
	neighbour_update(&tn.ip.ndp, eth, a.b, known, rules[_i].before == NUD_REACHABLE, true, true);
	n = neighbour(HOST);
	ck_assert_int_eq(n->state, rules[_i].before);
	advert(HOST, "2001:db8::1", rules[_i].flags, HOST, rules[_i].ll);
	ck_assert_int_eq(n->state, rules[_i].after);
	ck_assert_uint_eq(n->addr[5], rules[_i].known);
}
END_TEST

/* 7.2.5: nobody asked, nobody is known: nothing is noted. 7.1.2: solicited, to a group:
 * discarded. */
START_TEST(advertisements_not_asked_for)
{
	add("2001:db8::1", 64);
	advert(HOST, "2001:db8::1", NA_S | NA_O, HOST, 9);
	ck_assert_ptr_null(neighbour(HOST));
	send_one(HOST);
	advert(HOST, "ff02::1", NA_S | NA_O, HOST, 9);
	advert(HOST, "2001:db8::1", NA_S | NA_O, HOST, 0);	/* and no link address: no help */
	ck_assert_int_eq(neighbour(HOST)->state, NUD_INCOMPLETE);
	ck_assert_uint_eq(tn.ip.ndp_stats.in_errors, 1);
}
END_TEST

/* Somebody claims what is ours: counted, logged, and contradicted, at most every ten seconds. */
START_TEST(claims_are_contradicted)
{
	add("2001:db8::1", 64);
	for (int i = 0; i < 5; i++)
		advert("2001:db8::1", "ff02::1", NA_O, "2001:db8::1", 9);
	/* what seems to come from us is dropped as such */
	ck_assert_uint_eq(tn.ip.ndp_stats.in_conflicts, 0);
	for (int i = 0; i < 5; i++)
		advert(HOST, "ff02::1", NA_O, "2001:db8::1", 9);
	ck_assert_uint_eq(tn.ip.ndp_stats.in_conflicts, 5);
	ck_assert_int_eq(tn.logged, 1);
	ck_assert_int_eq(count(NDP_ADVERT), 1);
	ck_assert_ptr_null(neighbour("2001:db8::1"));
}
END_TEST

/* 7.3.3: DELAY, three unicast probes, then it is gone. */
START_TEST(unreachability)
{
	struct ip_addr a = testnet_addr(HOST);
	const uint8_t known[6] = { 2, 0, 0, 0, 0, 2 };
	struct seen s;

	add("2001:db8::1", 64);
	neighbour_update(&tn.ip.ndp, eth, a.b, known, false, true, true);
	send_one(HOST);
	testnet_discard(eth);
	ck_assert_int_eq(neighbour(HOST)->state, NUD_DELAY);
	testnet_run(&tn, 5 * SEC + 10 * MSEC);
	ck_assert_int_eq(neighbour(HOST)->state, NUD_PROBE);
	ck_assert(take(NDP_SOLICIT, &s));
	ck_assert_str_eq(text_of(&s.dst), HOST);
	ck_assert_uint_eq(s.mac[5], 2);
	testnet_run(&tn, 3 * SEC);
	ck_assert_int_eq(count(NDP_SOLICIT), 2);
	ck_assert_int_eq(neighbour(HOST)->state, NUD_FAILED);
}
END_TEST

/* RFC 4861 7.3.1: progress of an upper layer ends it in every state, and nobody is asked any
 * more. */
START_TEST(confirmed_by_progress)
{
	struct ip_addr a = testnet_addr(HOST);
	const uint8_t known[6] = { 2, 0, 0, 0, 0, 2 };

	add("2001:db8::1", 64);
	neighbour_update(&tn.ip.ndp, eth, a.b, known, false, true, true);
	if (_i)
		send_one(HOST);
	if (_i == 2)
		testnet_run(&tn, 5 * SEC + 10 * MSEC);
	ck_assert_int_eq(neighbour(HOST)->state, _i == 0 ? NUD_STALE : _i == 1 ? NUD_DELAY : NUD_PROBE);
	testnet_discard(eth);
	neighbour_confirm(&tn.ip.ndp, eth, a.b);
	ck_assert_int_eq(neighbour(HOST)->state, NUD_REACHABLE);
	testnet_run(&tn, 100 * SEC);
	ck_assert_int_eq(count(NDP_SOLICIT), 0);
	ck_assert_int_eq(neighbour(HOST)->state, NUD_STALE);
}
END_TEST

/* ---- routers ---- */

/* RFC 7559 section 2.1: soon, then after 4, 8, 16 ... s, each a tenth more or less; not for
 * ever. */
START_TEST(solicitations_back_off)
{
	uint64_t at, last = 0, wait, before = 0;

	start(&defaults);
	testnet_run(&tn, 2 * SEC);
	for (int i = 0; i < 12; i++) {
		struct seen s;

		while (!take(NDP_ROUTER_SOLICIT, &s))
			testnet_run(&tn, 20 * MSEC);
		at = tn.env.now;
		ck_assert_str_eq(text_of(&s.dst), "ff02::2");
		ck_assert_str_eq(text_of(&s.src), text_of(&linklocal()->addr));
		ck_assert_uint_eq(s.msg[8], NDP_OPT_SOURCE_LL);
		wait = at - last;
		if (i == 1)
			ck_assert(wait >= 36 * SEC / 10 - 50 * MSEC && wait <= 44 * SEC / 10 + 50 * MSEC);
		if (i > 1 && before < 1700 * SEC)
			ck_assert(wait >= before * 19 / 10 - 100 * MSEC &&
				  wait <= before * 21 / 10 + 100 * MSEC);
		if (i > 10)
			ck_assert(wait >= 3240 * SEC && wait <= 3961 * SEC);
		before = wait;
		last = at;
	}
	ra_simple(ROUTER, 0, 100, 100);		/* no default router: go on */
	ck_assert(timer_armed(&eth->ip6->solicit));
	ra_simple(ROUTER, 1800, 100, 100);
	testnet_run(&tn, 1700 * SEC);
	ck_assert_int_eq(count(NDP_ROUTER_SOLICIT), 0);
	testnet_run(&tn, 200 * SEC);		/* the router's time is over: another is looked for */
	ck_assert_int_ge(count(NDP_ROUTER_SOLICIT), 1);
}
END_TEST

/* 6.1.2: each of these is discarded. */
START_TEST(bad_advertisements_of_routers)
{
	struct ra ra = ra_new(1800, 0);

	ready();
	feed6(HOST, "ff02::1", 255, ra.msg, 16);	/* not link-local */
	feed6(ROUTER, "ff02::1", 254, ra.msg, 16);
	feed6(ROUTER, "ff02::1", 255, ra.msg, 15);
	ra.msg[1] = 1;
	feed6(ROUTER, "ff02::1", 255, ra.msg, 16);
	ra.msg[1] = 0;
	ra.msg[16] = 5;
	ra.msg[17] = 0;
	feed6(ROUTER, "ff02::1", 255, ra.msg, 24);	/* an option of length zero */
	ra.msg[17] = 2;
	feed6(ROUTER, "ff02::1", 255, ra.msg, 24);	/* and one cut off */
	ck_assert_uint_eq(tn.ip.ndp_stats.in_errors, 6);
	ck_assert_uint_eq(eth->ip6->nrouters, 0);
	ck_assert_str_eq(next_hop("2001:db8:9::1"), "none");
}
END_TEST

/* 6.3.4: a default router, for as long as it says; its link address is noted. */
START_TEST(default_router)
{
	ready();
	ra_simple(ROUTER, 100, 1000, 1000);
	ck_assert_str_eq(next_hop("2001:db9::1"), ROUTER);
	ck_assert_int_eq(neighbour(ROUTER)->state, NUD_STALE);
	ck_assert(neighbour(ROUTER)->router);
	testnet_run(&tn, 90 * SEC);
	ra_simple(ROUTER, 100, 1000, 1000);
	testnet_run(&tn, 90 * SEC);
	ck_assert_str_eq(next_hop("2001:db9::1"), ROUTER);
	testnet_run(&tn, 11 * SEC);
	ck_assert_str_eq(next_hop("2001:db9::1"), "none");
	ra_simple(ROUTER, 100, 1000, 1000);
	ra_simple(ROUTER, 0, 1000, 1000);	/* ceases to be one */
	ck_assert_str_eq(next_hop("2001:db9::1"), "none");
	ck_assert_str_eq(next_hop("2001:db8::5"), "2001:db8::5");	/* 6.3.4: on the link, by prefix */
}
END_TEST

/* RFC 4191 section 3.1: the preferred one, and when they are alike the one that was there. */
START_TEST(preference_of_routers)
{
	struct ra low = ra_new(1800, 3 << 3), medium = ra_new(1800, 0), high = ra_new(1800, 1 << 3);

	ready();
	ra_feed(&low, ROUTER);
	ck_assert_str_eq(next_hop("2001:db9::1"), ROUTER);
	ra_feed(&medium, ROUTER2);
	ck_assert_str_eq(next_hop("2001:db9::1"), ROUTER2);
	ra_feed(&medium, "fe80::3");
	ck_assert_str_eq(next_hop("2001:db9::1"), ROUTER2);
	ra_feed(&high, ROUTER);
	ck_assert_str_eq(next_hop("2001:db9::1"), ROUTER);
	ck_assert_uint_eq(eth->ip6->nrouters, 3);
	high.msg[7] = high.msg[6] = 0;
	ra_feed(&high, ROUTER);
	ck_assert_str_eq(next_hop("2001:db9::1"), ROUTER2);
}
END_TEST

/* 6.3.6, 7.3.3: a router that does not answer gives way; one that is heard of again comes back. */
START_TEST(unreachable_router)
{
	struct ra first = ra_new(1800, 1 << 3), second = ra_new(1800, 0);

	ready();
	first.len += lladdr(first.msg + 16, NDP_OPT_SOURCE_LL, 2);
	second.len += lladdr(second.msg + 16, NDP_OPT_SOURCE_LL, 3);
	ra_feed(&first, ROUTER);
	ra_feed(&second, ROUTER2);
	add("2001:db8::1", 64);
	testnet_run(&tn, 3 * SEC);
	send_one("2001:db9::1");
	testnet_run(&tn, 10 * SEC);
	ck_assert_int_eq(neighbour(ROUTER)->state, NUD_FAILED);
	ck_assert_str_eq(next_hop("2001:db9::1"), ROUTER2);
	ra_feed(&first, ROUTER);
	ck_assert_str_eq(next_hop("2001:db9::1"), ROUTER);
}
END_TEST

/* 7.2.5: who says that it is no router any more is none. */
START_TEST(router_turns_host)
{
	ready();
	ra_simple(ROUTER, 1800, 1000, 1000);
	advert(ROUTER, "ff02::1", NA_R | NA_O, ROUTER, 2);
	ck_assert_str_eq(next_hop("2001:db9::1"), ROUTER);
	advert(ROUTER, "ff02::1", NA_O, ROUTER, 2);
	ck_assert_str_eq(next_hop("2001:db9::1"), "none");
	ck_assert_uint_eq(eth->ip6->nrouters, 0);
}
END_TEST

/* 6.3.4: hop limit, MTU, reachable and retransmission time; zero is not said. */
START_TEST(parameters_of_the_link)
{
	struct ra ra = ra_new(1800, 0);
	struct flow f = { .dst = testnet_addr("2001:db8::9"), .proto = 59 };
	struct dst d;
	uint8_t frame[200];

	ready();
	add("2001:db8::1", 64);
	testnet_run(&tn, 3 * SEC);
	ra.msg[4] = 33;
	put_be32(ra.msg + 8, 20000);
	put_be32(ra.msg + 12, 250);
	put_be16(ra.msg + 16, 0x0501);
	put_be16(ra.msg + 18, 0);
	put_be32(ra.msg + 20, 1400);
	ra.len = 24;
	ra_feed(&ra, ROUTER);
	ck_assert_int_eq(route_lookup(&tn.ip, &f, &d), 0);
	ck_assert_uint_eq(d.mtu, 1400);
	ck_assert_uint_ge(eth->ip6->times.reachable, 10 * SEC);
	ck_assert_uint_le(eth->ip6->times.reachable, 30 * SEC);
	ck_assert_uint_eq(eth->ip6->times.retrans, 250 * MSEC);
	testnet_discard(eth);
	send_one("2001:db8::9");
	testnet_run(&tn, 510 * MSEC);
	ck_assert_int_eq(count(NDP_SOLICIT), 3);
	advert("2001:db8::9", "2001:db8::1", NA_S | NA_O, "2001:db8::9", 9);
	ck_assert_uint_eq(testnet_take_bytes(eth, frame, sizeof(frame)), 14 + 41);
	ck_assert_uint_eq(frame[14 + 7], 33);
	put_be32(ra.msg + 20, 1279);		/* RFC 8200 section 5: no link carries less */
	put_be32(ra.msg + 8, 0);
	put_be32(ra.msg + 12, 1);		/* no router makes us probe a thousand times a second */
	ra.msg[4] = 0;
	ra_feed(&ra, ROUTER);
	put_be32(ra.msg + 20, 9000);
	ra_feed(&ra, ROUTER);
	ck_assert_int_eq(route_lookup(&tn.ip, &f, &d), 0);
	ck_assert_uint_eq(d.mtu, 1400);
	ck_assert_uint_eq(eth->ip6->hop_limit, 33);
	ck_assert_uint_eq(eth->ip6->times.retrans, 10 * MSEC);
}
END_TEST

/* What strangers can make us remember has an end. */
START_TEST(routers_are_bounded)
{
	char name[32];

	ready();
	for (int i = 0; i < 40; i++) {
		struct ra ra = ra_new(1800, 0);

		snprintf(name, sizeof(name), "fe80::1:%x", i);
		ra_feed(&ra, name);
	}
	ck_assert_uint_eq(eth->ip6->nrouters, 16);
	ck_assert_uint_eq(tn.ip.ip6_stats.limits, 24);
	ck_assert_str_eq(next_hop("2001:db9::1"), "fe80::1:0");
}
END_TEST

/* 6.3.4: a prefix is on the link until its time is over, or is said to be. */
START_TEST(prefixes_on_the_link)
{
	struct ra ra = ra_new(0, 0), end = ra_new(0, 0);

	ready();
	ra_prefix(&ra, "2001:db8:5::", 64, PIO_L, 100, 100);
	ra_prefix(&ra, "2001:db8:6::", 48, 0, 100, 100);
	ra_prefix(&ra, "fe80::", 64, PIO_L, 100, 100);
	ra_feed(&ra, ROUTER);
	ck_assert_uint_eq(eth->ip6->nprefixes, 1);
	add("2001:db8:7::1", 64);
	testnet_run(&tn, 3 * SEC);
	ck_assert_str_eq(next_hop("2001:db8:5::1"), "2001:db8:5::1");
	ck_assert_str_eq(next_hop("2001:db8:6::1"), "none");
	testnet_run(&tn, 98 * SEC);
	ck_assert_str_eq(next_hop("2001:db8:5::1"), "none");
	ra_feed(&ra, ROUTER);
	ra_prefix(&end, "2001:db8:5::", 64, PIO_L, 0, 0);
	ra_feed(&end, ROUTER);
	ck_assert_str_eq(next_hop("2001:db8:5::1"), "none");
}
END_TEST

/* ---- redirects ---- */

static void redirect(const char *from, uint8_t hops, const char *dst, const char *target, uint8_t ll)
{
	struct ip_addr t = testnet_addr(target), d = testnet_addr(dst);
	uint8_t msg[48] = { NDP_REDIRECT };
	uint32_t len = 40;

	memcpy(msg + 8, t.b, 16);
	memcpy(msg + 24, d.b, 16);
	if (ll)
		len += lladdr(msg + 40, NDP_OPT_TARGET_LL, ll);
	feed6(from, text_of(&linklocal()->addr), hops, msg, len);
}

/* 8.1, 8.3: believed of the first hop only; a better router, or on the link. */
START_TEST(redirects)
{
	ready();
	ra_simple(ROUTER, 1800, 1000, 1000);
	testnet_run(&tn, 3 * SEC);
	redirect(ROUTER2, 255, "2001:db9::1", ROUTER2, 3);		/* not who we send to */
	redirect("2001:db8::9", 255, "2001:db9::1", ROUTER2, 3);	/* not link-local */
	redirect(ROUTER, 254, "2001:db9::1", ROUTER2, 3);
	redirect(ROUTER, 255, "ff05::1", ROUTER2, 3);
	redirect(ROUTER, 255, "2001:db9::1", "2001:db8::9", 3);	/* no router's address */
	redirect(ROUTER, 255, "2001:db8::5", ROUTER2, 3);		/* is on the link as it is */
	ck_assert_uint_eq(eth->ip6->redirects.count, 0);
	redirect(ROUTER, 255, "2001:db9::1", ROUTER2, 3);
	ck_assert_str_eq(next_hop("2001:db9::1"), ROUTER2);
	ck_assert_str_eq(next_hop("2001:db9::2"), ROUTER);
	ck_assert_int_eq(neighbour(ROUTER2)->state, NUD_STALE);
	ck_assert(neighbour(ROUTER2)->router);
	redirect(ROUTER, 255, "2001:db9::2", "2001:db9::2", 0);
	ck_assert_str_eq(next_hop("2001:db9::2"), "2001:db9::2");
	redirect(ROUTER, 255, "2001:db9::1", "fe80::3", 4);		/* is not the first hop any more */
	ck_assert_str_eq(next_hop("2001:db9::1"), ROUTER2);
	testnet_run(&tn, 601 * SEC);
	ck_assert_str_eq(next_hop("2001:db9::1"), ROUTER);
	ck_assert_uint_eq(eth->ip6->redirects.count, 0);
}
END_TEST

/* 7.3.3: what was redirected to who does not answer goes the old way again. */
START_TEST(redirect_to_nobody)
{
	ready();
	ra_simple(ROUTER, 1800, 1000, 1000);
	testnet_run(&tn, 3 * SEC);
	redirect(ROUTER, 255, "2001:db9::1", ROUTER2, 3);
	send_one("2001:db9::1");
	testnet_run(&tn, 10 * SEC);
	ck_assert_str_eq(next_hop("2001:db9::1"), ROUTER);
}
END_TEST

START_TEST(redirects_are_bounded)
{
	char dst[40];

	ready();
	ra_simple(ROUTER, 1800, 1000, 1000);
	testnet_run(&tn, 3 * SEC);
	for (int i = 0; i < 200; i++) {
		snprintf(dst, sizeof(dst), "2001:db9::%x", i);
		redirect(ROUTER, 255, dst, ROUTER2, 3);
	}
	ck_assert_uint_eq(eth->ip6->redirects.count, 64);
	ck_assert_str_eq(next_hop("2001:db9::1"), ROUTER);
	ck_assert_str_eq(next_hop(dst), ROUTER2);
	redirect(ROUTER, 255, "2001:db9::999", text_of(&linklocal()->addr), 3);	/* to ourselves? */
	ck_assert_str_eq(next_hop("2001:db9::999"), ROUTER);
}
END_TEST

START_TEST(accept_redirects_off)
{
	struct ip6_config c = defaults;

	c.accept_redirects = false;
	start(&c);
	testnet_run(&tn, 3 * SEC);
	ra_simple(ROUTER, 1800, 1000, 1000);
	testnet_run(&tn, 3 * SEC);
	redirect(ROUTER, 255, "2001:db9::1", ROUTER2, 3);
	ck_assert_str_eq(next_hop("2001:db9::1"), ROUTER);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ndp");
	TCase *tc = tcase_create("ndp");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, bad_solicitations);
	tcase_add_test(tc, solicitation_is_answered);
	tcase_add_test(tc, resolution);
	tcase_add_loop_test(tc, advertisement_rules, 0, sizeof(rules) / sizeof(rules[0]));
	tcase_add_test(tc, advertisements_not_asked_for);
	tcase_add_test(tc, claims_are_contradicted);
	tcase_add_test(tc, unreachability);
	tcase_add_loop_test(tc, confirmed_by_progress, 0, 3);
	tcase_add_test(tc, solicitations_back_off);
	tcase_add_test(tc, bad_advertisements_of_routers);
	tcase_add_test(tc, default_router);
	tcase_add_test(tc, preference_of_routers);
	tcase_add_test(tc, unreachable_router);
	tcase_add_test(tc, router_turns_host);
	tcase_add_test(tc, parameters_of_the_link);
	tcase_add_test(tc, routers_are_bounded);
	tcase_add_test(tc, prefixes_on_the_link);
	tcase_add_test(tc, redirects);
	tcase_add_test(tc, redirect_to_nobody);
	tcase_add_test(tc, redirects_are_bounded);
	tcase_add_test(tc, accept_redirects_off);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
