/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/module.h - what makes a shared object a weir module.
 *
 * A module exports one constant, weir_module, written with WEIR_MODULE:
 *
 *	WEIR_MODULE("none", "no queue, no network", WEIR_QDISC(none_qdisc), WEIR_MODE(none_mode));
 *
 * It starts with a magic word, the ABI version and the sizes of the structs the module was built
 * with. The loader refuses another major version and a newer minor one; from an older minor
 * of the same major, members that the module did not know are taken as zero.
 *
 * Build one outside the tree:
 *	cc -std=gnu17 -shared -fPIC $(pkg-config --cflags weir) toy.c -o toy.so
 */
#ifndef WEIR_MODULE_H
#define WEIR_MODULE_H

#include <stddef.h>
#include <stdint.h>

#include <weir/congestion.h>
#include <weir/link.h>
#include <weir/mode.h>
#include <weir/qdisc.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_MODULE_MAGIC	0x57454952u	/* "WEIR" */
#define WEIR_ABI_MAJOR		2u
#define WEIR_ABI_MINOR		2u
#define WEIR_MODULE_SYMBOL	"weir_module"

enum weir_kind { WEIR_KIND_END, WEIR_KIND_QDISC, WEIR_KIND_LINK, WEIR_KIND_MODE, WEIR_KIND_CONGESTION };

struct weir_entry {
	uint32_t kind;		/* enum weir_kind */
	uint32_t size;		/* sizeof the ops struct, as the module knew it */
	const void *ops;	/* the first member of every ops struct is its name */
};

struct weir_module {
	uint32_t magic;
	uint16_t abi_major, abi_minor;
	uint32_t size;			/* sizeof(struct weir_module) */
	uint32_t entry_size;		/* sizeof(struct weir_entry) */
	uint32_t packet_size;		/* sizeof(struct packet): shared with the module, so exact */
	uint32_t link_size;		/* sizeof(struct link): likewise */
	uint32_t congestion_size;	/* sizeof(struct congestion): likewise */
	const char *name;
	const char *help;		/* one line */
	const struct weir_entry *entries;	/* closed by WEIR_KIND_END */
};

#define WEIR_QDISC(o)	{ WEIR_KIND_QDISC, sizeof(struct qdisc_ops), &(o) }
#define WEIR_LINK(o)	{ WEIR_KIND_LINK, sizeof(struct link_ops), &(o) }
#define WEIR_MODE(o)	{ WEIR_KIND_MODE, sizeof(struct mode_ops), &(o) }
#define WEIR_CONGESTION(o) { WEIR_KIND_CONGESTION, sizeof(struct congestion_ops), &(o) }

/* The same as a static constant of any name, for ops tables of a program's own
 * (weir_modules_add). */
#define WEIR_MODULE_STATIC(symbol, mod_name, mod_help, ...)				\
	static const struct weir_entry symbol##_entries[] = {				\
		__VA_ARGS__, { WEIR_KIND_END, 0, NULL }					\
	};										\
	static const struct weir_module symbol =					\
		WEIR_MODULE_OF(mod_name, mod_help, symbol##_entries)

#define WEIR_MODULE_OF(mod_name, mod_help, entry_list) {					\
		.magic = WEIR_MODULE_MAGIC,						\
		.abi_major = WEIR_ABI_MAJOR, .abi_minor = WEIR_ABI_MINOR,		\
		.size = sizeof(struct weir_module), .entry_size = sizeof(struct weir_entry), \
		.packet_size = sizeof(struct packet), .link_size = sizeof(struct link),	\
		.congestion_size = sizeof(struct congestion),				\
		.name = mod_name, .help = mod_help, .entries = entry_list,		\
	}

#define WEIR_MODULE(mod_name, mod_help, ...)						\
	static const struct weir_entry weir_module_entries[] = {			\
		__VA_ARGS__, { WEIR_KIND_END, 0, NULL }					\
	};										\
	extern WEIR_API const struct weir_module weir_module;				\
	const struct weir_module weir_module =						\
		WEIR_MODULE_OF(mod_name, mod_help, weir_module_entries)

#ifdef __cplusplus
}
#endif

#endif
