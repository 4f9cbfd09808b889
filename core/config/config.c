/* SPDX-License-Identifier: Apache-2.0 */
/* config.c - overrides, and questions to a configuration. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/sections.h"

/*
 * SECTION.KEY=VALUE or SECTION.NAME.KEY=VALUE. A NIC's name may have dots in it, a key has none.
 */
int config_set(struct config *c, const char *assignment, const char *origin, struct weir_error *e)
{
	const char *equals = strchr(assignment, '='), *dot = strchr(assignment, '.'), *last;
	char kind[32], name[64], key[64];
	struct config_section *s;
	struct weir_error why;

	for (const char *t = assignment; *t; t++)
		if (iscntrl((unsigned char)*t))
			return weir_fail(e, EINVAL, "an override holds a control character; remove it");
	if (!equals || !dot || dot > equals || (size_t)(dot - assignment) >= sizeof(kind))
		goto garbage;
	last = memrchr(assignment, '.', (size_t)(equals - assignment));
	if ((size_t)(equals - last - 1) >= sizeof(key) || equals == last + 1)
		goto garbage;
	if (last > dot && (size_t)(last - dot - 1) >= sizeof(name))
		goto garbage;
	if (!equals[1])
		return weir_fail(e, EINVAL, "%s: there is no value after the =; write "
				 "SECTION.KEY=VALUE", origin);
	memcpy(kind, assignment, (size_t)(dot - assignment));
	kind[dot - assignment] = '\0';
	name[0] = '\0';
	if (last > dot) {
		memcpy(name, dot + 1, (size_t)(last - dot - 1));
		name[last - dot - 1] = '\0';
	}
	memcpy(key, last + 1, (size_t)(equals - last - 1));
	key[equals - last - 1] = '\0';
	if (section_check(kind, name, &why))
		return weir_fail(e, EINVAL, "%s: %s", origin, why.text);
	s = section_get(c, kind, name, origin, LAYER_LINE);
	if (!s || section_replace(s, key, equals + 1, origin))
		return weir_fail(e, ENOMEM, "%s: there are too many settings", origin);
	return 0;
garbage:
	return weir_fail(e, EINVAL, "%s: this sets nothing; write SECTION.KEY=VALUE, such as "
			 "qdisc.rate=100mbit or link.eth0.mtu=1400", origin);
}

const char *config_value(const struct config *c, const char *kind, const char *name,
			 const char *key)
{
	const struct setting *s = NULL;

	for (int l = LAYER_ANNOTATION; !s && l >= LAYER_FILE; l--)
		s = section_setting(section_find(c, kind, name, (enum config_layer)l), key);
	return s ? s->value : NULL;
}

/* Was the setting made on the command line? Its origin is shared with what was read. */
static bool from_line(const struct config *c, const struct setting *s)
{
	for (size_t i = 0; i < c->nsections; i++)
		for (size_t j = 0; j < c->sections[i].nsettings; j++)
			if (c->sections[i].settings[j].origin == s->origin)
				return c->sections[i].layer == LAYER_LINE;
	return false;
}

void config_origin(const struct config *c, const char *kind, const char *name, const char *key,
		   char *text, size_t size)
{
	struct merged *m = calloc(1, sizeof(*m));
	const struct setting *s = NULL;

	if (m && section_merge(c, m, section_kind_find(kind), name, LAYER_ANNOTATION))
		s = merged_setting(m, key);
	if (s)
		snprintf(text, size, "%s%s", from_line(c, s) ? "command line, " : "", s->origin);
	else
		snprintf(text, size, "default");
	if (m)
		free(m->rest);
	free(m);
}

const struct config_qdisc *config_qdisc(const struct config *c, const char *nic)
{
	for (size_t i = 1; i < c->nqdiscs; i++)
		if (!strcmp(c->qdiscs[i].nic, nic))
			return &c->qdiscs[i];
	return c->nqdiscs ? &c->qdiscs[0] : NULL;
}
