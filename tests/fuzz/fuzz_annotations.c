/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_annotations.c - a container's JSON from anybody, on top of what four operators configured.
 *
 * What must hold: a refusal is one line of printable ASCII; what is accepted has left every ceiling
 * where it was, and has changed nothing but qdiscs, unless the operator allows all.
 */
#include <errno.h>
#include <string.h>

#include "config/policy.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/modules.h"

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

static uint64_t bytes(const struct config_qdisc *q, const char *name)
{
	uint64_t v = 0;

	for (size_t i = 0; i < q->nsettings; i++)
		if (!strcmp(q->settings[i].name, name))
			fuzz_check(!(strcmp(name, "rate") ? parse_size(q->settings[i].value, &v, NULL)
							  : parse_rate(q->settings[i].value, &v, NULL)));
	return v;
}

/* No limits; ceilings, lower for one NIC, none for another; a qdisc that is not tbf's to replace; all
 * allowed. */
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
	err = config_check(&c, fuzz_modules(), report, NULL, &e);
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
