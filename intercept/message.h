/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message.h - a message of the caller's: read, sent or received, written back. Private to intercept/.
 *
 * message.c		the caller's structures; room for its bytes
 * message_stream.c	on streams
 * message_dgram.c	on datagram sockets
 * call_message.c	the system calls
 *
 * The steps are those of call.h: functions named _act, and what takes a struct isock, work in the
 * stack's turn; the others outside of it.
 */
#ifndef INTERCEPT_MESSAGE_H
#define INTERCEPT_MESSAGE_H

#include "intercept/isock.h"

#define MESSAGE_IOV	1024u
#define MESSAGE_CONTROL	1024u

#ifndef MSG_FASTOPEN
#define MSG_FASTOPEN 0x20000000
#endif

struct message {			/* a struct msghdr of the caller's, read */
	struct iovec iov[MESSAGE_IOV];
	size_t niov, total;
	struct sockaddr_storage name;
	socklen_t namelen;		/* bytes in name; 0 = none */
	uint64_t at;			/* of the struct msghdr; 0 = none */
	struct msghdr hdr;
	_Alignas(8) uint8_t control[MESSAGE_CONTROL];
	size_t controllen;
	int flags;
	int flags_out;			/* receiving: msg_flags */
	bool nonblock;
	bool later;			/* of a vector call, and not the first of it */
	bool take;			/* MSG_PEEK has found what is not to be seen */
};

/*
 * n bytes of the buffer that programs' bytes are read into; what is too long for it goes through the
 * worker's scratch. Reserved in one turn of the stack, filled outside of it, used up in another one.
 */
struct room {
	struct buf *buf;		/* NULL: scratch */
	uint32_t off, len;
};

/* message.c */
void message_reset(struct message *m, int flags);
int message_read(struct call *c, struct message *m, uint64_t at, int flags, bool sending);
int message_write(struct call *c, struct message *m, const void *name, socklen_t namelen,
	const void *control, size_t controllen, int flags);
int room_reserve(struct intercept *ic, struct room *r, uint32_t n, bool part);
/* Fill it from the message, act in the stack's turn, and give it back: what act has answered. */
int64_t room_use(struct call *c, struct message *m, struct room *r,
		 int64_t (*act)(struct call *c, struct isock *is, struct message *m, const struct room *r));

/* message_stream.c */
bool message_stream_fastopens(const struct call *c, const struct isock *is, const struct message *m);
int64_t message_stream_fastopen(struct call *c, struct message *m, struct room *r);
int64_t message_stream_send_act(struct call *c, struct isock *is, struct message *m, struct room *r);
int64_t message_stream_send(struct call *c, struct message *m, uint32_t seen);
int64_t message_stream_recv(struct call *c, struct message *m, uint32_t seen);
int64_t message_stream_recv_act(const struct isock *is, const struct message *m);

/* message_dgram.c */
int64_t message_dgram_send_act(struct call *c, struct isock *is, struct message *m, struct room *r);
int64_t message_dgram_send(struct call *c, struct message *m, struct room *r);
int64_t message_dgram_recv_begin(struct call *c, struct isock *is, struct message *m, int fd);
int64_t message_dgram_recv(struct call *c, struct message *m, int fd, uint32_t seen);
int64_t message_dgram_recv_finish(struct call *c, struct message *m, size_t n);

#endif
