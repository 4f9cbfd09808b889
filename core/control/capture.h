/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capture.h - what a capture sends to `weir ctl NAME capture`: on a Unix socket of type
 * SOCK_SEQPACKET, one record a message,
 *
 *	struct capture_record | text (drops only: why) | the frame's first bytes
 *
 * A client that shuts down its side for writing gets what is under way and one last record, with
 * CAPTURE_END set, after which the socket is closed.
 */
#ifndef CONTROL_CAPTURE_H
#define CONTROL_CAPTURE_H

#include <stdint.h>

#include <weir/packet.h>

#define CAPTURE_TEXT_MAX	128u
#define CAPTURE_MAX		8u	/* at once, of one sandbox */
#define CAPTURE_END		1u

struct capture_record {
	uint64_t time;			/* ns since 1970 */
	uint64_t lost;			/* frames that there was no room for, so far */
	uint32_t len;			/* bytes of the frame; what came of them is the rest of the message */
	uint16_t text;			/* bytes of text */
	uint16_t flags;
};

#define CAPTURE_MESSAGE_MAX	(sizeof(struct capture_record) + CAPTURE_TEXT_MAX + PACKET_MAX_LEN)

struct instance;
void captures_stop(struct instance *inst);

#endif
