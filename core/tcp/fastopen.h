/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fastopen.h - what a stack keeps for TCP Fast Open (RFC 7413). fastopen.c has the theory.
 */
#ifndef TCP_FASTOPEN_H
#define TCP_FASTOPEN_H

#include "base/hash.h"
#include "base/list.h"
#include "base/siphash.h"

#define FASTOPEN_CLIENT		  0x001u	/* the bits of Linux's net.ipv4.tcp_fastopen */
#define FASTOPEN_SERVER		  0x002u
#define FASTOPEN_CLIENT_NO_COOKIE 0x004u
#define FASTOPEN_SERVER_NO_COOKIE 0x200u
#define FASTOPEN_ALL_LISTENERS	  0x400u	/* TCP_FASTOPEN is not needed */

#define FASTOPEN_HELD		  32u		/* RSTs that a listener remembers */

struct fastopen {
	uint32_t flags;
	uint32_t blackhole_s;		/* net.ipv4.tcp_fastopen_blackhole_timeout_sec */
	struct hash_table peers;	/* cookies that we have got */
	struct list ages;
	struct siphash_key keys[2];	/* of the cookies that we give; the second: still taken */
	uint32_t nkeys;
	uint32_t disabled_times;	/* black holes in a row */
	uint64_t disabled_at;
};

struct fastopen_queue {			/* of a socket with TCP_FASTOPEN */
	uint32_t max;			/* children before the end of their handshake; 0: off */
	uint32_t pending;		/* now */
	struct list children;
	struct siphash_key keys[2];
	uint32_t nkeys;			/* 0: the stack's keys */
	uint32_t first, held;		/* a ring: children that a RST took, still in the count */
	uint64_t until[FASTOPEN_HELD];	/* ns */
};

enum fastopen_verdict {
	FASTOPEN_NONE,			/* an ordinary handshake */
	FASTOPEN_GIVE,			/* the same, with a cookie in the SYN-ACK */
	FASTOPEN_OPEN,			/* the data is the program's at once */
	FASTOPEN_OPEN_GIVE,		/* with a new cookie, for the old one's key is outdated */
};

enum { FASTOPEN_NO_COOKIE = 1, FASTOPEN_NOT_ACKED, FASTOPEN_SYN_AGAIN };	/* tcp_info */

#endif
