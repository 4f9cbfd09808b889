/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_policy.c - what annotations may set: every rule, in every order of the annotations, with the
 * exact sentences; and the JSON that they come in. The modules are weir's own: $WEIR_MODULE_PATH.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/policy.h"
#include "tests/suite.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define PAIRS_MAX 4

static struct registry reg;
static struct config c;
static struct weir_error e;
static char said[8192];			/* all sentences, a line each */

static void setup(void)
{
	ck_assert(!registry_init(&reg, NULL, NULL, &e));
	config_init(&c);
}

static void teardown(void)
{
	config_free(&c);
	registry_destroy(&reg);
}

static void say(void *arg, const char *sentence)
{
	(void)arg;
	for (const char *t = sentence; *t; t++)
		ck_assert_msg(*t >= 0x20 && *t < 0x7f, "not printable: %s", sentence);
	strncat(said, sentence, sizeof(said) - strlen(said) - 2);
	strcat(said, "\n");
}

/* An operator's INI and command line (blanks between), and a container's annotations. */
struct rule {
	const char *ini, *line;
	const char *pairs[PAIRS_MAX][2];
	const char *said;		/* what is refused; NULL: nothing */
	const char *effective;		/* "eth0:kind rate burst", of each [qdisc], blanks between */
};

static int check_rule(const struct rule *r, const unsigned char *order, size_t n)
{
	struct annotations a = { 0 };
	char line[256], *save = NULL;
	int err;

	config_free(&c);
	said[0] = '\0';
	if (r->ini)
		ck_assert(!config_read_text(&c, r->ini, "x.ini", &e));
	snprintf(line, sizeof(line), "%s", r->line ? r->line : "");
	for (char *word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save))
		ck_assert_msg(!config_set(&c, word, word, &e), "%s", e.text);
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(!annotations_add(&a, r->pairs[order[i]][0], r->pairs[order[i]][1], &e),
			      "%s", e.text);
	ck_assert(!policy_apply(&c, &a, &e));
	err = config_check(&c, &reg, say, NULL, &e);
	annotations_free(&a);
	return err;
}

static const char *setting(const struct config_qdisc *q, const char *name)
{
	for (size_t i = 0; i < q->nsettings; i++)
		if (!strcmp(q->settings[i].name, name))
			return q->settings[i].value;
	return "-";
}

static const char *effective(void)
{
	static char text[1024];
	size_t n = 0;

	for (size_t i = 0; i < c.nqdiscs; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s:%s %s %s", i ? " | " : "",
				      c.qdiscs[i].nic, c.qdiscs[i].kind, setting(&c.qdiscs[i], "rate"),
				      setting(&c.qdiscs[i], "burst"));
	return text;
}

static void check_order(const struct rule *r, const unsigned char *order, size_t n)
{
	int err = check_rule(r, order, n);

	ck_assert_msg(err == (r->said ? -EINVAL : 0), "%s / %s: %s", r->ini, r->line, said);
	ck_assert_str_eq(said, r->said ? r->said : "");
	if (!r->said)
		ck_assert_str_eq(effective(), r->effective);
}

/* Every order of the first n, by exchanging (Heap). */
static void permute(const struct rule *r, unsigned char *order, size_t k, size_t n)
{
	if (k <= 1) {
		check_order(r, order, n);
		return;
	}
	for (size_t i = 0; i < k; i++) {
		size_t j = k % 2 ? 0 : i;
		unsigned char t;

		permute(r, order, k - 1, n);
		t = order[j];
		order[j] = order[k - 1];
		order[k - 1] = t;
	}
}

#define QDISC "dev.gvisor.flag.qdisc"
#define RATE "dev.gvisor.flag.qdisc-tbf-rate"
#define BURST "dev.gvisor.flag.qdisc-tbf-burst"
#define WQDISC "dev.weir.flag.qdisc"
#define WRATE "dev.weir.flag.qdisc-tbf-rate"
#define WBURST "dev.weir.flag.qdisc-tbf-burst"
#define TBF "[qdisc]\nkind = tbf\nrate = 100mbit\nburst = 1mb\n"
#define ALLOW "weir.allow-override=on"
#define PLAIN "; write a plain number of bytes per second, digits only, such as 1048576\n"
#define LOWER "; lower it, or have the operator raise that or set allow-override\n"
#define ONLY_OPERATOR ": only the operator sets it, unless allow-override is on; remove it\n"
#define NO_FLAG ": there is no such flag for annotations; remove it (a container may set qdisc, " \
	"qdisc-tbf-rate and qdisc-tbf-burst"
#define ONLY_TBF ": a container's qdisc may only become tbf, unless allow-override is on; write tbf, " \
	"or remove it\n"
#define USELESS ": no qdisc is a tbf, so it would do nothing; add dev.weir.flag.qdisc with the value " \
	"tbf, or remove it\n"

static const struct rule rules[] = {
	/* nothing configured: any value is taken */
	{ NULL, NULL, { { QDISC, "tbf" }, { RATE, "12500000" }, { BURST, "1048576" } }, NULL,
	  ":tbf 12500000 1048576" },
	{ NULL, NULL, { { WQDISC, "tbf" }, { WRATE, "1000000000000" }, { WBURST, "4294967295" } }, NULL,
	  ":tbf 1000000000000 4294967295" },
	{ "[qdisc]\nkind = fifo\nlimit = 5\n", NULL, { { QDISC, "tbf" }, { RATE, "5" }, { BURST, "6" } },
	  NULL, ":tbf 5 6" },
	{ NULL, "qdisc.kind=none", { { QDISC, "tbf" }, { WRATE, "5" }, { BURST, "6" } }, NULL, ":tbf 5 6" },
	/* the operator chose tbf, the container how much */
	{ "[qdisc]\nkind = tbf\n", NULL, { { RATE, "5" }, { BURST, "6" } }, NULL, ":tbf 5 6" },
	{ "[qdisc]\nkind = tbf\nrate = 5\n", NULL, { { BURST, "6" } }, NULL, ":tbf 5 6" },
	/* tbf without rate or burst */
	{ "[qdisc]\nkind = tbf\n", NULL, { { RATE, "5" } }, "x.ini:2: [qdisc] tbf must be given: burst "
	  "(size of the bucket: bytes, or a duration at the rate; at least one packet)\n", NULL },
	{ NULL, NULL, { { QDISC, "tbf" }, { WBURST, "6" } }, "annotation " QDISC ": [qdisc] tbf must be "
	  "given: rate (bytes per second in the long run, or with tc's units (100mbit))\n", NULL },
	/* lowered, matched, raised */
	{ TBF, NULL, { { QDISC, "tbf" }, { RATE, "12499999" }, { BURST, "1048575" } }, NULL,
	  ":tbf 12499999 1048575" },
	{ TBF, NULL, { { QDISC, "tbf" }, { RATE, "12500000" }, { BURST, "1048576" } }, NULL,
	  ":tbf 12500000 1048576" },
	{ TBF, NULL, { { RATE, "1" } }, NULL, ":tbf 1 1mb" },
	{ TBF, NULL, { { BURST, "1" } }, NULL, ":tbf 100mbit 1" },
	{ TBF, NULL, { { RATE, "12500001" }, { BURST, "1048577" } },
	  "annotation " RATE ": 12500001 is more than the 12500000 bytes/s of [qdisc] (x.ini:3)" LOWER
	  "annotation " BURST ": 1048577 is more than the 1048576 bytes of [qdisc] (x.ini:4)" LOWER, NULL },
	/* the command line wins over the file, and is a ceiling alike */
	{ TBF, "qdisc.rate=200mbit", { { RATE, "25000000" } }, NULL, ":tbf 25000000 1mb" },
	{ TBF, "qdisc.rate=1000", { { WRATE, "1001" } }, "annotation " WRATE ": 1001 is more than the 1000 "
	  "bytes/s of [qdisc] (qdisc.rate=1000)" LOWER, NULL },
	{ NULL, "qdisc.rate=1000 qdisc.burst=5", { { QDISC, "tbf" } }, NULL, ":tbf 1000 5" },
	{ NULL, "qdisc.rate=1000 qdisc.burst=5", { { QDISC, "tbf" }, { RATE, "1001" } }, "annotation " RATE
	  ": 1001 is more than the 1000 bytes/s of [qdisc] (qdisc.rate=1000)" LOWER, NULL },
	/* units of the operator's: a burst that is a time is one at the operator's rate */
	{ "[qdisc]\nkind = tbf\nrate = 8mbit\nburst = 10ms\n", NULL, { { RATE, "500000" },
	  { BURST, "10000" } }, NULL, ":tbf 500000 10000" },
	{ "[qdisc]\nkind = tbf\nrate = 8mbit\nburst = 10ms\n", NULL, { { RATE, "500000" },
	  { BURST, "10001" } }, "annotation " BURST ": 10001 is more than the 10000 bytes of [qdisc] "
	  "(x.ini:4)" LOWER, NULL },
	{ "[qdisc]\nkind = tbf\nrate = 8mbit\nburst = 10ms\n", NULL, { { RATE, "500000" } }, NULL,
	  ":tbf 500000 10ms" },
	{ "[qdisc]\nkind = tbf\nburst = 10ms\n", NULL, { { RATE, "500000" } }, NULL, ":tbf 500000 10ms" },
	{ "[qdisc]\nkind = tbf\nburst = 10ms\n", NULL, { { RATE, "500000" }, { BURST, "1" } },
	  "annotation " BURST ": burst of [qdisc] (x.ini:3) is no number of bytes to compare it with; "
	  "remove the annotation, or have the operator write bytes\n", NULL },
	/* a wrong ceiling is none to pass by */
	{ "[qdisc]\nkind = tbf\nrate = x\nburst = 5\n", NULL, { { RATE, "5" } }, "annotation " RATE ": rate "
	  "of [qdisc] (x.ini:3) is no number of bytes to compare it with; remove the annotation, or have the "
	  "operator write bytes\nx.ini:3: [qdisc] rate: x is not a rate; write 100mbit, or bytes/s as a "
	  "plain number\n", NULL },
	/* every NIC by itself */
	{ TBF "[qdisc eth1]\nrate = 10mbit\n", NULL, { { RATE, "1250000" } }, NULL,
	  ":tbf 1250000 1mb | eth1:tbf 1250000 1mb" },
	{ TBF "[qdisc eth1]\nrate = 10mbit\n", NULL, { { RATE, "1250001" } }, "annotation " RATE ": 1250001 "
	  "is more than the 1250000 bytes/s of [qdisc eth1] (x.ini:6)" LOWER, NULL },
	{ TBF, "qdisc.eth1.rate=10 qdisc.eth2.burst=20", { { RATE, "10" }, { BURST, "20" } }, NULL,
	  ":tbf 10 20 | eth1:tbf 10 20 | eth2:tbf 10 20" },
	{ TBF, "qdisc.eth1.rate=10 qdisc.eth2.burst=20", { { RATE, "11" }, { BURST, "21" } },
	  "annotation " RATE ": 11 is more than the 10 bytes/s of [qdisc eth1] (qdisc.eth1.rate=10)" LOWER
	  "annotation " BURST ": 21 is more than the 20 bytes of [qdisc eth2] (qdisc.eth2.burst=20)" LOWER,
	  NULL },
	{ "[qdisc eth0]\nkind = tbf\nrate = 100\nburst = 50\n", NULL, { { RATE, "99" } }, NULL,
	  ":fifo - - | eth0:tbf 99 50" },
	{ "[qdisc eth0]\nkind = tbf\nrate = 100\nburst = 50\n", NULL, { { QDISC, "tbf" }, { RATE, "99" },
	  { BURST, "50" } }, NULL, ":tbf 99 50 | eth0:tbf 99 50" },
	{ "[qdisc eth0]\nkind = tbf\nrate = 100\nburst = 50\n", NULL, { { QDISC, "tbf" }, { RATE, "101" },
	  { BURST, "50" } }, "annotation " RATE ": 101 is more than the 100 bytes/s of [qdisc eth0] "
	  "(x.ini:3)" LOWER, NULL },
	/* the kind */
	{ TBF, NULL, { { QDISC, "fifo" } }, "annotation " QDISC ": fifo" ONLY_TBF, NULL },
	{ NULL, NULL, { { WQDISC, "none" } }, "annotation " WQDISC ": none" ONLY_TBF, NULL },
	{ NULL, NULL, { { WQDISC, "tbf " } }, "annotation " WQDISC ": tbf " ONLY_TBF, NULL },
	{ NULL, NULL, { { WQDISC, "TBF" } }, "annotation " WQDISC ": TBF" ONLY_TBF, NULL },
	{ NULL, NULL, { { WQDISC, "" } },
	  "annotation " WQDISC ": it is empty; write a value, or leave it out\n", NULL },
	{ "[qdisc]\nkind = netem\nrate = 1mbit\n", NULL, { { QDISC, "tbf" }, { RATE, "1" }, { BURST, "1" } },
	  "annotation " QDISC ": tbf would lift what netem does in [qdisc] (x.ini:2); remove it, or have the "
	  "operator set allow-override\n", NULL },
	{ "[qdisc]\nkind = netem\nrate = 1mbit\n", NULL, { { RATE, "1" } }, "annotation " RATE USELESS, NULL },
	{ NULL, NULL, { { RATE, "1" }, { WBURST, "2" } }, "annotation " RATE USELESS "annotation " WBURST
	  USELESS, NULL },
	/* both prefixes */
	{ TBF, NULL, { { RATE, "5" }, { WRATE, "5" }, { QDISC, "tbf" }, { WQDISC, "tbf" } }, NULL, ":tbf 5 1mb" },
	{ TBF, NULL, { { RATE, "5" }, { WRATE, "6" } }, "annotation " WRATE ": it is not the same as " RATE
	  "; make them equal, or keep one\n", NULL },
	{ TBF, NULL, { { WBURST, "5" }, { BURST, "6" } }, "annotation " WBURST ": it is not the same as "
	  BURST "; make them equal, or keep one\n", NULL },
	/* values: plain integers */
	{ TBF, NULL, { { RATE, "-1" } }, "annotation " RATE ": -1 is negative" PLAIN, NULL },
	{ TBF, NULL, { { RATE, "" } }, "annotation " RATE ": it is empty" PLAIN, NULL },
	{ TBF, NULL, { { RATE, "+1" } }, "annotation " RATE ": +1 is no plain number" PLAIN, NULL },
	{ TBF, NULL, { { RATE, " 1" } }, "annotation " RATE ":  1 is no plain number" PLAIN, NULL },
	{ TBF, NULL, { { RATE, "1 " } }, "annotation " RATE ": 1  is no plain number" PLAIN, NULL },
	{ TBF, NULL, { { RATE, "0x10" } }, "annotation " RATE ": 0x10 is no plain number" PLAIN, NULL },
	{ TBF, NULL, { { RATE, "1mbit" } }, "annotation " RATE ": 1mbit is no plain number" PLAIN, NULL },
	{ TBF, NULL, { { RATE, "1e3" } }, "annotation " RATE ": 1e3 is no plain number" PLAIN, NULL },
	{ TBF, NULL, { { RATE, "1.5" } }, "annotation " RATE ": 1.5 is no plain number" PLAIN, NULL },
	{ TBF, NULL, { { RATE, "1_000" } }, "annotation " RATE ": 1_000 is no plain number" PLAIN, NULL },
	{ TBF, NULL, { { RATE, "010" } }, "annotation " RATE ": 010 begins with 0, which some read as octal"
	  PLAIN, NULL },
	{ TBF, NULL, { { RATE, "100000000000000000000000" } }, "annotation " RATE
	  ": 100000000000000000000000 is larger than 2^64-1" PLAIN, NULL },
	{ TBF, NULL, { { RATE, "18446744073709551616" } }, "annotation " RATE ": 18446744073709551616 is more "
	  "than the 12500000 bytes/s of [qdisc] (x.ini:3)" LOWER, NULL },
	{ TBF, NULL, { { RATE, "0" } }, "annotation " RATE ": [qdisc] rate: 0 is too small; the least is 1 "
	  "byte/s\n", NULL },
	{ NULL, NULL, { { QDISC, "tbf" }, { RATE, "18446744073709551616" }, { BURST, "5" } }, "annotation "
	  RATE ": [qdisc] rate: 18446744073709551616 is too large: a rate is at most 2^64-1 bytes/s\n", NULL },
	{ NULL, NULL, { { QDISC, "tbf" }, { RATE, "5" }, { BURST, "4294967296" } }, "annotation " BURST
	  ": [qdisc] burst: 4294967296 is too large; the most is 4294967295 bytes\n", NULL },
	{ NULL, ALLOW, { { QDISC, "tbf" }, { RATE, "5mbit" }, { BURST, "5" } }, "annotation " RATE
	  ": 5mbit is no plain number" PLAIN "annotation " QDISC ": [qdisc] tbf must be given: rate ("
	  "bytes per second in the long run, or with tc's units (100mbit))\n", NULL },
	/* every other key */
	{ TBF, NULL, { { "dev.gvisor.flag.network", "host" }, { "dev.weir.flag.gso", "off" },
	  { "dev.weir.flag.mode", "host" } }, "annotation dev.gvisor.flag.network" ONLY_OPERATOR
	  "annotation dev.weir.flag.gso" ONLY_OPERATOR "annotation dev.weir.flag.mode" ONLY_OPERATOR, NULL },
	{ TBF, NULL, { { "dev.weir.flag.", "1" }, { "dev.gvisor.flag.debug", "1" },
	  { "dev.weir.flag.allow-flag-override", "true" } }, "annotation dev.gvisor.flag.debug" NO_FLAG ")\n"
	  "annotation dev.weir.flag." NO_FLAG ")\nannotation dev.weir.flag.allow-flag-override" NO_FLAG
	  ")\n", NULL },
	{ TBF, NULL, { { "io.kubernetes.pod", "x" }, { "dev.gvisor.internal", "\033" }, { "dev.weir", "" } },
	  NULL, ":tbf 100mbit 1mb" },
	/* allow-override */
	{ TBF, ALLOW, { { RATE, "12500001" }, { BURST, "1048577" } }, NULL, ":tbf 12500001 1048577" },
	{ TBF "[weir]\nallow-override = on\n", NULL, { { QDISC, "fifo" } }, NULL, ":fifo - -" },
	{ TBF "[weir]\nallow-override = on\n", "weir.allow-override=off", { { QDISC, "fifo" } },
	  "annotation " QDISC ": fifo" ONLY_TBF, NULL },
	{ TBF "[qdisc eth1]\nkind = netem\nrate = 5\n", ALLOW, { { QDISC, "tbf" }, { RATE, "7" },
	  { BURST, "8" } }, NULL, ":tbf 7 8 | eth1:tbf 7 8" },
	{ TBF, ALLOW, { { "dev.gvisor.flag.network", "none" }, { "dev.weir.flag.gso", "false" } }, NULL,
	  ":tbf 100mbit 1mb" },
	{ TBF, ALLOW, { { "dev.gvisor.flag.network", "none" }, { "dev.weir.flag.mode", "host" } },
	  "annotation dev.weir.flag.mode: it is not the same as dev.gvisor.flag.network; make them equal, or "
	  "keep one\n", NULL },
	{ TBF, ALLOW, { { "dev.weir.flag.gso", "maybe" } }, "annotation dev.weir.flag.gso: [weir] gso: maybe "
	  "is neither on nor off; write on or off\n", NULL },
	{ TBF, ALLOW, { { "dev.weir.flag.allow-flag-override", "off" }, { "dev.weir.flag.set", "weir.x=1" } },
	  "annotation dev.weir.flag.allow-flag-override" NO_FLAG ", and with allow-override mode, network and "
	  "gso)\nannotation dev.weir.flag.set" NO_FLAG ", and with allow-override mode, network and gso)\n",
	  NULL },
};

START_TEST(every_rule)
{
	const struct rule *r = &rules[_i];
	unsigned char order[PAIRS_MAX] = { 0, 1, 2, 3 };
	size_t n = 0;

	while (n < PAIRS_MAX && r->pairs[n][0])
		n++;
	permute(r, order, n, n);
}
END_TEST

/* Where what is in effect is said to come from. */
START_TEST(origins)
{
	const struct rule r = { TBF, ALLOW " qdisc.burst=5", { { "dev.gvisor.flag.network", "none" },
				{ "dev.weir.flag.gso", "false" }, { RATE, "7" } }, NULL, NULL };
	static const char *const from[][3] = {
		{ "weir", "mode", "annotation dev.gvisor.flag.network" },
		{ "weir", "gso", "annotation dev.weir.flag.gso" }, { "weir", "gro", "default" },
		{ "weir", "allow-override", "command line, weir.allow-override=on" },
		{ "qdisc", "kind", "x.ini:2" }, { "qdisc", "rate", "annotation " RATE },
		{ "qdisc", "burst", "command line, qdisc.burst=5" }, { "qdisc", "limit", "default" },
	};
	char text[128];

	ck_assert_msg(!check_rule(&r, (const unsigned char *)"\0\1\2", 3), "%s", said);
	ck_assert_str_eq(c.mode, "none");
	ck_assert(!c.gso && c.allow_override);
	ck_assert_str_eq(config_value(&c, "weir", "", "mode"), "none");
	for (size_t i = 0; i < N(from); i++) {
		config_origin(&c, from[i][0], "", from[i][1], text, sizeof(text));
		ck_assert_str_eq(text, from[i][2]);
	}
}
END_TEST

/* What was refused is in no layer: mode is read before the whole is checked. */
START_TEST(refused_is_gone)
{
	const struct rule r = { TBF, NULL, { { "dev.gvisor.flag.network", "host" }, { RATE, "12500001" } },
				NULL, NULL };

	ck_assert_int_eq(check_rule(&r, (const unsigned char *)"\0\1", 2), -EINVAL);
	ck_assert_ptr_null(config_value(&c, "weir", "", "mode"));
	ck_assert_str_eq(config_value(&c, "qdisc", "", "rate"), "100mbit");
}
END_TEST

/* ---- JSON ---- */

static int read_json(const char *text, bool bundle)
{
	struct annotations a = { 0 };
	int err = annotations_read_text(&a, text, "a.json", bundle, &e);
	size_t n = a.n;

	annotations_free(&a);
	return err ? err : (int)n;
}

#define A "{\"ociVersion\": \"1.0.2\", \"annotations\": "

START_TEST(shapes)
{
	ck_assert_int_eq(read_json("{}", false), 0);
	ck_assert_int_eq(read_json("{\"" QDISC "\": \"tbf\", \"x\": \"\\u001b\"}", false), 1);
	ck_assert_int_eq(read_json(A "{\"" QDISC "\": \"tbf\"}}", false), 1);
	ck_assert_int_eq(read_json(A "{\"" QDISC "\": \"tbf\"}}", true), 1);
	/* a bundle's other members are no annotations; nor do they have to be strings */
	ck_assert_int_eq(read_json("{\"" QDISC "\": \"tbf\"}", true), 0);
	ck_assert_int_eq(read_json("{\"ociVersion\": \"1\", \"" QDISC "\": \"tbf\", \"process\": {}}", false), 0);
	ck_assert_int_eq(read_json("{\"annotations\": \"a string\", \"" QDISC "\": \"tbf\"}", false), 1);
}
END_TEST

START_TEST(hostile_json)
{
	static const struct { const char *text, *said; } bad[] = {
		{ "", "a.json:1:0: it ends too early" },
		{ "{", "a.json:1:1: it ends too early" },
		{ "\033[2J", "a.json:1:1: it is no JSON; compare it with `python3 -m json.tool`" },
		{ "root:x:0:0", "a.json:1:4: it is no JSON; compare it with `python3 -m json.tool`" },
		{ "{} {}", "a.json:1:4: something follows the JSON value; remove it" },
		{ "{\"a\": \"1\", \"a\": \"2\"}", "a.json:1:14: a name stands twice in one object; keep one" },
		{ A "{}, \"annotations\": {}}", "a.json:1:56: a name stands twice in one object; keep one" },
		{ "{\"a\": \"\\u0000\"}", "a.json:1:14: a string has a NUL in it (\\u0000); remove it" },
		{ "{\"\\u0000\": \"\"}", "a.json:1:9: a string has a NUL in it (\\u0000); remove it" },
		{ "{\"a\": \"\xff\"}", "a.json:1:7: it is no UTF-8; JSON is" },
		{ "[]", "a.json: it is no JSON object; write {\"dev.weir.flag.qdisc\": \"tbf\"}" },
		{ "5", "a.json: it is no JSON object; write {\"dev.weir.flag.qdisc\": \"tbf\"}" },
		{ A "[]}", "a.json: annotations: it is no object of names and strings" },
		{ A "\"x\"}", "a.json: annotations: it is no object of names and strings" },
		{ A "null}", "a.json: annotations: it is no object of names and strings" },
		{ "{\"annotations\": 5}", "a.json: annotations: it is no object of names and strings" },
		{ "{\"" RATE "\": 5}",
		  "a.json: annotation " RATE ": its value is no string; put it between double quotes" },
		{ "{\"x\\u001b\": {}}",
		  "a.json: annotation x\\x1b: its value is no string; put it between double quotes" },
		{ "{\"dev.weir.flag.\\u001b[2J\": \"\"}",
		  "a.json: annotation dev.weir.flag.\\x1b[2J: its name is no flag's; remove it" },
		{ "{\"" QDISC "\": \"tbf\\n\"}", "a.json: annotation " QDISC ": its value holds a byte that is "
		  "no printable ASCII; remove it" },
		{ "{\"" QDISC "\": \"\\u009b2J\"}", "a.json: annotation " QDISC ": its value holds a byte that "
		  "is no printable ASCII; remove it" },
	};

	for (size_t i = 0; i < N(bad); i++) {
		ck_assert_msg(read_json(bad[i].text, false) == -EINVAL, "%s", bad[i].text);
		ck_assert_str_eq(e.text, bad[i].said);
	}
}
END_TEST

static char *repeated(const char *begin, const char *what, size_t times, const char *end)
{
	size_t size = strlen(begin) + strlen(what) * times + strlen(end) + 1;
	char *text = malloc(size), *t = text;

	t += sprintf(t, "%s", begin);
	for (size_t i = 0; i < times; i++)
		t = stpcpy(t, what);
	strcpy(t, end);
	return text;
}

START_TEST(too_much)
{
	struct annotations a = { 0 };
	char key[64], *text;

	text = repeated("{\"a\":", "[", 100000, "");
	ck_assert_int_eq(read_json(text, true), -EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "it is nested too deep; no configuration is"));
	free(text);
	text = repeated("{\"" QDISC "\": \"", "x", 256, "\"}");
	ck_assert_int_eq(read_json(text, false), -EINVAL);
	ck_assert_str_eq(e.text, "a.json: annotation " QDISC ": its value is longer than 255 bytes; no flag's is");
	free(text);
	text = repeated("{\"" QDISC, "x", 100000, "\": \"\"}");
	ck_assert_int_eq(read_json(text, false), -EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "xxx...: its name is no flag's; remove it"));
	free(text);
	for (unsigned int i = 0; i <= ANNOTATIONS_MAX; i++) {
		snprintf(key, sizeof(key), "dev.weir.flag.%u", i);
		ck_assert_int_eq(annotations_add(&a, key, "", &e), i < ANNOTATIONS_MAX ? 0 : -E2BIG);
	}
	ck_assert_str_eq(e.text, "there are more than 64 annotations of flags; there are not so many flags");
	ck_assert_int_eq(annotations_add(&a, "dev.weir.flag.3", "", &e), -EINVAL);
	ck_assert_str_eq(e.text, "annotation dev.weir.flag.3: it stands twice; keep one");
	annotations_free(&a);
}
END_TEST

START_TEST(files)
{
	char dir[] = "/tmp/weir-test-policy-XXXXXX", path[64], want[256];
	static const char whole[] = "{\"annotations\": {\"" QDISC "\": \"tbf\"}}";
	struct annotations a = { 0 };
	int fd;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(annotations_read_bundle(&a, dir, &e), -ENOENT);
	snprintf(want, sizeof(want), "%s/config.json: cannot open it: No such file or directory; --bundle wants "
		 "the folder of an OCI bundle", dir);
	ck_assert_str_eq(e.text, want);
	snprintf(path, sizeof(path), "%s/config.json", dir);
	ck_assert(!mkfifo(path, 0600));
	ck_assert_int_eq(annotations_read_bundle(&a, dir, &e), -EINVAL);	/* and does not wait */
	snprintf(want, sizeof(want), "%s: is no regular file; a bundle's config.json is", path);
	ck_assert_str_eq(e.text, want);
	ck_assert(!unlink(path));
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	ck_assert(fd >= 0 && !ftruncate(fd, (1 << 20) + 1));
	ck_assert_int_lt(annotations_read_bundle(&a, dir, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.text, "is larger than 1048576 bytes"));
	ck_assert(!ftruncate(fd, 0) && write(fd, whole, sizeof(whole)) == sizeof(whole));
	ck_assert_int_lt(annotations_read_file(&a, path, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.text, "is no text file; a JSON file is wanted"));
	ck_assert(!ftruncate(fd, sizeof(whole) - 1));
	ck_assert_msg(!annotations_read_bundle(&a, dir, &e), "%s", e.text);
	ck_assert_str_eq(annotations_value(&a, QDISC), "tbf");
	annotations_free(&a);
	ck_assert_int_lt(annotations_read_file(&a, "/dev/zero", &e), 0);
	close(fd);
	ck_assert(!unlink(path) && !rmdir(dir));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy");
	TCase *t = tcase_create("policy");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, every_rule, 0, N(rules));
	tcase_add_test(t, origins);
	tcase_add_test(t, refused_is_gone);
	tcase_add_test(t, shapes);
	tcase_add_test(t, hostile_json);
	tcase_add_test(t, too_much);
	tcase_add_test(t, files);
	suite_add_tcase(s, t);
	return run_suite(s);
}
