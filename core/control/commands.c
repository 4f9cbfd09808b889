/* SPDX-License-Identifier: Apache-2.0 */
/* commands.c - show, mode set, config show, config reload; and the list of all tables. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/policy.h"
#include "control/commands.h"
#include "control/parts.h"
#include "nic/qdisc.h"

/* ---- show ---- */

static json_t *nic_brief(const struct nic *nic)
{
	json_t *addrs = json_array();

	list_for_each(pos, &nic->addrs) {
		const struct ifaddr *a = list_entry(pos, struct ifaddr, node);
		char text[IP_ADDR_TEXT];

		json_array_append_new(addrs, json_sprintf("%s/%u", ip_addr_text(&a->addr, text),
							  a->prefix));
	}
	return json_pack("{s:s, s:b, s:I, s:s?, s:o}", "dev", nic->name, "up", nic->up,
			 "mtu", (json_int_t)nic->mtu, "qdisc",
			 nic->root ? nic->root->ops->name : NULL, "addrs", addrs);
}

static int show(void *arg, struct control_request *rq, json_t **result, struct weir_error *e)
{
	const struct instance *inst = rq->instance;
	json_t *nics = json_array();

	(void)arg;
	(void)e;
	list_for_each(pos, &inst->stack->nics.list)
		json_array_append_new(nics, nic_brief(list_entry(pos, struct nic, node)));
	*result = json_pack("{s:s, s:s, s:b, s:b, s:s, s:s?, s:I, s:o}", "name", inst->name,
			    "mode", inst->mode->name, "gso", inst->config.gso,
			    "gro", inst->config.gro,
			    "congestion", inst->stack->tcp.congestion->name,
			    "config", inst->config_file,
			    "uptime_ns", (json_int_t)(inst->stack->env.now - inst->started),
			    "nics", nics);
	return *result ? 0 : -ENOMEM;
}

/* ---- mode ---- */

static int mode_set(void *arg, struct control_request *rq, json_t **result, struct weir_error *e)
{
	const char *mode = arg_string(rq, "mode", e);

	(void)arg;
	(void)result;
	return mode ? instance_set_mode(rq->instance, mode, e) : -EINVAL;
}

/* ---- configuration ---- */

static json_t *section_settings(const struct config_section *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->nsettings; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s?}", "name", s->settings[i].name,
						      "value", s->settings[i].value, "origin",
						      s->settings[i].origin));
	return list;
}

static int config_show(void *arg, struct control_request *rq, json_t **result,
		       struct weir_error *e)
{
	const struct instance *inst = rq->instance;
	json_t *sections = json_array(), *overrides = json_array();

	(void)arg;
	(void)e;
	for (size_t i = 0; i < inst->config.nsections; i++) {
		const struct config_section *s = &inst->config.sections[i];

		json_array_append_new(sections, json_pack("{s:s, s:s, s:o}", "kind", s->kind, "name",
							  s->name, "settings",
							  section_settings(s)));
	}
	for (size_t i = 0; i < inst->noverrides; i++)
		json_array_append_new(overrides, json_string(inst->overrides[i]));
	*result = json_pack("{s:s?, s:o, s:o}", "file", inst->config_file, "overrides", overrides,
			    "sections", sections);
	return *result ? 0 : -ENOMEM;
}

/* The file's text, then the command line of `weir run`, the links that came with --netns, and the
 * annotations, which the new ceilings may refuse. */
static int config_gather(const struct instance *inst, struct config *c, const char *text,
			 const char *file, struct weir_error *e)
{
	int rc = config_read_text(c, text, file, e);

	for (size_t i = 0; i < inst->noverrides && rc == 0; i++)
		rc = config_set(c, inst->overrides[i], "command line of weir run", e);
	list_for_each(pos, &inst->nics) {
		const struct instance_nic *n = list_entry(pos, struct instance_nic, node);
		char assignment[64];

		if (rc || !n->taken || config_value(c, "link", n->link.name, "driver"))
			continue;
		snprintf(assignment, sizeof(assignment), "link.%s.driver=%s", n->link.name,
			 n->link.ops->name);
		rc = config_set(c, assignment, "--netns", e);
	}
	return rc ? rc : policy_apply(c, &inst->annotations, e);
}

static int config_reload(void *arg, struct control_request *rq, json_t **result,
			 struct weir_error *e)
{
	struct instance *inst = rq->instance;
	const char *text = arg_string(rq, "text", e), *file = arg_string(rq, "file", e);
	char *name = file ? strdup(file) : NULL;
	struct config c;
	int rc;

	(void)arg;
	(void)result;
	if (!text || !file || !name) {
		free(name);
		return -EINVAL;
	}
	config_init(&c);
	rc = config_gather(inst, &c, text, file, e);
	if (rc == 0)
		rc = config_check(&c, &inst->registry, NULL, NULL, e);
	if (rc == 0)
		rc = instance_reconfigure(inst, &c, e);
	config_free(&c);
	if (rc) {
		free(name);
		return rc;
	}
	free(inst->config_file);
	inst->config_file = name;
	return 0;
}

const struct control_command commands_instance[] = {
	{ "show", show },
	{ "mode set", mode_set },
	{ "config show", config_show },
	{ "config reload", config_reload },
	{ }
};

const struct control_command *const control_commands[] = {
	commands_instance, commands_module, commands_qdisc, commands_names, commands_sockets,
	commands_stats, commands_watch, commands_capture, NULL,
};
