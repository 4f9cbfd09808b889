/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger_text.c - a ledger as text (ledger.h): a line for each thing, its kind first.
 *
 *	weir-taken 1				the format's version
 *	boot ID					/proc/sys/kernel/random/boot_id
 *	netns NAME				as the user wrote it; bytes that are not plain are %XX
 *	path PATH				likewise
 *	namespace DEV INODE COOKIE		SO_NETNS_COOKIE; 0: not known
 *	read-at SECONDS				of CLOCK_BOOTTIME: lifetimes count from there
 *	device INDEX MAC GENMODE NAME
 *	switch INDEX SWITCH VALUE		of net.ipv4 or net.ipv6.conf
 *	addr HEX, route HEX, neigh HEX		the kernel's message, as takeover.c keeps it
 *	end					without it the rest is missing
 *
 * What is read was root's to write, and is checked all the same: a message that is not whole, or
 * about a device that is not named, is refused.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <libmnl/libmnl.h>
#include <stdlib.h>
#include <string.h>

#include "intercept/ledger.h"
#include "intercept/taken.h"
#include "intercept/takeover_priv.h"

#define FORMAT "weir-taken 1"

/* ---- written ---- */

static void print_word(FILE *f, const char *key, const char *word)
{
	fprintf(f, "%s ", key);
	for (const unsigned char *c = (const unsigned char *)word; *c; c++)
		fprintf(f, isgraph(*c) && *c != '%' ? "%c" : "%%%02x", *c);
	fputc('\n', f);
}

static void print_msgs(FILE *f, const char *key, const struct list *msgs)
{
	list_for_each(pos, msgs) {
		const struct rtnl_msg *m = list_entry(pos, struct rtnl_msg, node);
		const unsigned char *b = (const unsigned char *)&m->nlh;

		fprintf(f, "%s ", key);
		for (uint32_t i = 0; i < m->nlh.nlmsg_len; i++)
			fprintf(f, "%02x", b[i]);
		fputc('\n', f);
	}
}

int ledger_print(FILE *f, const struct takeover *t, const struct ledger_head *head)
{
	fprintf(f, FORMAT "\nboot %s\n", head->boot);
	print_word(f, "netns", t->name);
	print_word(f, "path", head->path);
	fprintf(f, "namespace %" PRIu64 " %" PRIu64 " %" PRIu64 "\nread-at %" PRIu64 "\n", head->dev,
		head->ino, t->cookie, t->read_at);
	list_for_each(pos, &t->devices) {
		const struct device *d = list_entry(pos, struct device, node);

		fprintf(f, "device %u %02x:%02x:%02x:%02x:%02x:%02x %d ", d->index, d->mac[0], d->mac[1],
			d->mac[2], d->mac[3], d->mac[4], d->mac[5], d->gen_mode);
		fprintf(f, "%s\n", d->name);
		for (int i = 0; i < TAKEOVER_QUIETS; i++)
			if (d->saved[i][0])
				fprintf(f, "switch %u %s %s\n", d->index, takeover_quiet_name(i), d->saved[i]);
	}
	print_msgs(f, "addr", &t->addrs);
	print_msgs(f, "route", &t->routes);
	print_msgs(f, "neigh", &t->neighs);
	fputs("end\n", f);
	return ferror(f) ? -EIO : 0;
}

/* ---- read ---- */

struct reader {
	struct takeover *t;
	struct ledger_head *head;
	bool done;
};

static bool word_read(const char *text, char *word, size_t size)
{
	size_t n = 0;

	for (unsigned int c; *text && n + 1 < size; text++, n++) {
		c = (unsigned char)*text;
		if (c == '%') {
			if (sscanf(text, "%%%2x", &c) != 1 || !text[1] || !text[2])
				return false;
			text += 2;
		}
		word[n] = (char)c;
	}
	word[n] = '\0';
	return n && !*text;
}

static bool read_boot(struct reader *r, const char *v)
{
	return word_read(v, r->head->boot, sizeof(r->head->boot));
}

static bool read_netns(struct reader *r, const char *v)
{
	return word_read(v, r->t->name, sizeof(r->t->name));
}

static bool read_path(struct reader *r, const char *v)
{
	return word_read(v, r->head->path, sizeof(r->head->path));
}

static bool read_namespace(struct reader *r, const char *v)
{
	return sscanf(v, "%" SCNu64 " %" SCNu64 " %" SCNu64, &r->head->dev, &r->head->ino, &r->t->cookie) == 3;
}

static bool read_time(struct reader *r, const char *v)
{
	return sscanf(v, "%" SCNu64, &r->t->read_at) == 1;
}

static bool read_device(struct reader *r, const char *v)
{
	struct device *d = calloc(1, sizeof(*d));
	int at = 0;

	if (!d)
		return false;
	list_add_tail(&d->node, &r->t->devices);	/* freed with the rest */
	if (sscanf(v, "%u %2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx %d %n", &d->index, &d->mac[0], &d->mac[1],
		   &d->mac[2], &d->mac[3], &d->mac[4], &d->mac[5], &d->gen_mode, &at) != 8 || !at)
		return false;
	snprintf(d->name, sizeof(d->name), "%s", v + at);
	return d->name[0] && strlen(v + at) < sizeof(d->name);
}

static bool read_switch(struct reader *r, const char *v)
{
	unsigned int index;
	char name[32], value[SYSCTL_MAX];
	struct device *d;

	if (sscanf(v, "%u %31s %47s", &index, name, value) != 3)
		return false;
	d = takeover_device(r->t, index);
	for (int i = 0; d && i < TAKEOVER_QUIETS; i++)
		if (!strcmp(name, takeover_quiet_name(i))) {
			strcpy(d->saved[i], value);
			return true;
		}
	return false;
}

static struct rtnl_msg *msg_of(const char *hex)
{
	size_t len = strlen(hex) / 2;
	struct nlmsghdr *nlh = len >= sizeof(*nlh) && strlen(hex) % 2 == 0 ? malloc(len) : NULL;
	unsigned char *b = (unsigned char *)nlh;
	struct rtnl_msg *m = NULL;
	size_t i = 0;

	while (b && i < len && sscanf(hex + 2 * i, "%2hhx", &b[i]) == 1 && isxdigit((unsigned char)hex[2 * i]) &&
	       isxdigit((unsigned char)hex[2 * i + 1]))
		i++;
	if (b && i == len && nlh->nlmsg_len == len && mnl_nlmsg_ok(nlh, (int)len))
		m = rtnl_msg_new(nlh);
	free(nlh);
	return m;
}

static bool read_msg(struct reader *r, const char *hex, enum taken_kind kind, struct list *to)
{
	struct rtnl_msg *m = msg_of(hex);

	if (m && takeover_wants(r->t, kind, &m->nlh)) {
		list_add_tail(&m->node, to);
		return true;
	}
	free(m);
	return false;
}

static bool read_addr(struct reader *r, const char *v)
{
	return read_msg(r, v, TAKEN_ADDR, &r->t->addrs);
}

static bool read_route(struct reader *r, const char *v)
{
	return read_msg(r, v, TAKEN_ROUTE, &r->t->routes);
}

static bool read_neigh(struct reader *r, const char *v)
{
	return read_msg(r, v, TAKEN_NEIGH, &r->t->neighs);
}

static bool read_end(struct reader *r, const char *v)
{
	r->done = true;
	return !*v;
}

static const struct line_kind {
	const char *key;
	bool (*read)(struct reader *r, const char *value);
} line_kinds[] = {
	{ "boot", read_boot }, { "netns", read_netns }, { "path", read_path },
	{ "namespace", read_namespace }, { "read-at", read_time },
	{ "device", read_device }, { "switch", read_switch },
	{ "addr", read_addr }, { "route", read_route }, { "neigh", read_neigh },
	{ "end", read_end },
};

static bool line_read(struct reader *r, char *line)
{
	char *value = line + strcspn(line, " ");

	if (*value)
		*value++ = '\0';
	for (size_t i = 0; i < sizeof(line_kinds) / sizeof(line_kinds[0]); i++)
		if (!strcmp(line, line_kinds[i].key))
			return !r->done && line_kinds[i].read(r, value);
	return false;
}

static int wrong(const struct takeover *t, size_t at, const char *what, struct weir_error *e)
{
	return weir_fail(e, EINVAL, "/run/weir/taken/%s/state:%zu: %s; give back by hand what it names, and remove the folder",
			 t->ledger, at, what);
}

int ledger_parse(FILE *f, struct takeover *t, struct ledger_head *head, struct weir_error *e)
{
	struct reader r = { .t = t, .head = head };
	char *line = NULL;
	size_t size = 0, at = 0;
	int rc = 0;

	memset(head, 0, sizeof(*head));
	for (ssize_t n; !rc && (n = getline(&line, &size, f)) > 0; ) {
		line[strcspn(line, "\n")] = '\0';
		if (++at == 1) {
			if (strcmp(line, FORMAT))
				rc = wrong(t, at, "another version of weir wrote it, whose `weir restore` it is for", e);
		} else if (!line_read(&r, line)) {
			rc = wrong(t, at, "not what weir writes there", e);
		}
	}
	free(line);
	if (!rc && (!r.done || !head->path[0] || list_empty(&t->devices)))
		rc = wrong(t, at, "the rest is missing", e);
	return rc;
}
