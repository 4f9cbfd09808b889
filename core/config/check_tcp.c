/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_tcp.c - what [tcp] has beside its congestion control. Its sizes are three in a row, each
 * not smaller than the one before, as Linux's tcp_rmem, tcp_wmem and tcp_mem have them, but in
 * weir's units. So is [weir] datagram-memory, after udp_mem.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/sections.h"

#define BUFFER_MAX	(1ull << 30)	/* what a window of RFC 7323 can offer */
#define BUFFER_FLOOR	2048u
#define MEMORY_FLOOR	(1ull << 20)

static int refuse(const char *key, const char *text, struct weir_error *e, const char *why)
{
	return weir_fail(e, EINVAL, "%s: \"%.80s\" %s; write three sizes, the smallest first, such as "
			 "%s", key, text, why, !strcmp(key, "memory") ? "96mb 128mb 224mb" :
			 !strcmp(key, "datagram-memory") ? "32mb 48mb 64mb" : "4kb 128kb 6mb");
}

/* Three sizes within [floor, max]. */
static int three_sizes(const char *key, const char *text, uint64_t floor, uint64_t max,
		       uint64_t v[3], struct weir_error *e)
{
	char words[3][32], rest[2], bound[32];

	if (sscanf(text, "%31s %31s %31s %1s", words[0], words[1], words[2], rest) != 3)
		return refuse(key, text, e, "is not three sizes");
	for (int i = 0; i < 3; i++) {
		int rc = parse_size(words[i], &v[i], e);

		if (rc) {
			weir_error_prefix(e, "%s", key);
			return rc;
		}
		if (v[i] < floor || v[i] > max) {
			format_size(v[i] < floor ? floor : max, bound, sizeof(bound));
			return weir_fail(e, EINVAL, "%s: %s is too %s; write %s or %s", key, words[i],
					 v[i] < floor ? "small" : "large", bound,
					 v[i] < floor ? "more" : "less");
		}
		if (i && v[i] < v[i - 1])
			return refuse(key, text, e, "does not grow");
	}
	return 0;
}

static void check_buffers(struct check *ck, const struct merged *m, const char *key,
			  const char *text, uint64_t v[3])
{
	struct weir_error why;

	if (three_sizes(key, text, BUFFER_FLOOR, BUFFER_MAX, v, &why))
		check_mistake(ck, m, check_origin(m, key), "%s", why.text);
}

void check_memory_marks(struct check *ck, const struct merged *m, const char *key, const char *text,
			uint64_t v[3])
{
	uint64_t pool = ck->config->memory ? ck->config->memory : CONFIG_MEMORY_DEFAULT;
	struct weir_error why;
	char all[32];

	if (!*text)
		return;			/* shares of [weir] memory */
	if (three_sizes(key, text, MEMORY_FLOOR, UINT64_MAX, v, &why)) {
		check_mistake(ck, m, check_origin(m, key), "%s", why.text);
	} else if (v[2] > pool) {
		format_size(pool, all, sizeof(all));
		check_mistake(ck, m, check_origin(m, key), "%s: the last size is larger than "
			      "[weir] memory (%s), of which it is a part; lower it, or raise that",
			      key, all);
	}
}

void check_tcp_keys(struct check *ck, const struct merged *m, const struct tcp_keys *keys)
{
	struct config_tcp *t = &ck->config->tcp;

	*t = keys->tcp;
	check_buffers(ck, m, "rmem", keys->rmem, t->rmem);
	check_buffers(ck, m, "wmem", keys->wmem, t->wmem);
	check_memory_marks(ck, m, "memory", keys->memory, t->memory);
}

void config_tcp_each(const struct config_tcp *t,
		     void (*fn)(void *arg, const char *key, const char *value), void *arg)
{
	const struct tcp_keys keys = { .tcp = *t };
	char text[PARAM_TEXT];

	for (const struct param *p = tcp_params; p->name; p++) {
		if (p->type == PARAM_STRING)
			continue;
		param_format(p, &keys, text, sizeof(text));
		fn(arg, p->name, text);
	}
}
