/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_config.c - INI texts, good and bad, with the exact sentences; overrides; what comes out
 * checked. The modules are weir's own: $WEIR_MODULE_PATH, as make check sets it.
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "tests/suite.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static struct registry reg;
static struct config c;
static struct weir_error e;
static char said[8192];			/* all sentences, a line each */

static void setup(void)
{
	ck_assert(!registry_init(&reg, NULL, NULL, &e));
	config_init(&c);
	said[0] = '\0';
}

static void teardown(void)
{
	config_free(&c);
	registry_destroy(&reg);
}

static void say(void *arg, const char *sentence)
{
	(void)arg;
	ck_assert_ptr_null(strchr(sentence, '\n'));
	strncat(said, sentence, sizeof(said) - strlen(said) - 2);
	strcat(said, "\n");
}

static int check_text(const char *text)
{
	int err;

	teardown();
	setup();
	err = config_read_text(&c, text, "x.ini", &e);
	ck_assert(err == 0 || err == -EINVAL);
	return config_check(&c, &reg, say, NULL, &e);
}

#define QDISC "[qdisc]\n"
#define TBF QDISC "kind = tbf\nrate = 100mbit\nburst = 1mb\n"
#define LINK "[link eth0]\ndriver = packet\n"
#define NET LINK "address = 10.0.0.2/24\n"
#define SECRET_FORM "not 128 bits written as an IPv6 address; write 32 random hexadecimal digits, " \
	"a colon after every four\n"
#define ROUTE_FORM "write it as 10.1.0.0/16 via 10.0.0.1, with metric N, mtu N, src ADDRESS or onlink behind it\n"

/* One mistake each; the text stands for itself. */
START_TEST(sentences)
{
	static const struct { const char *text, *said; } bad[] = {
		{ "a = 1\n", "x.ini:1: a stands before any section; put it below [weir], [link eth0], "
		  "[qdisc] or [tcp]\n" },
		{ "\n\n[qdisk]\n", "x.ini:3: there is no section [qdisk] (did you mean [qdisc]?); there are "
		  "[weir], [link NAME], [qdisc], [qdisc NAME] and [tcp]\n" },
		{ "[Weirdo]\nx = 1\n", "x.ini:1: there is no section [Weirdo]; there are [weir], [link NAME], "
		  "[qdisc], [qdisc NAME] and [tcp]\n" },
		{ "[qdisc\n", "x.ini:1: this is no section header; write [weir], [link eth0], [qdisc] or "
		  "[tcp]\n" },
		{ "[qdisc] x\n", "x.ini:1: this is no section header; write [weir], [link eth0], [qdisc] or "
		  "[tcp]\n" },
		{ "[]\n", "x.ini:1: this is no section header; write [weir], [link eth0], [qdisc] or [tcp]\n" },
		{ "[weir x]\n", "x.ini:1: [weir] takes no name; write [weir]\n" },
		{ "[link]\n", "x.ini:1: [link] needs a name; write [link eth0]\n" },
		{ "[qdisc lo]\n", "x.ini:1: lo is the stack's own loopback, which has no link and is never "
		  "shaped; remove [qdisc lo]\n" },
		{ "[link a/b]\ndriver = tap\n", "x.ini:1: a/b is no name for a NIC; write at most 15 letters "
		  "and digits, such as eth0\n" },
		{ "[link sixteen-letters-]\n", "x.ini:1: sixteen-letters- is no name for a NIC; write at most "
		  "15 letters and digits, such as eth0\n" },
		{ "[weir]\n[qdisc]\n[weir]\n",
		  "x.ini:3: [weir] stands twice, also at x.ini:1; make them one\n" },
		{ "[weir]\ngso = on\ngso = off\n",
		  "x.ini:3: [weir] gso stands twice, also at x.ini:2; keep one\n" },
		{ "[weir]\nnonsense\n", "x.ini:2: this is neither key = value nor a [section]; put a ; before "
		  "a comment\n" },
		{ "[weir]\ngso = \033[2Jon\n",
		  "x.ini:2: the line holds a control character; remove it\n" },
		{ "[weir]\ngso =\n", "x.ini:2: gso has no value; write key = value, or remove the line\n" },
		{ "[weir]\n= on\n", "x.ini:2: this line has no key; write key = value, or remove the line\n" },
		{ "[weir]\ngos = on\n", "x.ini:2: [weir] gos: there is no such parameter; did you mean gso? "
		  "There are mode, gso, gro, allow-override, module-path, memory, datagram-memory, drain and log\n" },
		{ "[weir]\ngso = maybe\n",
		  "x.ini:2: [weir] gso: maybe is neither on nor off; write on or off\n" },
		{ "[weir]\nmemory = 1kb\n",
		  "x.ini:2: [weir] memory: 1kb is too small; the least is 4194304 bytes\n" },
		{ "[weir]\nlog = loud\n",
		  "x.ini:2: [weir] log: loud is not a choice; write error, warn, info or debug\n" },
		{ QDISC "kind = tbf\nrate = 12x\nburst = 1mb\n", "x.ini:3: [qdisc] rate: 12x is not a rate; "
		  "write 100mbit, or bytes/s as a plain number\n" },
		{ QDISC "kind = tbf\nrate = -1\nburst = 1mb\n", "x.ini:3: [qdisc] rate: -1 is negative and is "
		  "not a rate; write 100mbit, or bytes/s as a plain number\n" },
		{ QDISC "kind = tbf\nrate = 5 # five\nburst = 1mb\n", "x.ini:3: [qdisc] rate: 5 # five is not "
		  "a rate; write 100mbit, or bytes/s as a plain number\n" },
		{ QDISC "kind = tbf\nrate = 100mbit\nburst = 4294967296\n", "x.ini:4: [qdisc] burst: "
		  "4294967296 is too large; the most is 4294967295 bytes\n" },
		{ QDISC "limt = 5\n", "x.ini:2: [qdisc] limt: there is no such parameter; did you mean limit? "
		  "There are kind, limit and limit-bytes\n" },
		{ "[qdisc eth1]\nkind = none\nlimit = 5\n",
		  "x.ini:3: [qdisc eth1] limit: there is no such parameter; there is kind\n" },
		{ LINK "mtu = 67\n", "x.ini:3: [link eth0] mtu: 67 is too small; the least is 68\n" },
		{ LINK "mtu = 65536\n", "x.ini:3: [link eth0] mtu: 65536 is too large; the most is 65535\n" },
		{ "[link eth0]\nmtu = 1500\n",
		  "x.ini:1: [link eth0] must be given: driver (link driver: packet, tap or any link module)\n" },
		{ LINK "address = 10.0.0.256/24\n", "x.ini:3: [link eth0] address: 10.0.0.256/24 is not an IP "
		  "address; write one like 10.0.0.2/24\n" },
		{ LINK "address = 10.0.0.0/24\n", "x.ini:3: [link eth0] address: 10.0.0.0/24 is the network's "
		  "own address; give a host's address, such as 10.0.0.2/24\n" },
		{ LINK "address = 10.0.0.255/24\n", "x.ini:3: [link eth0] address: 10.0.0.255/24 is the "
		  "network's broadcast address; give a host's address, such as 10.0.0.2/24\n" },
		{ LINK "address = 127.0.0.2/8\n", "x.ini:3: [link eth0] address: 127.0.0.2/8 is a loopback "
		  "address, which every stack has on lo already; give a host's address, such as 10.0.0.2/24\n" },
		{ LINK "address = 224.0.0.1/24\n", "x.ini:3: [link eth0] address: 224.0.0.1/24 is a multicast "
		  "address; give a host's address, such as 10.0.0.2/24\n" },
		{ LINK "address = 10.0.0.2/24,\n", "x.ini:3: [link eth0] address: nothing stands between two "
		  "commas; remove one\n" },
		{ LINK "address = 10.0.0.2/24, 10.0.0.2/16\n",
		  "x.ini:3: [link eth0] address: 10.0.0.2/16 stands twice; keep one\n" },
		{ LINK "ipv6 = off\naddress = fd00::1/64\n", "x.ini:4: [link eth0] address: fd00::1/64 is an "
		  "IPv6 address, and ipv6 = off is said of this link; remove one of the two\n" },
		{ LINK "address = ff02::1/64\n", "x.ini:3: [link eth0] address: ff02::1/64 is a multicast "
		  "address; give a host's address, such as 2001:db8::2/64\n" },
		{ LINK "address = ::1/128\n", "x.ini:3: [link eth0] address: ::1/128 is the loopback address, "
		  "which every stack has on lo already; give a host's address, such as 2001:db8::2/64\n" },
		{ LINK "address = ::ffff:10.0.0.2/128\n", "x.ini:3: [link eth0] address: ::ffff:10.0.0.2/128 "
		  "is an IPv4 address in IPv6's form; give a host's address, such as 2001:db8::2/64\n" },
		{ LINK "address = fd00::1/64, fd00:0::1/80\n",
		  "x.ini:3: [link eth0] address: fd00:0::1/80 stands twice; keep one\n" },
		{ LINK "address = fd00::1/63\ngateway = fd00:0:0:2::1\n", "x.ini:4: [link eth0] gateway: "
		  "fd00:0:0:2::1 is on no network of this link's addresses; give the link an address with a "
		  "prefix that covers it, such as address = 2001:db8::2/64 for 2001:db8::1\n" },
		{ LINK "route = fd01::1/63\n", "x.ini:3: [link eth0] route: fd01::1/63 has bits beyond its "
		  "prefix length; write the network's own address\n" },
		{ LINK "route = 10.1.0.0/16 via fe80::1\n", "x.ini:3: [link eth0] route: 10.1.0.0/16 and its "
		  "gateway are not of one family; give a gateway that speaks the destination's protocol\n" },
		{ LINK "gateway = 10.0.0.1\n", "x.ini:3: [link eth0] gateway: 10.0.0.1 is on no network of this "
		  "link's addresses; give the link an address with a prefix that covers it, such as address "
		  "= 10.0.0.2/24 for 10.0.0.1\n" },
		{ LINK "gateway = 10.0.0.2\naddress = 10.0.0.2/24\n", "x.ini:3: [link eth0] gateway: 10.0.0.2 "
		  "is this link's own address; give the gateway's\n" },
		{ LINK "gateway = 10.0.0.1/24\naddress = 10.0.0.2/24\n", "x.ini:3: [link eth0] gateway: "
		  "10.0.0.1/24 has a prefix length; give the gateway's own address, such as 10.0.0.1\n" },
		{ LINK "address = 10.0.0.2/24\nroute = 10.1.0.0/16 10.0.0.1\n", "x.ini:4: [link eth0] route: "
		  "a word in it is not known; " ROUTE_FORM },
		{ NET "route = via 10.0.0.1\n", "x.ini:4: [link eth0] route: its destination is missing; "
		  ROUTE_FORM },
		{ NET "route = 10.1.0.0/16 via\n", "x.ini:4: [link eth0] route: the value of its last word "
		  "is missing; " ROUTE_FORM },
		{ NET "route = 10.1.0.0/16 metric 1 metric 2\n", "x.ini:4: [link eth0] route: a word in it "
		  "stands twice; " ROUTE_FORM },
		{ NET "route = 10.1.0.0/16 onlink\n", "x.ini:4: [link eth0] route: onlink is said of a "
		  "gateway, and it has none; " ROUTE_FORM },
		{ NET "route = 10.1.0.0/16 metric 4294967296\n", "x.ini:4: [link eth0] route: metric "
		  "4294967296 is no number from 0 to 4294967295\n" },
		{ NET "route = 10.1.0.0/16 metric -1\n", "x.ini:4: [link eth0] route: metric -1 is no number "
		  "from 0 to 4294967295\n" },
		{ NET "route = 10.1.0.0/16 mtu 67\n", "x.ini:4: [link eth0] route: mtu 67 is no number from "
		  "68 to 65535\n" },
		{ NET "route = fd01::/16 mtu 1279\n", "x.ini:4: [link eth0] route: mtu 1279 is no number from "
		  "1280 to 65535\n" },
		{ NET "route = 10.1.0.0/16 src 10.0.0.3\n", "x.ini:4: [link eth0] route: src 10.0.0.3 is no "
		  "address of this link that could be the source there; give one of its addresses, without "
		  "a prefix length\n" },
		{ NET "route = fd01::/16 src 10.0.0.2\n", "x.ini:4: [link eth0] route: src 10.0.0.2 is no "
		  "address of this link that could be the source there; give one of its addresses, without "
		  "a prefix length\n" },
		{ NET "route = 10.1.0.0/16 metric 5, 10.1.0.0/16 metric 5\n", "x.ini:4: [link eth0] route: "
		  "there is a route to the same destination already; keep one, or give them different "
		  "metrics\n" },
		{ LINK "address = 10.0.0.2/24\nroute = 10.1.0.1/16 via 10.0.0.1\n", "x.ini:4: [link eth0] route: "
		  "10.1.0.1/16 has bits beyond its prefix length; write the network's own address\n" },
		{ LINK "address = 10.0.0.2/24\nroute = default via 10.0.0.1\ngateway = 10.0.0.3\n",
		  "x.ini:4: [link eth0] route: there is a route to the same destination already; keep one, or "
		  "give them different metrics\n" },
		{ LINK "stable-secret = 10.0.0.1\n", "x.ini:3: [link eth0] stable-secret: 10.0.0.1 is " SECRET_FORM },
		{ LINK "stable-secret = 2001:db8::1/64\n", "x.ini:3: [link eth0] stable-secret: 2001:db8::1/64 is " SECRET_FORM },
		{ LINK "stable-secret = 1234567890abcdef1234567890abcdef\n", "x.ini:3: [link eth0] stable-secret: 1234567890abcdef1234567890abcdef is " SECRET_FORM },
		{ LINK "stable-secret = fe80::1%eth0\n", "x.ini:3: [link eth0] stable-secret: fe80::1%eth0 is " SECRET_FORM },
		{ LINK "address = 10.0.0.2/24\n[link eth1]\ndriver = packet\naddress = 10.0.0.2/16\n",
		  "x.ini:4: [link eth1] address: it is [link eth0]'s already; give each link its own\n" },
	};

	for (size_t i = 0; i < N(bad); i++) {
		ck_assert_int_eq(check_text(bad[i].text), -EINVAL);
		ck_assert_str_eq(said, bad[i].said);
		ck_assert_msg(!strncmp(said, e.text, strlen(e.text)) && e.text[0], "e: %s", e.text);
	}
}
END_TEST

START_TEST(every_mistake)
{
	ck_assert_int_eq(check_text("[weir]\ngso = 5\nlog = x\n[qdisc]\nkind = tbf\nrate = x\n[bogus]\n"
				    "a line\n"), -EINVAL);
	ck_assert_str_eq(said, "x.ini:7: there is no section [bogus]; there are [weir], [link NAME], "
			 "[qdisc], [qdisc NAME] and [tcp]\n"
			 "x.ini:8: this is neither key = value nor a [section]; put a ; before a comment\n"
			 "x.ini:2: [weir] gso: 5 is neither on nor off; write on or off\n"
			 "x.ini:3: [weir] log: x is not a choice; write error, warn, info or debug\n"
			 "x.ini:6: [qdisc] rate: x is not a rate; write 100mbit, or bytes/s as a plain "
			 "number\n");
	ck_assert_int_eq(check_text(QDISC "kind = tbf\n"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(said, "x.ini:2: [qdisc] tbf must be given: rate ("));
	ck_assert_ptr_nonnull(strstr(said, ") and burst ("));
	ck_assert_int_eq(check_text(QDISC "kind = tfb\n"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(said, "x.ini:2: [qdisc] kind: there is no module tfb; did you mean tbf?"));
	ck_assert_int_eq(check_text("[weir]\nmode = fifo\n"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(said, "x.ini:2: [weir] mode: module fifo ("));
}
END_TEST

START_TEST(defaults)
{
	ck_assert_msg(!check_text(""), "%s", said);
	ck_assert_str_eq(c.mode, "sandbox");
	ck_assert(c.gso && c.gro && !c.allow_override && c.nlinks == 0 && c.nqdiscs == 1 && !c.memory);
	ck_assert_str_eq(c.congestion, "cubic");
	ck_assert_str_eq(c.qdiscs[0].kind, "fifo");
	ck_assert_int_eq(c.log_level, LOG_WARN);
	ck_assert_str_eq(said, "");
}
END_TEST

/* [tcp]: three sizes, and the module's own parameters beside them */
START_TEST(tcp)
{
	static const struct {
		const char *text, *said;
	} bad[] = {
		{ "[tcp]\nrmem = 6mb\n", "x.ini:2: [tcp] rmem: \"6mb\" is not three sizes; write three sizes, "
		  "the smallest first, such as 4kb 128kb 6mb\n" },
		{ "[tcp]\nrmem = 4kb 128kb 6mb 7mb\n", "x.ini:2: [tcp] rmem: \"4kb 128kb 6mb 7mb\" is not "
		  "three sizes; write three sizes, the smallest first, such as 4kb 128kb 6mb\n" },
		{ "[tcp]\nwmem = 4kb 2kb 6mb\n", "x.ini:2: [tcp] wmem: \"4kb 2kb 6mb\" does not grow; write "
		  "three sizes, the smallest first, such as 4kb 128kb 6mb\n" },
		{ "[tcp]\nwmem = 4kb x 6mb\n", "x.ini:2: [tcp] wmem: x is not a size; " },
		{ "[tcp]\n\nrmem = 4kb 128kb 2gb\n", "x.ini:3: [tcp] rmem: 2gb is too large; write " },
		{ "[tcp]\nrmem = 100 128kb 1gb\n", "x.ini:2: [tcp] rmem: 100 is too small; write " },
		{ "[weir]\nmemory = 64mb\n[tcp]\nmemory = 16mb 32mb 65mb\n", "x.ini:4: [tcp] memory: the "
		  "last size is larger than [weir] memory (64mb), of which it is a part; lower it, or raise "
		  "that\n" },
		{ "[weir]\nmemory = 64mb\ndatagram-memory = 16mb 32mb 65mb\n", "x.ini:3: [weir] "
		  "datagram-memory: the last size is larger than [weir] memory (64mb), of which it is a "
		  "part; lower it, or raise that\n" },
		{ "[weir]\ndatagram-memory = 32mb 16mb 64mb\n", "x.ini:2: [weir] datagram-memory: \"32mb 16mb "
		  "64mb\" does not grow; write three sizes, the smallest first, such as 32mb 48mb 64mb\n" },
		{ "[tcp]\nmemory = 16mb\n", "x.ini:2: [tcp] memory: \"16mb\" is not three sizes; write three "
		  "sizes, the smallest first, such as 96mb 128mb 224mb\n" },
		{ "[tcp]\necn = 2\n", "x.ini:2: [tcp] ecn: " },
		{ "[tcp]\nsyn-retries = 0\n", "x.ini:2: [tcp] syn-retries: " },
		{ "[tcp]\nfin-timeout = 1ms\n", "x.ini:2: [tcp] fin-timeout: " },
		{ "[tcp]\nkeepalive-time = 60\n", "x.ini:2: [tcp] keepalive-time: " },
		{ "[tcp]\nbeta = 20\n", "x.ini:2: [tcp] beta: " },
		{ "[tcp]\ncongestion = bbr\nbeta = 70\n", "x.ini:3: [tcp] " },
		{ "[tcp]\ncongestion = vegas\n", "x.ini:2: [tcp] congestion: there is no module vegas" },
	};

	ck_assert_msg(!check_text(""), "%s", said);
	ck_assert_uint_eq(c.tcp.rmem[0], 4096);
	ck_assert_uint_eq(c.tcp.rmem[1], 131072);
	ck_assert_uint_eq(c.tcp.rmem[2], 6 << 20);
	ck_assert_uint_eq(c.tcp.wmem[0], 4096);
	ck_assert_uint_eq(c.tcp.wmem[1], 87040);
	ck_assert_uint_eq(c.tcp.wmem[2], 6 << 20);
	ck_assert_uint_eq(c.tcp.memory[2], 0);
	ck_assert_msg(!check_text("[tcp]\nrmem = 8kb  1mb 1gb\nwmem = 4096 65536 65536\n"
				  "memory = 16mb 32mb 64mb\ncongestion = cubic\nbeta = 80\n"), "%s", said);
	ck_assert_uint_eq(c.tcp.rmem[2], 1 << 30);
	ck_assert_uint_eq(c.tcp.wmem[1], 65536);
	ck_assert_uint_eq(c.tcp.memory[1], 32 << 20);
	ck_assert(c.tcp.sack && c.tcp.timestamps && c.tcp.window_scaling);	/* Linux's defaults */
	ck_assert_uint_eq(c.tcp.ecn, 2);
	ck_assert_uint_eq(c.tcp.syn_cookies, 1);
	ck_assert_uint_eq(c.tcp.tw_reuse, 2);
	ck_assert_uint_eq(c.tcp.keepalive_time, UINT64_C(7200000000000));
	ck_assert_msg(!check_text("[tcp]\necn = on\nsack = off\nsyn-cookies = always\nfastopen = both\n"
				  "mtu-probing = blackhole\nfin-timeout = 5s\n"), "%s", said);
	ck_assert(!c.tcp.sack && c.tcp.timestamps);
	ck_assert_uint_eq(c.tcp.ecn, 1);
	ck_assert_uint_eq(c.tcp.syn_cookies, 2);
	ck_assert_uint_eq(c.tcp.fastopen, 3);
	ck_assert_uint_eq(c.tcp.mtu_probing, 1);
	ck_assert_uint_eq(c.tcp.fin_timeout, UINT64_C(5000000000));
	for (size_t i = 0; i < N(bad); i++) {
		ck_assert_int_eq(check_text(bad[i].text), -EINVAL);
		ck_assert_msg(!strncmp(said, bad[i].said, strlen(bad[i].said)), "%s", said);
	}
	for (size_t i = 0; i < 2; i++)
		ck_assert_msg(!check_text(i ? "[tcp]\ncongestion = reno\n" :
					  "[tcp]\ncongestion = bbr\nprobe-rtt = 100ms\n"), "%s", said);
}
END_TEST

START_TEST(whole)
{
	static const char text[] =
		"\xef\xbb\xbf; a comment\r\n"
		"  [weir]   ; and one here\r\n"
		"\tmode = none\r\n"
		"gso=off ; no\r\n"
		"gro = off\n"
		"# another\r\n"
		"[ link  eth0.100 ]\r\n"
		"driver : packet\r\n"
		"address = 10.0.0.2/24 , 10.2.0.2/31\r\n"
		"address = 10.9.0.1\r\n"
		"gateway = 10.0.0.1\r\n"
		"route = 10.1.0.0/16 via 10.0.0.7, 10.3.0.0/24\r\n"
		"mtu = 1400\r\n"
		"device = eth9\r\n"
		"[qdisc]\n"
		"  kind = tbf\n"
		"  rate = 100mbit\n"
		"  burst = 10ms\n"
		"[qdisc eth0.100]\n"
		"kind = none";
	const struct config_link *l;

	ck_assert_msg(!check_text(text), "%s", said);
	ck_assert_str_eq(c.mode, "none");
	ck_assert(!c.gso && !c.gro && c.nlinks == 1);
	l = &c.links[0];
	ck_assert_str_eq(l->name, "eth0.100");
	ck_assert_str_eq(l->driver, "packet");
	ck_assert(l->naddrs == 3 && l->nroutes == 3 && l->mtu == 1400 && l->nsettings == 1);
	ck_assert_uint_eq(l->addrs[1].addr.prefix, 31);
	ck_assert_uint_eq(l->addrs[2].addr.prefix, 32);
	ck_assert(l->routes[0].dst.prefix == 0 && l->routes[0].gateway.addr[3] == 1);
	ck_assert(l->routes[1].dst.prefix == 16 && l->routes[1].gateway.addr[3] == 7);
	ck_assert(l->routes[2].dst.prefix == 24 && l->routes[2].gateway.family == 0);
	ck_assert_str_eq(l->settings[0].name, "device");
	ck_assert_str_eq(l->settings[0].origin, "x.ini:14");
	ck_assert(!l->ip6.has_secret && l->ip4.accept_redirects && !l->ip4.secure_redirects);
	ck_assert_str_eq(config_qdisc(&c, "eth0.100")->kind, "none");
	ck_assert_str_eq(config_qdisc(&c, "eth1")->kind, "tbf");
	ck_assert_uint_eq(config_qdisc(&c, "eth1")->nsettings, 2);
}
END_TEST

START_TEST(link_ip_keys)
{
	static const uint8_t secret[16] = { 0x20, 1, 0xd, 0xb8, [15] = 7 };
	const char *text = LINK "accept-redirects = off\nsecure-redirects = on\nstable-secret = 2001:db8::7\n";

	ck_assert_msg(!check_text(text), "%s", said);
	ck_assert(!c.links[0].ip4.accept_redirects && !c.links[0].ip6.accept_redirects);
	ck_assert(c.links[0].ip4.secure_redirects && c.links[0].ip6.has_secret);
	ck_assert_mem_eq(c.links[0].ip6.secret, secret, 16);
}
END_TEST

static int set(const char *assignment)
{
	return config_set(&c, assignment, assignment, &e);
}

static const char *setting(const struct config_qdisc *q, const char *name)
{
	for (size_t i = 0; i < q->nsettings; i++)
		if (!strcmp(q->settings[i].name, name))
			return q->settings[i].value;
	return NULL;
}

/* What ip-route(8) says behind a route. */
START_TEST(route_words)
{
	const struct config_route *r;

	ck_assert_msg(!check_text(NET "route = default via 10.0.0.1 metric 100, default via 10.0.0.3\n"
				  "route = 10.1.0.0/16 mtu 1300 src 10.0.0.2 metric 7 via 10.0.0.1\n"
				  "route = default via 169.254.1.1 onlink metric 4294967295\n"), "%s", said);
	ck_assert_uint_eq(c.links[0].nroutes, 4);
	r = c.links[0].routes;
	ck_assert(r[0].metric == 100 && r[1].metric == 0 && !r[0].mtu && !r[0].src.family && !r[0].onlink);
	ck_assert(r[2].metric == 7 && r[2].mtu == 1300 && r[2].src.addr[3] == 2 && r[2].gateway.addr[3] == 1);
	ck_assert(r[3].metric == 4294967295u && r[3].onlink && r[3].gateway.addr[0] == 169);
}
END_TEST

/* Both families on one link: each has its default route, and fe80::/10 is always on the link. */
START_TEST(ipv6)
{
	const struct config_link *l;

	ck_assert_msg(!check_text(LINK "address = 10.0.0.2/24, fd00::2/63\ngateway = 10.0.0.1, "
				  "fe80::1\nroute = fd01::/48 via fd00:0:0:1::7, fd02::/16\n"), "%s", said);
	l = c.links;
	ck_assert(l->naddrs == 2 && l->addrs[1].addr.family == AF_INET6 && l->addrs[1].addr.prefix == 63);
	ck_assert_uint_eq(l->nroutes, 4);
	for (size_t i = 0; i < l->nroutes; i++) {
		const struct config_route *r = &l->routes[i];

		ck_assert_int_eq(r->dst.family, r->gateway.addr[0] == 10 ? AF_INET : AF_INET6);
		ck_assert(r->dst.prefix == 0 || r->dst.addr[0] == 0xfd);
	}
	/* of one NIC's two families neither is the other's */
	ck_assert_msg(!check_text(LINK "address = ::a00:2/120, 10.0.0.2/24\n"), "%s", said);
}
END_TEST

/* The command line wins over the file, whichever came first; the last one of a key counts. */
START_TEST(overrides)
{
	ck_assert(!set("qdisc.rate=1gbit") && !set("weir.gso=off") && !set("qdisc.eth1.burst=2mb"));
	ck_assert(!config_read_text(&c, TBF, "x.ini", &e));
	ck_assert(!set("qdisc.rate=2gbit") && !set("link.eth0.100.driver=packet"));
	ck_assert_msg(!config_check(&c, &reg, say, NULL, &e), "%s", said);
	ck_assert(!c.gso && c.nlinks == 1 && c.nqdiscs == 2);
	ck_assert_str_eq(c.links[0].name, "eth0.100");
	ck_assert_str_eq(setting(&c.qdiscs[0], "rate"), "2gbit");
	ck_assert_str_eq(setting(&c.qdiscs[0], "burst"), "1mb");
	/* [qdisc eth1] has no kind: it builds upon [qdisc]. */
	ck_assert_str_eq(c.qdiscs[1].kind, "tbf");
	ck_assert_str_eq(setting(&c.qdiscs[1], "rate"), "2gbit");
	ck_assert_str_eq(setting(&c.qdiscs[1], "burst"), "2mb");
	ck_assert_str_eq(config_value(&c, "qdisc", "", "rate"), "2gbit");
	ck_assert_str_eq(config_value(&c, "qdisc", "", "burst"), "1mb");
	ck_assert_ptr_null(config_value(&c, "weir", "", "module-path"));
	/* It may be checked again. */
	ck_assert(!config_check(&c, &reg, say, NULL, &e) && c.nqdiscs == 2);
}
END_TEST

START_TEST(another_kind)
{
	ck_assert(!config_read_text(&c, TBF, "x.ini", &e));
	ck_assert(!set("qdisc.kind=fifo") && !set("qdisc.limit=5"));
	ck_assert_msg(!config_check(&c, &reg, say, NULL, &e), "%s", said);
	ck_assert_str_eq(c.qdiscs[0].kind, "fifo");
	ck_assert_uint_eq(c.qdiscs[0].nsettings, 1);
	ck_assert(!set("qdisc.rate=5"));
	ck_assert_int_eq(config_check(&c, &reg, say, NULL, &e), -EINVAL);
	ck_assert_str_eq(e.text, "qdisc.rate=5: [qdisc] rate: there is no such parameter; there are kind, "
			 "limit and limit-bytes");
}
END_TEST

START_TEST(bad_overrides)
{
	static const char *const shapeless[] = {
		"", "qdisc", "qdisc.rate", "=5", ".=5", "qdisc.=5", "rate=5", "qdisc=a.b=c",
		"a-section-with-a-name-that-is-far-too-long.x=1",
	};

	for (size_t i = 0; i < N(shapeless); i++)
		ck_assert_msg(config_set(&c, shapeless[i], "o", &e) == -EINVAL &&
			      strstr(e.text, "o: this sets nothing; write SECTION.KEY=VALUE"), "%s: %s",
			      shapeless[i], e.text);
	ck_assert_int_eq(config_set(&c, "qdisc.rate=", "--set qdisc.rate=", &e), -EINVAL);
	ck_assert_str_eq(e.text, "--set qdisc.rate=: there is no value after the =; write SECTION.KEY=VALUE");
	ck_assert_int_eq(config_set(&c, "qdics.rate=1", "o", &e), -EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "o: there is no section [qdics] (did you mean [qdisc]?)"));
	ck_assert_int_eq(config_set(&c, "qdisc.lo.kind=fifo", "o", &e), -EINVAL);
	ck_assert_uint_eq(c.nsections, 0);
}
END_TEST

START_TEST(files)
{
	char path[] = "/tmp/weir-test-config-XXXXXX", text[64];
	int fd = mkstemp(path);
	FILE *f;

	ck_assert_int_eq(config_read_file(&c, "/nonexistent/x.ini", &e), -ENOENT);
	ck_assert_str_eq(e.text, "/nonexistent/x.ini: cannot open it: No such file or directory");
	ck_assert_int_lt(config_read_file(&c, "/", &e), 0);
	ck_assert_str_eq(e.text, "/: cannot read it: Is a directory");
	ck_assert_int_lt(config_read_file(&c, "/bin/sh", &e), 0);
	ck_assert_ptr_nonnull(strstr(e.text, "/bin/sh: is no text file"));
	ck_assert_int_lt(config_read_file(&c, "/dev/zero", &e), 0);
	f = fdopen(fd, "w");
	ck_assert_ptr_nonnull(f);
	fputs("[weir]\nmodule-path = ", f);
	for (int i = 0; i < 300; i++)
		fputc('x', f);
	fputs("\ngso = off\n", f);
	fclose(f);
	ck_assert_int_eq(config_read_file(&c, path, &e), -EINVAL);
	snprintf(text, sizeof(text), "%s:2: the line is too long; ", path);
	ck_assert_ptr_nonnull(strstr(e.text, text));
	ck_assert_str_eq(config_value(&c, "weir", "", "gso"), "off");	/* and reading went on */
	remove(path);
}
END_TEST

/* The files that are installed are right. */
START_TEST(installed_files)
{
	static const char *const names[] = { "weir.ini", "weir-tbf.ini", "weir-tap.ini" };
	const char *src = getenv("SRCDIR");
	char path[4096];

	for (size_t i = 0; i < N(names); i++) {
		snprintf(path, sizeof(path), "%s/etc/%s", src ? src : ".", names[i]);
		ck_assert_msg(!config_read_file(&c, path, &e), "%s", e.text);
		ck_assert_msg(!config_check(&c, &reg, say, NULL, &e), "%s", said);
		config_free(&c);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("config");
	TCase *t = tcase_create("config");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, sentences);
	tcase_add_test(t, link_ip_keys);
	tcase_add_test(t, every_mistake);
	tcase_add_test(t, defaults);
	tcase_add_test(t, whole);
	tcase_add_test(t, route_words);
	tcase_add_test(t, ipv6);
	tcase_add_test(t, tcp);
	tcase_add_test(t, overrides);
	tcase_add_test(t, another_kind);
	tcase_add_test(t, bad_overrides);
	tcase_add_test(t, files);
	tcase_add_test(t, installed_files);
	suite_add_tcase(s, t);
	return run_suite(s);
}
