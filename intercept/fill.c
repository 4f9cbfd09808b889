/* SPDX-License-Identifier: Apache-2.0 */
/* fill.c - what was taken from a namespace becomes configuration and NICs (takeover.h). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/instance.h"
#include "intercept/taken.h"
#include "intercept/takeover.h"

static bool config_has_driver(const struct config *c, const char *link)
{
	for (size_t i = 0; i < c->nsections; i++) {
		const struct config_section *s = &c->sections[i];

		if (strcmp(s->kind, "link") || strcmp(s->name, link))
			continue;
		for (size_t j = 0; j < s->nsettings; j++)
			if (!strcmp(s->settings[j].name, "driver"))
				return true;
	}
	return false;
}

struct config_fill {
	struct config *config;
	struct weir_error *e;
};

static int config_device(void *arg, const struct taken *x)
{
	struct config_fill *f = arg;
	char text[64];

	if (config_has_driver(f->config, x->device))
		return 0;
	snprintf(text, sizeof(text), "link.%s.driver=packet", x->device);
	return config_set(f->config, text, "--netns", f->e);
}

int takeover_config(const struct takeover *t, struct config *c, struct weir_error *e)
{
	struct config_fill f = { c, e };

	return taken_each(t, TAKEN_DEVICE, config_device, &f);
}

/* A new zeroed element at the end of an array; NULL: no memory, the array is as it was. */
#define array_grow(array, n) \
	({ void *array_p = reallocarray(array, (n) + 1, sizeof(*(array))); \
	   if (array_p) { \
		(array) = array_p; \
		memset(&(array)[n], 0, sizeof(*(array))); \
	   } \
	   array_p ? &(array)[(n)++] : NULL; })

static bool of_device(const struct instance_nic *n, const struct taken *x)
{
	return !strcmp(x->device, *n->link.host_device ? n->link.host_device : n->link.name);
}

/* What was there of the device is for this NIC; of IPv6 nothing where that is off. */
static bool is_for(const struct instance_nic *n, const struct taken *x)
{
	return of_device(n, x) && (n->ip6.enabled || ip_addr_is_v4(&x->addr));
}

static bool link_says(const struct instance_nic *n, const char *key)
{
	return config_value(&n->instance->config, "link", n->link.name, key);
}

/* What the kernel was told holds where [link] is silent. */
static void fill_ip6(struct instance_nic *n, const struct taken_ip6 *x)
{
	if (x->off && !link_says(n, "ipv6"))
		n->ip6.enabled = false;
	if (x->no_ra && !link_says(n, "accept-ra"))
		n->ip6.accept_ra = false;
	if (x->no_redirects && !link_says(n, "accept-redirects"))
		n->ip6.accept_redirects = false;
	if (x->eui64 && !link_says(n, "addr-gen"))
		n->ip6.eui64 = true;
	if (x->has_secret && !link_says(n, "stable-secret")) {
		n->ip6.has_secret = true;
		n->ip6.secret = ip6_secret(x->secret);
	}
}

static void fill_ip4(struct instance_nic *n, const struct taken_ip4 *x)
{
	if (x->no_redirects && !link_says(n, "accept-redirects"))
		n->ip4.accept_redirects = false;
	if (x->secure_redirects && !link_says(n, "secure-redirects"))
		n->ip4.secure_redirects = true;
	n->ip4.promote_secondaries = x->promote_secondaries;
}

void takeover_heed(struct instance_nic *n, const struct taken *x)
{
	n->taken = true;
	n->index = x->index;
	fill_ip4(n, &x->ip4);
	fill_ip6(n, &x->ip6);
}

static int fill_device(void *arg, const struct taken *x)
{
	struct instance_nic *n = arg;

	if (of_device(n, x))
		takeover_heed(n, x);
	return 0;
}

static int fill_addr(void *arg, const struct taken *x)
{
	struct instance_nic *n = arg;
	struct ifaddr_spec *spec;

	if (!is_for(n, x))
		return 0;
	spec = array_grow(n->addrs, n->naddrs);
	if (!spec)
		return -ENOMEM;
	*spec = (struct ifaddr_spec){ .addr = x->addr, .prefix = x->prefix,
				      .taken = true, .dynamic = x->dynamic,
				      .temporary = x->temporary,
				      .no_prefix_route = x->no_prefix_route,
				      .no_broadcast = x->no_broadcast, .no_dad = x->no_dad,
				      .preferred = x->preferred, .valid = x->valid };
	return 0;
}

static int fill_route(void *arg, const struct taken *x)
{
	struct instance_nic *n = arg;
	struct route_spec *spec;

	if (!is_for(n, x))
		return 0;
	spec = array_grow(n->routes, n->nroutes);
	if (!spec)
		return -ENOMEM;
	*spec = (struct route_spec){ .dst = x->addr, .prefix = x->prefix,
				     .gateway = x->gateway, .prefsrc = x->prefsrc,
				     .metric = x->metric, .mtu = x->mtu, .onlink = x->onlink,
				     .protocol = x->protocol, .expires = x->expires };
	return 0;
}

static int fill_neigh(void *arg, const struct taken *x)
{
	struct instance_nic *n = arg;
	struct neigh_spec *spec;

	if (!is_for(n, x))
		return 0;
	spec = array_grow(n->neighs, n->nneighs);
	if (!spec)
		return -ENOMEM;
	spec->addr = x->addr;
	memcpy(spec->lladdr, x->lladdr, sizeof(spec->lladdr));
	return 0;
}

int takeover_fill(const struct takeover *t, struct instance *inst, struct weir_error *e)
{
	list_for_each(pos, &inst->nics) {
		struct instance_nic *n = list_entry(pos, struct instance_nic, node);

		if (taken_each(t, TAKEN_DEVICE, fill_device, n) ||
		    taken_each(t, TAKEN_ADDR, fill_addr, n) ||
		    taken_each(t, TAKEN_ROUTE, fill_route, n) ||
		    taken_each(t, TAKEN_NEIGH, fill_neigh, n))
			return weir_fail(e, ENOMEM, "--netns: out of memory");
	}
	return 0;
}
