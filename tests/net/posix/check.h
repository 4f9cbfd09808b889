/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.h - a program that asks its sockets questions and knows what Linux answers. tests/net/test_posix.sh runs it
 * twice: on the kernel's stack, which proves the questions, and under weir, which must answer the same.
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

static inline struct sockaddr_in at(uint32_t addr, uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(addr),
	};
}

#define SA(a) ((struct sockaddr *)(a))

uint16_t port_of(int fd);
int tcp_listen(int backlog);			/* on 127.0.0.1, a port of its choice */
int tcp_socket(int flags);
int tcp_connect(int listener);			/* blocking */
void tcp_pair(int pair[2]);			/* 0: connected, 1: accepted */
int udp_socket(void);				/* bound to 127.0.0.1 */
struct sockaddr_in name_of(int fd);
int poll_now(int fd, short events, int ms);	/* revents */
int so_error(int fd);
void arm(int ms);				/* SIGALRM in ms */
void on_alarm(int flags);			/* its handler: SA_RESTART or 0 */

void test_stream(void);
void test_events(void);
void test_signals(void);
void test_passing(void);
void test_datagram(void);
void test_option(void);

#endif
