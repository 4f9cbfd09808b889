/* SPDX-License-Identifier: Apache-2.0 */
/* ctl_print.c - answers of a sandbox for people, in the manner of ip, tc, ss and nstat. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cmd/ctl.h"

#define SSTHRESH_INFINITE 0x7fffffff	/* before the first loss, as the kernel has it */

static const char *text(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static long long number(json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

static bool is(json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

/* " word value" when there is one. */
static void optional(json_t *o, const char *key, const char *word)
{
	json_t *v = json_object_get(o, key);

	if (json_is_string(v))
		printf(" %s %s", word, json_string_value(v));
	else if (json_is_integer(v))
		printf(" %s %lld", word, (long long)json_integer_value(v));
}

/* ---- show, modules, configuration ---- */

void print_show(const struct ctl *c, json_t *o)
{
	json_t *nic, *addr;
	size_t i, j;

	printf("%s: pid %d mode %s gso %s gro %s congestion %s up %lld s\n", text(o, "name"), (int)c->pid,
	       text(o, "mode"), is(o, "gso") ? "on" : "off",
	       is(o, "gro") ? "on" : "off", text(o, "congestion"),
	       number(o, "uptime_ns") / 1000000000);
	if (*text(o, "config"))
		printf("    config %s\n", text(o, "config"));
	json_array_foreach(json_object_get(o, "nics"), i, nic) {
		printf("    %s %s mtu %lld", text(nic, "dev"), is(nic, "up") ? "UP" : "DOWN",
		       number(nic, "mtu"));
		optional(nic, "qdisc", "qdisc");
		json_array_foreach(json_object_get(nic, "addrs"), j, addr)
			printf(" %s", json_string_value(addr));
		putchar('\n');
	}
}

void print_modules(const struct ctl *c, json_t *list)
{
	json_t *m, *o;
	size_t i, j;

	(void)c;
	printf("%-12s %4s  %-32s %s\n", "Module", "Uses", "Offers", "File");
	json_array_foreach(list, i, m) {
		char offers[256] = "";
		size_t used = 0;

		json_array_foreach(json_object_get(m, "offers"), j, o)
			if (used < sizeof(offers))
				used += (size_t)snprintf(offers + used, sizeof(offers) - used,
							 "%s%s %s", j ? ", " : "", text(o, "kind"),
							 text(o, "name"));
		printf("%-12s %4lld  %-32s %s%s\n", text(m, "name"), number(m, "uses"), offers,
		       text(m, "file"), is(m, "stale") ? " (replaced)" : "");
	}
}

void print_config(const struct ctl *c, json_t *o)
{
	json_t *section, *s;
	size_t i, j;

	(void)c;
	printf("; file: %s\n", *text(o, "file") ? text(o, "file") : "none");
	json_array_foreach(json_object_get(o, "sections"), i, section) {
		printf("[%s%s%s]\n", text(section, "kind"), *text(section, "name") ? " " : "",
		       text(section, "name"));
		json_array_foreach(json_object_get(section, "settings"), j, s)
			printf("%s = %s\t; %s\n", text(s, "name"), text(s, "value"),
			       text(s, "origin"));
	}
}

/* ---- qdiscs, as tc ---- */

/* "100mbit" and "1mb" as tc writes them: 100Mbit, 1Mb. */
static void print_value(const char *value)
{
	size_t digits = strspn(value, "0123456789.");
	const char *unit = value + digits;

	if (digits && *unit && (!strcmp(unit + 1, "bit") || !strcmp(unit + 1, "b")))
		printf("%.*s%c%s", (int)digits, value, toupper((unsigned char)*unit), unit + 1);
	else
		fputs(value, stdout);
}

static void print_qdisc_stats(json_t *q)
{
	json_t *s = json_object_get(q, "stats"), *v;
	const char *key;
	bool any = false;

	printf(" Sent %lld bytes %lld pkt (dropped %lld, overlimits %lld requeues %lld)\n",
	       number(s, "bytes"), number(s, "packets"), number(s, "drops"),
	       number(s, "overlimits"), number(s, "requeues"));
	printf(" backlog %lldb %lldp\n", number(s, "backlog"), number(s, "qlen"));
	json_object_foreach(json_object_get(q, "xstats"), key, v) {
		printf("%s %s %lld", any ? "" : " ", key, (long long)json_integer_value(v));
		any = true;
	}
	if (any)
		putchar('\n');
}

void print_qdiscs(const struct ctl *c, json_t *list)
{
	json_t *q, *v;
	const char *key;
	size_t i;

	json_array_foreach(list, i, q) {
		printf("qdisc %s dev %s %s%s", text(q, "kind"), text(q, "dev"),
		       strcmp(text(q, "parent"), "root") ? "parent " : "", text(q, "parent"));
		json_object_foreach(json_object_get(q, "params"), key, v) {
			printf(" %s ", key);
			print_value(json_string_value(v));
		}
		putchar('\n');
		if (c->stats)
			print_qdisc_stats(q);
	}
}

/* ---- links, addresses, routes, neighbours, as ip ---- */

static void print_nic(json_t *nic)
{
	bool lo = is(nic, "loopback");

	printf("%lld: %s: <%s%s> mtu %lld", number(nic, "index"), text(nic, "dev"),
	       lo ? "LOOPBACK" : "BROADCAST,MULTICAST", is(nic, "up") ? ",UP" : "",
	       number(nic, "mtu"));
	optional(nic, "qdisc", "qdisc");
	optional(nic, "driver", "driver");
	printf("\n    link/%s %s", lo ? "loopback" : "ether", text(nic, "address"));
	optional(nic, "host_device", "host device");
	putchar('\n');
}

static void print_link_stats(json_t *s)
{
	static const char *const ways[] = { "rx", "tx" };

	for (size_t i = 0; i < 2; i++) {
		char key[4][16];
		static const char *const what[] = { "bytes", "packets", "errors", "drops" };

		for (size_t j = 0; j < 4; j++)
			snprintf(key[j], sizeof(key[j]), "%s_%s", ways[i], what[j]);
		printf("    %s: %14s %12s %8s %8s\n", i ? "TX" : "RX", "bytes", "packets", "errors",
		       "dropped");
		printf("        %14lld %12lld %8lld %8lld\n", number(s, key[0]), number(s, key[1]),
		       number(s, key[2]), number(s, key[3]));
	}
}

void print_links(const struct ctl *c, json_t *list)
{
	json_t *nic, *o;
	size_t i, j;

	json_array_foreach(list, i, nic) {
		print_nic(nic);
		if (json_array_size(json_object_get(nic, "offloads"))) {
			printf("    offloads");
			json_array_foreach(json_object_get(nic, "offloads"), j, o)
				printf(" %s", json_string_value(o));
			printf(" gso_max_size %lld\n", number(nic, "gso_max"));
		}
		if (c->stats)
			print_link_stats(json_object_get(nic, "stats"));
	}
}

void print_addrs(const struct ctl *c, json_t *list)
{
	json_t *nic, *a;
	size_t i, j;

	(void)c;
	json_array_foreach(list, i, nic) {
		print_nic(nic);
		json_array_foreach(json_object_get(nic, "addrs"), j, a) {
			printf("    %s %s/%lld", text(a, "family"), text(a, "addr"),
			       number(a, "prefix"));
			optional(a, "broadcast", "brd");
			printf(" scope %s%s", text(a, "scope"), is(a, "dynamic") ? " dynamic" : "");
			if (strcmp(text(a, "state"), "preferred"))
				printf(" %s", text(a, "state"));
			printf(" %s", text(nic, "dev"));
			optional(a, "valid_s", "valid_lft");
			optional(a, "preferred_s", "preferred_lft");
			putchar('\n');
		}
	}
}

void print_routes(const struct ctl *c, json_t *list)
{
	json_t *r;
	size_t i;

	(void)c;
	json_array_foreach(list, i, r) {
		printf("%s%s", is(r, "local") ? "local " : "", text(r, "dst"));
		optional(r, "gateway", "via");
		optional(r, "dev", "dev");
		if (is(r, "automatic"))
			printf(" proto kernel");
		if (!json_object_get(r, "gateway"))
			printf(" scope %s", is(r, "local") ? "host" : "link");
		optional(r, "prefsrc", "src");
		optional(r, "metric", "metric");
		optional(r, "mtu", "mtu");
		if (is(r, "onlink"))
			printf(" onlink");
		putchar('\n');
	}
}

void print_neighs(const struct ctl *c, json_t *list)
{
	json_t *n;
	size_t i;

	(void)c;
	json_array_foreach(list, i, n) {
		printf("%s", text(n, "addr"));
		optional(n, "dev", "dev");
		optional(n, "lladdr", "lladdr");
		printf(" %s\n", text(n, "state"));
	}
}

/* A filter that takes every source goes without saying. */
void print_maddrs(const struct ctl *c, json_t *list)
{
	json_t *g, *source;
	size_t i, k;

	(void)c;
	json_array_foreach(list, i, g) {
		printf("%s", text(g, "addr"));
		optional(g, "dev", "dev");
		optional(g, "users", "users");
		if (json_array_size(json_object_get(g, "sources")))
			printf(" %s", text(g, "mode"));
		json_array_foreach(json_object_get(g, "sources"), k, source)
			printf(" %s", json_string_value(source));
		putchar('\n');
	}
}

/* ---- sockets, as ss ---- */

static void print_info(json_t *t)
{
	if (!json_is_object(t))
		return;
	printf("\t %s%s%s", is(t, "ts") ? "ts " : "", is(t, "wscale") ? "wscale " : "",
	       text(t, "congestion"));
	if (!number(t, "mss")) {	/* a listener: there is no connection to tell of */
		putchar('\n');
		return;
	}
	printf(" rto:%.3g rtt:%.3g/%.3g mss:%lld pmtu:%lld cwnd:%lld",
	       (double)number(t, "rto_us") / 1000, (double)number(t, "rtt_us") / 1000,
	       (double)number(t, "rttvar_us") / 1000, number(t, "mss"), number(t, "pmtu"),
	       number(t, "cwnd"));
	if (number(t, "ssthresh") < SSTHRESH_INFINITE)
		printf(" ssthresh:%lld", number(t, "ssthresh"));
	printf(" unacked:%lld retrans:%lld/%lld rcv_space:%lld\n", number(t, "unacked"),
	       number(t, "retrans"), number(t, "total_retrans"), number(t, "rcv_space"));
}

/* timer:(timewait,54sec,0), timer:(on,200ms,1) */
static void print_timer(json_t *t)
{
	long long ms = number(t, "expires_ms");

	if (!json_is_object(t))
		return;
	if (ms < 1000)
		printf(" timer:(%s,%lldms,%lld)", text(t, "name"), ms, number(t, "retries"));
	else if (ms < 60000)
		printf(" timer:(%s,%lldsec,%lld)", text(t, "name"), ms / 1000,
		       number(t, "retries"));
	else
		printf(" timer:(%s,%lldmin%lldsec,%lld)", text(t, "name"), ms / 60000,
		       ms / 1000 % 60, number(t, "retries"));
}

void print_sockets(const struct ctl *c, json_t *list)
{
	json_t *s;
	size_t i;

	printf("%-6s %-11s %7s %7s %24s %24s\n", "Netid", "State", "Recv-Q", "Send-Q",
	       "Local Address:Port", "Peer Address:Port");
	json_array_foreach(list, i, s) {
		printf("%-6s %-11s %7lld %7lld %24s %24s", text(s, "netid"), text(s, "state"),
		       number(s, "recv_q"), number(s, "send_q"), text(s, "local"), text(s, "peer"));
		print_timer(json_object_get(s, "timer"));
		putchar('\n');
		if (c->info)
			print_info(json_object_get(s, "info"));
	}
}

/* ---- counters, as nstat ---- */

static void print_counters(const char *title, json_t *o)
{
	const char *key;
	json_t *v;

	json_object_foreach(o, key, v) {
		char deeper[128];

		snprintf(deeper, sizeof(deeper), "%s%s%s", title, *title ? "." : "", key);
		if (json_is_object(v))
			print_counters(deeper, v);
		else if (json_is_string(v))
			printf("%-40s %s\n", deeper, json_string_value(v));
		else
			printf("%-40s %lld\n", deeper, (long long)json_integer_value(v));
	}
}

void print_stats(const struct ctl *c, json_t *o)
{
	(void)c;
	print_counters("", o);
}
