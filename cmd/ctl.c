/* SPDX-License-Identifier: Apache-2.0 */
/* ctl.c - weir ctl: asks a running sandbox, or changes it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/ctl.h"
#include "cmd/options.h"
#include "control/socket_file.h"
#include "module/suggest.h"

#define WORDS_MAX 160


/* ---- words into requests ---- */

static int too_many(char **words, int n, struct weir_error *e)
{
	return n > 0 ? weir_fail(e, EINVAL, "%s: one word too many; see `weir ctl --help`", words[0])
		     : 0;
}

static int no_words(struct ctl *c, json_t *rq, char **words, int n, struct weir_error *e)
{
	(void)c;
	(void)rq;
	return too_many(words, n, e);
}

static int need(int n, int min, const char *what, struct weir_error *e)
{
	return n < min ? weir_fail(e, EINVAL, "%s is missing; see `weir ctl --help`", what) : 0;
}

static void put(json_t *o, const char *key, const char *value)
{
	json_object_set_new(o, key, json_string(value));
}

/* KEY VALUE or KEY=VALUE, to the end. */
static int params(json_t *rq, char **words, int n, struct weir_error *e)
{
	json_t *o = json_object();

	json_object_set_new(rq, "params", o);
	for (int i = 0; i < n; i++) {
		char *eq = strchr(words[i], '=');

		if (eq) {
			*eq = '\0';
			put(o, words[i], eq + 1);
			*eq = '=';
		} else if (i + 1 < n) {
			put(o, words[i], words[i + 1]);
			i++;
		} else {
			return weir_fail(e, EINVAL, "%s: its value is missing; write it behind", words[i]);
		}
	}
	return 0;
}

/* tc's spelling is understood too: "dev eth0 root tbf ...". */
static int skip(char ***words, int n, const char *word)
{
	if (n == 0 || strcmp(**words, word))
		return n;
	++*words;
	return n - 1;
}

static int qdisc_show(struct ctl *c, json_t *rq, char **words, int n, struct weir_error *e)
{
	(void)c;
	n = skip(&words, n, "dev");
	if (n == 0)
		return 0;
	put(rq, "dev", words[0]);
	return too_many(words + 1, n - 1, e);
}

static int replace_words(struct ctl *c, json_t *rq, char **words, int n, struct weir_error *e)
{
	(void)c;
	n = skip(&words, n, "dev");
	if (need(n, 1, "the NIC", e))
		return -EINVAL;
	put(rq, "dev", *words++);
	n = skip(&words, n - 1, "root");
	if (need(n, 1, "the kind of qdisc", e))
		return -EINVAL;
	put(rq, "kind", *words);
	return params(rq, words + 1, n - 1, e);
}

static int change_words(struct ctl *c, json_t *rq, char **words, int n, struct weir_error *e)
{
	int pairs = 0;

	(void)c;
	n = skip(&words, n, "dev");
	if (need(n, 1, "the NIC", e))
		return -EINVAL;
	put(rq, "dev", *words++);
	n = skip(&words, n - 1, "root");
	/* One word more than pairs: the kind is named. */
	for (int i = 0; i < n; i++)
		pairs += strchr(words[i], '=') ? 0 : 1;
	if (n && pairs % 2 && !strchr(words[0], '=')) {
		put(rq, "kind", *words++);
		n--;
	}
	if (need(n, 1, "what to change", e))
		return -EINVAL;
	return params(rq, words, n, e);
}

static int module_file(struct ctl *c, json_t *rq, const char *what, struct weir_error *e)
{
	char path[PATH_MAX];

	c->fd = module_open_copy(&c->registry, what, path, sizeof(path), e);
	if (c->fd < 0)
		return c->fd;
	put(rq, "path", path);
	return 0;
}

static int module_load(struct ctl *c, json_t *rq, char **words, int n, struct weir_error *e)
{
	if (need(n, 1, "the module", e) || too_many(words + 1, n - 1, e))
		return -EINVAL;
	return module_file(c, rq, words[0], e);
}

static int module_reload(struct ctl *c, json_t *rq, char **words, int n, struct weir_error *e)
{
	if (need(n, 1, "the module", e) || too_many(words + 2, n - 2, e))
		return -EINVAL;
	put(rq, "name", words[0]);
	return module_file(c, rq, words[n - 1], e);
}

static int module_name(struct ctl *c, json_t *rq, char **words, int n, struct weir_error *e)
{
	(void)c;
	if (need(n, 1, "the module", e))
		return -EINVAL;
	put(rq, "name", words[0]);
	return too_many(words + 1, n - 1, e);
}

static int mode_set(struct ctl *c, json_t *rq, char **words, int n, struct weir_error *e)
{
	(void)c;
	if (need(n, 1, "the mode", e))
		return -EINVAL;
	put(rq, "mode", words[0]);
	return too_many(words + 1, n - 1, e);
}

/* What ip calls by one word and the request by another. */
struct keyword {
	const char *word, *key;		/* key NULL: the same, and no value follows */
};

static int keywords(json_t *rq, const struct keyword *k, char **words, int n, struct weir_error *e)
{
	for (int i = 0; i < n; i++) {
		const struct keyword *w = k;

		while (w->word && strcmp(w->word, words[i]))
			w++;
		if (!w->word)
			return weir_fail(e, EINVAL, "%s: not understood here; see `weir ctl --help`",
					 words[i]);
		if (!w->key) {
			json_object_set_new(rq, w->word, json_true());
			continue;
		}
		if (i + 1 == n)
			return weir_fail(e, EINVAL, "%s: its value is missing; write it behind", words[i]);
		put(rq, w->key, words[++i]);
	}
	return 0;
}

static int addr_edit(struct ctl *c, json_t *rq, char **words, int n, struct weir_error *e)
{
	static const struct keyword k[] = { { "dev", "dev" }, { } };

	(void)c;
	if (need(n, 1, "the address", e))
		return -EINVAL;
	put(rq, "addr", words[0]);
	return keywords(rq, k, words + 1, n - 1, e);
}

static int route_show(struct ctl *c, json_t *rq, char **words, int n, struct weir_error *e)
{
	(void)c;
	if (n > 0 && !strcmp(words[0], "all")) {
		json_object_set_new(rq, "all", json_true());
		return too_many(words + 1, n - 1, e);
	}
	return too_many(words, n, e);
}

static int route_edit(struct ctl *c, json_t *rq, char **words, int n, struct weir_error *e)
{
	static const struct keyword k[] = {
		{ "via", "gateway" }, { "dev", "dev" }, { "src", "prefsrc" },
		{ "metric", "metric" }, { "mtu", "mtu" }, { "onlink", NULL }, { }
	};

	(void)c;
	if (need(n, 1, "the destination", e))
		return -EINVAL;
	put(rq, "dst", words[0]);
	return keywords(rq, k, words + 1, n - 1, e);
}

static int neigh_edit(struct ctl *c, json_t *rq, char **words, int n, struct weir_error *e)
{
	static const struct keyword k[] = { { "dev", "dev" }, { "lladdr", "lladdr" }, { } };

	(void)c;
	if (need(n, 1, "the address", e))
		return -EINVAL;
	put(rq, "addr", words[0]);
	return keywords(rq, k, words + 1, n - 1, e);
}

/* ---- config reload: the file is read here, since the sandbox cannot open it ---- */

static int file_text(json_t *rq, const char *file, struct weir_error *e)
{
	char *text = calloc(1, CONTROL_REQUEST_MAX + 1);
	json_t *s = NULL;
	size_t n;
	FILE *f;

	if (!text)
		return weir_fail(e, ENOMEM, "out of memory");
	f = fopen(file, "re");
	if (!f) {
		free(text);
		return weir_fail(e, errno, "%s: %s", file, strerror(errno));
	}
	n = fread(text, 1, CONTROL_REQUEST_MAX, f);
	if (!ferror(f) && n < CONTROL_REQUEST_MAX)
		s = json_stringn(text, n);
	fclose(f);
	free(text);
	if (!s)
		return weir_fail(e, EINVAL, "%s: is no configuration: not readable as UTF-8 text of less than %u bytes",
				 file, CONTROL_REQUEST_MAX);
	json_object_set_new(rq, "text", s);
	put(rq, "file", file);
	return 0;
}

/* The file that the sandbox was started with. */
static int its_file(struct ctl *c, char *path, size_t size, struct weir_error *e)
{
	json_t *rq = json_pack("{s:s}", "command", "config show");
	json_t *config = control_request(c->name, NULL, rq, NULL, 0, NULL, NULL, NULL, e);
	const char *file = json_string_value(json_object_get(config, "file"));
	int rc = config ? 0 : -EINVAL;

	if (file)
		snprintf(path, size, "%s", file);
	else if (config)
		rc = weir_fail(e, EINVAL, "%s was started without an INI file; name one", c->name);
	json_decref(config);
	json_decref(rq);
	return rc;
}

static int config_reload(struct ctl *c, json_t *rq, char **words, int n, struct weir_error *e)
{
	char path[PATH_MAX];

	if (n > 1)
		return too_many(words + 1, n - 1, e);
	if (n == 1 && !realpath(words[0], path))
		return weir_fail(e, errno, "%s: %s", words[0], strerror(errno));
	if (n == 0 && its_file(c, path, sizeof(path), e))
		return -EINVAL;
	return file_text(rq, path, e);
}

/* ---- verbs ---- */

static const struct help_option ctl_options[] = {
	{ "-j, --json", NULL, "print JSON" },
	{ "-s, --statistics", NULL, "show counters too" },
	OPTIONS_MODULE_PATH_HELP,
	{ }
};
static const struct help_option counters[] = {
	{ "-s, --statistics", NULL, "show counters too" },
	{ }
};
static const struct help_option sockets_options[] = {
	{ "-t", NULL, "only TCP" },
	{ "-u", NULL, "only UDP" },
	{ "-w", NULL, "only raw ones" },
	{ "-l", NULL, "only those that listen" },
	{ "-i", NULL, "show TCP's state too" },
	{ }
};

#define VERB(words_, args_, text_) .help = { .words = words_, .args = args_, .text = text_ }
#define VERB_WITH(words_, options_, args_, text_) \
	.help = { .words = words_, .args = args_, .text = text_, .options = options_ }
#define ALIAS(words_, command_) .help = { .words = words_, .args = "" }, .command = command_

static const struct verb {
	struct help_verb help;
	const char *command;		/* as asked; NULL = as typed */
	int (*build)(struct ctl *c, json_t *rq, char **words, int n, struct weir_error *e);
	void (*print)(const struct ctl *c, json_t *result);
	/* It reads the rest of the command line itself. */
	int (*run)(struct ctl *c, int argc, char **argv, struct weir_error *e);
} verbs[] = {
	{ VERB("show", "", "what it is: mode, NICs, addresses"), .build = no_words, .print = print_show },
	{ VERB_WITH("qdisc show", counters, "[DEV]", "queueing disciplines of its NICs"),
	  .build = qdisc_show, .print = print_qdiscs },
	{ VERB("qdisc replace", "DEV KIND [KEY VALUE]...", 
	       "another queueing discipline on DEV; what is queued moves over"),
	  .build = replace_words },
	{ VERB("qdisc change", "DEV [KIND] KEY VALUE...", "other parameters for the one that is there"),
	  .build = change_words },
	{ ALIAS("qdisc", "qdisc show"), .build = no_words, .print = print_qdiscs },
	{ VERB("module list", "", "modules it has loaded"), .build = no_words, .print = print_modules },
	{ VERB("module load", "MODULE|FILE", "load a module (a FILE has a / in it)"), .build = module_load },
	{ VERB("module reload", "MODULE [FILE]", "load its code anew, or that of FILE; traffic goes on"),
	  .build = module_reload },
	{ VERB("module unload", "MODULE", "let go of one that is not in use"), .build = module_name },
	{ ALIAS("module", "module list"), .build = no_words, .print = print_modules },
	{ VERB_WITH("link show", counters, "", "its NICs"), .build = no_words, .print = print_links },
	{ ALIAS("link", "link show"), .build = no_words, .print = print_links },
	{ VERB("addr show", "", "its addresses"), .build = no_words, .print = print_addrs },
	{ VERB("addr add", "ADDR/LEN dev DEV", "add an address"), .build = addr_edit },
	{ VERB("addr del", "ADDR/LEN dev DEV", "remove an address"), .build = addr_edit },
	{ ALIAS("addr", "addr show"), .build = no_words, .print = print_addrs },
	{ VERB("route show", "[all]", "its routes; all: those to its own addresses too"),
	  .build = route_show, .print = print_routes },
	{ VERB("route add", "DST [via GATEWAY] [dev DEV] [src ADDR] [metric N] [mtu N] [onlink]",
	       "add a route"),
	  .build = route_edit },
	{ VERB("route del", "DST [via GATEWAY] [dev DEV] [metric N]", "remove a route"),
	  .build = route_edit },
	{ ALIAS("route", "route show"), .build = no_words, .print = print_routes },
	{ VERB("neigh show", "", "link addresses of its neighbours"),
	  .build = no_words, .print = print_neighs },
	{ VERB("neigh add", "ADDR lladdr MAC dev DEV", "add a neighbour that stays"), .build = neigh_edit },
	{ VERB("neigh del", "ADDR dev DEV", "remove a neighbour"), .build = neigh_edit },
	{ ALIAS("neigh", "neigh show"), .build = no_words, .print = print_neighs },
	{ VERB("maddr show", "", "multicast groups that somebody inside listens to"),
	  .build = no_words, .print = print_maddrs },
	{ ALIAS("maddr", "maddr show"), .build = no_words, .print = print_maddrs },
	{ VERB_WITH("sockets", sockets_options, "", "TCP, UDP and raw sockets"),
	  .build = no_words, .print = print_sockets },
	{ VERB("stats", "", "every counter"), .build = no_words, .print = print_stats },
	{ VERB_WITH("metrics", ctl_metrics_options, "", "every counter, as Prometheus reads it"),
	  .run = ctl_metrics },
	{ VERB_WITH("watch", ctl_watch_options, "[DEV]",
		    "live: rates, queues, drops, the busiest connections; lines where stdout is no terminal"),
	  .run = ctl_watch },
	{ VERB_WITH("capture", ctl_capture_options, "DEV [FILTER]...",
		    "frames as pcap for tcpdump -r - and Wireshark; FILTER as in pcap-filter(7)"),
	  .run = ctl_capture },
	{ VERB("mode set", "MODE", "cut it off from its NICs (none), or let it back (sandbox)"),
	  .build = mode_set },
	{ VERB("config show", "", "the configuration, and where each line came from"),
	  .build = no_words, .print = print_config },
	{ VERB("config reload", "[FILE]", "read the INI again (or another), apply what changed"),
	  .build = config_reload },
	{ ALIAS("config", "config show"), .build = no_words, .print = print_config },
};
#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static const struct help_verb *verb_help(size_t i)
{
	return i < VERBS ? &verbs[i].help : NULL;
}

const struct help ctl_help = {
	.brief = "ask a running sandbox, or change it while it runs",
	.usage = (const char *const []){
		"[OPTIONS]                     the sandboxes that run",
		"NAME [OPTIONS] COMMAND ...    ask one, or change it while it runs", NULL
	},
	.about = "Each change happens whole, or not at all and says why. A parameter may also be "
		 "written KEY=VALUE; `weir modules` lists them. `weir ctl NAME COMMAND -h` tells of "
		 "one command.",
	.options = ctl_options,
	.verb = verb_help,
};

/* How many words of a verb stand here; 0: another one. */
static int verb_match(const struct verb *v, char **words, int n)
{
	const char *typed = v->help.words, *space = strchr(typed, ' ');

	if (!space)
		return !strcmp(words[0], typed);
	return n >= 2 && strlen(words[0]) == (size_t)(space - typed) &&
		!strncmp(words[0], typed, strlen(words[0])) && !strcmp(words[1], space + 1)
		? 2 : 0;
}

static const struct verb *verb_find(char **words, int n, int *used, struct weir_error *e)
{
	const char *known[VERBS + 1], *near;
	char typed[128];

	for (size_t i = 0; i < VERBS; i++) {
		const struct verb *v = &verbs[i];

		*used = verb_match(v, words, n);
		if (*used == 1 && v->command && n > 1)
			break;			/* "qdisc foo": a second word that is none */
		if (*used)
			return v;
	}
	for (size_t i = 0; i < VERBS; i++)
		known[i] = verbs[i].help.words;
	known[VERBS] = NULL;
	snprintf(typed, sizeof(typed), "%s%s%s", words[0], n > 1 ? " " : "", n > 1 ? words[1] : "");
	near = suggest(typed, known);
	if (near)
		weir_fail(e, EINVAL, "there is no command \"%s\"; did you mean \"%s\"?", typed, near);
	else
		weir_fail(e, EINVAL, "there is no command \"%s\"; see `weir ctl --help`", typed);
	return NULL;
}

/* ---- asking ---- */

static void print_json(json_t *result)
{
	json_dumpf(result, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
}

/* -t -u -w -l choose among the sockets. */
static json_t *choose_sockets(const struct ctl *c, json_t *list)
{
	bool all = !c->tcp && !c->udp && !c->raw;
	json_t *out = json_array(), *s;
	size_t i;

	json_array_foreach(list, i, s) {
		const char *netid = json_string_value(json_object_get(s, "netid"));
		const char *state = json_string_value(json_object_get(s, "state"));
		bool kind = !strcmp(netid, "tcp") ? c->tcp : !strcmp(netid, "udp") ? c->udp : c->raw;

		if ((all || kind) &&
		    (!c->listening || !strcmp(state, "LISTEN") || !strcmp(state, "UNCONN")))
			json_array_append(out, s);
	}
	json_decref(list);
	return out;
}

static void answer(const struct ctl *c, const struct verb *v, json_t **result)
{
	if (v->print == print_sockets)
		*result = choose_sockets(c, *result);
	if (v->print == print_show)
		json_object_set_new(*result, "pid", json_integer(c->pid));
	if (c->json)
		print_json(*result);
	else if (v->print)
		v->print(c, *result);
}

/* The list of sockets comes in pieces; a new reference to all of them. */
static json_t *gather_sockets(struct ctl *c, json_t *rq, json_t *result, struct weir_error *e)
{
	json_t *all = json_array(), *next;

	while (result) {
		json_array_extend(all, json_object_get(result, "sockets"));
		next = json_object_get(result, "next");
		if (!next) {
			json_decref(result);
			return all;
		}
		json_object_set(rq, "from", next);
		json_decref(result);
		result = control_request(c->name, &c->registry, rq, NULL, 0, NULL, NULL, &c->pid, e);
	}
	json_decref(all);
	return NULL;
}

static int ask(struct ctl *c, char **words, int n, struct weir_error *e)
{
	int used = 0, rc;
	const struct verb *v = verb_find(words, n, &used, e);
	json_t *rq, *result = NULL;

	if (!v)
		return CMD_USAGE;
	rq = json_pack("{s:s}", "command", v->command ? v->command : v->help.words);
	c->fd = -1;
	rc = v->build(c, rq, words + used, n - used, e);
	if (rc == 0) {
		result = control_request(c->name, &c->registry, rq, &c->fd, c->fd >= 0 ? 1 : 0,
					 NULL, NULL, &c->pid, e);
		if (v->print == print_sockets)
			result = gather_sockets(c, rq, result, e);
		if (result)
			answer(c, v, &result);
		rc = result ? 0 : CMD_FAIL;
	}
	if (c->fd >= 0)
		close(c->fd);
	json_decref(result);
	json_decref(rq);
	return rc ? CMD_FAIL : 0;
}

/* The verb that reads the rest of the command line itself. */
static const struct verb *program_find(const char *word)
{
	for (size_t i = 0; i < VERBS; i++)
		if (verbs[i].run && !strcmp(verbs[i].help.words, word))
			return &verbs[i];
	return NULL;
}

/* ---- all sandboxes ---- */

/* One that does not answer is named: nobody else lists it. One that has ended meanwhile is not. */
static void tell_silent(const char *name, const char *why)
{
	int fd = control_connect(name, NULL);

	if (fd < 0)
		return;
	close(fd);
	fprintf(stderr, "weir ctl: %s: %s\n", name, why);
}

static json_t *ask_show(const char *name, pid_t *pid)
{
	json_t *rq = json_pack("{s:s}", "command", "show");
	struct weir_error e = { "" };
	json_t *o = control_request(name, NULL, rq, NULL, 0, NULL, NULL, pid, &e);

	json_decref(rq);
	if (o)
		json_object_set_new(o, "pid", json_integer(*pid));
	else
		tell_silent(name, e.text);
	return o;
}

static void list_one(void *arg, const char *name)
{
	pid_t pid;
	json_t *o = ask_show(name, &pid);	/* NULL: nobody is behind it any more */

	if (o)
		json_array_append_new(arg, o);
}

static int list_all(const struct ctl *c)
{
	json_t *list = json_array(), *o;
	size_t i;

	control_each(list_one, list);
	if (c->json) {
		print_json(list);
	} else if (json_array_size(list) == 0) {
		puts("no sandbox is running; `weir run` starts one, `weir ctl --help` tells more");
	} else {
		printf("%-24s %8s  %-10s %s\n", "Name", "PID", "Mode", "Up");
		json_array_foreach(list, i, o)
			printf("%-24s %8d  %-10s %lld s\n",
			       json_string_value(json_object_get(o, "name")),
			       (int)json_integer_value(json_object_get(o, "pid")),
			       json_string_value(json_object_get(o, "mode")),
			       (long long)json_integer_value(json_object_get(o, "uptime_ns")) /
			       1000000000);
	}
	json_decref(list);
	return 0;
}

/* ---- the command line ---- */

/* Letters that may stand together, as in ss -tuln. -a and -n are what it always does. */
static bool flags(struct ctl *c, const char *word)
{
	for (const char *p = word + 1; *p; p++) {
		switch (*p) {
		case 'j': c->json = true; break;
		case 's': c->stats = true; break;
		case 'i': c->info = true; break;
		case 't': c->tcp = true; break;
		case 'u': c->udp = true; break;
		case 'w': c->raw = true; break;
		case 'l': c->listening = true; break;
		case 'a': case 'n': break;
		default: return false;
		}
	}
	return word[1] != '\0';
}

static int option(struct ctl *c, int argc, char **argv, int *i, struct weir_error *e)
{
	int rc = options_value(argc, argv, i, "--module-path", "-p", &c->module_path, e);

	if (rc)
		return rc < 0 ? rc : 0;
	if (!strcmp(argv[*i], "--json"))
		c->json = true;
	else if (!strcmp(argv[*i], "--statistics"))
		c->stats = true;
	else if (argv[*i][1] == '-' || !flags(c, argv[*i]))
		return weir_fail(e, EINVAL, "there is no option %s; see `weir ctl --help`", argv[*i]);
	return 0;
}

static int usage_error(const struct weir_error *e)
{
	fprintf(stderr, "weir ctl: %s\n", e->text);
	return CMD_USAGE;
}

/* Of the command that is named, or of all. */
static int help(char **words, int n, struct weir_error *e)
{
	int used;

	if (n < 2) {
		help_print("ctl", &ctl_help);
		return 0;
	}
	if (help_print_verb("ctl", &ctl_help, words + 1, n - 1)) {
		verb_find(words + 1, n - 1, &used, e);
		return usage_error(e);
	}
	return 0;
}

static bool is_help(const char *word)
{
	return !strcmp(word, "-h") || !strcmp(word, "--help");
}

/* Does one of a program's words ask for help? */
static bool asks_help(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (is_help(argv[i]))
			return true;
	return false;
}

/* One whose words are all there. */
static int command(struct ctl *c, char **words, int n, struct weir_error *e)
{
	if (n == 0)
		return list_all(c);
	if (n > 1)
		return ask(c, words + 1, n - 1, e);
	weir_fail(e, EINVAL, "what about %s? For example: weir ctl %s show", c->name, c->name);
	return CMD_USAGE;
}

int cmd_ctl(int argc, char **argv)
{
	struct log log = { .write = log_to_stderr, .level = LOG_WARN };
	struct ctl c = { .fd = -1 };
	struct weir_error e = { "" };
	const struct verb *program = NULL;
	char *words[WORDS_MAX];
	int n = 0, i, status;

	for (i = 1; i < argc; i++) {
		if (is_help(argv[i]))
			return help(words, n, &e);
		if (argv[i][0] == '-') {
			if (option(&c, argc, argv, &i, &e))
				return usage_error(&e);
		} else if (n == 1 && (program = program_find(argv[i]))) {
			words[n++] = argv[i];
			if (asks_help(argc - i, argv + i))
				return help(words, n, &e);
			break;
		} else if (n < WORDS_MAX) {
			words[n++] = argv[i];
		} else {
			weir_fail(&e, E2BIG, "there are more than %d words", WORDS_MAX);
			return usage_error(&e);
		}
	}
	if (registry_init(&c.registry, c.module_path, &log, &e))
		return usage_error(&e);
	c.name = n ? words[0] : NULL;
	status = program ? program->run(&c, argc - i, argv + i, &e) : command(&c, words, n, &e);
	registry_destroy(&c.registry);
	if (status)
		fprintf(stderr, "weir ctl: %s\n", e.text);
	return status;
}
