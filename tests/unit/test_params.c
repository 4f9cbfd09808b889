/* SPDX-License-Identifier: Apache-2.0 */
/* test_params.c - units, parameter tables, suggestions: tables of good and bad texts. */
#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "module/params.h"
#include "module/suggest.h"
#include "tests/suite.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

struct good { const char *text; uint64_t value; };

static void check_good(const struct good *g, size_t n,
		       int (*parse)(const char *, uint64_t *, struct weir_error *))
{
	for (size_t i = 0; i < n; i++) {
		struct weir_error e = { "" };
		uint64_t v = 77;

		ck_assert_msg(!parse(g[i].text, &v, &e), "%s: %s", g[i].text, e.text);
		ck_assert_msg(v == g[i].value, "%s gives %" PRIu64 ", not %" PRIu64, g[i].text, v,
			      g[i].value);
	}
}

/* A refusal says why, and leaves the value alone. */
static void check_bad(const char *const *bad, size_t n,
		      int (*parse)(const char *, uint64_t *, struct weir_error *))
{
	for (size_t i = 0; i < n; i++) {
		struct weir_error e = { "" };
		uint64_t v = 77;

		ck_assert_msg(parse(bad[i], &v, &e) == -EINVAL, "%s is taken", bad[i]);
		ck_assert_msg(v == 77, "%s changes the value", bad[i]);
		ck_assert_msg(e.text[0] && !strchr(e.text, '\n'), "%s has no sentence", bad[i]);
		ck_assert_int_eq(parse(bad[i], &v, NULL), -EINVAL);
	}
}

START_TEST(rates)
{
	static const struct good good[] = {
		{ "0", 0 }, { "12500000", 12500000 }, { "18446744073709551615", UINT64_MAX },
		{ "8bit", 1 }, { "100mbit", 12500000 }, { "100MBit", 12500000 }, { "1kbit", 125 },
		{ "1.5mbit", 187500 }, { "0.1gbit", 12500000 }, { "1gbit", 125000000 },
		{ "1tbit", 125000000000 }, { "1kibit", 128 }, { "1mibit", 131072 },
		{ "1gibit", 134217728 }, { "1tibit", 137438953472 }, { "7bps", 7 }, { "1kbps", 1000 },
		{ "1mbps", 1000000 }, { "2.5gbps", 2500000000 }, { "1kibps", 1024 },
		{ "1mibps", 1048576 }, { "0mbit", 0 }, { "1.0", 1 }, { "100.000000000mbit", 12500000 },
		{ "147573952589.676412920gbit", 18446744073709551615u }, { "007", 7 },
	};
	static const char *const bad[] = {
		"", " ", "-1", "+1", "1 mbit", " 1", "1 ", "mbit", ".5mbit", "5.", "5.mbit", "1e6", "0x10",
		"1,5mbit", "12x", "100mbits", "10%", "18446744073709551616", "99999999999999999999999",
		"147573952589.676412928gbit", "200000000tbit", "0.5", "1bit", "0.0000001kbit", "1.5", "nan", "inf",
		"1.1234567890123456789mbit", "1mbit1", "--1", "1..5mbit",
	};

	check_good(good, N(good), parse_rate);
	check_bad(bad, N(bad), parse_rate);
}
END_TEST

START_TEST(sizes)
{
	static const struct good good[] = {
		{ "0", 0 }, { "1000", 1000 }, { "1b", 1 }, { "1k", 1024 }, { "1kb", 1024 }, { "1K", 1024 },
		{ "1mb", 1048576 }, { "1.5m", 1572864 }, { "4gb", 4294967296 }, { "1gb", 1073741824 },
		{ "8kbit", 1024 }, { "1mbit", 131072 }, { "1gbit", 134217728 }, { "0.5k", 512 },
		{ "18446744073709551615b", UINT64_MAX },
	};
	static const char *const bad[] = {
		"", "-5", "1 mb", "mb", "10ms", "1tb", "1kib", "0.1", "0.0001k", "17179869184gb", "1e3",
		"18446744073709551616", "1mbb", "0x1000",
	};

	check_good(good, N(good), parse_size);
	check_bad(bad, N(bad), parse_size);
}
END_TEST

START_TEST(durations)
{
	static const struct good good[] = {
		{ "0", 0 }, { "0s", 0 }, { "1ns", 1 }, { "1us", 1000 }, { "10ms", 10000000 },
		{ "1.5s", 1500000000 }, { "2secs", 2000000000 }, { "3msec", 3000000 }, { "0.5us", 500 },
		{ "18446744073709551615ns", UINT64_MAX }, { "1S", 1000000000 },
	};
	static const char *const bad[] = {
		"", "1", "1000", "-1s", "1m", "1h", "10 ms", "0.5ns", "0.0001us", "18446744074s", "ms", "1e3s",
	};
	struct weir_error e;
	uint64_t v;

	check_good(good, N(good), parse_duration);
	check_bad(bad, N(bad), parse_duration);
	parse_duration("10", &v, &e);
	ck_assert_str_eq(e.text, "10 has no unit; write 10ms or 10s");
}
END_TEST

START_TEST(percentages)
{
	static const struct good good[] = {
		{ "0", 0 }, { "0%", 0 }, { "1%", 10000000 }, { "1", 10000000 }, { "100%", 1000000000 },
		{ "0.05%", 500000 }, { "33.3333333%", 333333333 }, { "0.0000001%", 1 },
	};
	static const char *const bad[] = {
		"", "%", "-1%", "1 %", "1%%", "0.00000001%", ".5%", "1e1%", "1percent", "ten%",
	};
	char text[64];
	uint64_t back;

	check_good(good, N(good), parse_percent);
	check_bad(bad, N(bad), parse_percent);
	for (uint64_t v = 0; v <= PARAM_PERCENT_ALL; v = v * 3 / 2 + 1) {
		format_percent(v, text, sizeof(text));
		ck_assert_msg(!parse_percent(text, &back, NULL) && back == v, "%s", text);
	}
	format_percent(12500000, text, sizeof(text));
	ck_assert_str_eq(text, "1.25%");
	format_percent(1, text, sizeof(text));
	ck_assert_str_eq(text, "0.0000001%");
}
END_TEST

START_TEST(numbers)
{
	static const struct good good[] = {
		{ "0", 0 }, { "42", 42 }, { "0x2a", 42 }, { "0XFF", 255 }, { "010", 10 },
		{ "18446744073709551615", UINT64_MAX }, { "0xffffffffffffffff", UINT64_MAX },
	};
	static const char *const bad[] = {
		"", "-1", "+1", " 1", "1 ", "1.0", "0x", "0xg", "1a", "a", "18446744073709551616",
		"0x10000000000000000", "1k",
	};

	check_good(good, N(good), parse_u64);
	check_bad(bad, N(bad), parse_u64);
}
END_TEST

START_TEST(bools)
{
	static const char *const on[] = { "on", "yes", "true", "1", "ON", "True" };
	static const char *const off[] = { "off", "no", "false", "0", "OFF" };
	static const char *const bad[] = { "", "2", "o", "onn", "maybe", "01", " on" };
	bool v;

	for (size_t i = 0; i < N(on); i++) {
		v = false;
		ck_assert(!parse_bool(on[i], &v, NULL) && v);
	}
	for (size_t i = 0; i < N(off); i++) {
		v = true;
		ck_assert(!parse_bool(off[i], &v, NULL) && !v);
	}
	for (size_t i = 0; i < N(bad); i++)
		ck_assert_msg(parse_bool(bad[i], &v, NULL) == -EINVAL, "%s is taken", bad[i]);
}
END_TEST

/* What is written is read back as it was, for every value. */
START_TEST(round_trips)
{
	uint64_t x = 88172645463325252ull, back;
	char text[64];

	for (int i = 0; i < 20000; i++) {
		uint64_t v;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		v = x >> (i % 64);
		if (i % 3 == 0)
			v = v / 125000 * 125000;
		format_rate(v, text, sizeof(text));
		ck_assert_msg(!parse_rate(text, &back, NULL) && back == v, "rate %s", text);
		format_size(v, text, sizeof(text));
		ck_assert_msg(!parse_size(text, &back, NULL) && back == v, "size %s", text);
		format_duration(v, text, sizeof(text));
		ck_assert_msg(!parse_duration(text, &back, NULL) && back == v, "duration %s", text);
	}
	format_rate(12500000, text, sizeof(text));
	ck_assert_str_eq(text, "100mbit");
	format_size(1048576, text, sizeof(text));
	ck_assert_str_eq(text, "1mb");
	format_duration(10000000, text, sizeof(text));
	ck_assert_str_eq(text, "10ms");
}
END_TEST

/* ---- tables ---- */

struct all {
	bool flag;
	uint32_t count, choice, share;
	uint64_t big, rate, burst, time;
	char word[8];
	struct param_address addr;
	uint8_t mac[6];
};

static const char *const choices[] = { "red", "green", "blue", NULL };

static const struct param table[] = {
	{ .name = "flag", .type = PARAM_BOOL, .offset = offsetof(struct all, flag), .def = "on",
	  .help = "a flag" },
	{ .name = "count", .type = PARAM_U32, .offset = offsetof(struct all, count), .min = 1,
	  .def = "1000", .help = "packets" },
	{ .name = "colour", .type = PARAM_ENUM, .offset = offsetof(struct all, choice),
	  .choices = choices, .def = "green", .help = "a colour" },
	{ .name = "big", .type = PARAM_U64, .offset = offsetof(struct all, big), .help = "big" },
	{ .name = "rate", .type = PARAM_RATE, .offset = offsetof(struct all, rate), .min = 1,
	  .flags = PARAM_REQUIRED, .help = "bytes per second" },
	{ .name = "burst", .type = PARAM_SIZE, .offset = offsetof(struct all, burst), .at = "rate",
	  .flags = PARAM_REQUIRED, .min = 1600, .max = UINT32_MAX, .help = "bytes" },
	{ .name = "time", .type = PARAM_DURATION, .offset = offsetof(struct all, time),
	  .max = 1000000000, .help = "ns" },
	{ .name = "word", .type = PARAM_STRING, .offset = offsetof(struct all, word),
	  .size = sizeof(((struct all *)0)->word), .flags = PARAM_FIXED, .help = "a word" },
	{ .name = "addr", .type = PARAM_ADDRESS, .offset = offsetof(struct all, addr),
	  .help = "an address" },
	{ .name = "mac", .type = PARAM_MAC, .offset = offsetof(struct all, mac), .help = "a MAC" },
	{ .name = "share", .type = PARAM_PERCENT, .offset = offsetof(struct all, share),
	  .help = "a share" },
	{ }
};

#define RATE { "rate", "100mbit", "x.ini:3" }
#define BURST { "burst", "1mb", "x.ini:4" }

START_TEST(fill)
{
	static const struct setting s[] = {
		RATE, BURST, { "count", "7", NULL }, { "colour", "blue", NULL }, { "word", "eth0", NULL },
		{ "addr", "10.1.2.3/24", NULL }, { "mac", "02:00:00:00:00:0A", NULL },
		{ "share", "2.5%", NULL }, { "flag", "no", NULL }, { "time", "10ms", NULL }, { "count", "8", NULL },
	};
	struct weir_error e;
	char text[PARAM_TEXT];
	struct all a, b;

	ck_assert(!params_check_table(table, sizeof(struct all), &e));
	ck_assert_msg(!params_parse(table, s, N(s), NULL, &a, sizeof(a), &e), "%s", e.text);
	ck_assert(!a.flag && a.count == 8 && a.choice == 2 && a.big == 0 && a.time == 10000000);
	ck_assert(a.rate == 12500000 && a.burst == 1048576 && a.share == 25000000);
	ck_assert_str_eq(a.word, "eth0");
	ck_assert(a.addr.family == AF_INET && a.addr.prefix == 24 && a.addr.addr[3] == 3);
	ck_assert(a.mac[0] == 2 && a.mac[5] == 10);
	memset(&b, 0, sizeof(b));
	for (const struct param *p = table; p->name; p++) {
		param_format(p, &a, text, sizeof(text));
		ck_assert_msg(!param_parse(p, text, &b, &e), "%s: %s", p->name, e.text);
		param_format(p, &b, text, sizeof(text));
	}
	ck_assert(!memcmp(&a.addr, &b.addr, sizeof(a.addr)) && a.burst == b.burst && a.rate == b.rate);
	ck_assert(!memcmp(a.word, b.word, sizeof(a.word)) && !memcmp(a.mac, b.mac, 6));
	ck_assert(a.share == b.share && a.choice == b.choice && a.count == b.count && a.flag == b.flag && a.time == b.time);
}
END_TEST

/* What was not given is written as nothing, and nothing is read back as not given. */
START_TEST(not_given)
{
	static const struct setting s[] = { RATE, BURST };
	static const char *const names[] = { "word", "addr", "mac" };
	struct weir_error e;
	char text[PARAM_TEXT];
	struct all a, b;

	ck_assert(!params_parse(table, s, N(s), NULL, &a, sizeof(a), &e));
	ck_assert(a.flag && a.count == 1000 && a.choice == 1 && a.addr.family == 0);
	b = a;
	for (size_t i = 0; i < N(names); i++) {
		param_format(param_find(table, names[i]), &a, text, sizeof(text));
		ck_assert_str_eq(text, "");
		ck_assert(!param_parse(param_find(table, names[i]), text, &b, &e));
	}
	ck_assert(b.addr.family == 0 && !b.word[0]);
}
END_TEST

START_TEST(size_as_time)
{
	static const struct setting s[] = { { "burst", "10ms", "x.ini:9" }, RATE };
	static const struct setting fast[] = { { "burst", "100s", "x.ini:9" }, { "rate", "8gbit", NULL } };
	static const struct setting slow[] = { { "burst", "1us", "x.ini:9" }, RATE };
	static const struct setting none[] = { { "burst", "1s", "x.ini:9" } };
	struct weir_error e;
	struct all a;

	ck_assert(!params_parse(table, s, 2, NULL, &a, sizeof(a), &e));
	ck_assert_uint_eq(a.burst, 125000);
	ck_assert_int_eq(params_parse(table, fast, 2, NULL, &a, sizeof(a), &e), -EINVAL);
	ck_assert_str_eq(e.text, "x.ini:9: burst: 100s at this rate (100000000000 bytes) is too large; "
			 "the most is 4294967295 bytes");
	ck_assert_int_eq(params_parse(table, slow, 2, NULL, &a, sizeof(a), &e), -EINVAL);
	ck_assert_str_eq(e.text, "x.ini:9: burst: 1us at this rate (12 bytes) is too small; the least is "
			 "1600 bytes");
	ck_assert_int_eq(params_parse(table, none, 1, NULL, &a, sizeof(a), &e), -EINVAL);
	ck_assert_str_eq(e.text, "x.ini:9: burst: 1s is a time at rate, which is not given; give rate or "
			 "write bytes");
}
END_TEST

START_TEST(refusals)
{
	static const struct { struct setting s; const char *sentence; } bad[] = {
		{ { "burts", "1", "f:1" }, "f:1: burts: there is no such parameter; did you mean burst? "
		  "There are flag, count, colour, big, rate, burst, time, word, addr, mac and share" },
		{ { "zzz", "1", NULL }, "zzz: there is no such parameter; there are flag, count, colour, "
		  "big, rate, burst, time, word, addr, mac and share" },
		{ { "burst", "1000", "f:2" }, "f:2: burst: 1000 is too small; the least is 1600 bytes" },
		{ { "burst", "5gb", NULL }, "burst: 5gb is too large; the most is 4294967295 bytes" },
		{ { "rate", "0", NULL }, "rate: 0 is too small; the least is 1 byte/s" },
		{ { "rate", "12x", NULL },
		  "rate: 12x is not a rate; write 100mbit, or bytes/s as a plain number" },
		{ { "rate", "-5", NULL },
		  "rate: -5 is negative and is not a rate; write 100mbit, or bytes/s as a plain number" },
		{ { "rate", "", NULL },
		  "rate: nothing is not a rate; write 100mbit, or bytes/s as a plain number" },
		{ { "count", "0", NULL }, "count: 0 is too small; the least is 1" },
		{ { "count", "4294967296", NULL }, "count: 4294967296 is too large; the most is 4294967295" },
		{ { "time", "2s", NULL }, "time: 2s is too large; the most is 1s" },
		{ { "colour", "gren", NULL }, "colour: gren is not a choice; did you mean green?" },
		{ { "colour", "x", NULL }, "colour: x is not a choice; write red, green or blue" },
		{ { "word", "eightlng", NULL }, "word: eightlng is too long; at most 7 bytes fit" },
		{ { "word", "a\tb", NULL }, "word: the text holds a control character; remove it" },
		{ { "flag", "2", NULL }, "flag: 2 is neither on nor off; write on or off" },
		{ { "addr", "10.0.0", NULL },
		  "addr: 10.0.0 is not an IP address; write one like 10.0.0.2/24" },
		{ { "addr", "10.0.0.1/33", NULL },
		  "addr: 10.0.0.1/33 has no valid prefix length; write 10.0.0.1/24" },
		{ { "addr", "10.0.0.1/", NULL },
		  "addr: 10.0.0.1/ has no valid prefix length; write 10.0.0.1/24" },
		{ { "addr", "fd00::1/129", NULL },
		  "addr: fd00::1/129 has no valid prefix length; write fd00::1/64" },
		{ { "share", "101%", NULL }, "share: 101% is too large; the most is 100%" },
		{ { "share", "1e2%", NULL }, "share: 1e2% is not a percentage; write 1% or 0.05%" },
		{ { "mac", "02:00:00:00:00", NULL },
		  "mac: 02:00:00:00:00 is not a MAC address; write one like 02:00:00:00:00:01" },
		{ { "mac", "02:00:00:00:00:0g", NULL },
		  "mac: 02:00:00:00:00:0g is not a MAC address; write one like 02:00:00:00:00:01" },
	};

	for (size_t i = 0; i < N(bad); i++) {
		const struct setting s[] = { RATE, BURST, bad[i].s };
		struct weir_error e = { "" };
		struct all a;

		ck_assert_int_eq(params_parse(table, s, 3, NULL, &a, sizeof(a), &e), -EINVAL);
		ck_assert_str_eq(e.text, bad[i].sentence);
	}
}
END_TEST

START_TEST(required_and_change)
{
	static const struct setting rate[] = { RATE };
	static const struct setting burst[] = { { "burst", "2mb", NULL } };
	static const struct setting word[] = { { "word", "b", NULL } };
	static const struct setting none[] = { { "x", "1", NULL } };
	static const struct setting s[] = { RATE, BURST, { "word", "a", NULL } };
	struct weir_error e;
	struct all a, b;

	ck_assert_int_eq(params_parse(table, rate, 0, NULL, &a, sizeof(a), &e), -EINVAL);
	ck_assert_str_eq(e.text, "must be given: rate (bytes per second) and burst (bytes)");
	ck_assert_int_eq(params_parse(table, rate, 1, NULL, &a, sizeof(a), &e), -EINVAL);
	ck_assert_str_eq(e.text, "must be given: burst (bytes)");
	ck_assert(!params_parse(table, s, 3, NULL, &a, sizeof(a), &e));
	ck_assert(!params_parse(table, burst, 1, &a, &b, sizeof(b), &e));
	ck_assert(b.rate == a.rate && b.burst == 2097152);
	ck_assert_int_eq(params_parse(table, word, 1, &a, &b, sizeof(b), &e), -EINVAL);
	ck_assert_str_eq(e.text, "word: it is a and cannot change while in use; replace the whole instead");
	ck_assert_int_eq(params_parse(NULL, none, 1, NULL, NULL, 0, &e), -EINVAL);
	ck_assert(!params_parse(NULL, NULL, 0, NULL, NULL, 0, &e));
}
END_TEST

START_TEST(bad_tables)
{
	static const char *const empty[] = { NULL };
	static const struct param bad[][3] = {
		{ { .name = "Rate", .type = PARAM_U64, .help = "" } },
		{ { .name = "", .type = PARAM_U64, .help = "" } },
		{ { .name = "a", .type = PARAM_U64 } },
		{ { .name = "a", .type = (enum param_type)99, .help = "" } },
		{ { .name = "a", .type = PARAM_U64, .offset = 64, .help = "" } },
		{ { .name = "a", .type = PARAM_U64, .offset = SIZE_MAX - 7, .help = "" } },
		{ { .name = "a", .type = PARAM_U64, .offset = 60, .help = "" } },
		{ { .name = "a", .type = PARAM_U64, .offset = 4, .help = "" } },
		{ { .name = "a", .type = PARAM_STRING, .size = 0, .help = "" } },
		{ { .name = "a", .type = PARAM_STRING, .size = 65, .help = "" } },
		{ { .name = "a", .type = PARAM_ENUM, .help = "" } },
		{ { .name = "a", .type = PARAM_ENUM, .choices = empty, .help = "" } },
		{ { .name = "a", .type = PARAM_U64, .min = 5, .max = 4, .help = "" } },
		{ { .name = "a", .type = PARAM_SIZE, .at = "b", .help = "" } },
		{ { .name = "a", .type = PARAM_U64, .def = "x", .help = "" } },
		{ { .name = "a", .type = PARAM_U64, .def = "1", .min = 2, .help = "" } },
		{ { .name = "a", .type = PARAM_U64, .help = "" },
		  { .name = "a", .type = PARAM_U64, .offset = 8, .help = "" } },
		{ { .name = "a", .type = PARAM_U64, .help = "" },
		  { .name = "b", .type = PARAM_U32, .offset = 4, .help = "" } },
	};
	struct weir_error e;

	for (size_t i = 0; i < N(bad); i++)
		ck_assert_msg(params_check_table(bad[i], 64, &e) == -EINVAL, "table %zu is taken", i);
	ck_assert(!params_check_table(NULL, 0, &e));
}
END_TEST

START_TEST(suggestions)
{
	static const char *const words[] = { "rate", "burst", "limit", "peakrate", "mtu", NULL };

	ck_assert_str_eq(suggest("rtae", words), "rate");
	ck_assert_str_eq(suggest("bursts", words), "burst");
	ck_assert_str_eq(suggest("peakrat", words), "peakrate");
	ck_assert_str_eq(suggest("mut", words), "mtu");
	ck_assert_ptr_null(suggest("colour", words));
	ck_assert_ptr_null(suggest("", words));
	ck_assert_ptr_null(suggest("rate-that-is-much-longer-than-any-word-may-be", words));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("params");
	TCase *t = tcase_create("params");

	tcase_add_test(t, rates);
	tcase_add_test(t, sizes);
	tcase_add_test(t, durations);
	tcase_add_test(t, percentages);
	tcase_add_test(t, numbers);
	tcase_add_test(t, bools);
	tcase_add_test(t, round_trips);
	tcase_add_test(t, fill);
	tcase_add_test(t, not_given);
	tcase_add_test(t, size_as_time);
	tcase_add_test(t, refusals);
	tcase_add_test(t, required_and_change);
	tcase_add_test(t, bad_tables);
	tcase_add_test(t, suggestions);
	suite_add_tcase(s, t);
	return run_suite(s);
}
