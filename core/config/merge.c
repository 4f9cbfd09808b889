/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge.c - what several layers say of one section, as one list of settings.
 *
 * Theory of operation
 *
 * From the lowest layer to the highest, each puts its settings behind those before it, and takes
 * out what it replaces: the same keys, and, when it picks another module than was picked so far,
 * all of that module's parameters. A [qdisc NAME] for which neither the files nor the command
 * line names a kind begins with all that they say of [qdisc].
 */
#include <stdlib.h>
#include <string.h>

#include "config/sections.h"

static const struct setting *last_named(const struct setting *s, size_t n, const char *key)
{
	while (n--)
		if (!strcmp(s[n].name, key))
			return &s[n];
	return NULL;
}

const struct setting *merged_setting(const struct merged *m, const char *key)
{
	const struct setting *s = last_named(m->own, m->nown, key);

	return s ? s : last_named(m->rest, m->nrest, key);
}

static const char *choice_of(const struct config_section *s, const struct section_kind *k)
{
	const struct setting *set = k->choice ? section_setting(s, k->choice) : NULL;

	return set ? set->value : NULL;
}

/* Take out what section replaces. */
static void drop(struct setting *s, size_t *n, const struct config_section *section)
{
	size_t kept = 0;

	for (size_t i = 0; i < *n; i++)
		if (!section_setting(section, s[i].name))
			s[kept++] = s[i];
	*n = kept;
}

static bool merge_section(struct merged *m, const struct config_section *section)
{
	const struct setting *was = m->kind->choice ? merged_setting(m, m->kind->choice) : NULL;
	const char *now = choice_of(section, m->kind);

	if (was && now && strcmp(was->value, now))
		m->nrest = 0;
	drop(m->own, &m->nown, section);
	drop(m->rest, &m->nrest, section);
	for (size_t i = 0; section && i < section->nsettings; i++) {
		const struct setting *s = &section->settings[i];

		if (!param_find(m->kind->keys, s->name))
			m->rest[m->nrest++] = *s;
		else if (m->nown < CONFIG_SETTINGS_MAX)
			m->own[m->nown++] = *s;
		else
			return false;
	}
	return true;
}

/* Does [kind name] build upon [kind]? Only a [qdisc NAME] that names no kind of its own. */
static bool builds_on_common(const struct config *c, const struct section_kind *k, const char *name)
{
	return *name && k->naming == NAME_MAY &&
	       !choice_of(section_find(c, k->kind, name, LAYER_FILE), k) &&
	       !choice_of(section_find(c, k->kind, name, LAYER_LINE), k);
}

bool section_merge(const struct config *c, struct merged *m, const struct section_kind *k,
		   const char *name, enum config_layer top)
{
	const struct config_section *from[LAYER_LINE + 1 + LAYER_ANNOTATION + 1];
	size_t n = 0, settings = 1;

	if (builds_on_common(c, k, name))
		for (enum config_layer l = LAYER_FILE; l <= LAYER_LINE; l++)
			from[n++] = section_find(c, k->kind, "", l);
	m->kind = k;
	m->name = name;
	m->origin = NULL;
	m->nown = m->nrest = 0;
	for (enum config_layer l = LAYER_FILE; l <= top; l++) {
		from[n] = section_find(c, k->kind, name, l);
		if (from[n] && !m->origin)
			m->origin = from[n]->origin;
		n++;
	}
	for (size_t i = 0; i < n; i++)
		settings += from[i] ? from[i]->nsettings : 0;
	m->rest = calloc(settings, sizeof(*m->rest));
	for (size_t i = 0; i < n; i++)
		if (!m->rest || !merge_section(m, from[i]))
			return false;
	return true;
}
