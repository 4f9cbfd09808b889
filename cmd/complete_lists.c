/* SPDX-License-Identifier: Apache-2.0 */
/*
 * complete_lists.c - what there is to choose from: modules and their parameters, settings,
 * sandboxes, their NICs, network namespaces. All of it is looked up when it is asked for, so
 * nothing here can go out of date.
 */
#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/complete.h"
#include "config/sections.h"
#include "control/server.h"
#include "control/socket_file.h"

/* It is put into a command line as it is: so nothing that a shell reads in its own way is offered, nor
 * what the script would take for an order. */
static bool can_be_offered(const char *text)
{
	if (*text == ':')
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("-_.:+@/,=%", *text))
			return false;
	return true;
}

void complete_add(const struct completion *c, const char *text, const char *tail)
{
	if (!strncmp(text, c->cur, strlen(c->cur)) && can_be_offered(text))
		printf("%s%s%s\n", c->before, text, tail);
}

/* ---- files of a folder ---- */

static void add_files(const struct completion *c, const char *folder)
{
	struct dirent **files = NULL;
	int n = scandir(folder, &files, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		char *name = files[i]->d_name;

		if (name[0] != '.')
			complete_add(c, name, "");
		free(files[i]);
	}
	free(files);
}

static void add_sandbox(void *arg, const char *name)
{
	complete_add(arg, name, "");
}

static void add_sandboxes(struct completion *c)
{
	control_each(add_sandbox, c);
}

/* ---- modules ---- */

static void add_modules(struct completion *c)
{
	char **names = module_names(c->registry);

	for (char **n = names; n && *n; n++)
		complete_add(c, *n, "");
	module_names_free(names);
}

/* Call fn for everything of this kind that modules on the path offer. */
static void each_offer(struct completion *c, enum weir_kind kind,
		       void (*fn)(struct completion *, const struct module_ops *))
{
	char **names = module_names(c->registry), path[PATH_MAX];

	for (char **n = names; n && *n; n++) {
		int fd = module_open(c->registry, *n, path, sizeof(path), NULL);
		struct module *m = fd < 0 ? NULL : module_load_fd(c->registry, fd, path, NULL);

		if (fd >= 0)
			close(fd);
		for (unsigned int i = 0; m && i < m->nops; i++)
			if (m->ops[i].kind == kind)
				fn(c, &m->ops[i]);
		if (m)
			module_unload(m, NULL);
	}
	module_names_free(names);
}

static void add_name(struct completion *c, const struct module_ops *o)
{
	complete_add(c, o->name, "");
}

/* ---- values ---- */

static void add_values(struct completion *c, const struct param *p)
{
	static const char *const switches[] = { "on", "off", NULL };
	const char *const *v = p->type == PARAM_ENUM ? p->choices :
			       p->type == PARAM_BOOL ? switches : NULL;

	for (; v && *v; v++)
		complete_add(c, *v, "");
}

static void add_keys(const struct completion *c, const struct param *table, const char *tail)
{
	for (; table && table->name; table++)
		complete_add(c, table->name, tail);
}

/* ---- settings: SECTION.KEY=VALUE, SECTION.NAME.KEY=VALUE ---- */

/* What was said before the cursor of the key that picks a module: by --set "qdisc.kind=tbf", or
 * "--qdisc=tbf". */
static const char *chosen(const struct completion *c, const struct section_kind *k)
{
	const char *found = NULL;
	char set[64], flag[32];
	size_t nset, nflag;

	nset = (size_t)snprintf(set, sizeof(set), "%s.%s=", k->kind, k->choice);
	nflag = (size_t)snprintf(flag, sizeof(flag), "--%s", k->kind);
	for (int i = 0; i + 1 < c->n; i++) {
		const char *word = c->words[i] + (!strncmp(c->words[i], "--set=", 6) ? 6 : 0);

		if (!strncmp(word, set, nset))
			found = word + nset;
		else if (!strncmp(word, flag, nflag) && word[nflag] == '=')
			found = word + nflag + 1;
		else if (!strcmp(word, flag) && i + 2 < c->n)
			found = c->words[i + 1];
	}
	return found;
}

static void add_module_keys(struct completion *c, const struct module_ops *o)
{
	size_t size;

	if (!c->kind || !strcmp(c->kind, o->name))
		add_keys(c, registry_params(o->kind, &o->qdisc, &size), "=");
}

static void add_module_values(struct completion *c, const struct module_ops *o)
{
	size_t size;
	const struct param *p = param_find(registry_params(o->kind, &o->qdisc, &size), c->key);

	if (p && (!c->kind || !strcmp(c->kind, o->name)))
		add_values(c, p);
}

/* Behind "SECTION." or "SECTION.NAME.": keys, or with a = behind one its values. */
static void add_setting(struct completion *c, const struct section_kind *k)
{
	const char *eq = strchr(c->cur, '=');
	char key[64];
	const struct param *p;

	if (!eq) {
		add_keys(c, k->keys, "=");
		if (k->choice)
			each_offer(c, k->module, add_module_keys);
		return;
	}
	snprintf(key, sizeof(key), "%.*s", (int)(eq - c->cur), c->cur);
	c->cur = eq + 1;
	p = param_find(k->keys, key);
	if (p)
		add_values(c, p);
	if (k->choice && !strcmp(key, k->choice))
		each_offer(c, k->module, add_name);
	else if (!strcmp(k->kind, "weir") && !strcmp(key, "mode"))
		each_offer(c, WEIR_KIND_MODE, add_name);
	c->key = key;
	if (!p && k->choice)
		each_offer(c, k->module, add_module_values);
	c->key = NULL;
}

static void add_settings(struct completion *c)
{
	const struct section_kind *k = section_kinds;
	const char *end = strchrnul(c->cur, '='), *dot = strchr(c->cur, '.'), *second, *name;
	struct completion inner = *c;
	char before[256];

	for (; !dot && k->kind; k++)
		complete_add(c, k->kind, ".");
	if (!dot || dot > end)
		return;
	for (; k->kind; k++)
		if (strlen(k->kind) == (size_t)(dot - c->cur) && !strncmp(k->kind, c->cur, strlen(k->kind)))
			break;
	name = dot + 1;
	second = memchr(name, '.', (size_t)(end - name));
	if (!k->kind || (second && k->naming == NAME_NONE) || (!second && k->naming == NAME_MUST))
		return;
	inner.cur = second ? second + 1 : name;
	inner.kind = k->choice ? chosen(c, k) : NULL;
	snprintf(before, sizeof(before), "%s%.*s", c->before,
		 (int)((strchr(inner.cur, '=') ? end + 1 : inner.cur) - c->cur), c->cur);
	inner.before = before;
	add_setting(&inner, k);
}

/* ---- of a sandbox that runs ---- */

/* Call fn for its NICs' names, with their qdiscs. */
static void each_nic(struct completion *c,
		     void (*fn)(struct completion *, const char *dev, const char *qdisc))
{
	json_t *rq = json_pack("{s:s}", "command", "show"), *o, *nic;
	size_t i;

	o = c->sandbox ? control_request(c->sandbox, NULL, rq, NULL, 0, NULL, NULL, NULL, NULL) : NULL;
	json_array_foreach(json_object_get(o, "nics"), i, nic) {
		const char *dev = json_string_value(json_object_get(nic, "dev"));

		if (dev)
			fn(c, dev, json_string_value(json_object_get(nic, "qdisc")));
	}
	json_decref(rq);
	json_decref(o);
}

static void add_nic(struct completion *c, const char *dev, const char *qdisc)
{
	(void)qdisc;
	complete_add(c, dev, "");
}

/* Offer the parameters of kind, or, with key, the values of one of them. */
static void add_params_of(struct completion *c, const char *kind, const char *key)
{
	struct module *m;
	const void *ops = registry_get(c->registry, WEIR_KIND_QDISC, kind, &m, NULL);
	const struct param *table, *p;
	size_t size;

	if (!ops)
		return;
	table = registry_params(WEIR_KIND_QDISC, ops, &size);
	p = key ? param_find(table, key) : NULL;
	if (!key)
		add_keys(c, table, "");
	else if (p)
		add_values(c, p);
	module_put(m);
}

static void keys_of_nic(struct completion *c, const char *dev, const char *qdisc)
{
	if (qdisc && c->dev && !strcmp(dev, c->dev))
		add_params_of(c, qdisc, NULL);
}


static void values_of_nic(struct completion *c, const char *dev, const char *qdisc)
{
	if (qdisc && c->dev && !strcmp(dev, c->dev))
		add_params_of(c, qdisc, c->key);
}

static void add_params(struct completion *c)
{
	if (c->kind)
		add_params_of(c, c->kind, NULL);
	else
		each_nic(c, keys_of_nic);
}

void complete_param_value(struct completion *c, const char *key)
{
	struct completion inner = *c;

	if (c->kind) {
		add_params_of(c, c->kind, key);
		return;
	}
	inner.key = key;
	each_nic(&inner, values_of_nic);
}

bool complete_is_kind(struct completion *c, const char *word)
{
	struct module *m;

	if (!registry_get(c->registry, WEIR_KIND_QDISC, word, &m, NULL))
		return false;
	module_put(m);
	return true;
}

/* ---- placeholders ---- */

static void add_one(struct completion *c, const char *word)
{
	if (!strcmp(word, "FILE") || !strcmp(word, "PATH"))
		puts(":files");
	else if (!strcmp(word, "DIR") || !strcmp(word, "DIRS"))
		puts(":folders");
	else if (!strcmp(word, "NETNS") && strchr(c->cur, '/'))
		puts(":files");
	else if (!strcmp(word, "NETNS"))
		add_files(c, "/run/netns");
	else if (!strcmp(word, "SANDBOX"))
		add_sandboxes(c);
	else if (!strcmp(word, "DEV"))
		each_nic(c, add_nic);
	else if (!strcmp(word, "KIND"))
		each_offer(c, WEIR_KIND_QDISC, add_name);
	else if (!strcmp(word, "MODE"))
		each_offer(c, WEIR_KIND_MODE, add_name);
	else if (!strcmp(word, "MODULE"))
		add_modules(c);
	else if (!strcmp(word, "KEY"))
		add_params(c);
	else if (!strcmp(word, "SETTING=VALUE"))
		add_settings(c);
	else if (islower((unsigned char)*word))
		complete_add(c, word, "");
}

void complete_placeholder(struct completion *c, const char *placeholder)
{
	char copy[64], *rest = copy, *word;

	snprintf(copy, sizeof(copy), "%s", placeholder);
	while ((word = strsep(&rest, "|")))
		add_one(c, word);
}
