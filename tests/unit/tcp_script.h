/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_script.h - a TCP under test and a peer made of a script, in the manner of packetdrill.
 *
 * The stack is 10.0.0.1, the peer 10.0.0.2; or fd00::1 and fd00::2. Sequence numbers are relative:
 * 0 is the SYN of each side, as in packetdrill. What the stack sends is taken frame by frame.
 */
#ifndef TCP_SCRIPT_H
#define TCP_SCRIPT_H

#include <check.h>
#include <sys/epoll.h>

#include "tcp/sock.h"
#include "testnet.h"

#define PEER_ISN 1000000u
#define STACK_PORT 80
#define PEER_PORT 4000

struct script {
	struct testnet net;
	struct tcp tcp;
	struct nic *nic;
	bool six;			/* all of it is IPv6 */
	struct sock *sk;		/* the connection */
	struct sock *listener;
	uint32_t iss;			/* of the stack, once its SYN was seen */
	uint16_t port;			/* the stack's; 0: the one that script_connects gets */
	uint16_t peer_port;
	uint16_t wnd;			/* the window field of what the peer sends */
	bool ts;			/* the peer uses timestamps */
	uint32_t tsval;			/* the peer's */
	uint32_t tsecr;			/* the stack's last */
	uint32_t mss;			/* the peer's SYN option */
	uint8_t wscale;			/* the same; 0: none */
	bool tfo;			/* its SYN has the Fast Open option ... */
	uint8_t tfo_len, tfo_cookie[TCP_TFO_MAX];	/* ... with this cookie */
	uint16_t urg;			/* the urgent pointer, with TCPH_URG */
	bool sack;			/* the same: SACK permitted */
	uint64_t rtt;			/* ms that the handshake of script_accepts takes */
	struct tcp_sack_block blocks[TCP_SACK_BLOCKS];	/* of the peer's next segment, relative */
	uint8_t nblocks;
	struct tcp_segment got;		/* last taken; ecn is that of its packet */
	uint8_t ecn;			/* codepoint of what the peer sends */
};

void script_init(struct script *t);
void script_init_family(struct script *t, bool six);
void script_init_gso(struct script *t);	/* the link takes super-segments */
void script_fini(struct script *t);	/* closes what is open; nothing may be left */

uint32_t script_ip_len(const struct script *t);	/* of an IP header */
/* The peer sends. Relative numbers; len bytes of payload. */
void peer_sends(struct script *t, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len);
/* The peer acknowledges ack, and holds n blocks: start, end, start, end ... relative. */
void peer_sacks(struct script *t, uint32_t ack, int n, ...);
/* The next segment of the stack must be this one. seq and ack relative. */
void expect(struct script *t, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len);
void expect_nothing(struct script *t);
void wait_ms(struct script *t, uint64_t ms);
/* ms pass in which the link takes everything: how many frames. */
uint32_t script_drain(struct script *t, uint64_t ms);

/* A listener on STACK_PORT. */
void script_listen(struct script *t, int backlog);
/* Both handshakes: t->sk is ESTABLISHED afterwards; the script has taken what was sent. */
void script_accepts(struct script *t);
void script_connects(struct script *t);
/* The stack writes len bytes, and sends the first n segments of size bytes, from seq on. */
void script_sends(struct script *t, uint32_t len, uint32_t seq, uint32_t n, uint32_t size);
ssize_t script_write(struct script *t, uint32_t len);
/* Read all: bytes. */
uint32_t script_read(struct script *t);
int script_state(const struct script *t);
int script_error(struct script *t);
/* The marks of the send queue must be what the connection believes they sum up to. */
void script_check_marks(struct script *t);
struct sock *script_sock(struct script *t);

#define ck_state(t, s) ck_assert_int_eq(script_state(t), s)

#endif
