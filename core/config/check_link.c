/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_link.c - a [link]'s addresses, gateway and routes, and what is written like an address.
 *
 * An address is a host's, with the prefix of its network. A gateway has to be on a network of the
 * link's own addresses, or nothing could be sent to it (RFC 1122 section 3.3.1.1). Every link has
 * fe80::/10 (RFC 4291 section 2.5.6), so an IPv6 gateway of that kind is always on it.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "config/sections.h"

#define LIST_MAX 64u			/* addresses, and routes, of one link */

static const struct param address_param = { .name = "address", .type = PARAM_ADDRESS };

static unsigned int bits(const struct param_address *a)
{
	return a->family == AF_INET ? 32 : 128;
}

static bool same_bits(const struct param_address *a, const struct param_address *b, unsigned int n)
{
	unsigned int bytes = n / 8, rest = n % 8;

	return a->family == b->family && !memcmp(a->addr, b->addr, bytes) &&
	       (!rest || !((a->addr[bytes] ^ b->addr[bytes]) >> (8 - rest)));
}

static bool same_address(const struct param_address *a, const struct param_address *b)
{
	return same_bits(a, b, bits(a));
}

/* Are all bits of a behind the first n zero, or (ones) all ones? */
static bool rest_is(const struct param_address *a, unsigned int n, bool ones)
{
	for (unsigned int i = n; i < bits(a); i++)
		if ((a->addr[i / 8] >> (7 - i % 8) & 1) != ones)
			return false;
	return true;
}

static struct in6_addr in6(const struct param_address *a)
{
	struct in6_addr in;

	memcpy(&in, a->addr, sizeof(in));
	return in;
}

static bool is_linklocal(const struct param_address *a)
{
	struct in6_addr in = in6(a);

	return a->family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&in);
}

/* The text of one element of a comma list, without blanks around it. False: there is none left. */
static bool next_element(const char **list, char *text, size_t size)
{
	const char *begin = *list, *end;
	size_t n;

	if (!begin)
		return false;
	end = strchrnul(begin, ',');
	*list = *end ? end + 1 : NULL;
	begin += strspn(begin, " \t");
	n = (size_t)(end - begin);
	while (n && (begin[n - 1] == ' ' || begin[n - 1] == '\t'))
		n--;
	if (n >= size)
		n = size - 1;	/* too long to be right: what is left is refused */
	memcpy(text, begin, n);
	text[n] = '\0';
	return true;
}

static bool read_address(struct check *ck, const struct merged *m, const struct setting *s,
			 const char *text, const struct config_link *l, struct param_address *a)
{
	struct weir_error why;

	if (!*text) {
		check_mistake(ck, m, s->origin, "%s: nothing stands between two commas; remove one",
			      s->name);
		return false;
	}
	if (param_parse(&address_param, text, a, &why)) {
		check_mistake(ck, m, s->origin, "%s: %s", s->name, why.text);
		return false;
	}
	if (a->family == AF_INET6 && !l->ip6.enabled) {
		check_mistake(ck, m, s->origin, "%s: %s is an IPv6 address, and ipv6 = off is said of "
			      "this link; remove one of the two", s->name, text);
		return false;
	}
	return true;
}

static const char *host_fault4(const struct param_address *a)
{
	if (a->addr[0] == 0)
		return "is no address of a host";
	if (a->addr[0] == 127)
		return "is a loopback address, which every stack has on lo already";
	if (a->addr[0] >> 4 == 0xe)
		return "is a multicast address";
	if (a->addr[0] >> 4 == 0xf)
		return "is a reserved address";
	if (a->prefix < 31 && rest_is(a, a->prefix, false))
		return "is the network's own address";
	if (a->prefix < 31 && rest_is(a, a->prefix, true))
		return "is the network's broadcast address";
	return NULL;
}

static const char *host_fault6(const struct param_address *a)
{
	struct in6_addr in = in6(a);

	if (IN6_IS_ADDR_UNSPECIFIED(&in))
		return "is no address of a host";
	if (IN6_IS_ADDR_LOOPBACK(&in))
		return "is the loopback address, which every stack has on lo already";
	if (IN6_IS_ADDR_MULTICAST(&in))
		return "is a multicast address";
	if (IN6_IS_ADDR_V4MAPPED(&in))
		return "is an IPv4 address in IPv6's form";
	return NULL;
}

/* Why no host can have this address; NULL: one can. */
static const char *host_fault(const struct param_address *a)
{
	return a->family == AF_INET ? host_fault4(a) : host_fault6(a);
}

static void add_address(struct check *ck, const struct merged *m, const struct setting *s,
			const char *text, struct config_link *l)
{
	struct param_address a;
	const char *fault;

	if (!read_address(ck, m, s, text, l, &a))
		return;
	fault = a.prefix ? host_fault(&a) : "covers every address there is";
	if (fault) {
		check_mistake(ck, m, s->origin, "address: %s %s; give a host's address, such as "
			      "%s", text, fault,
			      a.family == AF_INET ? "10.0.0.2/24" : "2001:db8::2/64");
		return;
	}
	for (size_t i = 0; i < l->naddrs; i++) {
		if (same_address(&l->addrs[i].addr, &a)) {
			check_mistake(ck, m, s->origin, "address: %s stands twice; keep one", text);
			return;
		}
	}
	if (l->naddrs == LIST_MAX) {
		check_mistake(ck, m, s->origin, "address: there are more than %u", LIST_MAX);
		return;
	}
	l->addrs[l->naddrs++] = (struct config_address){ a, s->origin };
}

static bool on_link(const struct config_link *l, const struct param_address *gw)
{
	if (is_linklocal(gw))
		return true;
	for (size_t i = 0; i < l->naddrs; i++) {
		const struct param_address *a = &l->addrs[i].addr;

		if (a->prefix < bits(a) && same_bits(a, gw, a->prefix))
			return true;
	}
	return false;
}

static bool read_gateway(struct check *ck, const struct merged *m, const struct setting *s,
			 const char *text, const struct config_link *l, bool onlink,
			 struct param_address *gw)
{
	const char *fault;

	if (!read_address(ck, m, s, text, l, gw))
		return false;
	fault = gw->prefix < bits(gw) ? "has a prefix length" : host_fault(gw);
	if (fault) {
		check_mistake(ck, m, s->origin, "%s: %s %s; give the gateway's own address, such as "
			      "%s", s->name, text, fault,
			      gw->family == AF_INET ? "10.0.0.1" : "fe80::1");
		return false;
	}
	for (size_t i = 0; i < l->naddrs; i++) {
		if (same_address(&l->addrs[i].addr, gw)) {
			check_mistake(ck, m, s->origin, "%s: %s is this link's own address; give the "
				      "gateway's", s->name, text);
			return false;
		}
	}
	if (!onlink && !on_link(l, gw)) {
		check_mistake(ck, m, s->origin, "%s: %s is on no network of this link's addresses; give "
			      "the link an address with a prefix that covers it, such as address = "
			      "%s", s->name, text, gw->family == AF_INET ? "10.0.0.2/24 for 10.0.0.1" :
			      "2001:db8::2/64 for 2001:db8::1");
		return false;
	}
	return true;
}

static void add_route(struct check *ck, const struct merged *m, const struct setting *s,
		      struct config_link *l, const struct config_route *r)
{
	for (size_t i = 0; i < l->nroutes; i++) {
		const struct config_route *other = &l->routes[i];

		if (other->dst.prefix == r->dst.prefix && same_address(&other->dst, &r->dst) &&
		    other->metric == r->metric) {
			check_mistake(ck, m, s->origin, "%s: there is a route to the same destination "
				      "already; keep one, or give them different metrics", s->name);
			return;
		}
	}
	if (l->nroutes == LIST_MAX) {
		check_mistake(ck, m, s->origin, "%s: there are more than %u", s->name, LIST_MAX);
		return;
	}
	l->routes[l->nroutes] = *r;
	l->routes[l->nroutes++].origin = s->origin;
}

/* ---- the words of a route ---- */

#define MTU_MIN4 68u			/* RFC 791 */
#define MTU_MIN6 1280u			/* RFC 8200 section 5 */

struct route_words {
	const char *dst, *via, *metric, *src, *mtu, *onlink;	/* NULL: it is not said */
};

static const char **route_word(struct route_words *w, const char *word)
{
	return !strcmp(word, "via") ? &w->via : !strcmp(word, "metric") ? &w->metric :
	       !strcmp(word, "src") ? &w->src : !strcmp(word, "mtu") ? &w->mtu :
	       !strcmp(word, "onlink") ? &w->onlink : NULL;
}

/* As ip-route(8) writes them. Why they are none; NULL: they are in w. */
static const char *route_split(char *text, struct route_words *w)
{
	char *save = NULL, *word;
	const char **to;

	*w = (struct route_words){ .dst = strtok_r(text, " \t", &save) };
	if (!w->dst || route_word(w, w->dst))
		return "its destination is missing";
	while ((word = strtok_r(NULL, " \t", &save))) {
		to = route_word(w, word);
		if (!to)
			return "a word in it is not known";
		if (*to)
			return "a word in it stands twice";
		*to = to == &w->onlink ? word : strtok_r(NULL, " \t", &save);
		if (!*to)
			return "the value of its last word is missing";
	}
	return w->onlink && !w->via ? "onlink is said of a gateway, and it has none" : NULL;
}

static bool read_number(struct check *ck, const struct merged *m, const struct setting *s,
			const char *what, const char *text, uint64_t min, uint64_t max, uint32_t *v)
{
	struct weir_error why;
	uint64_t n;

	if (!text)
		return true;
	if (!parse_u64(text, &n, &why) && n >= min && n <= max) {
		*v = (uint32_t)n;
		return true;
	}
	check_mistake(ck, m, s->origin, "route: %s %s is no number from %" PRIu64 " to %" PRIu64,
		      what, text, min, max);
	return false;
}

static bool read_source(struct check *ck, const struct merged *m, const struct setting *s,
			const char *text, const struct config_link *l, struct config_route *r)
{
	if (!text)
		return true;
	if (!read_address(ck, m, s, text, l, &r->src))
		return false;
	for (size_t i = 0; i < l->naddrs; i++)
		if (r->src.family == r->dst.family && r->src.prefix == bits(&r->src) &&
		    same_address(&l->addrs[i].addr, &r->src))
			return true;
	check_mistake(ck, m, s->origin, "route: src %s is no address of this link that could be the "
		      "source there; give one of its addresses, without a prefix length", text);
	return false;
}

static bool read_destination(struct check *ck, const struct merged *m, const struct setting *s,
			     const struct route_words *w, const struct config_link *l,
			     struct config_route *r)
{
	if (strcmp(w->dst, "default")) {
		if (!read_address(ck, m, s, w->dst, l, &r->dst))
			return false;
		if (!rest_is(&r->dst, r->dst.prefix, false)) {
			check_mistake(ck, m, s->origin, "route: %s has bits beyond its prefix length; "
				      "write the network's own address", w->dst);
			return false;
		}
	}
	if (w->via && !read_gateway(ck, m, s, w->via, l, r->onlink, &r->gateway))
		return false;
	if (!r->dst.family)		/* "default": of the gateway's family */
		r->dst.family = w->via ? r->gateway.family : AF_INET;
	if (!w->via || r->gateway.family == r->dst.family)
		return true;
	check_mistake(ck, m, s->origin, "route: %s and its gateway are not of one family; give a "
		      "gateway that speaks the destination's protocol", w->dst);
	return false;
}

/* "DST/LEN via GW", "default via GW", or "DST/LEN" for what is on the link itself; and more words
 * behind. */
static void read_route(struct check *ck, const struct merged *m, const struct setting *s,
		       char *text, struct config_link *l)
{
	struct config_route r = { 0 };
	struct route_words w;
	const char *fault = route_split(text, &w);

	if (fault) {
		check_mistake(ck, m, s->origin, "route: %s; write it as 10.1.0.0/16 via 10.0.0.1, with "
			      "metric N, mtu N, src ADDRESS or onlink behind it", fault);
		return;
	}
	r.onlink = w.onlink;
	if (read_destination(ck, m, s, &w, l, &r) &&
	    read_number(ck, m, s, "metric", w.metric, 0, UINT32_MAX, &r.metric) &&
	    read_number(ck, m, s, "mtu", w.mtu, r.dst.family == AF_INET ? MTU_MIN4 : MTU_MIN6,
			UINT16_MAX, &r.mtu) &&
	    read_source(ck, m, s, w.src, l, &r))
		add_route(ck, m, s, l, &r);
}

static void for_elements(struct check *ck, const struct merged *m, const char *key,
			 struct config_link *l,
			 void (*fn)(struct check *, const struct merged *, const struct setting *,
				    char *, struct config_link *))
{
	char text[256];

	for (size_t i = 0; i < m->nown; i++) {
		const char *list = m->own[i].value;

		if (!strcmp(m->own[i].name, key))
			while (next_element(&list, text, sizeof(text)))
				fn(ck, m, &m->own[i], text, l);
	}
}

static void read_link_address(struct check *ck, const struct merged *m, const struct setting *s,
			      char *text, struct config_link *l)
{
	add_address(ck, m, s, text, l);
}

static void read_default(struct check *ck, const struct merged *m, const struct setting *s,
			 char *text, struct config_link *l)
{
	struct config_route r = { 0 };

	if (!read_gateway(ck, m, s, text, l, false, &r.gateway))
		return;
	r.dst.family = r.gateway.family;
	add_route(ck, m, s, l, &r);
}

/* inet_pton() is stricter than an address in an INI: no prefix length, and all of 128 bits. */
static void read_secret(struct check *ck, const struct merged *m, struct config_link *l)
{
	for (size_t i = 0; i < m->nown; i++) {
		const struct setting *s = &m->own[i];

		if (strcmp(s->name, "stable-secret"))
			continue;
		l->ip6.has_secret = inet_pton(AF_INET6, s->value, l->ip6.secret) == 1;
		if (!l->ip6.has_secret)
			check_mistake(ck, m, s->origin, "stable-secret: %s is not 128 bits written as an IPv6 "
				      "address; write 32 random hexadecimal digits, a colon after every four",
				      s->value);
	}
}

void check_link_addresses(struct check *ck, const struct merged *m, struct config_link *l)
{
	size_t before = ck->mistakes;

	read_secret(ck, m, l);
	l->addrs = calloc(LIST_MAX, sizeof(*l->addrs));
	l->routes = calloc(LIST_MAX, sizeof(*l->routes));
	if (!l->addrs || !l->routes) {
		ck->no_memory = true;
		return;
	}
	for_elements(ck, m, "address", l, read_link_address);
	if (ck->mistakes != before)
		return;		/* gateways would only seem to be off the link */
	for_elements(ck, m, "gateway", l, read_default);
	for_elements(ck, m, "route", l, read_route);
}
