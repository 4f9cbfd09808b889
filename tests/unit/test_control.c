/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_control.c - an instance on a link of the test's own, and every command of its control socket. Nothing
 * waits for the clock: every turn of the loop finds its events there. Clients that misbehave:
 * test_control_clients.c.
 */
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include "control/parts.h"
#include "socket/socket.h"
#include "tests/unit/control_world.h"

START_TEST(shows)
{
	static const char *const all[] = {
		"show", "config show", "module list", "qdisc show", "link show", "addr show",
		"route show", "neigh show", "maddr show", "sockets", "stats",
	};

	serve();
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		char request[64];

		snprintf(request, sizeof(request), "{\"command\":\"%s\"}", all[i]);
		ask_ok(request);
	}
	ask_refused("{\"command\":\"qdisc show\",\"dev\":\"eth7\"}", "eth7");
}
END_TEST

/* However many there are, an answer has 512 of them, and says where the next ones begin. */
START_TEST(sockets_in_pieces)
{
	struct weir_error e = { "" };
	struct sock *sk[600];
	json_t *r;
	int err;

	serve();
	for (int i = 0; i < 600; i++) {
		sk[i] = socket_create(inst.stack, AF_INET, SOCK_DGRAM, 0, false, &err);
		ck_assert_ptr_nonnull(sk[i]);
	}
	r = ask("{\"command\":\"sockets\"}", &e);
	ck_assert_uint_eq(json_array_size(json_object_get(r, "sockets")), 512);
	ck_assert_int_eq(json_integer_value(json_array_get(json_object_get(r, "next"), 0)), 1);
	ck_assert_int_eq(json_integer_value(json_array_get(json_object_get(r, "next"), 1)), 512);
	json_decref(r);
	ask_refused("{\"command\":\"sockets\",\"from\":512}", "from");
	ask_refused("{\"command\":\"sockets\",\"from\":[9,0,0]}", "from");
	r = ask("{\"command\":\"sockets\",\"from\":[1,512,0]}", &e);
	ck_assert_uint_eq(json_array_size(json_object_get(r, "sockets")), 88);
	ck_assert_ptr_null(json_object_get(r, "next"));
	json_decref(r);
	for (int i = 0; i < 600; i++)
		socket_close(sk[i]);
}
END_TEST

/* ---- watch ---- */

/* The connections of a piece are told, and where the next begin; the rest of the answer stands in the first. */
START_TEST(watch_in_pieces)
{
	static struct sock *sk[5000];
	struct weir_error e = { "" };
	char next[128];
	json_t *r;
	int err;

	serve();
	for (unsigned int i = 0; i < 5000; i++) {
		struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)(1000 + i)) };

		sk[i] = socket_create(inst.stack, AF_INET, SOCK_STREAM, 0, false, &err);
		ck_assert_int_eq(socket_bind(sk[i], &sa, sizeof(sa)), 0);
		ck_assert_int_eq(socket_listen(sk[i], 1), 0);
	}
	r = ask("{\"command\":\"watch\"}", &e);
	ck_assert_int_gt(json_integer_value(json_object_get(r, "time_ns")), 0);
	ck_assert(json_object_get(json_object_get(r, "nics"), "eth0"));
	ck_assert(json_object_get(json_object_get(r, "links"), "eth0"));
	ck_assert_str_eq(json_string_value(json_object_get(json_array_get(json_object_get(r, "qdiscs"), 0), "kind")), "fifo");
	ck_assert_uint_eq(json_array_size(json_object_get(r, "sockets")), 0);
	ck_assert_uint_eq(json_array_size(json_object_get(r, "next")), 3);
	snprintf(next, sizeof(next), "{\"command\":\"watch\",\"from\":[%lld,%lld,%lld]}",
		 json_integer_value(json_array_get(json_object_get(r, "next"), 0)),
		 json_integer_value(json_array_get(json_object_get(r, "next"), 1)),
		 json_integer_value(json_array_get(json_object_get(r, "next"), 2)));
	json_decref(r);
	r = ask(next, &e);
	ck_assert_ptr_null(json_object_get(r, "next"));
	ck_assert_ptr_null(json_object_get(r, "nics"));
	json_decref(r);
	ask_ok("{\"command\":\"watch\",\"from\":[2,0,0]}");
	ask_ok("{\"command\":\"watch\",\"from\":[0,9000000000000000000,9000000000000000000]}");
	ask_refused("{\"command\":\"watch\",\"from\":[3,0,0]}", "from");
	ask_refused("{\"command\":\"watch\",\"from\":[0,-1,0]}", "from");
	ask_refused("{\"command\":\"watch\",\"from\":[0,0]}", "from");
	ask_refused("{\"command\":\"watch\",\"from\":7}", "from");
	for (int i = 0; i < 5000; i++)
		socket_close(sk[i]);
}
END_TEST

static void send_bytes(struct sock *sk, uint32_t n)
{
	struct buf *b = buf_alloc(&inst.stack->pool, 65536);

	ck_assert_ptr_nonnull(b);
	memset(b->data, 0, n);
	ck_assert_int_eq(socket_write(sk, b, 0, n, 0), n);
	buf_put(b);
	turns(20);
}

/* Which of the connections is the i-th of an answer, by the port of our end; 0: the server's end. */
static int watch_port(json_t *r, size_t i)
{
	const char *local = json_string_value(json_object_get(json_array_get(json_object_get(r, "sockets"), i), "local"));
	int port = atoi(strchr(local, ':') + 1);

	return port >= 2000 ? port - 2000 : 0;
}

/* Of 60 ends the 20 busiest are told, by what they have carried since they were looked at last. */
START_TEST(watch_busiest)
{
	struct sockaddr_in server = { .sin_family = AF_INET, .sin_port = htons(80),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sock *l, *c[30];
	struct weir_error e = { "" };
	json_t *r;
	int err;

	serve();
	l = socket_create(inst.stack, AF_INET, SOCK_STREAM, 0, false, &err);
	ck_assert_int_eq(socket_bind(l, &server, sizeof(server)), 0);
	ck_assert_int_eq(socket_listen(l, 100), 0);
	for (unsigned int i = 0; i < 30; i++) {
		struct sockaddr_in ours = { .sin_family = AF_INET, .sin_port = htons((uint16_t)(2001 + i)) };

		c[i] = socket_create(inst.stack, AF_INET, SOCK_STREAM, 0, false, &err);
		ck_assert_int_eq(socket_bind(c[i], &ours, sizeof(ours)), 0);
		socket_connect(c[i], &server, sizeof(server));
		turns(5);
		send_bytes(c[i], 1000 * (i * 7 % 30 + 1));
	}
	r = ask("{\"command\":\"watch\"}", &e);
	ck_assert_uint_eq(json_array_size(json_object_get(r, "sockets")), 20);
	for (size_t i = 0; i < 20; i++) {
		json_t *o = json_array_get(json_object_get(r, "sockets"), i);

		/* two ends each of the ten that carried most, the busiest first; a SYN counts one, as on Linux */
		json_int_t bytes = 30001 - 1000 * ((json_int_t)i / 2) - (json_int_t)i % 2;

		ck_assert_int_eq(json_integer_value(json_object_get(o, "busy")), bytes);
		ck_assert_int_eq(json_integer_value(json_object_get(o, "bytes_acked")) +
				 json_integer_value(json_object_get(o, "bytes_received")), bytes);
		ck_assert_str_eq(json_string_value(json_object_get(o, "state")), "ESTAB");
	}
	json_decref(r);
	/* the one that carried least is now the busiest */
	usleep(300000);
	turns(1);
	send_bytes(c[0], 30000);
	r = ask("{\"command\":\"watch\"}", &e);
	ck_assert_int_eq(watch_port(r, 0) + watch_port(r, 1), 1);
	ck_assert_int_gt(json_integer_value(json_object_get(json_array_get(json_object_get(r, "sockets"), 1), "busy")), 0);
	ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(json_object_get(r, "sockets"), 2), "busy")), 0);
	json_decref(r);
	for (int i = 0; i < 30; i++)
		socket_close(c[i]);
	socket_close(l);
}
END_TEST

/* A TCP socket that is neither connected nor listening is in no list, as with ss. */
START_TEST(sockets_closed)
{
	struct weir_error e = { "" };
	struct sock *sk;
	json_t *r;
	int err;

	serve();
	sk = socket_create(inst.stack, AF_INET, SOCK_STREAM, 0, false, &err);
	r = ask("{\"command\":\"sockets\"}", &e);
	ck_assert_uint_eq(json_array_size(json_object_get(r, "sockets")), 0);
	json_decref(r);
	ck_assert_int_eq(socket_listen(sk, 5), 0);
	r = ask("{\"command\":\"sockets\"}", &e);
	ck_assert_uint_eq(json_array_size(json_object_get(r, "sockets")), 1);
	json_decref(r);
	socket_close(sk);
}
END_TEST

START_TEST(qdiscs)
{
	struct weir_error e = { "" };
	struct qdisc *was;
	json_t *r;

	serve();
	ask_ok("{\"command\":\"qdisc replace\",\"dev\":\"eth0\",\"kind\":\"fifo\","
	       "\"params\":{\"limit\":\"50\"}}");
	was = eth0()->root;
	ask_refused("{\"command\":\"qdisc replace\",\"dev\":\"eth0\",\"kind\":\"fifo\","
		    "\"params\":{\"limit\":\"many\"}}", "many");
	ask_refused("{\"command\":\"qdisc replace\",\"dev\":\"eth0\",\"kind\":\"fifo\","
		    "\"params\":{\"lim\":\"5\"}}", "lim");
	ask_refused("{\"command\":\"qdisc replace\",\"dev\":\"lo\",\"kind\":\"fifo\"}", "loopback");
	ask_refused("{\"command\":\"qdisc replace\",\"dev\":\"eth1\",\"kind\":\"fifo\"}", "eth1");
	ask_refused("{\"command\":\"qdisc replace\",\"dev\":\"eth0\",\"kind\":\"tbf\"}",
		    "needs module tbf");
	ck_assert_ptr_eq(eth0()->root, was);
	ask_ok("{\"command\":\"qdisc change\",\"dev\":\"eth0\",\"params\":{\"limit\":\"70\"}}");
	ck_assert_ptr_eq(eth0()->root, was);
	ask_refused("{\"command\":\"qdisc change\",\"dev\":\"eth0\",\"kind\":\"tbf\","
		    "\"params\":{\"rate\":\"1mbit\"}}", "fifo");
	r = ask("{\"command\":\"qdisc show\",\"dev\":\"eth0\"}", &e);
	ck_assert_str_eq(json_string_value(json_object_get(json_object_get(json_array_get(r, 0),
			 "params"), "limit")), "70");
	json_decref(r);
}
END_TEST

START_TEST(needs_module)
{
	char *answer;
	static const char request[] =
		"{\"command\":\"qdisc replace\",\"dev\":\"eth0\",\"kind\":\"tbf\","
		"\"params\":{\"rate\":\"1mbit\",\"burst\":\"64kb\"}}\n";

	serve();
	answer = say(request, sizeof(request) - 1);
	ck_assert_msg(answer && strstr(answer, "\"need\":\"tbf\""), "%s", answer);
}
END_TEST

/* A module's file sent with the request, as weir ctl does. */
/* With fd, which is closed. */
static json_t *with_file(const char *command, const char *module, const char *path, int fd)
{
	char line[8192], answer[8192] = "";
	int sock;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { line, 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			      .msg_controllen = sizeof(control) };

	iov.iov_len = (size_t)snprintf(line, sizeof(line),
				       "{\"command\":\"%s\",\"name\":\"%s\",\"path\":\"%s\"}\n",
				       command, module, path);
	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
	sock = client();
	ck_assert_int_gt(sendmsg(sock, &msg, 0), 0);
	turns(6);
	ck_assert_int_gt(recv(sock, answer, sizeof(answer) - 1, MSG_DONTWAIT), 0);
	close(sock);
	close(fd);
	return json_loads(answer, 0, NULL);
}

static json_t *with_module(const char *command, const char *module)
{
	struct weir_error e = { "" };
	char path[4096];
	int fd = module_open_copy(&client_registry, module, path, sizeof(path), &e);

	ck_assert_msg(fd >= 0, "%s", e.text);
	return with_file(command, module, path, fd);
}

static void with_module_ok(const char *command, const char *module)
{
	json_t *answer = with_module(command, module);

	ck_assert_msg(json_is_true(json_object_get(answer, "ok")), "%s",
		      json_string_value(json_object_get(answer, "error")));
	json_decref(answer);
}

START_TEST(modules)
{
	json_t *answer;

	serve();
	with_module_ok("module load", "tbf");
	ask_ok("{\"command\":\"qdisc replace\",\"dev\":\"eth0\",\"kind\":\"tbf\","
	       "\"params\":{\"rate\":\"1mbit\",\"burst\":\"64kb\"}}");
	ask_refused("{\"command\":\"qdisc replace\",\"dev\":\"eth0\",\"kind\":\"tbf\","
		    "\"params\":{\"rate\":\"1mbit\",\"burst\":\"1000\"}}", "1000");
	ask_refused("{\"command\":\"module unload\",\"name\":\"tbf\"}", "in use");
	for (int i = 0; i < 5; i++) {
		with_module_ok("module reload", "tbf");
		ck_assert_ptr_eq(eth0()->root->module, module_find(&inst.registry, "tbf"));
	}
	ck_assert_str_eq(eth0()->root->ops->name, "tbf");
	with_module_ok("module reload", "fifo");	/* tbf's child */
	with_module_ok("module reload", "sandbox");
	with_module_ok("module reload", "cubic");
	ck_assert_ptr_eq(inst.mode_module, module_find(&inst.registry, "sandbox"));
	ck_assert_ptr_eq(inst.congestion_module, module_find(&inst.registry, "cubic"));
	answer = with_module("module load", "tbf");
	ck_assert(json_is_false(json_object_get(answer, "ok")));
	json_decref(answer);
	ask_ok("{\"command\":\"qdisc replace\",\"dev\":\"eth0\",\"kind\":\"fifo\"}");
	ask_ok("{\"command\":\"module unload\",\"name\":\"tbf\"}");
	ck_assert_ptr_null(module_find(&inst.registry, "tbf"));
	ask_refused("{\"command\":\"module unload\",\"name\":\"tbf\"}", "not loaded");
}
END_TEST

/* The stack process reads no file that may lie on a disk, or a server, that does not answer. */
START_TEST(module_in_a_file)
{
	static const char *const commands[] = { "module load", "module reload" };
	const char *sentence;
	char path[4096];
	json_t *answer;
	int fd;

	serve();
	for (size_t i = 0; i < 2; i++) {
		fd = module_open(&client_registry, i ? "fifo" : "tbf", path, sizeof(path), NULL);
		ck_assert_int_ge(fd, 0);
		answer = with_file(commands[i], i ? "fifo" : "tbf", path, fd);
		sentence = json_string_value(json_object_get(answer, "error"));
		ck_assert_msg(sentence && strstr(sentence, "sealed copy"), "%s", sentence);
		json_decref(answer);
	}
}
END_TEST

static int try_connect(uint32_t be)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(80),
				   .sin_addr.s_addr = be };
	int err = 0, rc;
	struct sock *sk = socket_create(inst.stack, AF_INET, SOCK_STREAM, 0, false, &err);

	ck_assert_ptr_nonnull(sk);
	rc = socket_connect(sk, &sin, sizeof(sin));
	socket_abort(sk);
	return rc;
}

START_TEST(modes)
{
	serve();
	with_module_ok("module load", "none");
	with_module_ok("module load", "host");
	ck_assert_int_eq(try_connect(htonl(0xc0000201)), -EINPROGRESS);
	ask_ok("{\"command\":\"mode set\",\"mode\":\"none\"}");
	ck_assert(!eth0()->up);
	ck_assert_int_eq(try_connect(htonl(0xc0000201)), -ENETUNREACH);
	ck_assert_int_eq(try_connect(htonl(0x0a000009)), -ENETUNREACH);
	ask_refused("{\"command\":\"mode set\",\"mode\":\"host\"}", "host");
	ask_ok("{\"command\":\"mode set\",\"mode\":\"sandbox\"}");
	ck_assert(eth0()->up);
	ck_assert_int_eq(try_connect(htonl(0x0a000009)), -EINPROGRESS);
	ck_assert_int_eq(try_connect(htonl(0xc0000201)), -EINPROGRESS);
}
END_TEST

START_TEST(names)
{
	struct ip_addr a = ip_addr_v4(htonl(0x0a010002));

	serve();
	ask_ok("{\"command\":\"addr add\",\"addr\":\"10.1.0.2/16\",\"dev\":\"eth0\"}");
	ck_assert_ptr_nonnull(ip_addr_find(&inst.stack->ip, &a));
	ask_refused("{\"command\":\"addr add\",\"addr\":\"10.1.0.2/16\",\"dev\":\"eth0\"}", "10.1.0.2");
	ask_ok("{\"command\":\"route add\",\"dst\":\"172.16.0.0/12\",\"gateway\":\"10.1.0.1\","
	       "\"metric\":\"5\"}");
	ask_refused("{\"command\":\"route add\",\"dst\":\"172.16.0.0/12\"}", "via");
	ask_refused("{\"command\":\"route add\",\"dst\":\"x\",\"dev\":\"eth0\"}", "x");
	ask_ok("{\"command\":\"route del\",\"dst\":\"172.16.0.0/12\",\"gateway\":\"10.1.0.1\","
	       "\"metric\":5}");
	ask_ok("{\"command\":\"neigh add\",\"addr\":\"10.1.0.9\",\"lladdr\":\"02:00:00:00:00:09\","
	       "\"dev\":\"eth0\"}");
	ask_refused("{\"command\":\"neigh add\",\"addr\":\"10.1.0.9\",\"lladdr\":\"01:00:00:00:00:09\","
		    "\"dev\":\"eth0\"}", "group");
	ask_ok("{\"command\":\"neigh del\",\"addr\":\"10.1.0.9\",\"dev\":\"eth0\"}");
	ask_refused("{\"command\":\"neigh del\",\"addr\":\"10.1.0.9\",\"dev\":\"eth0\"}", "10.1.0.9");
	ask_ok("{\"command\":\"addr del\",\"addr\":\"10.1.0.2/16\",\"dev\":\"eth0\"}");
	ck_assert_ptr_null(ip_addr_find(&inst.stack->ip, &a));
	ask_refused("{\"command\":\"addr del\",\"addr\":\"10.1.0.2/16\",\"dev\":\"eth0\"}", "10.1.0.2");
}
END_TEST

static char *reload_request(const char *ini)
{
	json_t *rq = json_pack("{s:s, s:s, s:s}", "command", "config reload", "file", "/new.ini",
			       "text", ini);
	char *text = json_dumps(rq, JSON_COMPACT);

	json_decref(rq);
	return text;
}

static void reload_ok(const char *ini)
{
	char *rq = reload_request(ini);

	ask_ok(rq);
	free(rq);
}

static void reload_refused(const char *ini, const char *phrase)
{
	char *rq = reload_request(ini);

	ask_refused(rq, phrase);
	free(rq);
}

#define LINK "[link eth0]\ndriver = packet\n"

START_TEST(reconfigure)
{
	struct ip_addr second = ip_addr_v4(htonl(0x0a000003));
	struct qdisc *was;

	serve();
	was = eth0()->root;
	reload_ok(base_config);
	ck_assert_ptr_eq(eth0()->root, was);	/* nothing changed, nothing is touched */
	/* refused as a whole: the qdisc would be good */
	reload_refused("[qdisc]\nkind = fifo\nlimit = 7\n", "eth0");
	reload_refused(LINK "mtu = 1400\n[qdisc]\nkind = fifo\nlimit = 7\n", "mtu");
	reload_refused(LINK "[link eth1]\ndriver = packet\n", "[link]");
	reload_refused(LINK "[qdisc]\nkind = fifo\nlimit = x\n", "new.ini:5");
	reload_refused(LINK "[nonsense]\n", "nonsense");
	reload_refused(LINK "[qdisc eth1]\nkind = fifo\n",
		       "new.ini:3: [qdisc eth1]: there is no NIC eth1; there is only eth0");
	reload_refused(LINK "[qdisc lo]\nkind = fifo\n", "loopback");
	reload_refused(LINK "address = 10.0.0.3/24\ngateway = 192.0.2.1\n",
		       "192.0.2.1");
	ck_assert_ptr_eq(eth0()->root, was);
	ck_assert_ptr_null(ip_addr_find(&inst.stack->ip, &second));
	ck_assert_int_eq(try_connect(htonl(0xc0000201)), -EINPROGRESS);
	/* and taken */
	reload_ok("[weir]\ngso = off\ngro = off\n" LINK "address = 10.0.0.3/24\ngateway = 10.0.0.254\n"
		  "[qdisc]\nkind = fifo\nlimit = 7\n");
	ck_assert_ptr_ne(eth0()->root, was);
	ck_assert_ptr_nonnull(ip_addr_find(&inst.stack->ip, &second));
	ck_assert_uint_eq(eth0()->gso_max, 0);
	ck_assert_uint_eq(eth0()->caps, LINK_CSUM);
	ck_assert(!eth0()->gro);
	ck_assert_str_eq(inst.config_file, "/new.ini");
	reload_ok(base_config);
	ck_assert_ptr_null(ip_addr_find(&inst.stack->ip, &second));
	ck_assert_uint_eq(eth0()->gso_max, 65536);
	ck_assert(eth0()->gro);
}
END_TEST

/* The only route to 10.9.0.0/16. */
static const struct route *the_route(void)
{
	const struct route *found = NULL;

	list_for_each(pos, &inst.stack->ip.routes) {
		const struct route *r = list_entry(pos, struct route, node);

		if (r->prefix != 16)
			continue;
		ck_assert_ptr_null(found);
		found = r;
	}
	return found;
}

/* Whatever is said of a route makes it another one when it changes. */
START_TEST(reconfigure_route)
{
	static const char *const says[] = {
		"", " metric 5", " metric 5 mtu 1300", " metric 5 mtu 1300 src 10.0.0.3",
		" metric 5 mtu 1300 src 10.0.0.3 onlink", " onlink"
	};
	struct ip_addr src = ip_addr_v4(htonl(0x0a000003));
	const struct route *r;
	char ini[256];

	serve();
	for (size_t i = 0; i < sizeof(says) / sizeof(says[0]); i++) {
		snprintf(ini, sizeof(ini), LINK "address = 10.0.0.3/24\n"
			 "route = 10.9.0.0/16 via 10.0.0.254%s\n", says[i]);
		reload_ok(ini);
		r = the_route();
		ck_assert_uint_eq(r->metric, strstr(says[i], "metric") ? 5 : 0);
		ck_assert_uint_eq(r->mtu, strstr(says[i], "mtu") ? 1300 : 0);
		ck_assert_int_eq(ip_addr_eq(&r->prefsrc, &src), !!strstr(says[i], "src"));
		ck_assert_int_eq(r->onlink, !!strstr(says[i], "onlink"));
	}
	reload_ok(base_config);
	ck_assert_ptr_null(the_route());
}
END_TEST

/* A gateway that no address has on its link. */
START_TEST(onlink)
{
	serve();
	ask_refused("{\"command\":\"route add\",\"dst\":\"10.9.0.0/16\",\"gateway\":\"192.0.2.1\"}",
		    "on no link of ours");
	ask_refused("{\"command\":\"route add\",\"dst\":\"10.9.0.0/16\",\"gateway\":\"192.0.2.1\","
		    "\"onlink\":true}", "or say whose link it is on");
	ask_ok("{\"command\":\"route add\",\"dst\":\"10.9.0.0/16\",\"gateway\":\"192.0.2.1\","
	       "\"dev\":\"eth0\",\"onlink\":true}");
	ck_assert(the_route()->onlink);
	ask_ok("{\"command\":\"route del\",\"dst\":\"10.9.0.0/16\"}");
}
END_TEST

static void check_congestion(struct sock *sk, const char *name)
{
	char got[16] = "";
	socklen_t len = sizeof(got);

	ck_assert_int_eq(socket_getsockopt(sk, IPPROTO_TCP, TCP_CONGESTION, got, &len), 0);
	ck_assert_str_eq(got, name);
}

static struct sock *tcp_socket(void)
{
	int err = 0;
	struct sock *sk = socket_create(inst.stack, AF_INET, SOCK_STREAM, 0, false, &err);

	ck_assert_ptr_nonnull(sk);
	return sk;
}

/* [tcp]: congestion control of open sockets and sizes, live; TCP_CONGESTION of one socket */
START_TEST(reconfigure_tcp)
{
	struct sock *first, *own;

	serve();
	first = tcp_socket();
	check_congestion(first, "cubic");
	ck_assert_uint_eq(first->rcvbuf, 131072);
	reload_refused(LINK "[tcp]\nrmem = 4kb\n", "new.ini:4");
	with_module_ok("module load", "bbr");
	with_module_ok("module load", "reno");
	own = tcp_socket();
	ck_assert_int_eq(socket_setsockopt(own, IPPROTO_TCP, TCP_CONGESTION, "reno", 4), 0);
	ck_assert_int_eq(socket_setsockopt(own, IPPROTO_TCP, TCP_CONGESTION, "vegas", 5), -ENOENT);
	check_congestion(own, "reno");
	reload_ok(LINK "[tcp]\ncongestion = bbr\nrmem = 4kb 32kb 64kb\nmemory = 8mb 16mb 32mb\n");
	check_congestion(first, "bbr");
	check_congestion(own, "reno");		/* it was the program's choice */
	ck_assert_uint_eq(first->rcvbuf, 65536);
	ck_assert_uint_eq(inst.stack->tcp.mem.max, 32 << 20);
	socket_abort(own);
	own = tcp_socket();
	check_congestion(own, "bbr");
	ck_assert_uint_eq(own->rcvbuf, 32768);
	ck_assert_int_eq(socket_setsockopt(own, IPPROTO_TCP, TCP_CONGESTION, "bbr", 3), 0);
	reload_ok(LINK "[tcp]\ncongestion = cubic\nbeta = 80\n");
	check_congestion(first, "cubic");
	check_congestion(own, "bbr");
	with_module_ok("module reload", "bbr");
	check_congestion(own, "bbr");
	ask_refused("{\"command\":\"module unload\",\"name\":\"bbr\"}", "in use");
	ck_assert_uint_eq(inst.stack->tcp.mem.max, 0);
	socket_abort(first);
	socket_abort(own);
}
END_TEST

static int tcp_option(struct sock *sk, int name)
{
	int v = -1;
	socklen_t len = sizeof(v);

	ck_assert_int_eq(socket_getsockopt(sk, IPPROTO_TCP, name, &v, &len), 0);
	return v;
}

/* Each key of [tcp] reaches the stack, live, and goes back to its default with the line */
START_TEST(reconfigure_tcp_keys)
{
	const struct tcp *tcp;
	struct sock *sk;

	serve();
	tcp = &inst.stack->tcp;
	sk = tcp_socket();
	reload_ok(LINK "[tcp]\necn = on\nsack = off\ntimestamps = off\nwindow-scaling = off\n"
		  "syn-cookies = always\nfastopen = server\nmtu-probing = always\ntw-reuse = off\n"
		  "max-syn-backlog = 100\nsyn-retries = 2\nsynack-retries = 3\nfin-timeout = 7s\n"
		  "keepalive-time = 60s\nkeepalive-interval = 10s\nkeepalive-probes = 4\n");
	ck_assert_uint_eq(tcp->ecn, 1);
	ck_assert(!tcp->sack && !tcp->timestamps && !tcp->window_scaling);
	ck_assert_uint_eq(tcp->syn_cookies, 2);
	ck_assert_uint_eq(tcp->fastopen.flags, FASTOPEN_SERVER);
	ck_assert_uint_eq(tcp->mtu_probing, 2);
	ck_assert_uint_eq(tcp->tw_reuse, 0);
	ck_assert_uint_eq(tcp->max_syn_backlog, 100);
	ck_assert_uint_eq(tcp->synack_retries, 3);
	ck_assert_int_eq(tcp_option(sk, TCP_SYNCNT), 2);	/* open sockets follow, as on Linux */
	ck_assert_int_eq(tcp_option(sk, TCP_LINGER2), 7);
	ck_assert_int_eq(tcp_option(sk, TCP_KEEPIDLE), 60);
	ck_assert_int_eq(tcp_option(sk, TCP_KEEPINTVL), 10);
	ck_assert_int_eq(tcp_option(sk, TCP_KEEPCNT), 4);
	ck_assert_int_eq(socket_setsockopt(sk, IPPROTO_TCP, TCP_KEEPCNT, &(int){ 5 }, 4), 0);
	reload_ok(base_config);
	ck_assert_uint_eq(tcp->ecn, 2);
	ck_assert(tcp->sack && tcp->timestamps && tcp->window_scaling);
	ck_assert_uint_eq(tcp->fastopen.flags, FASTOPEN_CLIENT);
	ck_assert_int_eq(tcp_option(sk, TCP_SYNCNT), 6);
	ck_assert_int_eq(tcp_option(sk, TCP_KEEPIDLE), 7200);
	ck_assert_int_eq(tcp_option(sk, TCP_KEEPCNT), 5);	/* the program's own */
	socket_abort(sk);
}
END_TEST

/* The command line of weir run stays above the file. */
START_TEST(precedence)
{
	char *const overrides[] = { (char[]){ "qdisc.limit=33" } };
	struct weir_error e = { "" };
	json_t *r;

	serve();
	ck_assert(!instance_set_source(&inst, NULL, overrides, 1, &e));
	reload_ok(base_config);
	r = ask("{\"command\":\"qdisc show\"}", &e);
	ck_assert_str_eq(json_string_value(json_object_get(json_object_get(json_array_get(r, 0),
			 "params"), "limit")), "33");
	json_decref(r);
}
END_TEST

/* A descriptor whose error stays: that of a pipe without a reader. */
START_TEST(link_gone)
{
	struct instance_nic *n = list_first(&inst.nics, struct instance_nic, node);
	struct loop_io *io = &n->io;
	int fd[2], turns_taken = 0;

	ck_assert_int_eq(pipe(fd), 0);
	close(fd[0]);
	loop_del(io);
	ck_assert_int_eq(loop_add(&inst.loop, io, fd[1], EPOLLIN, io->fn), 0);
	n->nic->link_busy = true;		/* somebody waits for it */
	while (io->events && turns_taken++ < 1000)
		loop_turn(&inst.loop);
	ck_assert_uint_eq(io->events, 0);	/* it is let rest */
	ck_assert_int_gt(turns_taken, 1);	/* but not at once */
	n->nic->want_write(n->nic, true);	/* whatever is wanted of it */
	ck_assert_uint_eq(io->events, 0);
	while (!io->events)
		loop_turn(&inst.loop);		/* until it is looked at again */
	ck_assert(!n->nic->gone);
	instance_link_gone(n);
	ck_assert_ptr_null(io->loop);		/* not watched any more */
	n->nic->want_write(n->nic, true);	/* and nothing minds */
	n->nic->want_write(n->nic, false);
	ck_assert(n->nic->gone && !n->nic->up && list_empty(&n->nic->addrs));
	ck_assert_ptr_null(nic_find(&inst.stack->nics, n->link.name));
	ck_assert_ptr_eq(instance_nic_find(&inst, n->link.name, NULL), n->nic);
	close(fd[1]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("control");
	TCase *c = tcase_create("commands");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, shows);
	tcase_add_test(c, sockets_in_pieces);
	tcase_add_test(c, sockets_closed);
	tcase_add_test(c, watch_in_pieces);
	tcase_add_test(c, watch_busiest);
	tcase_add_test(c, qdiscs);
	tcase_add_test(c, needs_module);
	tcase_add_test(c, modules);
	tcase_add_test(c, module_in_a_file);
	tcase_add_test(c, modes);
	tcase_add_test(c, names);
	tcase_add_test(c, reconfigure);
	tcase_add_test(c, reconfigure_route);
	tcase_add_test(c, onlink);
	tcase_add_test(c, reconfigure_tcp);
	tcase_add_test(c, reconfigure_tcp_keys);
	tcase_add_test(c, precedence);
	tcase_add_test(c, link_gone);
	suite_add_tcase(s, c);
	return run_suite(s);
}
