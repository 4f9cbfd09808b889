/* SPDX-License-Identifier: Apache-2.0 */
/* arguments.c - how commands read their arguments and write what they show (commands.h). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/commands.h"
#include "control/parts.h"

const char *arg_optional(const struct control_request *rq, const char *key)
{
	return json_string_value(json_object_get(rq->args, key));
}

const char *arg_string(const struct control_request *rq, const char *key, struct weir_error *e)
{
	const char *s = arg_optional(rq, key);

	if (!s)
		weir_fail(e, EINVAL, "%s is missing, or no text; give it, as `weir ctl --help` shows",
			  key);
	return s;
}

int arg_settings(const struct control_request *rq, struct setting *s, size_t max,
		 struct weir_error *e)
{
	json_t *params = json_object_get(rq->args, "params"), *value;
	const char *key;
	size_t n = 0;

	if (!params)
		return 0;
	if (!json_is_object(params))
		return weir_fail(e, EINVAL, "\"params\" is an object of names and texts");
	json_object_foreach(params, key, value) {
		if (n == max)
			return weir_fail(e, E2BIG, "there are more than %zu parameters", max);
		if (!json_is_string(value))
			return weir_fail(e, EINVAL, "parameter %.64s: its value is not given as text",
					 key);
		s[n++] = (struct setting){ .name = key, .value = json_string_value(value) };
	}
	return (int)n;
}

int arg_prefix(const char *text, struct ip_addr *a, uint8_t *prefix, struct weir_error *e)
{
	static const struct param address = { .name = "address", .type = PARAM_ADDRESS };
	struct param_address parsed;
	int rc;

	memset(&parsed, 0, sizeof(parsed));
	if (!strcmp(text, "default")) {
		*a = ip_addr_v4(0);
		*prefix = 0;
		return 0;
	}
	rc = param_parse(&address, text, &parsed, e);
	if (rc)
		return rc;
	*a = ip_addr_of_param(&parsed);
	*prefix = parsed.prefix;
	return 0;
}

struct nic *arg_nic(const struct control_request *rq, struct weir_error *e)
{
	const char *name = arg_string(rq, "dev", e);
	struct nic *nic = name ? nic_find(&rq->instance->stack->nics, name) : NULL;

	/* by the name that it had, or with a sentence */
	return name && !nic ? instance_nic_find(rq->instance, name, e) : nic;
}

json_t *json_addr(const struct ip_addr *a)
{
	char text[IP_ADDR_TEXT];

	return json_string(ip_addr_text(a, text));
}

json_t *json_mac(const uint8_t mac[6])
{
	return json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
			    mac[4], mac[5]);
}

json_t *json_params(const struct param *table, const void *blob)
{
	json_t *o = json_object();

	for (const struct param *p = table; p && p->name; p++) {
		size_t size = PARAM_TEXT + p->size;
		char *text = malloc(size);

		if (!text)
			break;
		param_format(p, blob, text, size);
		if (param_given(p, text))
			json_object_set_new(o, p->name, json_string(text));
		free(text);
	}
	return o;
}
