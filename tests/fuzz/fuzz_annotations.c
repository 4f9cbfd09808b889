/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_annotations.c - a container's JSON from anybody, on top of what three operators configured.
 *
 * What must hold: a refusal is one line of printable ASCII; what is accepted has left every ceiling
 * where it was, and has changed nothing but qdiscs, unless the operator allows all.
 */
#include <errno.h>
#include <string.h>

#include "config/policy.h"
#include "tests/fuzz/fuzz.h"

#define RATE	12500000u
#define BURST	1048576u

static void check_sentence(const char *sentence)
{
	fuzz_check(*sentence);
	for (; *sentence; sentence++)
		fuzz_check(*sentence >= 0x20 && *sentence < 0x7f);
}

static void report(void *arg, const char *sentence)
{
	(void)arg;
	check_sentence(sentence);
}

static struct registry registry;
static struct module *held[8];
static unsigned int nheld;

static void end(void)
{
	while (nheld)
		module_put(held[--nheld]);
	registry_destroy(&registry);
}

/* Loading them takes a hundred times longer than reading a text: they stay loaded. */
static void start(void)
{
	static const struct { enum weir_kind kind; const char *name; } used[] = {
		{ WEIR_KIND_QDISC, "fifo" }, { WEIR_KIND_QDISC, "tbf" }, { WEIR_KIND_QDISC, "netem" },
		{ WEIR_KIND_QDISC, "none" }, { WEIR_KIND_MODE, "sandbox" }, { WEIR_KIND_MODE, "none" },
		{ WEIR_KIND_MODE, "host" }, { WEIR_KIND_CONGESTION, "cubic" },
	};

	if (nheld)
		return;
	fuzz_check(!registry_init(&registry, NULL, NULL, NULL));
	for (size_t i = 0; i < sizeof(used) / sizeof(used[0]); i++)
		if (registry_get(&registry, used[i].kind, used[i].name, &held[nheld], NULL))
			nheld++;
	fuzz_check(nheld);
	atexit(end);
}

static uint64_t bytes(const struct config_qdisc *q, const char *name)
{
	uint64_t v = 0;

	for (size_t i = 0; i < q->nsettings; i++)
		if (!strcmp(q->settings[i].name, name))
			fuzz_check(!(strcmp(name, "rate") ? parse_size(q->settings[i].value, &v, NULL)
							  : parse_rate(q->settings[i].value, &v, NULL)));
	return v;
}

/* By its index: no limits; ceilings, tighter for one NIC, and a qdisc that is not tbf's to replace; all allowed. */
static const char *const operators[] = {
	"",
	"[qdisc]\nkind = tbf\nrate = 100mbit\nburst = 1mb\n[qdisc eth1]\nrate = 10mbit\n[qdisc eth2]\nkind = fifo\n",
	"[qdisc]\nkind = netem\ndelay = 5ms\n",
	"[weir]\nallow-override = on\n[qdisc]\nkind = tbf\nrate = 100mbit\nburst = 1mb\n",
};

static void check_accepted(const struct config *c, size_t operator)
{
	if (operator == 3)
		return;
	fuzz_check(!strcmp(c->mode, "sandbox") && c->gso && !c->allow_override && !c->nlinks);
	for (size_t i = 0; i < c->nqdiscs; i++) {
		const struct config_qdisc *q = &c->qdiscs[i];

		if (operator == 2)
			fuzz_check(!strcmp(q->kind, "netem"));
		if (operator != 1 || !strcmp(q->nic, "eth2"))
			continue;
		fuzz_check(!strcmp(q->kind, "tbf") && bytes(q, "burst") <= BURST);
		fuzz_check(bytes(q, "rate") <= (*q->nic ? RATE / 10 : RATE));
	}
}

static void apply(const struct annotations *a, size_t operator)
{
	struct weir_error e = { "" };
	struct config c;
	int err;

	config_init(&c);
	fuzz_check(!config_read_text(&c, operators[operator], "x.ini", &e));
	fuzz_check(!policy_apply(&c, a, &e));
	err = config_check(&c, &registry, report, NULL, &e);
	fuzz_check(err == 0 || err == -EINVAL);
	if (!err)
		check_accepted(&c, operator);
	config_free(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct annotations a = { 0 };
	struct weir_error e = { "" };
	char *text;

	if (size > 65536)
		return 0;
	start();
	text = malloc(size + 1);
	fuzz_check(text);
	memcpy(text, data, size);
	text[size] = '\0';
	for (int bundle = 0; bundle < 2; bundle++) {
		if (annotations_read_text(&a, text, "a.json", bundle, &e))
			check_sentence(e.text);
		for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
			apply(&a, i);
		annotations_free(&a);
	}
	free(text);
	return 0;
}
