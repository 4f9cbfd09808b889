/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.h - a program that asks its sockets questions and knows what Linux answers.
 * tests/net/test_posix.sh runs it on the kernel's stack, which proves the questions, and under
 * weir, which must answer the same; of each family.
 */
#ifndef POSIX_CHECK_H
#define POSIX_CHECK_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

extern const char *check_test;
extern int check_failures, check_count;

void check_equal(const char *file, int line, const char *text, long got, long want);
/* What a call did: its result, or minus errno. */
static inline long did(long r)
{
	return r < 0 ? -errno : r;
}

#define IS(got, want) check_equal(__FILE__, __LINE__, #got, (long)(got), (long)(want))
#define DID(call, want) do { errno = 0; check_equal(__FILE__, __LINE__, #call, did(call), (long)(want)); } while (0)

/* What is asked about: sockets of IPv4, of IPv6, and those of IPv6 with mapped names, which speak
 * IPv4. */
struct family {
	const char *option;			/* -4, -6, -m */
	int domain;
	int level;				/* of options about its packets: IPPROTO_IP, IPPROTO_IPV6 */
	socklen_t size;				/* of a name */
	const char *any, *here, *away;		/* away: not ours, and no route leads there */
};

extern const struct family *family;
bool family_choose(const char *option);
bool speaks_v4(void);

union name {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

#define SA(a) ((struct sockaddr *)(a))
/* A name as calls take it, in two arguments. */
#define NAME(n) &(n).sa, name_size(&(n))

union name name_at(int domain, const char *addr, uint16_t port);
union name any(uint16_t port);
union name here(uint16_t port);
union name away(uint16_t port);
socklen_t name_size(const union name *n);
bool same_name(const union name *a, const union name *b);

uint16_t port_of(int fd);
int tcp_listen(int backlog);			/* here, on a port of its choice */
int tcp_socket(int flags);
int tcp_connect(int listener);			/* blocking */
void tcp_pair(int pair[2]);			/* 0: connected, 1: accepted */
int udp_socket(void);				/* bound here */
enum { REUSEADDR = 1, REUSEPORT = 2, V6ONLY = 4 };
int bound_socket(const union name *n, int options);	/* TCP, of n's family; -1 and errno */
union name name_of(int fd);
union name peer_of(int fd);
int poll_now(int fd, short events, int ms);	/* revents */
int so_error(int fd);
long get_int(int fd, int level, int name);	/* an option's value, or minus errno */
long set_int(int fd, int level, int name, int v);
/* Of an option of a fresh socket: what reads before; a value, what set answers, and what reads
 * then. */
struct ask {
	int name, before, value, answer, after;
};
void ask_all(int level, int domain, int type, const struct ask *asks, size_t n);
void arm(int ms);				/* SIGALRM in ms */
void on_alarm(int flags);			/* its handler: SA_RESTART or 0 */

int send_fd(int sock, int fd);			/* by SCM_RIGHTS, through an AF_UNIX socket */
int receive_fd(int sock);

void test_stream(void);
void test_events(void);
void test_signals(void);
void test_passing(void);
void test_datagram(void);
void test_ending(void);
void test_option(void);
void test_bind(void);
void test_bind_table(void);
void print_bind_table(void);
void test_urgent(void);
void test_tcpopt(void);
void test_frame(void);
void test_message(void);
void test_ipv6opt(void);
void test_dual(void);
void test_info(void);
void test_state(void);
void test_connect(void);

#endif
