/* SPDX-License-Identifier: Apache-2.0 */
/* sections.h - what config/ knows of each kind of section, and the sections as read. Private to
 * config/. */
#ifndef CONFIG_SECTIONS_H
#define CONFIG_SECTIONS_H

#include "config/config.h"

#define CONFIG_TEXT_MAX		(1u << 20)	/* bytes of one file */
#define CONFIG_SECTIONS_MAX	256u
#define CONFIG_SETTINGS_MAX	1024u		/* of one section */

/* The sections' own keys; whatever else stands in a section is the module's that `choice` picks. */
struct weir_keys {
	char mode[32];
	bool gso, gro, allow_override;
	char module_path[1024];
	uint64_t memory;
	char datagram_memory[96];	/* read by check_tcp.c */
	uint64_t drain;			/* ns */
	uint32_t log;
};

struct link_keys {
	char driver[32];
	char address[256], gateway[64], route[256];	/* read by check_link.c */
	uint32_t mtu;
	bool ipv6, accept_ra, accept_redirects, secure_redirects;
	uint32_t addr_gen;		/* link_addr_gens[] */
	char stable_secret[64];		/* read by check_link.c */
};

struct qdisc_keys {
	char kind[32];
};

struct tcp_keys {
	char congestion[32];
	char rmem[96], wmem[96], memory[96];	/* read by check_tcp.c */
	struct config_tcp tcp;		/* all else */
};

enum section_name { NAME_NONE, NAME_MAY, NAME_MUST };

struct section_kind {
	const char *kind;
	enum section_name naming;
	const struct param *keys;
	size_t keys_size;
	const char *choice;		/* the key that picks a module; NULL: the section is no module's */
	enum weir_kind module;
};

extern const struct param tcp_params[];
extern const struct section_kind section_kinds[];	/* closed by an empty one */
const struct section_kind *section_kind_find(const char *kind);
/* Is this a [kind name] there can be? The sentence has no place in it. */
int section_check(const char *kind, const char *name, struct weir_error *e);
/* May the key stand more than once in a section of this kind? */
bool section_key_repeats(const struct section_kind *k, const char *key);

/* The section, made when it is not there. NULL: no memory, or too many of them. */
struct config_section *section_get(struct config *c, const char *kind, const char *name,
				   const char *origin, enum config_layer layer);
/* Of those of one kind and name, which differ in their layers, was the i-th made first? */
bool section_is_first(const struct config *c, size_t i);
struct config_section *section_find(const struct config *c, const char *kind, const char *name,
				    enum config_layer layer);
const struct setting *section_setting(const struct config_section *s, const char *key);
int section_add(struct config_section *s, const char *key, const char *value, const char *origin);
/* As section_add, but in place of what the key had. */
int section_replace(struct config_section *s, const char *key, const char *value,
		    const char *origin);
/* Forget what config_check filled in. */
void config_uncheck(struct config *c);
/* Keep a sentence for config_check. */
void config_mistake(struct config *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The text of a file of at most CONFIG_TEXT_MAX bytes without NULs, for the caller to free. wanted
 * says what it should have been: "an INI file". NULL: why is in e. */
char *config_text(int fd, const char *file, const char *wanted, struct weir_error *e);

/* ---- what is said in all layers, for policy.c and the check ---- */

/* All that is said of one [kind name], a higher layer's word over a lower one's. */
struct merged {
	const struct section_kind *kind;
	const char *name;
	const char *origin;		/* of the section */
	struct setting own[CONFIG_SETTINGS_MAX];	/* the section's own keys */
	size_t nown;
	struct setting *rest;		/* the module's; malloced */
	size_t nrest;
};

/* All layers from LAYER_FILE to top. The caller frees m->rest. False: no memory. */
bool section_merge(const struct config *c, struct merged *m, const struct section_kind *k,
		   const char *name, enum config_layer top);
/* The last word on key, the section's own or the module's; NULL: nobody has set it. */
const struct setting *merged_setting(const struct merged *m, const char *key);

/* ---- the check under way, for check.c and check_link.c ---- */

struct check {
	struct config *config;
	struct registry *registry;
	void (*report)(void *arg, const char *sentence);
	void *arg;
	struct weir_error *e;
	size_t mistakes;
	bool no_memory;
};

/* Report "origin: [kind name] sentence". origin NULL: the section's. */
void check_mistake(struct check *ck, const struct merged *m, const char *origin,
		   const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* Where key was set; NULL: nowhere. */
const char *check_origin(const struct merged *m, const char *key);
/* Fill config->tcp from keys; [weir] is checked already. */
/* Three sizes of [weir] memory, v stays 0 where there are none. */
void check_memory_marks(struct check *ck, const struct merged *m, const char *key, const char *text,
			uint64_t v[3]);
void check_tcp_keys(struct check *ck, const struct merged *m, const struct tcp_keys *keys);
/* Fill l's addresses and routes from m's own settings. */
void check_link_addresses(struct check *ck, const struct merged *m, struct config_link *l);

#endif
