/* SPDX-License-Identifier: Apache-2.0 */
/* test_netlink.c - AF_NETLINK: rtnetlink(7) as netlink(7) carries it (RFC 3549). */
#include "netlink_world.h"

/* ---- links ---- */

static void see_link(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[IFLA_MAX + 1];
	struct world *w = arg;
	const struct nic *nic = nic_find_index(&w->s->nics, (unsigned int)ifi->ifi_index);

	ck_assert_int_eq(nlh->nlmsg_type, RTM_NEWLINK);
	ck_assert_ptr_nonnull(nic);
	ck_assert_int_eq(nlattrs(nlh, sizeof(*ifi), tb, IFLA_MAX), 0);
	ck_assert_str_eq(mnl_attr_get_str(tb[IFLA_IFNAME]), nic->name);
	ck_assert_uint_eq(mnl_attr_get_u32(tb[IFLA_MTU]), nic->mtu);
	ck_assert(ifi->ifi_flags & IFF_UP);
	ck_assert_int_eq(!!(ifi->ifi_flags & IFF_LOOPBACK), nic->loopback);
	ck_assert_mem_eq(mnl_attr_get_payload(tb[IFLA_ADDRESS]), nic->addr, LINK_ADDR_LEN);
	ck_assert_uint_eq(mnl_attr_get_payload_len(tb[IFLA_STATS64]), sizeof(struct rtnl_link_stats64));
}

START_TEST(links)
{
	struct world *w = world();
	struct rtgenmsg g = { .rtgen_family = AF_UNSPEC };
	struct table t = { .see = see_link, .arg = w };

	dump_start(w, w->sk, RTM_GETLINK, &g, sizeof(g));	/* as glibc asks: one byte */
	ck_assert(socket_poll(w->sk) & EPOLLIN);
	dump_rest(w, w->sk, &t);
	ck_assert_int_eq(t.n, 2);
	ck_assert(!(socket_poll(w->sk) & EPOLLIN));
	world_end(w);
}
END_TEST

static int get_link(struct world *w, int index, const char *name)
{
	struct nlmsghdr *nlh = message(w, RTM_GETLINK, 0);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_index = index;
	if (name)
		mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	send_bytes(w->sk, nlh, nlh->nlmsg_len);
	ck_assert_int_gt(receive(w, w->sk), 0);
	nlh = (void *)w->in;
	if (nlh->nlmsg_type == NLMSG_ERROR)
		return ((struct nlmsgerr *)mnl_nlmsg_get_payload(nlh))->error;
	see_link(nlh, w);
	return ((struct ifinfomsg *)mnl_nlmsg_get_payload(nlh))->ifi_index;
}

START_TEST(one_link)
{
	struct world *w = world();

	ck_assert_int_eq(get_link(w, 2, NULL), 2);
	ck_assert_int_eq(get_link(w, 0, "lo"), 1);
	ck_assert_int_eq(get_link(w, 0, "eth9"), -ENODEV);
	ck_assert_int_eq(get_link(w, 77, NULL), -ENODEV);
	ck_assert_int_eq(get_link(w, 0, NULL), -EINVAL);
	ck_assert_int_eq(get_link(w, 0, "a-name-that-is-too-long"), -EINVAL);
	world_end(w);
}
END_TEST

static struct nlmsghdr *set_link(struct world *w, uint16_t type, int index, unsigned int flags,
				 unsigned int change)
{
	struct nlmsghdr *nlh = message(w, type, 0);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_index = index;
	ifi->ifi_flags = flags;
	ifi->ifi_change = change;
	return nlh;
}

/* A link is the operator's, whoever asks; what asks for nothing is granted. */
START_TEST(links_cannot_be_changed)
{
	struct world *w = world();

	set_link(w, RTM_NEWLINK, 1, IFF_UP, IFF_UP);
	ck_assert_int_eq(talk(w, w->sk), 0);
	set_link(w, RTM_NEWLINK, 2, 0, IFF_UP);
	ck_assert_int_eq(talk(w, w->sk), -EPERM);
	mnl_attr_put_u32(set_link(w, RTM_SETLINK, 2, 0, 0), IFLA_MTU, 1500);
	ck_assert_int_eq(talk(w, w->sk), 0);
	mnl_attr_put_u32(set_link(w, RTM_SETLINK, 2, 0, 0), IFLA_MTU, 9000);
	ck_assert_int_eq(talk(w, w->sk), -EPERM);
	mnl_attr_put_strz(set_link(w, RTM_NEWLINK, 0, 0, 0), IFLA_IFNAME, "dummy0");
	ck_assert_int_eq(talk(w, w->sk), -EPERM);
	set_link(w, RTM_DELLINK, 2, 0, 0);
	ck_assert_int_eq(talk(w, w->sk), -EPERM);
	ck_assert(w->eth->up && w->eth->mtu == 1500);
	world_end(w);
}
END_TEST

/* ---- addresses ---- */

static struct nlmsghdr *address(struct world *w, uint16_t type, uint16_t flags, const char *addr,
				uint8_t prefix)
{
	struct nlmsghdr *nlh = message(w, type, flags);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	uint8_t a[16];

	ifa->ifa_family = strchr(addr, ':') ? AF_INET6 : AF_INET;
	ifa->ifa_prefixlen = prefix;
	ifa->ifa_index = w->eth->index;
	ck_assert_int_eq(inet_pton(ifa->ifa_family, addr, a), 1);
	mnl_attr_put(nlh, IFA_LOCAL, ifa->ifa_family == AF_INET ? 4 : 16, a);
	return nlh;
}

#define MAKE (NLM_F_CREATE | NLM_F_EXCL)

START_TEST(addresses_change)
{
	struct world *w = world();
	struct ip_addr a = v4("10.0.0.7");
	uint32_t flags = IFA_F_NOPREFIXROUTE;
	struct nlmsghdr *nlh;

	address(w, RTM_NEWADDR, MAKE, "10.0.0.7", 24);
	ck_assert_int_eq(talk(w, w->sk), 0);
	ck_assert_ptr_nonnull(ip_addr_find(&w->s->ip, &a));
	address(w, RTM_NEWADDR, MAKE, "10.0.0.7", 24);
	ck_assert_int_eq(talk(w, w->sk), -EEXIST);
	address(w, RTM_DELADDR, 0, "10.0.0.7", 16);
	ck_assert_int_eq(talk(w, w->sk), -EADDRNOTAVAIL);
	address(w, RTM_DELADDR, 0, "10.0.0.7", 24);
	ck_assert_int_eq(talk(w, w->sk), 0);
	ck_assert_ptr_null(ip_addr_find(&w->s->ip, &a));
	nlh = address(w, RTM_NEWADDR, MAKE, "10.5.0.1", 24);
	mnl_attr_put(nlh, IFA_FLAGS, sizeof(flags), &flags);
	ck_assert_int_eq(talk(w, w->sk), 0);
	a = v4("10.5.0.9");
	ck_assert(!ip_on_link(&w->s->ip, w->eth, &a));
	address(w, RTM_NEWADDR, MAKE, "224.0.0.1", 24);
	ck_assert_int_eq(talk(w, w->sk), -EINVAL);
	address(w, RTM_NEWADDR, MAKE, "10.6.0.1", 33);
	ck_assert_int_eq(talk(w, w->sk), -EINVAL);
	world_end(w);
}
END_TEST

START_TEST(addresses_live_as_long_as_is_said)
{
	struct world *w = world();
	struct ifa_cacheinfo c = { .ifa_valid = 100, .ifa_prefered = 50 };
	struct ip_addr a = v4("10.0.0.7");
	const struct ifaddr *ia;

	mnl_attr_put(address(w, RTM_NEWADDR, MAKE, "10.0.0.7", 24), IFA_CACHEINFO, sizeof(c), &c);
	ck_assert_int_eq(talk(w, w->sk), 0);
	ia = ip_addr_find(&w->s->ip, &a);
	ck_assert_uint_eq(ia->valid_until, 101 * SEC);
	c = (struct ifa_cacheinfo){ .ifa_valid = UINT32_MAX, .ifa_prefered = UINT32_MAX };
	mnl_attr_put(address(w, RTM_NEWADDR, NLM_F_REPLACE, "10.0.0.7", 24), IFA_CACHEINFO, sizeof(c), &c);
	ck_assert_int_eq(talk(w, w->sk), 0);
	ck_assert(ia->valid_until == IFADDR_FOREVER && ia->preferred_until == IFADDR_FOREVER);
	c = (struct ifa_cacheinfo){ .ifa_valid = 5, .ifa_prefered = 6 };
	mnl_attr_put(address(w, RTM_NEWADDR, NLM_F_REPLACE, "10.0.0.7", 24), IFA_CACHEINFO, sizeof(c), &c);
	ck_assert_int_eq(talk(w, w->sk), -EINVAL);
	world_end(w);
}
END_TEST

/* What RTM_GETADDR answers: the NIC's index, or -errno. */
static int get_address(struct world *w, const char *addr, unsigned int index)
{
	struct nlmsghdr *nlh = address(w, RTM_GETADDR, 0, addr, 0);
	const struct ifaddrmsg *ifa;

	((struct ifaddrmsg *)mnl_nlmsg_get_payload(nlh))->ifa_index = index;
	send_bytes(w->sk, nlh, nlh->nlmsg_len);
	ck_assert_int_gt(receive(w, w->sk), 0);
	nlh = (void *)w->in;
	if (nlh->nlmsg_type == NLMSG_ERROR)
		return ((struct nlmsgerr *)mnl_nlmsg_get_payload(nlh))->error;
	ck_assert_int_eq(nlh->nlmsg_type, RTM_NEWADDR);
	ifa = mnl_nlmsg_get_payload(nlh);
	ck_assert_int_eq(ifa->ifa_prefixlen, 64);
	return (int)ifa->ifa_index;
}

START_TEST(one_address)
{
	struct world *w = world();
	const int eth = (int)w->eth->index;

	address(w, RTM_NEWADDR, MAKE, "2001:db8::1", 64);
	ck_assert_int_eq(talk(w, w->sk), 0);
	ck_assert_int_eq(get_address(w, "2001:db8::1", 0), eth);
	ck_assert_int_eq(get_address(w, "2001:db8::1", w->eth->index), eth);
	ck_assert_int_eq(get_address(w, "2001:db8::1", 1), -EADDRNOTAVAIL);
	ck_assert_int_eq(get_address(w, "2001:db8::2", 0), -EADDRNOTAVAIL);
	ck_assert_int_eq(get_address(w, "10.0.0.1", 0), -EOPNOTSUPP);	/* as on Linux */
	world_end(w);
}
END_TEST

START_TEST(only_who_may_changes)
{
	struct world *w = world();
	struct sock *plain = open_netlink(w, false);
	struct ip_addr a = v4("10.0.0.7");

	address(w, RTM_NEWADDR, MAKE, "10.0.0.7", 24);
	ck_assert_int_eq(talk(w, plain), -EPERM);
	ck_assert_ptr_null(ip_addr_find(&w->s->ip, &a));
	set_link(w, RTM_NEWLINK, 1, IFF_UP, IFF_UP);
	ck_assert_int_eq(talk(w, plain), -EPERM);
	socket_close(plain);
	world_end(w);
}
END_TEST

/* A table larger than a piece comes in several, whole and once; each of a size that every program
 * has room for. */
START_TEST(long_tables_come_in_pieces)
{
	struct world *w = world();
	struct ifaddrmsg ifa = { .ifa_family = AF_INET, .ifa_index = w->eth->index };
	struct table t = { 0 };
	char text[32];

	for (int i = 0; i < 300; i++) {
		snprintf(text, sizeof(text), "10.1.%d.%d", i / 200, 1 + i % 200);
		address(w, RTM_NEWADDR, MAKE, text, 32);
		ck_assert_int_eq(talk(w, w->sk), 0);
	}
	dump_start(w, w->sk, RTM_GETADDR, &ifa, sizeof(ifa));
	dump_rest(w, w->sk, &t);
	ck_assert_int_eq(t.n, 301);
	ck_assert_int_gt(t.pieces, 5);
	ck_assert_uint_le(t.longest, 4096);
	ck_assert(!t.interrupted);
	world_end(w);
}
END_TEST

START_TEST(dumps_tell_of_changes_meanwhile)
{
	struct world *w = world();
	struct rtmsg rtm = { .rtm_family = AF_INET };
	struct sock *other = open_netlink(w, true);
	struct table t = { 0 };
	char text[32];
	uint32_t seq;

	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "10.1.0.%d", 1 + i);
		address(w, RTM_NEWADDR, MAKE, text, 32);
		ck_assert_int_eq(talk(w, w->sk), 0);
	}
	dump_start(w, w->sk, RTM_GETROUTE, &rtm, sizeof(rtm));
	seq = w->seq;
	take_piece(w, &t, receive(w, w->sk));
	ck_assert(!t.interrupted && !t.done);
	address(w, RTM_NEWADDR, MAKE, "10.2.0.1", 32);
	ck_assert_int_eq(talk(w, other), 0);
	w->seq = seq;
	dump_rest(w, w->sk, &t);
	ck_assert(t.interrupted);
	socket_close(other);
	world_end(w);
}
END_TEST

START_TEST(one_dump_at_a_time)
{
	struct world *w = world();
	struct rtgenmsg g = { .rtgen_family = AF_UNSPEC };
	const struct nlmsghdr *nlh = (const void *)w->in;
	const struct nlmsgerr *e;

	dump_start(w, w->sk, RTM_GETLINK, &g, sizeof(g));
	dump_start(w, w->sk, RTM_GETADDR, &g, sizeof(g));
	ck_assert_int_gt(receive(w, w->sk), 0);
	e = mnl_nlmsg_get_payload(nlh);
	ck_assert(nlh->nlmsg_type == NLMSG_ERROR && e->error == -EBUSY);
	ck_assert_int_gt(receive(w, w->sk), 0);
	ck_assert_int_eq(nlh->nlmsg_type, RTM_NEWLINK);
	socket_close(w->sk);		/* in the middle of a dump, or behind it */
	w->sk = NULL;
	world_end(w);
}
END_TEST

START_TEST(dumps_are_filtered)
{
	struct world *w = world();
	struct ifaddrmsg ifa = { .ifa_family = AF_UNSPEC };
	struct rtmsg rtm = { .rtm_family = AF_INET };
	struct fib_rule_hdr rule = { .family = AF_INET6 };

	ck_assert_int_eq(dump(w, RTM_GETADDR, &ifa, sizeof(ifa)), 3);
	ifa.ifa_family = AF_INET6;
	ck_assert_int_eq(dump(w, RTM_GETADDR, &ifa, sizeof(ifa)), 1);
	ifa = (struct ifaddrmsg){ .ifa_family = AF_INET, .ifa_index = 2 };
	ck_assert_int_eq(dump(w, RTM_GETADDR, &ifa, sizeof(ifa)), 1);
	ck_assert_int_eq(dump(w, RTM_GETROUTE, &rtm, sizeof(rtm)), 4);
	rtm.rtm_table = RT_TABLE_MAIN;
	ck_assert_int_eq(dump(w, RTM_GETROUTE, &rtm, sizeof(rtm)), 1);
	rtm.rtm_table = RT_TABLE_LOCAL;
	ck_assert_int_eq(dump(w, RTM_GETROUTE, &rtm, sizeof(rtm)), 3);
	ck_assert_int_eq(dump(w, RTM_GETRULE, &rule, sizeof(rule)), 2);
	world_end(w);
}
END_TEST

/* ---- routes ---- */

static struct nlmsghdr *route(struct world *w, uint16_t type, uint16_t flags, const char *dst,
			      uint8_t prefix, const char *gateway)
{
	struct nlmsghdr *nlh = message(w, type, flags);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));

	rtm->rtm_family = AF_INET;
	rtm->rtm_dst_len = prefix;
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_protocol = RTPROT_BOOT;
	rtm->rtm_type = type == RTM_DELROUTE ? RTN_UNSPEC : RTN_UNICAST;
	mnl_attr_put_u32(nlh, RTA_DST, inet_addr(dst));
	if (gateway)
		mnl_attr_put_u32(nlh, RTA_GATEWAY, inet_addr(gateway));
	return nlh;
}

static struct ip_addr nexthop(struct world *w, const char *to)
{
	struct flow f = { .src = ip_addr_v4(0), .dst = v4(to) };
	struct dst d;

	return route_lookup(&w->s->ip, &f, &d) ? ip_addr_v4(0) : d.nexthop;
}

static void ck_nexthop(struct world *w, const char *to, const char *by)
{
	struct ip_addr a = nexthop(w, to), b = v4(by);

	ck_assert(ip_addr_eq(&a, &b));
}

START_TEST(routes_change)
{
	struct world *w = world();

	route(w, RTM_NEWROUTE, MAKE, "10.9.0.0", 16, "10.0.0.2");
	ck_assert_int_eq(talk(w, w->sk), 0);
	ck_nexthop(w, "10.9.1.1", "10.0.0.2");
	route(w, RTM_NEWROUTE, MAKE, "10.9.0.0", 16, "10.0.0.3");
	ck_assert_int_eq(talk(w, w->sk), -EEXIST);
	route(w, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, "10.9.0.0", 16, "10.0.0.3");
	ck_assert_int_eq(talk(w, w->sk), 0);
	ck_nexthop(w, "10.9.1.1", "10.0.0.3");
	/* What cannot be put in leaves what was there. */
	route(w, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, "10.9.0.0", 16, "172.16.0.1");
	ck_assert_int_eq(talk(w, w->sk), -ENETUNREACH);
	ck_nexthop(w, "10.9.1.1", "10.0.0.3");
	route(w, RTM_NEWROUTE, NLM_F_REPLACE, "10.10.0.0", 16, "10.0.0.3");
	ck_assert_int_eq(talk(w, w->sk), -ENOENT);
	route(w, RTM_DELROUTE, 0, "10.9.0.0", 16, "10.0.0.2");
	ck_assert_int_eq(talk(w, w->sk), -ESRCH);
	route(w, RTM_DELROUTE, 0, "10.9.0.0", 16, NULL);
	ck_assert_int_eq(talk(w, w->sk), 0);
	ck_nexthop(w, "10.9.1.1", "0.0.0.0");
	world_end(w);
}
END_TEST

/* What weir has no way to do is refused, not done in part. */
START_TEST(routes_of_other_kinds_are_refused)
{
	struct world *w = world();
	struct nlmsghdr *nlh;

	nlh = route(w, RTM_NEWROUTE, MAKE, "10.9.0.0", 16, "10.0.0.2");
	((struct rtmsg *)mnl_nlmsg_get_payload(nlh))->rtm_table = 100;
	ck_assert_int_eq(talk(w, w->sk), -EOPNOTSUPP);
	nlh = route(w, RTM_NEWROUTE, MAKE, "10.9.0.0", 16, "10.0.0.2");
	((struct rtmsg *)mnl_nlmsg_get_payload(nlh))->rtm_type = RTN_BLACKHOLE;
	ck_assert_int_eq(talk(w, w->sk), -EOPNOTSUPP);
	nlh = route(w, RTM_NEWROUTE, MAKE, "10.9.0.0", 16, NULL);
	mnl_attr_put_u32(nlh, RTA_NH_ID, 1);
	ck_assert_int_eq(talk(w, w->sk), -EOPNOTSUPP);
	nlh = route(w, RTM_NEWROUTE, MAKE, "10.9.0.0", 16, "10.0.0.2");
	mnl_attr_put_u32(nlh, RTA_OIF, 99);
	ck_assert_int_eq(talk(w, w->sk), -ENODEV);
	route(w, RTM_NEWROUTE, MAKE, "10.9.0.1", 16, "10.0.0.2");
	ck_assert_int_eq(talk(w, w->sk), -EINVAL);
	ck_nexthop(w, "10.9.1.1", "0.0.0.0");
	world_end(w);
}
END_TEST

/* A program decides not by itself how much the stack keeps. */
START_TEST(tables_are_bounded)
{
	struct world *w = world();
	char text[32];
	int n;

	for (n = 0; n < 5000; n++) {
		snprintf(text, sizeof(text), "11.%d.%d.0", n / 250, n % 250);
		route(w, RTM_NEWROUTE, MAKE, text, 24, "10.0.0.2");
		if (talk(w, w->sk))
			break;
	}
	ck_assert_int_eq(talk(w, w->sk), -ENOSPC);
	ck_assert_int_eq(n, 4096 - 5);		/* there were five */
	route(w, RTM_DELROUTE, 0, text, 24, NULL);
	ck_assert_int_eq(talk(w, w->sk), -ESRCH);
	route(w, RTM_DELROUTE, 0, "11.0.0.0", 24, NULL);
	ck_assert_int_eq(talk(w, w->sk), 0);
	route(w, RTM_NEWROUTE, MAKE, text, 24, "10.0.0.2");
	ck_assert_int_eq(talk(w, w->sk), 0);
	world_end(w);
	w = world();
	for (n = 0; n < 2000; n++) {
		snprintf(text, sizeof(text), "10.1.%d.%d", n / 250, 1 + n % 250);
		address(w, RTM_NEWADDR, MAKE, text, 32);
		if (talk(w, w->sk))
			break;
	}
	ck_assert_int_eq(talk(w, w->sk), -ENOSPC);
	ck_assert_int_eq(n, 1023);
	world_end(w);
}
END_TEST

START_TEST(a_long_question_is_refused)
{
	struct world *w = world();
	struct nlmsghdr *nlh = message(w, RTM_GETLINK, NLM_F_DUMP);

	mnl_nlmsg_put_extra_header(nlh, 5000);
	ck_assert_int_eq(talk(w, w->sk), -EMSGSIZE);
	ck_assert_int_eq(receive(w, w->sk), 0);
	world_end(w);
}
END_TEST

START_TEST(route_get)
{
	struct world *w = world();
	struct nlmsghdr *nlh = message(w, RTM_GETROUTE, 0);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	const struct nlattr *tb[RTA_MAX + 1];

	rtm->rtm_family = AF_INET;
	mnl_attr_put_u32(nlh, RTA_DST, inet_addr("10.0.0.5"));
	send_bytes(w->sk, nlh, nlh->nlmsg_len);
	ck_assert_int_gt(receive(w, w->sk), 0);
	nlh = (void *)w->in;
	ck_assert_int_eq(nlh->nlmsg_type, RTM_NEWROUTE);
	ck_assert_int_eq(nlattrs(nlh, sizeof(*rtm), tb, RTA_MAX), 0);
	ck_assert_uint_eq(mnl_attr_get_u32(tb[RTA_OIF]), 2);
	ck_assert_uint_eq(mnl_attr_get_u32(tb[RTA_PREFSRC]), inet_addr("10.0.0.1"));
	ck_assert_ptr_null(tb[RTA_GATEWAY]);
	nlh = message(w, RTM_GETROUTE, 0);
	rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	rtm->rtm_family = AF_INET;
	mnl_attr_put_u32(nlh, RTA_DST, inet_addr("8.8.8.8"));
	ck_assert_int_eq(talk(w, w->sk), -ENETUNREACH);
	world_end(w);
}
END_TEST

/* ---- neighbours ---- */

START_TEST(neighbours)
{
	static const uint8_t lladdr[6] = { 2, 0, 0, 0, 0, 9 };
	struct ndmsg nd = { .ndm_family = AF_INET, .ndm_ifindex = 2, .ndm_state = NUD_PERMANENT };
	struct world *w = world();
	struct nlmsghdr *nlh;

	for (int i = 0; i < 2; i++) {
		nlh = message(w, RTM_NEWNEIGH, MAKE);
		memcpy(mnl_nlmsg_put_extra_header(nlh, sizeof(nd)), &nd, sizeof(nd));
		mnl_attr_put_u32(nlh, NDA_DST, inet_addr("10.0.0.9"));
		mnl_attr_put(nlh, NDA_LLADDR, sizeof(lladdr), lladdr);
		ck_assert_int_eq(talk(w, w->sk), i ? -EEXIST : 0);
	}
	ck_assert_int_eq(dump(w, RTM_GETNEIGH, &nd, sizeof(nd)), 1);
	nd.ndm_ifindex = 1;
	ck_assert_int_eq(dump(w, RTM_GETNEIGH, &nd, sizeof(nd)), 0);
	nd.ndm_ifindex = 2;
	nlh = message(w, RTM_DELNEIGH, 0);
	memcpy(mnl_nlmsg_put_extra_header(nlh, sizeof(nd)), &nd, sizeof(nd));
	mnl_attr_put_u32(nlh, NDA_DST, inet_addr("10.0.0.9"));
	ck_assert_int_eq(talk(w, w->sk), 0);
	ck_assert_int_eq(dump(w, RTM_GETNEIGH, &nd, sizeof(nd)), 0);
	world_end(w);
}
END_TEST

/* ---- groups ---- */

START_TEST(members_are_told)
{
	struct world *w = world();
	struct sockaddr_nl name = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_IFADDR };
	struct sock *member = open_netlink(w, false);
	const struct nlmsghdr *nlh = (const void *)w->in;
	int group = RTNLGRP_LINK;

	ck_assert_int_eq(socket_bind(member, &name, sizeof(name)), 0);
	ck_assert_int_eq(socket_setsockopt(member, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)), 0);
	address(w, RTM_NEWADDR, MAKE, "10.0.0.7", 24);
	ck_assert_int_eq(talk(w, w->sk), 0);
	ck_assert_int_gt(receive(w, member), 0);
	ck_assert(nlh->nlmsg_type == RTM_NEWADDR && nlh->nlmsg_seq == 0 && nlh->nlmsg_pid == 0);
	ck_assert_int_eq(receive(w, member), 0);		/* of routes it is no member */
	nic_set_up(w->eth, false);
	ck_assert_int_gt(receive(w, member), 0);
	ck_assert_int_eq(nlh->nlmsg_type, RTM_NEWLINK);
	ck_assert(!(((const struct ifinfomsg *)mnl_nlmsg_get_payload(nlh))->ifi_flags & IFF_UP));
	nic_destroy(w->eth);
	ck_assert_int_gt(receive(w, member), 0);
	ck_assert_int_gt(receive(w, member), 0);
	world_end(w);
}
END_TEST

/* Who does not read loses what does not fit, and is told so once (netlink(7)). */
START_TEST(who_does_not_read_is_told)
{
	struct world *w = world();
	struct sockaddr_nl name = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_IFADDR };
	struct sock *member = open_netlink(w, false);
	uint64_t before = w->s->pool.used;

	ck_assert_int_eq(socket_bind(member, &name, sizeof(name)), 0);
	for (int i = 0; i < 2000; i++) {
		address(w, i % 2 ? RTM_DELADDR : RTM_NEWADDR, MAKE, "10.0.0.7", 24);
		ck_assert_int_eq(talk(w, w->sk), 0);
	}
	ck_assert_uint_le(w->s->pool.used - before, 2 * 212992);
	ck_assert_int_eq(receive(w, member), -ENOBUFS);
	ck_assert_int_gt(receive(w, member), 0);
	socket_close(member);
	world_end(w);
}
END_TEST

/* ---- names, options, malformed messages ---- */

START_TEST(names)
{
	struct world *w = world();
	struct sockaddr_nl name = { .nl_family = AF_NETLINK, .nl_pid = 4711 }, got;
	struct sock *a = open_netlink(w, false), *b = open_netlink(w, false);
	socklen_t len = sizeof(got);

	ck_assert_int_eq(socket_bind(a, &name, sizeof(name) - 1), -EINVAL);
	ck_assert_int_eq(socket_bind(a, &name, sizeof(name)), 0);
	ck_assert_int_eq(socket_bind(b, &name, sizeof(name)), -EADDRINUSE);
	name.nl_pid = 0;
	ck_assert_int_eq(socket_bind(b, &name, sizeof(name)), 0);
	ck_assert_int_eq(socket_getsockname(b, &got, &len), 0);
	ck_assert(len == sizeof(got) && got.nl_family == AF_NETLINK && got.nl_pid && got.nl_pid != 4711);
	name.nl_pid = 5;
	ck_assert_int_eq(socket_bind(b, &name, sizeof(name)), -EINVAL);
	socket_close(a);
	socket_close(b);
	world_end(w);
}
END_TEST

static int send_to(struct world *w, uint32_t pid, uint32_t groups)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_pid = pid, .nl_groups = groups };
	struct packet *p = packet_alloc(&w->s->pool, PACKET_HEADROOM);

	ck_assert_int_eq(packet_copy_in(p, "1234567890123456", 16), 0);
	return (int)socket_sendmsg(w->sk, p, &to, sizeof(to), NULL, 0, 0);
}

START_TEST(only_the_stack_listens)
{
	struct world *w = world();

	ck_assert_int_eq(send_to(w, 1, 0), -ECONNREFUSED);
	ck_assert_int_eq(send_to(w, 0, 1), -EPERM);
	ck_assert_int_eq(send_to(w, 0, 0), 16);
	world_end(w);
}
END_TEST

START_TEST(errors_say_why)
{
	struct world *w = world();
	const struct nlmsghdr *ack = (const void *)w->in;
	const struct nlattr *tb[NLMSGERR_ATTR_MSG + 1];
	const struct nlmsgerr *e;
	int on = 1;

	address(w, RTM_DELADDR, 0, "10.0.0.7", 24);
	ck_assert_int_eq(talk(w, w->sk), -EADDRNOTAVAIL);
	ck_assert(!(ack->nlmsg_flags & (NLM_F_ACK_TLVS | NLM_F_CAPPED)));
	e = mnl_nlmsg_get_payload(ack);
	ck_assert_mem_eq(&e->msg, w->out, ((struct nlmsghdr *)w->out)->nlmsg_len);	/* quoted whole */
	ck_assert_int_eq(socket_setsockopt(w->sk, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)), 0);
	ck_assert_int_eq(socket_setsockopt(w->sk, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on)), 0);
	address(w, RTM_DELADDR, 0, "10.0.0.7", 24);
	ck_assert_int_eq(talk(w, w->sk), -EADDRNOTAVAIL);
	ck_assert(ack->nlmsg_flags & NLM_F_ACK_TLVS && ack->nlmsg_flags & NLM_F_CAPPED);
	ck_assert_int_eq(nlattrs(ack, sizeof(*e), tb, NLMSGERR_ATTR_MSG), 0);
	ck_assert_ptr_nonnull(strstr(mnl_attr_get_str(tb[NLMSGERR_ATTR_MSG]), "10.0.0.7/24"));
	world_end(w);
}
END_TEST

static const struct odd {
	const char *what;
	struct nlmsghdr nlh;
	size_t len;			/* bytes that are sent, header included */
	int answer;			/* -errno, or 0: none */
} odds[] = {
	{ "less than a header", { .nlmsg_len = 16 }, 15, 0 },
	{ "longer than what is there", { .nlmsg_len = 100, .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST }, 32, 0 },
	{ "shorter than its header", { .nlmsg_len = 8, .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST }, 32, 0 },
	{ "huge", { .nlmsg_len = UINT32_MAX, .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST }, 32, 0 },
	{ "no request", { .nlmsg_len = 32, .nlmsg_type = RTM_GETLINK }, 32, 0 },
	{ "a noop", { .nlmsg_len = 16, .nlmsg_type = NLMSG_NOOP, .nlmsg_flags = NLM_F_REQUEST }, 16, 0 },
	{ "an unknown type", { .nlmsg_len = 32, .nlmsg_type = 999, .nlmsg_flags = NLM_F_REQUEST }, 32, -EOPNOTSUPP },
	{ "half a family header", { .nlmsg_len = 20, .nlmsg_type = RTM_NEWADDR, .nlmsg_flags = NLM_F_REQUEST }, 20, -EINVAL },
	{ "no dump that is", { .nlmsg_len = 32, .nlmsg_type = RTM_GETADDR, .nlmsg_flags = NLM_F_REQUEST }, 32, -EOPNOTSUPP },
};

START_TEST(odd_messages)
{
	const struct odd *o = &odds[_i];
	struct world *w = world();
	const struct nlmsgerr *e;

	memcpy(w->out, &o->nlh, sizeof(o->nlh));
	ck_assert_int_eq(send_bytes(w->sk, w->out, o->len), o->len);
	if (o->answer) {
		ck_assert_int_gt(receive(w, w->sk), 0);
		e = mnl_nlmsg_get_payload((void *)w->in);
		ck_assert_int_eq(e->error, o->answer);
	}
	ck_assert_int_eq(receive(w, w->sk), 0);
	world_end(w);
}
END_TEST

/* Several in one datagram, each answered. */
START_TEST(several_at_once)
{
	struct world *w = world();
	size_t len = 0;

	for (int i = 0; i < 3; i++) {
		struct nlmsghdr *nlh = mnl_nlmsg_put_header(w->out + len);

		nlh->nlmsg_type = NLMSG_NOOP;
		nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
		len += nlh->nlmsg_len;
	}
	send_bytes(w->sk, w->out, len);
	for (int i = 0; i < 3; i++)
		ck_assert_int_gt(receive(w, w->sk), 0);
	ck_assert_int_eq(receive(w, w->sk), 0);
	world_end(w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("netlink");
	TCase *t = tcase_create("rtnetlink");

	tcase_add_test(t, links);
	tcase_add_test(t, one_link);
	tcase_add_test(t, links_cannot_be_changed);
	tcase_add_test(t, addresses_change);
	tcase_add_test(t, addresses_live_as_long_as_is_said);
	tcase_add_test(t, one_address);
	tcase_add_test(t, only_who_may_changes);
	tcase_add_test(t, long_tables_come_in_pieces);
	tcase_add_test(t, dumps_tell_of_changes_meanwhile);
	tcase_add_test(t, one_dump_at_a_time);
	tcase_add_test(t, dumps_are_filtered);
	tcase_add_test(t, routes_change);
	tcase_add_test(t, routes_of_other_kinds_are_refused);
	tcase_add_test(t, tables_are_bounded);
	tcase_add_test(t, a_long_question_is_refused);
	tcase_add_test(t, route_get);
	tcase_add_test(t, neighbours);
	suite_add_tcase(s, t);
	t = tcase_create("netlink");
	tcase_add_test(t, members_are_told);
	tcase_add_test(t, who_does_not_read_is_told);
	tcase_add_test(t, names);
	tcase_add_test(t, only_the_stack_listens);
	tcase_add_test(t, errors_say_why);
	tcase_add_loop_test(t, odd_messages, 0, sizeof(odds) / sizeof(odds[0]));
	tcase_add_test(t, several_at_once);
	suite_add_tcase(s, t);
	return run_suite(s);
}
