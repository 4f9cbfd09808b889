/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_ini.c - an INI text from anybody: read, checked with weir's modules, and its values
 * given to every parser of units.
 *
 * What must hold: the answers are 0 or -EINVAL (an input is text, and small), a refusal has a
 * sentence of one line, and what is accepted is within the bounds of its type.
 */
#include <errno.h>
#include <string.h>

#include "config/config.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/modules.h"

static unsigned int mistakes;

static void report(void *arg, const char *sentence)
{
	(void)arg;
	mistakes++;
	fuzz_check(sentence[0] && !strchr(sentence, '\n'));
}

static void check_units(const char *text)
{
	char back[PARAM_TEXT];
	uint64_t v, w;

	if (!parse_rate(text, &v, NULL)) {
		format_rate(v, back, sizeof(back));
		fuzz_check(!parse_rate(back, &w, NULL) && v == w);
	}
	if (!parse_size(text, &v, NULL)) {
		format_size(v, back, sizeof(back));
		fuzz_check(!parse_size(back, &w, NULL) && v == w);
	}
	if (!parse_duration(text, &v, NULL)) {
		format_duration(v, back, sizeof(back));
		fuzz_check(!parse_duration(back, &w, NULL) && v == w);
	}
	parse_u64(text, &v, NULL);
}

static void check_links(const struct config *c)
{
	for (size_t i = 0; i < c->nlinks; i++) {
		const struct config_link *l = &c->links[i];

		fuzz_check(l->name[0] && strlen(l->name) < sizeof(l->name));
		fuzz_check(l->mtu == 0 || (l->mtu >= 68 && l->mtu <= 65535));
		for (size_t a = 0; a < l->naddrs; a++)
			fuzz_check(l->addrs[a].addr.family && l->addrs[a].addr.prefix);
	}
	fuzz_check(c->nqdiscs >= 1 && !c->qdiscs[0].nic[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weir_error e = { "" };
	struct config c;
	char *text;
	int err;

	if (size > 65536)
		return 0;
	text = malloc(size + 1);
	fuzz_check(text);
	memcpy(text, data, size);
	text[size] = '\0';
	config_init(&c);
	err = config_read_text(&c, text, "x.ini", &e);
	fuzz_check(err == 0 || (err == -EINVAL && e.text[0]));
	for (size_t i = 0; i < c.nsections; i++)
		for (size_t j = 0; j < c.sections[i].nsettings; j++)
			check_units(c.sections[i].settings[j].value);
	config_set(&c, text, "--set", &e);
	mistakes = 0;
	err = config_check(&c, fuzz_modules(), report, NULL, &e);
	fuzz_check((err == 0 && !mistakes) || (err == -EINVAL && mistakes));
	if (!err)
		check_links(&c);
	config_free(&c);
	free(text);
	return 0;
}
