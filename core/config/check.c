/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.c - from sections of settings to what the rest of weir works with.
 *
 * A section is checked in three steps, each only when the one before found nothing: every
 * setting by itself (so that all wrong ones are named), the section as a whole (required
 * parameters, sizes that are a time at a rate), and what hangs together beyond it (gateways and
 * addresses). The tables that decide are the section's own (sections.c) and that of the module
 * it picks, which is loaded for it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/sections.h"

static void report(struct check *ck, const char *sentence)
{
	if (ck->mistakes++ == 0)
		weir_fail(ck->e, EINVAL, "%s", sentence);
	if (ck->report)
		ck->report(ck->arg, sentence);
}

void check_mistake(struct check *ck, const struct merged *m, const char *origin,
		   const char *fmt, ...)
{
	struct weir_error line;
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!origin)
		origin = m->origin;
	weir_fail(&line, EINVAL, "%s%s[%s%s%s] %s", origin ? origin : "", origin ? ": " : "",
		  m->kind->kind, *m->name ? " " : "", m->name, text);
	report(ck, line.text);
}

/* False: no memory. */
static bool merge(struct check *ck, struct merged *m, const char *kind, const char *name)
{
	if (section_merge(ck->config, m, section_kind_find(kind), name, LAYER_ANNOTATION))
		return true;
	ck->no_memory = true;
	return false;
}

/* ---- checking ---- */

/* The section's own keys, into keys (zeroed, k->keys_size bytes). False: mistakes were reported. */
static bool check_own(struct check *ck, const struct merged *m, void *keys)
{
	const struct setting *bad;
	struct weir_error why;
	struct setting *once;
	size_t n = 0, before = ck->mistakes;

	once = calloc(m->nown + 1, sizeof(*once));
	if (!once) {
		ck->no_memory = true;
		return false;
	}
	for (size_t i = 0; i < m->nown; i++) {
		if (section_key_repeats(m->kind, m->own[i].name))
			continue;	/* a list: check_link.c reads it */
		once[n++] = m->own[i];
		if (params_check_one(m->kind->keys, &m->own[i], keys, &why))
			check_mistake(ck, m, m->own[i].origin, "%s", why.text);
	}
	if (ck->mistakes == before &&
	    params_parse_bad(m->kind->keys, once, n, NULL, keys, m->kind->keys_size, &bad, &why))
		check_mistake(ck, m, bad ? bad->origin : NULL, "%s", why.text);
	free(once);
	return ck->mistakes == before;
}

const char *check_origin(const struct merged *m, const char *key)
{
	for (size_t i = m->nown; i-- > 0; )
		if (!strcmp(m->own[i].name, key))
			return m->own[i].origin;
	return NULL;
}

/* The module's parameters and, for the list of what there is, the section's own keys. */
static void join_tables(const struct param *own, const struct param *module, struct param *all)
{
	size_t n = 0;

	for (const struct param *p = own; p->name && n < PARAM_TABLE_MAX; p++)
		all[n++] = *p;
	for (const struct param *p = module; p && p->name && n < PARAM_TABLE_MAX; p++)
		if (!param_find(own, p->name))
			all[n++] = *p;
	all[n] = (struct param){ 0 };
}

static void check_rest_by_table(struct check *ck, const struct merged *m, const char *choice,
				const struct param *table, size_t size)
{
	struct param all[PARAM_TABLE_MAX + 1];
	size_t before = ck->mistakes;
	const struct setting *bad;
	struct weir_error why;
	void *blob = calloc(1, size + 1);

	if (!blob) {
		ck->no_memory = true;
		return;
	}
	join_tables(m->kind->keys, table, all);
	for (size_t i = 0; i < m->nrest; i++) {
		const struct setting *s = &m->rest[i];

		if (params_check_one(param_find(table, s->name) ? table : all, s, blob, &why))
			check_mistake(ck, m, s->origin, "%s", why.text);
	}
	if (ck->mistakes == before &&
	    params_parse_bad(table, m->rest, m->nrest, NULL, blob, size, &bad, &why)) {
		if (bad)
			check_mistake(ck, m, bad->origin, "%s", why.text);
		else
			check_mistake(ck, m, check_origin(m, m->kind->choice), "%s %s", choice, why.text);
	}
	free(blob);
}

/* The module that the section picks, and the parameters it is given. */
static void check_rest(struct check *ck, const struct merged *m, const char *choice)
{
	const struct param *table;
	struct weir_error why;
	struct module *mod;
	const void *ops;
	size_t size;

	ops = registry_get(ck->registry, m->kind->module, choice, &mod, &why);
	if (!ops) {
		check_mistake(ck, m, check_origin(m, m->kind->choice), "%s: %s", m->kind->choice, why.text);
		return;
	}
	table = registry_params(m->kind->module, ops, &size);
	check_rest_by_table(ck, m, choice, table, size);
	module_put(mod);
}

static char *keep(struct check *ck, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		ck->no_memory = true;
	return copy;
}

/* ---- the sections ---- */

static void check_weir(struct check *ck, struct merged *m)
{
	struct weir_keys keys = { 0 };
	struct config *c = ck->config;
	struct weir_error why;
	struct module *mod;
	struct param none = { 0 };

	if (!merge(ck, m, "weir", ""))
		return;
	check_own(ck, m, &keys);
	if (m->nrest)
		check_rest_by_table(ck, m, "", &none, 0);
	if (!*keys.mode)
		return;		/* it was wrong, and is reported */
	if (!registry_get(ck->registry, WEIR_KIND_MODE, keys.mode, &mod, &why))
		check_mistake(ck, m, check_origin(m, "mode"), "mode: %s", why.text);
	else
		module_put(mod);
	c->mode = keep(ck, keys.mode);
	c->gso = keys.gso;
	c->gro = keys.gro;
	c->allow_override = keys.allow_override;
	c->module_path = *keys.module_path ? keep(ck, keys.module_path) : NULL;
	c->memory = keys.memory;
	check_memory_marks(ck, m, "datagram-memory", keys.datagram_memory, c->datagram_memory);
	c->drain = keys.drain;
	c->log_level = (enum log_level)keys.log;
}

static void check_link(struct check *ck, struct merged *m, const char *name)
{
	struct link_keys keys = { 0 };
	struct config *c = ck->config;
	struct config_link *l = &c->links[c->nlinks];

	if (!merge(ck, m, "link", name))
		return;
	snprintf(l->name, sizeof(l->name), "%s", name);
	c->nlinks++;
	check_own(ck, m, &keys);
	if (*keys.driver)
		check_rest(ck, m, keys.driver);
	l->ip4 = (struct config_ip4) {
		.accept_redirects = keys.accept_redirects,
		.secure_redirects = keys.secure_redirects,
	};
	l->ip6 = (struct config_ip6) {
		.enabled = keys.ipv6,
		.accept_ra = keys.accept_ra,
		.accept_redirects = keys.accept_redirects,
		.eui64 = keys.addr_gen == 1,
	};
	check_link_addresses(ck, m, l);
	l->driver = keep(ck, keys.driver);
	l->origin = m->origin;
	l->mtu = keys.mtu;
	l->settings = m->rest;
	l->nsettings = m->nrest;
	m->rest = NULL;
}

static void check_qdisc(struct check *ck, struct merged *m, const char *nic)
{
	struct qdisc_keys keys = { 0 };
	struct config *c = ck->config;
	struct config_qdisc *q = &c->qdiscs[c->nqdiscs];

	if (!merge(ck, m, "qdisc", nic))
		return;
	snprintf(q->nic, sizeof(q->nic), "%s", nic);
	c->nqdiscs++;
	check_own(ck, m, &keys);
	if (*keys.kind)
		check_rest(ck, m, keys.kind);
	q->kind = keep(ck, keys.kind);
	q->origin = m->origin;
	q->settings = m->rest;
	q->nsettings = m->nrest;
	m->rest = NULL;
}

static void check_tcp(struct check *ck, struct merged *m)
{
	struct tcp_keys keys = { 0 };
	struct config *c = ck->config;

	if (!merge(ck, m, "tcp", ""))
		return;
	check_own(ck, m, &keys);
	if (*keys.congestion)
		check_rest(ck, m, keys.congestion);
	c->congestion = keep(ck, keys.congestion);
	check_tcp_keys(ck, m, &keys);
	c->congestion_settings = m->rest;
	c->ncongestion_settings = m->nrest;
	m->rest = NULL;
}

/* One address is one NIC's. */
static void check_twins(struct check *ck, struct merged *m)
{
	struct config *c = ck->config;

	for (size_t i = 0; i < c->nlinks; i++)
		for (size_t j = 0; j < i; j++)
			for (size_t a = 0; a < c->links[i].naddrs; a++)
				for (size_t b = 0; b < c->links[j].naddrs; b++)
					if (!memcmp(c->links[i].addrs[a].addr.addr,
						    c->links[j].addrs[b].addr.addr, 16)) {
						m->name = c->links[i].name;
						m->kind = section_kind_find("link");
						check_mistake(ck, m, c->links[i].origin,
							      "address: it is [link %s]'s "
							      "already; give each link its own",
							      c->links[j].name);
					}
}

/* Call fn for each name of sections of this kind, once. */
static void for_names(struct check *ck, struct merged *m, const char *kind,
		      void (*fn)(struct check *, struct merged *, const char *))
{
	const struct config *c = ck->config;

	for (size_t i = 0; i < c->nsections; i++) {
		const struct config_section *s = &c->sections[i];

		if (strcmp(s->kind, kind) || !*s->name || !section_is_first(c, i))
			continue;
		fn(ck, m, s->name);
		free(m->rest);
		m->rest = NULL;
	}
}

int config_check(struct config *c, struct registry *r,
		 void (*report_fn)(void *arg, const char *sentence), void *arg, struct weir_error *e)
{
	struct check ck = { .config = c, .registry = r, .report = report_fn, .arg = arg, .e = e };
	struct merged *m = calloc(1, sizeof(*m));

	config_uncheck(c);
	c->links = calloc(c->nsections + 1, sizeof(*c->links));
	c->qdiscs = calloc(c->nsections + 1, sizeof(*c->qdiscs));
	if (!m || !c->links || !c->qdiscs) {
		free(m);
		return weir_fail(e, ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < c->nmistakes; i++)
		report(&ck, c->mistakes[i]);
	check_weir(&ck, m);
	free(m->rest);
	m->rest = NULL;
	for_names(&ck, m, "link", check_link);
	check_qdisc(&ck, m, "");
	free(m->rest);
	m->rest = NULL;
	for_names(&ck, m, "qdisc", check_qdisc);
	check_tcp(&ck, m);
	free(m->rest);
	check_twins(&ck, m);
	free(m);
	if (ck.no_memory)
		return weir_fail(e, ENOMEM, "out of memory");
	return ck.mistakes ? -EINVAL : 0;
}
