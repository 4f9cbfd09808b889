/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_watch.c - what `weir ctl NAME watch` makes of a sandbox's answers: rates by their own times, counters that
 * begin anew, NICs, qdiscs and connections that come and go, the order of connections, plots, and text that is
 * not to reach a terminal.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/watch_model.h"
#include "tests/suite.h"

static struct watch_model m;

static void teardown(void)
{
	watch_model_free(&m);
}

/* A sample at ms: JSON with ' for ", without its times. */
static void add(unsigned int ms, const char *text)
{
	struct weir_error e = { "" };
	char json[65536];
	json_error_t je;
	json_t *o;

	snprintf(json, sizeof(json), "{'time_ns':%u000000,'uptime_ns':%u000000,%s}", ms + 1000, ms + 1, text);
	for (char *p = json; *p; p++)
		if (*p == '\'')
			*p = '"';
	o = json_loads(json, 0, &je);
	ck_assert_msg(o != NULL, "%s at %d of %s", je.text, je.position, json);
	ck_assert_msg(!watch_model_add(&m, o, &e), "%s", e.text);
	watch_model_sockets(&m, o);
	watch_model_done(&m);
	json_decref(o);
}

#define NIC(name, in, out) "'" name "':{'up':1,'rx_bytes':" #in ",'rx_packets':1,'tx_bytes':" #out ",'tx_packets':1}"
#define ONE_NIC(in, out) "'nics':{" NIC("eth0", in, out) "},'qdiscs':[]"

static const struct watch_nic *nic(const char *name)
{
	const struct watch_nic *n = watch_model_nic(&m, name);

	ck_assert_msg(n != NULL, "no %s", name);
	return n;
}

/* ---- rates ---- */

START_TEST(rates)
{
	add(0, ONE_NIC(1000, 50));
	ck_assert_uint_eq(watch_model_interval(&m), 0);
	ck_assert_uint_eq(nic("eth0")->rate[WATCH_IN_BYTES], WATCH_NONE);
	ck_assert(nic("eth0")->up);
	add(500, ONE_NIC(3000, 50));
	ck_assert_uint_eq(watch_model_interval(&m), 500000000);
	ck_assert_uint_eq(nic("eth0")->more[WATCH_IN_BYTES], 2000);
	ck_assert_uint_eq(nic("eth0")->rate[WATCH_IN_BYTES], 4000);
	ck_assert_uint_eq(nic("eth0")->rate[WATCH_OUT_BYTES], 0);
	/* by their own times, however long it took to come */
	add(4500, ONE_NIC(3000, 4050));
	ck_assert_uint_eq(nic("eth0")->rate[WATCH_OUT_BYTES], 1000);
	/* more than a product of 64 bits would hold */
	add(5500, ONE_NIC(3000, 4000000000000004050));
	ck_assert_uint_eq(nic("eth0")->rate[WATCH_OUT_BYTES], 4000000000000000000);
	/* no time between */
	add(5500, ONE_NIC(9000, 4000000000000004050));
	ck_assert_uint_eq(nic("eth0")->rate[WATCH_IN_BYTES], WATCH_NONE);
}
END_TEST

START_TEST(drops)
{
	add(0, "'nics':{'eth0':{'rx_drops':1,'tx_drops':2,'qdisc_drops':3,'ring_drops':4}},'qdiscs':[],"
	       "'links':{'eth0':{'rx_drops':10,'tx_drops':20}}");
	ck_assert_uint_eq(nic("eth0")->total[WATCH_IN_DROPS], 11);
	ck_assert_uint_eq(nic("eth0")->total[WATCH_OUT_DROPS], 29);
	ck_assert(!nic("eth0")->up);
}
END_TEST

START_TEST(restart)
{
	add(0, ONE_NIC(1000, 5000));
	add(1000, ONE_NIC(2000, 6000));
	/* one that goes back says that all are others */
	add(2000, ONE_NIC(3000, 10));
	ck_assert_uint_eq(nic("eth0")->rate[WATCH_OUT_BYTES], WATCH_NONE);
	ck_assert_uint_eq(nic("eth0")->rate[WATCH_IN_BYTES], WATCH_NONE);
	ck_assert_uint_eq(nic("eth0")->more[WATCH_OUT_BYTES], WATCH_NONE);
	add(3000, ONE_NIC(3100, 110));
	ck_assert_uint_eq(nic("eth0")->rate[WATCH_IN_BYTES], 100);
	ck_assert_uint_eq(nic("eth0")->rate[WATCH_OUT_BYTES], 100);
	/* the time, too: another sandbox's clock */
	add(100, ONE_NIC(3200, 210));
	ck_assert_uint_eq(nic("eth0")->rate[WATCH_IN_BYTES], WATCH_NONE);
	ck_assert_uint_eq(watch_model_interval(&m), 0);
	/* and a counter that has passed the end of JSON's numbers is none */
	add(200, ONE_NIC(-5, 210));
	ck_assert_uint_eq(nic("eth0")->total[WATCH_IN_BYTES], 0);
	ck_assert_uint_eq(nic("eth0")->rate[WATCH_IN_BYTES], WATCH_NONE);
}
END_TEST

START_TEST(come_and_go)
{
	add(0, "'nics':{" NIC("lo", 1, 1) "," NIC("eth0", 100, 1) "},'qdiscs':[]");
	add(1000, "'nics':{" NIC("lo", 1, 1) "," NIC("eth1", 500, 1) "," NIC("eth0", 300, 1) "},'qdiscs':[]");
	ck_assert_uint_eq(nic("eth0")->rate[WATCH_IN_BYTES], 200);
	ck_assert_uint_eq(nic("eth1")->rate[WATCH_IN_BYTES], WATCH_NONE);
	ck_assert_str_eq(m.now.nics[0].name, "eth0");
	ck_assert_str_eq(m.now.nics[1].name, "eth1");
	add(2000, "'nics':{" NIC("eth1", 600, 1) "},'qdiscs':[]");
	ck_assert_uint_eq(nic("eth1")->rate[WATCH_IN_BYTES], 100);
	ck_assert_ptr_null(watch_model_nic(&m, "eth0"));
	/* again: another one of that name */
	add(3000, "'nics':{" NIC("eth0", 900, 1) "},'qdiscs':[]");
	ck_assert_uint_eq(nic("eth0")->rate[WATCH_IN_BYTES], WATCH_NONE);
	ck_assert_uint_eq(nic("eth0")->nhistory, 1);
}
END_TEST

START_TEST(history)
{
	char text[128];

	for (unsigned int i = 0; i <= WATCH_HISTORY + 10; i++) {
		snprintf(text, sizeof(text), "'nics':{'eth0':{'rx_bytes':%u,'tx_bytes':7}},'qdiscs':[]", i * (i + 1) / 2);
		add(i * 1000, text);
		ck_assert_uint_eq(nic("eth0")->nhistory, i < WATCH_HISTORY ? i + 1 : WATCH_HISTORY);
	}
	ck_assert_uint_eq(nic("eth0")->in[WATCH_HISTORY - 1], WATCH_HISTORY + 10);
	ck_assert_uint_eq(nic("eth0")->in[0], 11);
	ck_assert_uint_eq(nic("eth0")->out[5], 0);
	ck_assert_uint_eq(watch_top(nic("eth0")->in, WATCH_HISTORY, 3), WATCH_HISTORY + 10);
}
END_TEST

START_TEST(no_answer)
{
	struct weir_error e = { "" };
	json_t *o = json_pack("{s:i}", "time_ns", 1), *wrong = json_pack("{s:[], s:{}}", "nics", "qdiscs");

	ck_assert_int_lt(watch_model_add(&m, o, &e), 0);
	ck_assert(*e.text);
	ck_assert_int_lt(watch_model_add(&m, wrong, &e), 0);
	ck_assert_uint_eq(m.nsamples, 0);
	json_decref(o);
	json_decref(wrong);
}
END_TEST

START_TEST(many_of_all)
{
	json_t *o = json_pack("{s:i, s:{}, s:[], s:[]}", "time_ns", 1000, "nics", "qdiscs", "sockets");
	struct weir_error e;
	char name[16];

	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		json_object_set_new(json_object_get(o, "nics"), name, json_pack("{s:i}", "rx_bytes", i));
		json_array_append_new(json_object_get(o, "qdiscs"),
				      json_pack("{s:s, s:s, s:s}", "dev", "n1", "kind", "tbf", "parent", "tbf"));
		json_array_append_new(json_object_get(o, "sockets"), json_pack("{s:s, s:i}", "local", name, "busy", i));
	}
	for (int i = 0; i < 2; i++) {
		ck_assert(!watch_model_add(&m, o, &e));
		watch_model_sockets(&m, o);
		watch_model_done(&m);
	}
	ck_assert_uint_eq(m.now.nnics, WATCH_NICS);
	ck_assert_uint_eq(m.now.nqdiscs, WATCH_QDISCS);
	ck_assert_uint_eq(m.now.qdiscs[WATCH_QDISCS - 1].depth, WATCH_DEPTH);
	ck_assert_uint_eq(m.now.nsockets, WATCH_SOCKETS);
	json_decref(o);
}
END_TEST

/* ---- qdiscs ---- */

#define Q(dev, kind, parent, bytes) \
	"{'dev':'" dev "','kind':'" kind "','parent':'" parent "','stats':{'bytes':" #bytes ",'packets':1,'backlog':9,'qlen':2}}"
#define QDISCS(...) "'nics':{" NIC("eth0", 0, 0) "," NIC("eth1", 0, 0) "},'qdiscs':[" __VA_ARGS__ "]"

START_TEST(qdiscs_nested)
{
	char chain[64];

	for (unsigned int i = 0; i < 2; i++)
		add(i * 1000, i ? QDISCS(Q("eth0", "netem", "root", 400) "," Q("eth0", "tbf", "netem", 300) ","
					 Q("eth1", "fifo", "root", 70))
				: QDISCS(Q("eth0", "netem", "root", 100) "," Q("eth0", "tbf", "netem", 50) ","
					 Q("eth1", "fifo", "root", 20)));
	ck_assert_uint_eq(m.now.nqdiscs, 3);
	ck_assert_uint_eq(m.now.qdiscs[0].depth, 0);
	ck_assert_uint_eq(m.now.qdiscs[1].depth, 1);
	ck_assert_uint_eq(m.now.qdiscs[2].depth, 0);
	ck_assert_uint_eq(m.now.qdiscs[0].rate[WATCH_QDISC_BYTES], 300);
	ck_assert_uint_eq(m.now.qdiscs[1].rate[WATCH_QDISC_BYTES], 250);
	ck_assert_uint_eq(m.now.qdiscs[2].rate[WATCH_QDISC_BYTES], 50);
	ck_assert_uint_eq(nic("eth0")->backlog, 9);
	ck_assert_uint_eq(nic("eth0")->qlen, 2);
	watch_model_chain(&m, "eth0", chain, sizeof(chain));
	ck_assert_str_eq(chain, "netem/tbf");
	watch_model_chain(&m, "lo", chain, sizeof(chain));
	ck_assert_str_eq(chain, "-");
	watch_model_chain(&m, "eth0", chain, 6);
	ck_assert_str_eq(chain, "netem");
}
END_TEST

START_TEST(qdisc_swapped)
{
	add(0, QDISCS(Q("eth0", "tbf", "root", 100) "," Q("eth0", "fifo", "tbf", 100)));
	/* another root: its fifo is another one, although it counts on */
	add(1000, QDISCS(Q("eth0", "netem", "root", 200) "," Q("eth0", "fifo", "netem", 200)));
	ck_assert_uint_eq(m.now.qdiscs[0].rate[WATCH_QDISC_BYTES], WATCH_NONE);
	ck_assert_uint_eq(m.now.qdiscs[1].rate[WATCH_QDISC_BYTES], WATCH_NONE);
	add(2000, QDISCS(Q("eth0", "netem", "root", 250) "," Q("eth0", "fifo", "netem", 230)));
	ck_assert_uint_eq(m.now.qdiscs[0].rate[WATCH_QDISC_BYTES], 50);
	ck_assert_uint_eq(m.now.qdiscs[1].rate[WATCH_QDISC_BYTES], 30);
	/* the same kind, begun anew */
	add(3000, QDISCS(Q("eth0", "netem", "root", 10) "," Q("eth0", "tbf", "netem", 300)));
	ck_assert_uint_eq(m.now.qdiscs[0].rate[WATCH_QDISC_BYTES], WATCH_NONE);
	ck_assert_uint_eq(m.now.qdiscs[1].rate[WATCH_QDISC_BYTES], WATCH_NONE);
	/* no child any more */
	add(4000, QDISCS(Q("eth0", "netem", "root", 30)));
	ck_assert_uint_eq(m.now.qdiscs[0].rate[WATCH_QDISC_BYTES], 20);
}
END_TEST

/* ---- sockets ---- */

#define S(local, inode, out, in, busy) \
	"{'local':'" local "','peer':'p','state':'ESTAB','inode':" #inode ",'bytes_acked':" #out ",'bytes_received':" #in \
	",'busy':" #busy ",'cwnd':10,'rtt_us':1500,'congestion':'cubic'}"
#define SOCKETS(...) "'nics':{},'qdiscs':[],'sockets':[" __VA_ARGS__ "]"

START_TEST(sockets_sorted)
{
	add(0, SOCKETS(S("a", 1, 100, 0, 5) "," S("b", 2, 100, 0, 50) "," S("c", 3, 0, 100, 50)));
	/* nothing to compare with: by the sandbox's measure, then by name */
	ck_assert_str_eq(m.now.sockets[0].local, "b");
	ck_assert_str_eq(m.now.sockets[1].local, "c");
	ck_assert_str_eq(m.now.sockets[2].local, "a");
	ck_assert_uint_eq(m.now.sockets[0].rate[WATCH_SOCKET_OUT], WATCH_NONE);
	add(1000, SOCKETS(S("a", 1, 900, 0, 0) "," S("b", 2, 100, 0, 99) "," S("c", 3, 0, 300, 0) "," S("d", 4, 9, 9, 1)));
	/* in and out count; what has no rate is behind */
	ck_assert_str_eq(m.now.sockets[0].local, "a");
	ck_assert_uint_eq(m.now.sockets[0].rate[WATCH_SOCKET_OUT], 800);
	ck_assert_str_eq(m.now.sockets[1].local, "c");
	ck_assert_uint_eq(m.now.sockets[1].rate[WATCH_SOCKET_IN], 200);
	ck_assert_str_eq(m.now.sockets[2].local, "b");
	ck_assert_str_eq(m.now.sockets[3].local, "d");
	ck_assert_str_eq(m.now.sockets[0].congestion, "cubic");
	ck_assert_uint_eq(m.now.sockets[0].rtt_us, 1500);
}
END_TEST

START_TEST(sockets_anew)
{
	add(0, SOCKETS(S("a", 1, 100, 0, 5) "," S("b", 2, 100, 0, 50)));
	/* the same ends, another socket; the same socket, which counts anew */
	add(1000, SOCKETS(S("a", 9, 900, 0, 5) "," S("b", 2, 10, 0, 50)));
	ck_assert_uint_eq(m.now.sockets[0].rate[WATCH_SOCKET_OUT], WATCH_NONE);
	ck_assert_uint_eq(m.now.sockets[1].rate[WATCH_SOCKET_OUT], WATCH_NONE);
}
END_TEST

/* A piece with its own time. */
static void piece(unsigned int ms, int from, int to, int busy_step)
{
	json_t *list = json_array(), *o;
	char name[16];

	for (int i = from; i < to; i++) {
		snprintf(name, sizeof(name), "s%03d", i);
		json_array_append_new(list, json_pack("{s:s, s:s, s:i, s:i}", "local", name, "peer", "p", "busy",
						      i * busy_step, "bytes_acked", (int)ms * i));
	}
	o = json_pack("{s:I, s:o}", "time_ns", (json_int_t)ms * 1000000, "sockets", list);
	watch_model_sockets(&m, o);
	json_decref(o);
}

START_TEST(sockets_in_pieces)
{
	for (int round = 0; round < 2; round++) {
		add((unsigned int)round * 1000, SOCKETS(""));
		piece(1000 + (unsigned int)round * 1000, 0, 20, 1);
		piece(1500 + (unsigned int)round * 500, 20, 40, 1);	/* half a second between */
		piece(1500 + (unsigned int)round * 500, 39, 40, 1);	/* told twice */
		watch_model_done(&m);
	}
	ck_assert_uint_eq(m.now.nsockets, WATCH_SOCKETS);
	ck_assert_str_eq(m.now.sockets[0].local, "s039");
	ck_assert_uint_eq(m.now.sockets[0].rate[WATCH_SOCKET_OUT], 39000);
	ck_assert_str_eq(m.now.sockets[WATCH_SOCKETS - 1].local, "s020");
}
END_TEST

/* ---- how it looks ---- */

START_TEST(clean)
{
	char text[16];

	watch_clean(text, sizeof(text), "a\033[2J\x9b" "b\n\x7f \xc3\xa9");
	ck_assert_str_eq(text, "a?[2J?b?? ??");
	watch_clean(text, 4, "abcdef");
	ck_assert_str_eq(text, "abc");
	watch_clean(text, sizeof(text), NULL);
	ck_assert_str_eq(text, "");
	/* on every way in */
	add(0, "'nics':{'e\\u001b[31m h':{}},'qdiscs':[{'dev':'\\u001b]0;x\\u0007','kind':'\\u009b','parent':7,'stats':3}],"
	       "'sockets':[{'local':'\\u001bc','peer':'\\n','state':5,'congestion':'x y\\t'}]");
	ck_assert_str_eq(m.now.nics[0].name, "e?[31m?h");
	ck_assert_str_eq(m.now.qdiscs[0].dev, "?]0;x?");
	ck_assert_str_eq(m.now.qdiscs[0].kind, "??");
	ck_assert_str_eq(m.now.sockets[0].local, "?c");
	ck_assert_str_eq(m.now.sockets[0].peer, "?");
	ck_assert_str_eq(m.now.sockets[0].state, "?");
	ck_assert_str_eq(m.now.sockets[0].congestion, "x?y?");
}
END_TEST

START_TEST(numbers)
{
	static const struct { uint64_t n; const char *text; } all[] = {
		{ 0, "0" }, { 999, "999" }, { 1000, "1.00k" }, { 9999, "9.99k" }, { 12345, "12.3k" },
		{ 999999, "999k" }, { 1000000, "1.00M" }, { 1234567890, "1.23G" }, { UINT64_MAX - 1, "18.4E" },
		{ WATCH_NONE, "-" },
	};
	char text[8];

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		watch_number(text, all[i].n);
		ck_assert_str_eq(text, all[i].text);
	}
}
END_TEST

START_TEST(plot)
{
	const uint64_t h[] = { 100, WATCH_NONE, 7, 3 };

	ck_assert_uint_eq(watch_level(0, 100, 8), 0);
	ck_assert_uint_eq(watch_level(1, 100, 8), 1);	/* it is not nothing */
	ck_assert_uint_eq(watch_level(50, 100, 8), 4);
	ck_assert_uint_eq(watch_level(99, 100, 8), 7);
	ck_assert_uint_eq(watch_level(100, 100, 8), 8);
	ck_assert_uint_eq(watch_level(200, 100, 8), 8);
	ck_assert_uint_eq(watch_level(5, 0, 8), 0);
	ck_assert_uint_eq(watch_level(WATCH_NONE, 100, 8), 0);
	ck_assert_uint_eq(watch_level(UINT64_MAX / 2, UINT64_MAX - 1, 24), 12);
	ck_assert_uint_eq(watch_top(h, 4, 4), 100);
	ck_assert_uint_eq(watch_top(h, 4, 3), 7);
	ck_assert_uint_eq(watch_top(h, 4, 1), 3);
	ck_assert_uint_eq(watch_top(h, 4, 100), 100);
	ck_assert_uint_eq(watch_top(h, 0, 10), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("watch");
	TCase *t = tcase_create("model");

	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_add_test(t, rates);
	tcase_add_test(t, drops);
	tcase_add_test(t, restart);
	tcase_add_test(t, come_and_go);
	tcase_add_test(t, history);
	tcase_add_test(t, no_answer);
	tcase_add_test(t, many_of_all);
	tcase_add_test(t, qdiscs_nested);
	tcase_add_test(t, qdisc_swapped);
	tcase_add_test(t, sockets_sorted);
	tcase_add_test(t, sockets_anew);
	tcase_add_test(t, sockets_in_pieces);
	tcase_add_test(t, clean);
	tcase_add_test(t, numbers);
	tcase_add_test(t, plot);
	suite_add_tcase(suite, t);
	return run_suite(suite);
}
