/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - what an operator asked for, and a container within that: the INI, then the command
 * line, then annotations (policy.h), checked whole.
 *
 *	[weir]       mode, gso, gro, allow-override, module-path, memory,
 *	             datagram-memory, drain, log
 *	[link NAME]  driver, address (repeatable, or a comma list), gateway, route (likewise), mtu, ipv6, accept-ra, accept-redirects, secure-redirects, addr-gen, stable-secret
 *		     + the driver's parameters
 *	[qdisc]      kind + its parameters; [qdisc NAME] for one NIC
 *	[tcp]        congestion + its parameters; rmem, wmem, memory (three sizes each); what else Linux has
 *		     as net.ipv4.tcp_*: ecn, sack, timestamps, syn-cookies ... (sections.c has them all)
 *
 * The text is read into sections of settings, each with its origin; nothing is interpreted
 * before all is there, so that the order of lines, files and options never matters.
 * config_check() then needs the modules' tables. A mistake of form, found while reading, is
 * kept as well, so that config_check reports every mistake there is.
 *
 * What the command line sets wins over what a file says. When it picks another module for a
 * section (kind, driver, congestion) than the file does, the file's parameters of the module
 * that is not used any more are left out. A [qdisc NAME] without kind takes [qdisc]'s kind and
 * parameters and adds its own.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/link.h>

#include "base/log.h"
#include "module/params.h"
#include "module/registry.h"

enum config_layer {		/* later ones win */
	LAYER_FILE,
	LAYER_LINE,			/* the command line */
	LAYER_ANNOTATION,		/* what policy.c let pass */
};

struct config_section {
	char *kind;			/* "weir", "link", "qdisc", "tcp" */
	char *name;			/* "eth0"; "" for none */
	char *origin;			/* where its header stands */
	enum config_layer layer;
	struct setting *settings;	/* all strings owned by the config */
	size_t nsettings;
};

struct config_address {			/* of a [link] */
	struct param_address addr;
	const char *origin;		/* lives in the config */
};

struct config_route {
	struct param_address dst;	/* prefix 0 = default; the family says whose */
	struct param_address gateway;	/* family 0 = on link */
	struct param_address src;	/* family 0 = the NIC chooses */
	uint32_t metric, mtu;		/* as struct route's (core/ip/ip.h) */
	bool onlink;
	const char *origin;
};

struct config_link {			/* one NIC, checked */
	char name[LINK_NAME_MAX];
	char *driver;
	const char *origin;
	struct config_address *addrs;
	size_t naddrs;
	struct config_route *routes;
	size_t nroutes;
	uint32_t mtu;			/* 0 = the driver's */
	struct config_ip4 {
		bool accept_redirects, secure_redirects;
	} ip4;
	struct config_ip6 {
		bool enabled, accept_ra, accept_redirects, eui64;
		bool has_secret;
		uint8_t secret[16];	/* of RFC 7217 */
	} ip6;
	struct setting *settings;	/* the driver's parameters, unparsed; they live in the config */
	size_t nsettings;
};

struct config_qdisc {
	char nic[LINK_NAME_MAX];	/* "" = every NIC without one of its own */
	char *kind;
	const char *origin;
	struct setting *settings;
	size_t nsettings;
};

#define CONFIG_QDISC "fifo"		/* where nobody says */
#define CONFIG_CONGESTION "cubic"	/* likewise */
#define CONFIG_MEMORY_DEFAULT (UINT64_C(256) << 20)	/* [weir] memory */
#define CONFIG_MEMORY_MIN (UINT64_C(4) << 20)

struct config_tcp {
	uint64_t rmem[3], wmem[3];	/* bytes: min, initial, max */
	uint64_t memory[3];		/* bytes: low, pressure, max; zeros = shares of [weir] memory */
	bool sack, timestamps, window_scaling;
	/* numbered as Linux's net.ipv4.tcp_*: off on passive; off on always; off client server
	 * both; off blackhole always; off on loopback */
	uint32_t ecn, syn_cookies, fastopen, mtu_probing, tw_reuse;
	uint32_t max_syn_backlog, syn_retries, synack_retries, keepalive_probes;
	uint64_t fin_timeout, keepalive_time, keepalive_interval;	/* ns */
};

struct config {
	struct config_section *sections;	/* as read */
	size_t nsections;
	char **mistakes;			/* of form, found while reading */
	size_t nmistakes;
	/* filled by config_check */
	char *mode;			/* default "sandbox" */
	bool gso, gro, allow_override;
	enum log_level log_level;
	char *module_path;		/* NULL = default */
	uint64_t memory;		/* bytes; 0 = default */
	uint64_t datagram_memory[3];	/* bytes: low, pressure, max; zeros = shares of memory */
	uint64_t drain;			/* ns, after the last program's end */
	struct config_tcp tcp;
	char *congestion;		/* default "cubic" */
	struct setting *congestion_settings;
	size_t ncongestion_settings;
	struct config_link *links;
	size_t nlinks;
	struct config_qdisc *qdiscs;	/* the one for "" first; always there: default fifo */
	size_t nqdiscs;
};

void config_init(struct config *c);
void config_free(struct config *c);
/*
 * Read a file / a text (origin names it in messages). e gets the first mistake of form; all are
 * kept, and config_check reports them. A file that cannot be read is an error of its own (not
 * -EINVAL) and is not kept.
 */
int config_read_file(struct config *c, const char *file, struct weir_error *e);
int config_read_text(struct config *c, const char *text, const char *origin, struct weir_error *e);
/* One override: "qdisc.rate=100mbit", "link.eth0.mtu=1400", "weir.gso=off",
 * "qdisc.eth0.kind=fifo". Later ones win. */
int config_set(struct config *c, const char *assignment, const char *origin, struct weir_error *e);
/* What stands there now, before any check; NULL: nothing. For what is needed first:
 * weir.module-path. */
const char *config_value(const struct config *c, const char *kind, const char *name,
			 const char *key);
/* Where what is in effect for the key was said: "x.ini:3", "command line, --qdisc=tbf",
 * "annotation dev.weir.flag.qdisc"; "default" where nobody did. A checked config. */
void config_origin(const struct config *c, const char *kind, const char *name, const char *key,
		   char *text, size_t size);
/*
 * Check the whole with the modules' tables (loading modules to see them) and fill in the typed
 * part. report (may be NULL) is called with every mistake; the answer is 0 or -EINVAL. e gets
 * the first one.
 */
int config_check(struct config *c, struct registry *r,
		 void (*report)(void *arg, const char *sentence), void *arg, struct weir_error *e);
/* [tcp]'s keys but for the sizes and the congestion control, each as text, in the order of the
 * table. */
void config_tcp_each(const struct config_tcp *t,
		     void (*fn)(void *arg, const char *key, const char *value), void *arg);
/* The qdisc for a NIC: its own section, or the common one. */
const struct config_qdisc *config_qdisc(const struct config *c, const char *nic);

#endif
