/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.c - annotations within ceilings.
 *
 * Theory of operation
 *
 * Who writes annotations is whoever may start a container: for the operator, a stranger. What the
 * operator configured (the files and the command line, not the defaults) is therefore a
 * ceiling. Without allow-override
 *
 *	qdisc		may only become tbf, and not in place of a qdisc whose limits tbf's are not
 *	rate, burst	may be what the operator gave, or less; where nothing was given, anything
 *	all else	is the operator's
 *
 * for every [qdisc] section by itself: one value that is too high for one NIC is refused. With
 * allow-override every flag of the table may be set. Values are plain integers in both cases.
 *
 * Each annotation is judged by what the lower layers say, never by another annotation; what is
 * accepted becomes a layer above them (config.h), and config_check looks at the whole. So the
 * order of annotations cannot matter, and this file knows nothing of what makes a
 * configuration valid.
 *
 * An operator's burst that is a time at a rate has a size only where the operator gave that rate,
 * too.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/flags.h"
#include "config/policy.h"
#include "config/sections.h"

#define SHAPER "tbf"

struct policy {
	struct config *config;
	const struct annotations *annotations;
	bool override;			/* allow-override */
	struct merged *merged;		/* of the section that is looked at */
	bool refused;			/* any of them */
	struct weir_error *e;
	int err;
};

static void refuse(struct policy *p, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void refuse(struct policy *p, const char *key, const char *fmt, ...)
{
	char shown[CONFIG_SHOWN], text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	config_shown(key, shown);
	config_mistake(p->config, "annotation %s: %s", shown, text);
	p->refused = true;
}

/* ---- which annotation ---- */

struct wish {
	const struct config_flag *flag;
	const char *key, *value;
};

static const struct config_flag *flag_find(const char *name)
{
	for (const struct config_flag *f = config_flags; f->name; f++)
		if (!strcmp(f->name, name))
			return f;
	return NULL;
}

/* May a container say it without allow-override? */
static bool tenants(const struct config_flag *f)
{
	return !strcmp(f->section, "qdisc");
}

static void refuse_unknown(struct policy *p)
{
	for (size_t i = 0; i < p->annotations->n; i++) {
		const char *key = p->annotations->list[i].key;
		const struct config_flag *f = flag_find(annotation_flag(key));

		if (!f)
			refuse(p, key, "there is no such flag for annotations; remove it (a "
			       "container may set qdisc, qdisc-tbf-rate and qdisc-tbf-burst%s)",
			       p->override ? ", and with allow-override mode, network and gso" : "");
		else if (!p->override && !tenants(f))
			refuse(p, key, "only the operator sets it, unless allow-override is on; "
			       "remove it");
	}
}

static bool same_setting(const struct config_flag *a, const struct config_flag *b)
{
	return !strcmp(a->section, b->section) && !strcmp(a->key, b->key);
}

/* What the annotations say of section.key; key NULL: nothing, or it was refused. */
static struct wish wish_find(struct policy *p, const char *section, const char *key)
{
	const struct config_flag wanted = { .section = section, .key = key };
	struct wish w = { 0 };
	bool good = true;

	for (size_t i = 0; i < p->annotations->n; i++) {
		const struct annotation *a = &p->annotations->list[i];
		const struct config_flag *f = flag_find(annotation_flag(a->key));
		struct weir_error why;

		if (!f || !same_setting(f, &wanted) || (!p->override && !tenants(f)))
			continue;
		if (config_flag_check(f, a->value, &why)) {
			refuse(p, a->key, "%s", why.text);
			good = false;
		} else if (w.key && strcmp(w.value, a->value)) {
			refuse(p, a->key, "it is not the same as %s; make them equal, or keep one",
			       w.key);
			good = false;
		} else {
			w = (struct wish){ f, a->key, a->value };
		}
	}
	return good ? w : (struct wish){ 0 };
}

/* ---- ceilings ---- */

struct limits {
	uint64_t rate, burst;
};

static const struct param limit_params[] = {
	{ .name = "rate", .type = PARAM_RATE, .offset = offsetof(struct limits, rate) },
	{ .name = "burst", .type = PARAM_SIZE, .offset = offsetof(struct limits, burst),
	  .at = "rate" },
	{ }
};

/* What the operator gave as rate and burst, in bytes. -EINVAL: it has no meaning by itself. */
static int limits_of(const struct merged *m, struct limits *l, struct weir_error *e)
{
	struct setting given[2];
	size_t n = 0;

	for (const struct param *p = limit_params; p->name; p++) {
		const struct setting *s = merged_setting(m, p->name);

		if (s)
			given[n++] = *s;
	}
	return params_parse(limit_params, given, n, NULL, l, sizeof(*l), e);
}

/* "[qdisc eth0] (x.ini:7)" */
static const char *place(const struct merged *m, const struct setting *s, char *text, size_t size)
{
	snprintf(text, size, "[qdisc%s%s] (%.160s)", *m->name ? " " : "", m->name,
		 s && s->origin ? s->origin : "the default");
	return text;
}

/* Is a wish for rate or burst within what the operator gave? */
static bool within(struct policy *p, const struct wish *w)
{
	const struct setting *s = w->key ? merged_setting(p->merged, w->flag->key) : NULL;
	struct limits limits;
	struct weir_error why;
	uint64_t asked, most;
	bool rate;
	char at[220], shown[CONFIG_SHOWN];

	if (!s || p->override)
		return true;
	if (limits_of(p->merged, &limits, &why)) {
		refuse(p, w->key, "%s of %s is no number of bytes to compare it with; remove the "
		       "annotation, or have the operator write bytes", w->flag->key,
		       place(p->merged, s, at, sizeof(at)));
		return false;
	}
	rate = !strcmp(w->flag->key, "rate");
	most = rate ? limits.rate : limits.burst;
	if (!parse_u64(w->value, &asked, NULL) && asked <= most)
		return true;
	refuse(p, w->key, "%s is more than the %" PRIu64 " bytes%s of %s; lower it, or have the "
	       "operator raise that or set allow-override", config_shown(w->value, shown), most,
	       rate ? "/s" : "", place(p->merged, s, at, sizeof(at)));
	return false;
}

/* Does tbf in its place let through nothing that it would have held? */
static bool limits_nothing(const char *kind)
{
	static const char *const kinds[] = { "fifo", "none", SHAPER };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kind, kinds[i]))
			return true;
	return false;
}

static bool may_become(struct policy *p, const struct wish *w, const char *kind)
{
	char at[220], shown[CONFIG_SHOWN];

	if (p->override || limits_nothing(kind))
		return true;
	refuse(p, w->key, "tbf would lift what %s does in %s; remove it, or have the operator set "
	       "allow-override", config_shown(kind, shown),
	       place(p->merged, merged_setting(p->merged, "kind"), at, sizeof(at)));
	return false;
}

/* ---- applying ---- */

static void set(struct policy *p, const char *name, const struct wish *w)
{
	struct config_section *s;
	char origin[ANNOTATION_VALUE_MAX + 16];

	if (!w->key)
		return;
	snprintf(origin, sizeof(origin), "annotation %s", w->key);
	s = section_get(p->config, w->flag->section, name, origin, LAYER_ANNOTATION);
	if ((!s || section_add(s, w->flag->key, w->value, origin)) && !p->err)
		p->err = weir_fail(p->e, ENOMEM, "%s: there are too many sections", origin);
}

/* What a container asks of every qdisc. */
struct qdisc_wishes {
	struct wish kind, rate, burst;
	bool shaped;			/* some section is a tbf, and takes rate and burst */
};

static void apply_qdisc(struct policy *p, const char *name, struct qdisc_wishes *w)
{
	const struct setting *s;
	const char *kind;

	if (!section_merge(p->config, p->merged, section_kind_find("qdisc"), name, LAYER_LINE)) {
		p->err = weir_fail(p->e, ENOMEM, "out of memory");
		return;
	}
	s = merged_setting(p->merged, "kind");
	kind = s ? s->value : CONFIG_QDISC;
	if (w->kind.key && may_become(p, &w->kind, kind)) {
		set(p, name, &w->kind);
		kind = w->kind.value;
	}
	if (strcmp(kind, SHAPER))
		return;
	w->shaped = true;
	if (within(p, &w->rate))
		set(p, name, &w->rate);
	if (within(p, &w->burst))
		set(p, name, &w->burst);
}

/* The kind that is asked for, if it may be asked for at all. */
static struct wish kind_find(struct policy *p)
{
	struct wish w = wish_find(p, "qdisc", "kind");
	char shown[CONFIG_SHOWN];

	if (!w.key || p->override || !strcmp(w.value, SHAPER))
		return w;
	refuse(p, w.key, "%s: a container's qdisc may only become tbf, unless allow-override is on; "
	       "write tbf, or remove it", config_shown(w.value, shown));
	return (struct wish){ 0 };
}

static void refuse_useless(struct policy *p, const struct wish *w)
{
	if (w->key)
		refuse(p, w->key, "no qdisc is a tbf, so it would do nothing; add "
		       "dev.weir.flag.qdisc with the value tbf, or remove it");
}

static void apply_qdiscs(struct policy *p)
{
	size_t n = p->config->nsections;	/* more come behind them */
	struct qdisc_wishes w = {
		.kind = kind_find(p),
		.rate = wish_find(p, "qdisc", "rate"),
		.burst = wish_find(p, "qdisc", "burst"),
	};

	if (!w.kind.key && !w.rate.key && !w.burst.key)
		return;
	apply_qdisc(p, "", &w);
	free(p->merged->rest);
	for (size_t i = 0; i < n; i++) {
		const char *name = p->config->sections[i].name;

		if (strcmp(p->config->sections[i].kind, "qdisc") || !*name || !section_is_first(p->config, i))
			continue;
		apply_qdisc(p, name, &w);
		free(p->merged->rest);
	}
	if (!w.shaped && !p->refused) {
		refuse_useless(p, &w.rate);
		refuse_useless(p, &w.burst);
	}
}

static void apply_weir(struct policy *p)
{
	struct wish mode = wish_find(p, "weir", "mode"), gso = wish_find(p, "weir", "gso");

	set(p, "", &mode);
	set(p, "", &gso);
}

int policy_apply(struct config *c, const struct annotations *a, struct weir_error *e)
{
	struct policy p = { .config = c, .annotations = a, .e = e };
	const char *allow = config_value(c, "weir", "", "allow-override");

	if (!a->n)
		return 0;
	p.merged = calloc(1, sizeof(*p.merged));
	if (!p.merged)
		return weir_fail(e, ENOMEM, "out of memory");
	if (allow && parse_bool(allow, &p.override, NULL))
		p.override = false;	/* it is wrong, and config_check says so */
	refuse_unknown(&p);
	apply_weir(&p);
	apply_qdiscs(&p);
	free(p.merged);
	return p.err;
}
