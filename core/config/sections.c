/* SPDX-License-Identifier: Apache-2.0 */
/* sections.c - the kinds of sections and their keys; sections as they are read. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/sections.h"
#include "module/suggest.h"

static const char *const log_levels[] = { "error", "warn", "info", "debug", NULL };

static const struct param weir_params[] = {
	{ .name = "mode", .type = PARAM_STRING, .offset = offsetof(struct weir_keys, mode),
	  .size = sizeof(((struct weir_keys *)0)->mode), .def = "sandbox",
	  .help = "network mode: sandbox, host, none or any mode module" },
	{ .name = "gso", .type = PARAM_BOOL, .offset = offsetof(struct weir_keys, gso), .def = "on",
	  .help = "hand super-segments of up to 64 KiB to the link" },
	{ .name = "gro", .type = PARAM_BOOL, .offset = offsetof(struct weir_keys, gro), .def = "on",
	  .help = "merge received packets into super-segments where the link does not" },
	{ .name = "allow-override", .type = PARAM_BOOL,
	  .offset = offsetof(struct weir_keys, allow_override), .def = "off",
	  .help = "let annotations set what the operator did not allow" },
	{ .name = "module-path", .type = PARAM_STRING,
	  .offset = offsetof(struct weir_keys, module_path),
	  .size = sizeof(((struct weir_keys *)0)->module_path),
	  .help = "folders of modules, separated by ':'; otherwise $WEIR_MODULE_PATH, or where they "
		  "are installed" },
	{ .name = "memory", .type = PARAM_SIZE, .offset = offsetof(struct weir_keys, memory),
	  .min = CONFIG_MEMORY_MIN, .max = 1ull << 40,
	  .help = "memory for packets and buffers, of which a quarter lies between the stack and programs; "
		  "otherwise 256mb, or 3/8 of a memory cgroup's limit" },
	{ .name = "datagram-memory", .type = PARAM_STRING, .offset = offsetof(struct weir_keys, datagram_memory),
	  .size = sizeof(((struct weir_keys *)0)->datagram_memory),
	  .help = "of memory, what waits in UDP, raw, ping, packet and netlink sockets: where pressure "
		  "ends, where it begins, and the most; otherwise 1/8, 3/16 and 1/4 of it" },
	{ .name = "drain", .type = PARAM_DURATION, .offset = offsetof(struct weir_keys, drain),
	  .def = "60s",
	  .help = "most time for what is still on its way when the last program has ended" },
	{ .name = "log", .type = PARAM_ENUM, .offset = offsetof(struct weir_keys, log),
	  .choices = log_levels, .def = "warn", .help = "how much is written to stderr" },
	{ }
};

static const char *const link_addr_gens[] = { "stable-privacy", "eui64", NULL };

static const struct param link_params[] = {
	{ .name = "driver", .type = PARAM_STRING, .offset = offsetof(struct link_keys, driver),
	  .size = sizeof(((struct link_keys *)0)->driver), .flags = PARAM_REQUIRED,
	  .help = "link driver: packet, tap or any link module" },
	{ .name = "address", .type = PARAM_STRING, .offset = offsetof(struct link_keys, address),
	  .size = sizeof(((struct link_keys *)0)->address),
	  .help = "addresses with prefix length, separated by commas" },
	{ .name = "gateway", .type = PARAM_STRING, .offset = offsetof(struct link_keys, gateway),
	  .size = sizeof(((struct link_keys *)0)->gateway), .help = "the default route's gateway, one for each family" },
	{ .name = "route", .type = PARAM_STRING, .offset = offsetof(struct link_keys, route),
	  .size = sizeof(((struct link_keys *)0)->route),
	  .help = "routes, \"10.1.0.0/16 via 10.0.0.1 [metric N] [mtu N] [src ADDRESS] [onlink]\", separated by commas" },
	{ .name = "mtu", .type = PARAM_U32, .offset = offsetof(struct link_keys, mtu), .min = 68,
	  .max = 65535, .help = "bytes of an IP packet; otherwise as many as the device takes" },
	{ .name = "ipv6", .type = PARAM_BOOL, .offset = offsetof(struct link_keys, ipv6), .def = "on",
	  .help = "speak IPv6 on it" },
	{ .name = "accept-ra", .type = PARAM_BOOL, .offset = offsetof(struct link_keys, accept_ra),
	  .def = "on", .help = "take addresses and routes that IPv6 routers advertise" },
	{ .name = "accept-redirects", .type = PARAM_BOOL,
	  .offset = offsetof(struct link_keys, accept_redirects), .def = "on",
	  .help = "follow routers that name a better one" },
	{ .name = "secure-redirects", .type = PARAM_BOOL,
	  .offset = offsetof(struct link_keys, secure_redirects), .def = "off",
	  .help = "follow redirects of IPv4 only to gateways that a route names" },
	{ .name = "addr-gen", .type = PARAM_ENUM, .offset = offsetof(struct link_keys, addr_gen),
	  .choices = link_addr_gens, .def = "stable-privacy",
	  .help = "IPv6 interface identifiers: opaque (RFC 7217), or from the link address" },
	{ .name = "stable-secret", .type = PARAM_STRING, .offset = offsetof(struct link_keys, stable_secret),
	  .size = sizeof(((struct link_keys *)0)->stable_secret),
	  .help = "128 bits written as an IPv6 address, from which opaque identifiers are made; else drawn at each start" },
	{ }
};

static const struct param qdisc_params[] = {
	{ .name = "kind", .type = PARAM_STRING, .offset = offsetof(struct qdisc_keys, kind),
	  .size = sizeof(((struct qdisc_keys *)0)->kind), .def = CONFIG_QDISC,
	  .help = "queueing discipline: fifo, tbf, none or any qdisc module" },
	{ }
};

#define SECOND UINT64_C(1000000000)	/* ns */

static const char *const ecns[] = { "off", "on", "passive", NULL };
static const char *const syn_cookies[] = { "off", "on", "always", NULL };
static const char *const fastopens[] = { "off", "client", "server", "both", NULL };
static const char *const mtu_probings[] = { "off", "blackhole", "always", NULL };
static const char *const tw_reuses[] = { "off", "on", "loopback", NULL };

const struct param tcp_params[] = {
	{ .name = "congestion", .type = PARAM_STRING, .offset = offsetof(struct tcp_keys, congestion),
	  .size = sizeof(((struct tcp_keys *)0)->congestion), .def = CONFIG_CONGESTION,
	  .help = "congestion control: cubic, reno, bbr or any congestion module" },
	{ .name = "rmem", .type = PARAM_STRING, .offset = offsetof(struct tcp_keys, rmem),
	  .size = sizeof(((struct tcp_keys *)0)->rmem), .def = "4kb 128kb 6mb",
	  .help = "receive buffer of a connection: smallest, first and largest size" },
	{ .name = "wmem", .type = PARAM_STRING, .offset = offsetof(struct tcp_keys, wmem),
	  .size = sizeof(((struct tcp_keys *)0)->wmem), .def = "4kb 85kb 6mb",
	  .help = "send buffer of a connection, likewise" },
	{ .name = "memory", .type = PARAM_STRING, .offset = offsetof(struct tcp_keys, memory),
	  .size = sizeof(((struct tcp_keys *)0)->memory),
	  .help = "of [weir] memory: where pressure ends, where it begins, and the most; otherwise "
		  "3/8, 1/2 and 7/8 of it" },
	{ .name = "ecn", .type = PARAM_ENUM, .offset = offsetof(struct tcp_keys, tcp.ecn),
	  .choices = ecns, .def = "passive",
	  .help = "explicit congestion notification: never, asked for too, or where peers ask" },
	{ .name = "sack", .type = PARAM_BOOL, .offset = offsetof(struct tcp_keys, tcp.sack),
	  .def = "on", .help = "selective acknowledgments" },
	{ .name = "timestamps", .type = PARAM_BOOL, .offset = offsetof(struct tcp_keys, tcp.timestamps),
	  .def = "on", .help = "timestamps in every segment" },
	{ .name = "window-scaling", .type = PARAM_BOOL, .offset = offsetof(struct tcp_keys, tcp.window_scaling),
	  .def = "on", .help = "windows of more than 64 KiB" },
	{ .name = "syn-cookies", .type = PARAM_ENUM, .offset = offsetof(struct tcp_keys, tcp.syn_cookies),
	  .choices = syn_cookies, .def = "on",
	  .help = "SYN cookies: never, when a queue is full, or always" },
	{ .name = "fastopen", .type = PARAM_ENUM, .offset = offsetof(struct tcp_keys, tcp.fastopen),
	  .choices = fastopens, .def = "client",
	  .help = "data in SYNs of programs that ask for it" },
	{ .name = "mtu-probing", .type = PARAM_ENUM, .offset = offsetof(struct tcp_keys, tcp.mtu_probing),
	  .choices = mtu_probings, .def = "off",
	  .help = "find the path MTU by probes: where a black hole is suspected, or always" },
	{ .name = "tw-reuse", .type = PARAM_ENUM, .offset = offsetof(struct tcp_keys, tcp.tw_reuse),
	  .choices = tw_reuses, .def = "loopback",
	  .help = "new connections may take over the names of old ones in TIME-WAIT" },
	{ .name = "max-syn-backlog", .type = PARAM_U32, .offset = offsetof(struct tcp_keys, tcp.max_syn_backlog),
	  .min = 8, .max = 65536, .def = "4096",
	  .help = "half-open connections of a listener, where there are no SYN cookies" },
	{ .name = "syn-retries", .type = PARAM_U32, .offset = offsetof(struct tcp_keys, tcp.syn_retries),
	  .min = 1, .max = 127, .def = "6",
	  .help = "times a SYN is sent again" },
	{ .name = "synack-retries", .type = PARAM_U32, .offset = offsetof(struct tcp_keys, tcp.synack_retries),
	  .min = 0, .max = 127, .def = "5",
	  .help = "times a SYN-ACK is sent again" },
	{ .name = "fin-timeout", .type = PARAM_DURATION,
	  .offset = offsetof(struct tcp_keys, tcp.fin_timeout), .min = SECOND, .max = 3600 * SECOND,
	  .def = "60s", .help = "how long a closed connection waits for the FIN of its peer" },
	{ .name = "keepalive-time", .type = PARAM_DURATION,
	  .offset = offsetof(struct tcp_keys, tcp.keepalive_time), .min = SECOND, .max = 32767 * SECOND,
	  .def = "7200s", .help = "how long a connection with SO_KEEPALIVE is silent before it is probed" },
	{ .name = "keepalive-interval", .type = PARAM_DURATION,
	  .offset = offsetof(struct tcp_keys, tcp.keepalive_interval), .min = SECOND, .max = 32767 * SECOND,
	  .def = "75s", .help = "how long between two of its probes" },
	{ .name = "keepalive-probes", .type = PARAM_U32, .offset = offsetof(struct tcp_keys, tcp.keepalive_probes),
	  .min = 1, .max = 127, .def = "9",
	  .help = "probes without an answer before it is given up" },
	{ }
};

const struct section_kind section_kinds[] = {
	{ "weir", NAME_NONE, weir_params, sizeof(struct weir_keys), NULL, WEIR_KIND_END },
	{ "link", NAME_MUST, link_params, sizeof(struct link_keys), "driver", WEIR_KIND_LINK },
	{ "qdisc", NAME_MAY, qdisc_params, sizeof(struct qdisc_keys), "kind", WEIR_KIND_QDISC },
	{ "tcp", NAME_NONE, tcp_params, sizeof(struct tcp_keys), "congestion",
	  WEIR_KIND_CONGESTION },
	{ }
};

const struct section_kind *section_kind_find(const char *kind)
{
	for (const struct section_kind *k = section_kinds; k->kind; k++)
		if (!strcmp(k->kind, kind))
			return k;
	return NULL;
}

bool section_key_repeats(const struct section_kind *k, const char *key)
{
	return k->module == WEIR_KIND_LINK && (!strcmp(key, "address") || !strcmp(key, "route"));
}

/* What the kernel takes as the name of a device, since it may become one. */
static bool nic_name_valid(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n >= LINK_NAME_MAX || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (; *name; name++)
		if (!isgraph((unsigned char)*name) || strchr("/:[]=;#\"'\\", *name))
			return false;
	return true;
}

int section_check(const char *kind, const char *name, struct weir_error *e)
{
	const struct section_kind *k = section_kind_find(kind);
	const char *words[8], *near;
	size_t n = 0;

	if (!k) {
		for (const struct section_kind *i = section_kinds; i->kind; i++)
			words[n++] = i->kind;
		words[n] = NULL;
		near = suggest(kind, words);
		return weir_fail(e, EINVAL, "there is no section [%.40s]%s%s%s; there are [weir], "
				 "[link NAME], [qdisc], [qdisc NAME] and [tcp]", kind,
				 near ? " (did you mean [" : "", near ? near : "", near ? "]?)" : "");
	}
	if (*name && k->naming == NAME_NONE)
		return weir_fail(e, EINVAL, "[%s] takes no name; write [%s]", kind, kind);
	if (!*name && k->naming == NAME_MUST)
		return weir_fail(e, EINVAL, "[%s] needs a name; write [%s eth0]", kind, kind);
	if (*name && !strcmp(name, "lo"))
		return weir_fail(e, EINVAL, "lo is the stack's own loopback, which has no link and is "
				 "never shaped; remove [%s lo]", kind);
	if (*name && !nic_name_valid(name))
		return weir_fail(e, EINVAL, "%.40s is no name for a NIC; write at most %u letters and "
				 "digits, such as eth0", name, LINK_NAME_MAX - 1);
	return 0;
}

/* ---- sections as read ---- */

bool section_is_first(const struct config *c, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (!strcmp(c->sections[j].kind, c->sections[i].kind) &&
		    !strcmp(c->sections[j].name, c->sections[i].name))
			return false;
	return true;
}

struct config_section *section_find(const struct config *c, const char *kind, const char *name,
				    enum config_layer layer)
{
	for (size_t i = 0; i < c->nsections; i++) {
		struct config_section *s = &c->sections[i];

		if (s->layer == layer && !strcmp(s->kind, kind) && !strcmp(s->name, name))
			return s;
	}
	return NULL;
}

struct config_section *section_get(struct config *c, const char *kind, const char *name,
				   const char *origin, enum config_layer layer)
{
	struct config_section *s = section_find(c, kind, name, layer), *grown;

	if (s)
		return s;
	if (c->nsections == CONFIG_SECTIONS_MAX)
		return NULL;
	grown = reallocarray(c->sections, c->nsections + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	c->sections = grown;
	s = &grown[c->nsections];
	*s = (struct config_section){
		.kind = strdup(kind), .name = strdup(name), .origin = strdup(origin),
		.layer = layer,
	};
	if (!s->kind || !s->name || !s->origin) {
		free(s->kind);
		free(s->name);
		free(s->origin);
		return NULL;
	}
	c->nsections++;
	return s;
}

const struct setting *section_setting(const struct config_section *s, const char *key)
{
	for (size_t i = 0; s && i < s->nsettings; i++)
		if (!strcmp(s->settings[i].name, key))
			return &s->settings[i];
	return NULL;
}

static void setting_free(struct setting *s)
{
	free((char *)s->name);
	free((char *)s->value);
	free((char *)s->origin);
}

static int setting_make(struct setting *s, const char *key, const char *value, const char *origin)
{
	*s = (struct setting){ strdup(key), strdup(value), strdup(origin) };
	if (s->name && s->value && s->origin)
		return 0;
	setting_free(s);
	return -ENOMEM;
}

int section_add(struct config_section *s, const char *key, const char *value, const char *origin)
{
	struct setting *grown;
	int err;

	if (s->nsettings == CONFIG_SETTINGS_MAX)
		return -ENOMEM;
	grown = reallocarray(s->settings, s->nsettings + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	s->settings = grown;
	err = setting_make(&grown[s->nsettings], key, value, origin);
	if (!err)
		s->nsettings++;
	return err;
}

int section_replace(struct config_section *s, const char *key, const char *value,
		    const char *origin)
{
	struct setting *old = (struct setting *)section_setting(s, key), new;
	int err;

	if (!old)
		return section_add(s, key, value, origin);
	err = setting_make(&new, key, value, origin);
	if (err)
		return err;
	setting_free(old);
	*old = new;
	return 0;
}

static void section_free(struct config_section *s)
{
	for (size_t i = 0; i < s->nsettings; i++)
		setting_free(&s->settings[i]);
	free(s->settings);
	free(s->kind);
	free(s->name);
	free(s->origin);
}

void config_mistake(struct config *c, const char *fmt, ...)
{
	char text[sizeof(((struct weir_error *)0)->text)], **grown;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	grown = reallocarray(c->mistakes, c->nmistakes + 1, sizeof(*grown));
	if (!grown)
		return;
	c->mistakes = grown;
	grown[c->nmistakes] = strdup(text);
	if (grown[c->nmistakes])
		c->nmistakes++;
}

void config_init(struct config *c)
{
	*c = (struct config){ 0 };
}

static void free_checked(struct config *c)
{
	for (size_t i = 0; i < c->nlinks; i++) {
		free(c->links[i].driver);
		free(c->links[i].addrs);
		free(c->links[i].routes);
		free(c->links[i].settings);
	}
	for (size_t i = 0; i < c->nqdiscs; i++) {
		free(c->qdiscs[i].kind);
		free(c->qdiscs[i].settings);
	}
	free(c->links);
	free(c->qdiscs);
	free(c->mode);
	free(c->module_path);
	free(c->congestion);
	free(c->congestion_settings);
}

void config_uncheck(struct config *c)
{
	struct config as_read = {
		.sections = c->sections, .nsections = c->nsections,
		.mistakes = c->mistakes, .nmistakes = c->nmistakes,
	};

	free_checked(c);
	*c = as_read;
}

void config_free(struct config *c)
{
	free_checked(c);
	for (size_t i = 0; i < c->nsections; i++)
		section_free(&c->sections[i]);
	for (size_t i = 0; i < c->nmistakes; i++)
		free(c->mistakes[i]);
	free(c->sections);
	free(c->mistakes);
	config_init(c);
}
