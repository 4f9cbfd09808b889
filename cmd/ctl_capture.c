/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl_capture.c - weir ctl NAME capture: frames of a NIC for tcpdump and Wireshark.
 *
 * Theory of operation
 *
 * The stack process opens no file, so it is sent one end of a socket pair, and writes a record for
 * each frame to it (control/capture.h); this process makes a file of them. The socket's buffer is
 * all that there is between the two: when the reader of our output stops, so do we, the buffer
 * fills, and the stack counts what is lost and goes on. libpcap compiles the filter, and writes the
 * file, but for --drops: why a frame was dropped is its comment, which only pcapng has.
 *
 * It ends by a signal, after -c frames, or when the output's reader or the sandbox is gone.
 */
#include <errno.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/ctl.h"
#include "cmd/options.h"
#include "cmd/pcapng.h"
#include "control/capture.h"

#define SOCKET_BUFFER	(8 << 20)	/* bytes; less where the user may not have so many */
#define SNAPLEN		262144u		/* as tcpdump's: more than any frame has */
#define LINKTYPE_IP	101u		/* in a file, where DLT_RAW is another number */
#define END_WAIT_MS	5000
#define FILTER_MAX	8192

struct capturing {
	struct ctl *ctl;
	const char *dev, *file;		/* file NULL: stdout */
	uint64_t limit;			/* frames; 0 = no limit */
	uint32_t snaplen;
	bool wire, drops;
	char filter[FILTER_MAX];
	int dlt;
	int fd;				/* our end */
	FILE *out;
	pcap_t *pcap;
	pcap_dumper_t *dump;		/* NULL with drops */
	int error;			/* errno of the first write that failed; 0 = none did */
	uint64_t captured, lost;
	bool ended;			/* the stack has sent its last record, or is gone */
	char message[CAPTURE_MESSAGE_MAX];
};

/* A handler has no other way to say so. */
static volatile sig_atomic_t stopped;

/* A write that begins just after it would wait for its reader all the same: the alarm ends that. */
static void on_signal(int sig)
{
	if (sig != SIGALRM)
		stopped = 1;
	alarm(1);
}

/* ---- the command line ---- */

const struct help_option ctl_capture_options[] = {
	{ "-w, --write", "FILE", "write to this file, not to stdout" },
	{ "-c, --count", "N", "end after N frames" },
	{ "-s, --snaplen", "N", "keep the first N bytes of each frame" },
	{ "--wire", NULL, "show super-segments as the device cuts them, with checksums" },
	{ "--drops", NULL, "show only what qdiscs drop, each with the reason as its comment" },
	{ }
};

static int number_of(const char *option, const char *text, uint64_t max, uint64_t *n,
		     struct weir_error *e)
{
	char *end;

	errno = 0;
	*n = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || !*n || *n > max)
		return weir_fail(e, EINVAL, "%s %.64s: use a number from 1 to %llu", option, text,
				 (unsigned long long)max);
	return 0;
}

static int filter_add(struct capturing *k, const char *word, struct weir_error *e)
{
	size_t used = strlen(k->filter);
	int n = snprintf(k->filter + used, sizeof(k->filter) - used, "%s%s", used ? " " : "", word);

	return n < 0 || (size_t)n >= sizeof(k->filter) - used
		? weir_fail(e, E2BIG, "the filter has more than %d bytes", FILTER_MAX - 1) : 0;
}

/* 1: it was one of ours with a value. */
static int option_value(struct capturing *k, int argc, char **argv, int *i, struct weir_error *e)
{
	const char *value = NULL;
	uint64_t snaplen;
	int rc = options_value(argc, argv, i, "--write", "-w", &k->file, e);

	if (rc)
		return rc;
	rc = options_value(argc, argv, i, "--count", "-c", &value, e);
	if (rc > 0 && number_of("-c", value, UINT64_MAX, &k->limit, e))
		return -EINVAL;
	if (rc)
		return rc;
	rc = options_value(argc, argv, i, "--snaplen", "-s", &value, e);
	if (rc <= 0)
		return rc;
	if (number_of("--snaplen", value, SNAPLEN, &snaplen, e))
		return -EINVAL;
	k->snaplen = (uint32_t)snaplen;
	return 1;
}

static int option(struct capturing *k, int argc, char **argv, int *i, struct weir_error *e)
{
	int rc = option_value(k, argc, argv, i, e);

	if (rc)
		return rc < 0 ? rc : 0;
	if (!strcmp(argv[*i], "--wire"))
		k->wire = true;
	else if (!strcmp(argv[*i], "--drops"))
		k->drops = true;
	else
		return weir_fail(e, EINVAL, "capture has no option %s; `weir ctl NAME capture -h` "
				 "lists what there is", argv[*i]);
	return 0;
}

static int command_line(struct capturing *k, int argc, char **argv, struct weir_error *e)
{
	int rc = 0;

	for (int i = 1; i < argc && rc == 0; i++) {
		if (argv[i][0] == '-' && argv[i][1])	/* a lone one is the filter's minus */
			rc = option(k, argc, argv, &i, e);
		else if (!k->dev)
			k->dev = argv[i];
		else
			rc = filter_add(k, argv[i], e);
	}
	if (rc == 0 && !k->dev)
		rc = weir_fail(e, EINVAL, "the NIC is missing; `weir ctl %s link show` lists them",
			       k->ctl->name);
	if (k->file && !strcmp(k->file, "-"))
		k->file = NULL;
	if (rc == 0 && !k->file && isatty(STDOUT_FILENO))
		rc = weir_fail(e, EINVAL, "a capture is not for a terminal; write it to a file with -w FILE, or read it with `| tcpdump -r -`");
	return rc;
}

/* ---- asking ---- */

static json_t *request(struct capturing *k, json_t *rq, const int *fds, int nfds, struct weir_error *e)
{
	json_t *result = control_request(k->ctl->name, NULL, rq, fds, nfds, NULL, NULL, &k->ctl->pid, e);

	json_decref(rq);
	return result;
}

/* What its frames begin with. */
static int find_dlt(struct capturing *k, struct weir_error *e)
{
	json_t *nics = request(k, json_pack("{s:s}", "command", "link show"), NULL, 0, e), *nic;
	size_t i;

	if (!nics)
		return -EINVAL;
	k->dlt = -1;
	json_array_foreach(nics, i, nic)
		if (!strcmp(json_string_value(json_object_get(nic, "dev")), k->dev))
			k->dlt = json_is_true(json_object_get(nic, "l3")) ? DLT_RAW : DLT_EN10MB;
	json_decref(nics);
	return k->dlt >= 0 ? 0 : weir_fail(e, ENODEV, "there is no NIC %.32s; `weir ctl %s link show` lists those that are",
					   k->dev, k->ctl->name);
}

/* The filter as the request has it, NULL for none. */
static int compile(struct capturing *k, json_t **filter, struct weir_error *e)
{
	struct bpf_program prog;

	*filter = NULL;
	if (!*k->filter)
		return 0;
	if (pcap_compile(k->pcap, &prog, k->filter, 1, PCAP_NETMASK_UNKNOWN))
		return weir_fail(e, EINVAL, "filter \"%.200s\": %s; see pcap-filter(7)", k->filter,
				 pcap_geterr(k->pcap));
	*filter = json_array();
	for (u_int i = 0; i < prog.bf_len; i++)
		json_array_append_new(*filter, json_pack("[I,I,I,I]", (json_int_t)prog.bf_insns[i].code,
							 (json_int_t)prog.bf_insns[i].jt,
							 (json_int_t)prog.bf_insns[i].jf,
							 (json_int_t)prog.bf_insns[i].k));
	pcap_freecode(&prog);
	return 0;
}

static int begin(struct capturing *k, struct weir_error *e)
{
	const int size = SOCKET_BUFFER;
	json_t *filter, *rq, *result;
	int pair[2];

	if (compile(k, &filter, e))
		return -EINVAL;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		json_decref(filter);
		return weir_fail(e, errno, "no socket: %s", strerror(errno));
	}
	if (setsockopt(pair[1], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	rq = json_pack("{s:s, s:s, s:I, s:b, s:b, s:o*}", "command", "capture", "dev", k->dev, "snaplen",
		       (json_int_t)k->snaplen, "wire", k->wire, "drops", k->drops, "filter", filter);
	result = request(k, rq, &pair[1], 1, e);
	close(pair[1]);
	k->fd = pair[0];
	json_decref(result);
	return result ? 0 : -EINVAL;
}

/* ---- the file ---- */

/* What could not be written is given up: a reader that stopped must not keep us at the end. */
static void file_noticed(struct capturing *k)
{
	if (!ferror(k->out) || k->error)
		return;
	k->error = errno;
	__fpurge(k->out);
}

static void file_flush(struct capturing *k)
{
	if (!k->error)
		fflush(k->out);
	file_noticed(k);
}

static int file_open(struct capturing *k, struct weir_error *e)
{
	k->out = k->file ? fopen(k->file, "we") : stdout;
	if (!k->out)
		return weir_fail(e, errno, "%s: %s", k->file, strerror(errno));
	if (k->drops) {
		pcapng_start(k->out, k->dlt == DLT_RAW ? LINKTYPE_IP : (uint16_t)k->dlt, k->snaplen);
	} else {
		k->dump = pcap_dump_fopen(k->pcap, k->out);
		if (!k->dump)
			return weir_fail(e, EIO, "%s: %s", k->file ? k->file : "stdout",
					 pcap_geterr(k->pcap));
	}
	file_flush(k);			/* who reads sees at once that there is a capture */
	return 0;
}

static void write_frame(struct capturing *k, const struct capture_record *r, const char *text,
			const char *data, uint32_t caplen)
{
	struct pcap_pkthdr h = { .caplen = caplen, .len = r->len };

	h.ts.tv_sec = (time_t)(r->time / 1000000000);
	h.ts.tv_usec = (suseconds_t)(r->time % 1000000000);	/* ns, as the file's header says */
	if (k->drops)
		pcapng_frame(k->out, r->time, data, caplen, r->len, text);
	else
		pcap_dump((u_char *)k->dump, &h, (const u_char *)data);
	file_noticed(k);
	k->captured += !k->error;
}

static bool file_done(const struct capturing *k)
{
	return k->error || (k->limit && k->captured >= k->limit);
}

/* ---- records ---- */

/* One record, if there is one. */
static bool take(struct capturing *k)
{
	ssize_t n = recv(k->fd, k->message, sizeof(k->message), MSG_DONTWAIT);
	struct capture_record r;
	char text[CAPTURE_TEXT_MAX] = "";
	size_t head;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n < (ssize_t)sizeof(r)) {
		k->ended = true;
		return false;
	}
	memcpy(&r, k->message, sizeof(r));
	head = sizeof(r) + r.text;
	k->lost = r.lost;
	k->ended = r.flags & CAPTURE_END || r.text >= sizeof(text) || (size_t)n < head;
	if (k->ended)
		return false;
	memcpy(text, k->message + sizeof(r), r.text);
	if (!file_done(k))
		write_frame(k, &r, text, k->message + head, (uint32_t)((size_t)n - head));
	return true;
}

/* Until there is a record or a signal, or the output's reader is gone. */
static void wait_for_record(struct capturing *k, const sigset_t *unblocked)
{
	struct pollfd p[2] = { { .fd = k->fd, .events = POLLIN }, { .fd = fileno(k->out) } };

	if (ppoll(p, 2, NULL, unblocked) > 0 && p[1].revents & POLLERR)
		stopped = 1;
}

static void signals(sigset_t *blocked, sigset_t *unblocked)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction sa = { .sa_handler = on_signal };	/* no SA_RESTART: it ends a write, too */

	sigemptyset(blocked);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		sigaddset(blocked, ends[i]);
		sigaction(ends[i], &sa, NULL);
	}
	sigaction(SIGALRM, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_SETMASK, NULL, unblocked);
}

static void run(struct capturing *k, const sigset_t *blocked, const sigset_t *unblocked)
{
	while (!stopped && !k->ended && !file_done(k)) {
		if (take(k))
			continue;
		file_flush(k);
		sigprocmask(SIG_BLOCK, blocked, NULL);
		if (!stopped && !k->ended && !k->error)
			wait_for_record(k, unblocked);
		sigprocmask(SIG_SETMASK, unblocked, NULL);
	}
	/* what is under way, and how much was lost */
	shutdown(k->fd, SHUT_WR);
	while (!k->ended) {
		struct pollfd p = { .fd = k->fd, .events = POLLIN };

		if (!take(k) && !k->ended && poll(&p, 1, END_WAIT_MS) <= 0)
			break;
	}
	file_flush(k);
}

/* ---- the command ---- */

static int finish(struct capturing *k, struct weir_error *e)
{
	bool failed = k->error && k->error != EPIPE && k->error != EINTR;

	if (k->fd >= 0)
		close(k->fd);
	if (k->dump)
		pcap_dump_close(k->dump);
	else if (k->out)
		fclose(k->out);
	if (k->pcap)
		pcap_close(k->pcap);
	return failed ? weir_fail(e, EIO, "%s: not all could be written: %s",
				  k->file ? k->file : "stdout", strerror(k->error)) : 0;
}

static int capture(struct capturing *k, struct weir_error *e)
{
	sigset_t blocked, unblocked;
	int rc = find_dlt(k, e);

	if (rc)
		return rc;
	signals(&blocked, &unblocked);
	k->pcap = pcap_open_dead_with_tstamp_precision(k->dlt, (int)k->snaplen,
						       PCAP_TSTAMP_PRECISION_NANO);
	if (!k->pcap)
		return weir_fail(e, ENOMEM, "out of memory");
	rc = begin(k, e);
	if (rc == 0)
		rc = file_open(k, e);
	if (rc)
		return rc;
	fprintf(stderr, "weir ctl: capturing on %s of %s\n", k->dev, k->ctl->name);
	run(k, &blocked, &unblocked);
	fprintf(stderr, "%llu packets captured, %llu dropped by weir\n",
		(unsigned long long)k->captured, (unsigned long long)k->lost);
	return 0;
}

int ctl_capture(struct ctl *c, int argc, char **argv, struct weir_error *e)
{
	struct capturing *k = calloc(1, sizeof(*k));
	int rc, end;

	if (!k) {
		weir_fail(e, ENOMEM, "out of memory");
		return CMD_FAIL;
	}
	k->ctl = c;
	k->fd = -1;
	k->snaplen = SNAPLEN;
	if (command_line(k, argc, argv, e)) {
		free(k);
		return CMD_USAGE;
	}
	rc = capture(k, e);
	end = finish(k, e);
	free(k);
	return rc || end ? CMD_FAIL : 0;
}
