/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_link.c - a [link]'s addresses, gateway and routes.
 *
 * An address is a host's, with the prefix of its network. A gateway has to be on a network of the
 * link's own addresses, or nothing could be sent to it (RFC 1122 section 3.3.1.1).
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "config/sections.h"

#define LIST_MAX 64u			/* addresses, and routes, of one link */

static const struct param address_param = { .name = "address", .type = PARAM_ADDRESS };

static uint32_t ipv4(const struct param_address *a)
{
	uint32_t be;

	memcpy(&be, a->addr, sizeof(be));
	return ntohl(be);
}

static uint32_t netmask(unsigned int prefix)
{
	return prefix ? UINT32_MAX << (32 - prefix) : 0;
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
			 const char *text, struct param_address *a)
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
	if (a->family != AF_INET) {
		check_mistake(ck, m, s->origin, "%s: %s is an IPv6 address, and this stack speaks IPv4; "
			      "write one like 10.0.0.2/24", s->name, text);
		return false;
	}
	return true;
}

/* Why no host can have this address; NULL: one can. */
static const char *host_fault(const struct param_address *a)
{
	uint32_t ip = ipv4(a), host = ip & ~netmask(a->prefix);

	if (ip >> 24 == 0)
		return "is no address of a host";
	if (ip >> 24 == 127)
		return "is a loopback address, which every stack has on lo already";
	if (ip >> 28 == 0xe)
		return "is a multicast address";
	if (ip >> 28 == 0xf)
		return "is a reserved address";
	if (a->prefix < 31 && host == 0)
		return "is the network's own address";
	if (a->prefix < 31 && host == ~netmask(a->prefix))
		return "is the network's broadcast address";
	return NULL;
}

static void add_address(struct check *ck, const struct merged *m, const struct setting *s,
			const char *text, struct config_link *l)
{
	struct param_address a;
	const char *fault;

	if (!read_address(ck, m, s, text, &a))
		return;
	fault = a.prefix ? host_fault(&a) : "covers every address there is";
	if (fault) {
		check_mistake(ck, m, s->origin, "address: %s %s; give a host's address, such as "
			      "10.0.0.2/24", text, fault);
		return;
	}
	for (size_t i = 0; i < l->naddrs; i++) {
		if (ipv4(&l->addrs[i].addr) == ipv4(&a)) {
			check_mistake(ck, m, s->origin, "address: %s stands twice; keep one", text);
			return;
		}
	}
	if (l->naddrs == LIST_MAX) {
		check_mistake(ck, m, s->origin, "address: there are more than %u", LIST_MAX);
		return;
	}
	l->addrs[l->naddrs++].addr = a;
}

static bool on_link(const struct config_link *l, const struct param_address *gw)
{
	for (size_t i = 0; i < l->naddrs; i++) {
		const struct param_address *a = &l->addrs[i].addr;

		if (a->prefix < 32 && ((ipv4(a) ^ ipv4(gw)) & netmask(a->prefix)) == 0)
			return true;
	}
	return false;
}

static bool read_gateway(struct check *ck, const struct merged *m, const struct setting *s,
			 const char *text, const struct config_link *l, struct param_address *gw)
{
	const char *fault;

	if (!read_address(ck, m, s, text, gw))
		return false;
	fault = gw->prefix < 32 ? "has a prefix length" : host_fault(gw);
	if (fault) {
		check_mistake(ck, m, s->origin, "%s: %s %s; give the gateway's own address, such as "
			      "10.0.0.1", s->name, text, fault);
		return false;
	}
	for (size_t i = 0; i < l->naddrs; i++) {
		if (ipv4(&l->addrs[i].addr) == ipv4(gw)) {
			check_mistake(ck, m, s->origin, "%s: %s is this link's own address; give the "
				      "gateway's", s->name, text);
			return false;
		}
	}
	if (!on_link(l, gw)) {
		check_mistake(ck, m, s->origin, "%s: %s is on no network of this link's addresses; give "
			      "the link an address with a prefix that covers it, such as address = "
			      "10.0.0.2/24 for 10.0.0.1", s->name, text);
		return false;
	}
	return true;
}

static void add_route(struct check *ck, const struct merged *m, const struct setting *s,
		      struct config_link *l, const struct config_route *r)
{
	for (size_t i = 0; i < l->nroutes; i++) {
		if (!memcmp(&l->routes[i].dst, &r->dst, sizeof(r->dst))) {
			check_mistake(ck, m, s->origin, "%s: there is a route to the same destination "
				      "already; keep one", s->name);
			return;
		}
	}
	if (l->nroutes == LIST_MAX) {
		check_mistake(ck, m, s->origin, "%s: there are more than %u", s->name, LIST_MAX);
		return;
	}
	l->routes[l->nroutes++] = *r;
}

/* "DST/LEN via GW", "default via GW", or "DST/LEN" for what is on the link itself. */
static void read_route(struct check *ck, const struct merged *m, const struct setting *s,
		       char *text, struct config_link *l)
{
	struct config_route r = { 0 };
	char *words[4], *save = NULL;
	size_t n = 0;

	for (char *w = strtok_r(text, " \t", &save); w && n < 4; w = strtok_r(NULL, " \t", &save))
		words[n++] = w;
	if ((n != 1 && n != 3) || (n == 3 && strcmp(words[1], "via"))) {
		check_mistake(ck, m, s->origin, "route: this is no route; write it as 10.1.0.0/16 via "
			      "10.0.0.1");
		return;
	}
	if (strcmp(words[0], "default")) {
		if (!read_address(ck, m, s, words[0], &r.dst))
			return;
		if (ipv4(&r.dst) & ~netmask(r.dst.prefix)) {
			check_mistake(ck, m, s->origin, "route: %s has bits beyond its prefix length; "
				      "write the network's own address", words[0]);
			return;
		}
		if (r.dst.prefix == 0)
			r.dst = (struct param_address){ 0 };
	}
	if (n == 3 && !read_gateway(ck, m, s, words[2], l, &r.gateway))
		return;
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

	if (read_gateway(ck, m, s, text, l, &r.gateway))
		add_route(ck, m, s, l, &r);
}

void check_link_addresses(struct check *ck, const struct merged *m, struct config_link *l)
{
	size_t before = ck->mistakes;

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
