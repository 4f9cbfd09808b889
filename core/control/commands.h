/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands.h - the commands of every instance, one file a family, and how they read their
 * arguments.
 */
#ifndef CONTROL_COMMANDS_H
#define CONTROL_COMMANDS_H

#include "control/server.h"

extern const struct control_command *const control_commands[];	/* tables, closed by NULL */

extern const struct control_command commands_instance[];	/* commands.c */
extern const struct control_command commands_module[];		/* commands_module.c */
extern const struct control_command commands_qdisc[];		/* commands_qdisc.c */
extern const struct control_command commands_capture[];	/* commands_capture.c */
extern const struct control_command commands_names[];		/* commands_names.c */
extern const struct control_command commands_sockets[];	/* commands_sockets.c */
extern const struct control_command commands_stats[];		/* commands_stats.c */
extern const struct control_command commands_watch[];		/* commands_watch.c */

/* ---- arguments ---- */

/* A member that must be a string; NULL: e says which is missing. */
const char *arg_string(const struct control_request *rq, const char *key, struct weir_error *e);
/* One that may be absent: NULL then, and also when it is no string. */
const char *arg_optional(const struct control_request *rq, const char *key);

#define ARG_SETTINGS_MAX 64u
/* "params": {"rate":"100mbit", ...}: the strings stay the request's. How many, or -errno. */
int arg_settings(const struct control_request *rq, struct setting *s, size_t max,
		 struct weir_error *e);
/* "10.0.0.2/24"; "default" is 0.0.0.0/0. prefix: the full length when none is given. */
int arg_prefix(const char *text, struct ip_addr *a, uint8_t *prefix, struct weir_error *e);
/* "dev": a NIC, loopback included. */
struct nic *arg_nic(const struct control_request *rq, struct weir_error *e);

/* ---- answers ---- */

json_t *json_addr(const struct ip_addr *a);
json_t *json_mac(const uint8_t mac[6]);
/* Every parameter of a blob by its table: {"rate":"100mbit"}; those not given are left out. */
json_t *json_params(const struct param *table, const void *blob);
/* Every qdisc of every NIC, each followed by its child: what `qdisc show` answers. */
json_t *json_qdiscs(const struct stack *s);
/* By NIC: what the devices carried, and what NICs did, as in `stats`. */
json_t *json_links(const struct stack *s);
json_t *json_nics(const struct stack *s);
/* "10.0.0.2:80", "fd00::1:80", with * for no port. */
json_t *json_endpoint(const struct ip_addr *a, uint16_t port);

#endif
