/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segment.h - the TCP header and its options (RFC 9293 3.1, RFC 7323, RFC 2018), as bytes and as a
 * struct.
 * Nothing here knows of connections.
 */
#ifndef TCP_SEGMENT_H
#define TCP_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#define TCP_HEADER_LEN	   20u
#define TCP_HEADER_MAX	   60u
#define TCP_CSUM_OFFSET	   16u
#define TCP_TS_LEN	   12u	/* of the timestamp option, padded as everyone pads it */
#define TCP_MSS_ASSUMED	   536u	/* RFC 9293 3.7.1: of a peer that names none, over IPv4 */
#define TCP_MSS_FLOOR	   88u	/* what a peer names is raised to this, as Linux does */
#define TCP_WSCALE_MAX	   14u	/* RFC 7323 2.3 */
#define TCP_SACK_BLOCKS	   4u	/* RFC 2018 3: as many as the options have room for */
#define TCP_TFO_MIN	   4u	/* bytes of a cookie, RFC 7413 4.1.1 */
#define TCP_TFO_MAX	   16u

enum {
	TCPH_FIN = 0x01, TCPH_SYN = 0x02, TCPH_RST = 0x04, TCPH_PSH = 0x08,
	TCPH_ACK = 0x10, TCPH_URG = 0x20, TCPH_ECE = 0x40, TCPH_CWR = 0x80,
};

struct tcp_sack_block {			/* bytes [start, end) that the receiver holds */
	uint32_t start, end;
};

/* Bytes of a SACK option of n blocks, padded as everyone pads it. */
static inline uint32_t tcp_sack_size(uint32_t n)
{
	return n ? 4 + 8 * n : 0;
}

struct tcp_segment {
	uint32_t seq, ack;
	uint32_t end;			/* seq after the payload and a FIN; a SYN counts, too */
	uint32_t len;			/* bytes of payload */
	uint32_t wnd;			/* as on the wire: not scaled */
	uint16_t segs;			/* wire segments it stands for */
	uint16_t sport, dport;		/* host order */
	uint16_t urg;			/* urgent pointer, with TCPH_URG */
	uint16_t mss;			/* option; 0 = absent */
	uint8_t flags, header_len;
	uint8_t wscale;			/* option, with has_wscale; capped at 14 */
	bool has_wscale, has_ts, sack_ok;
	uint8_t ecn;			/* received: the codepoint of the IP packet (RFC 3168 5) */
	uint8_t nsacks;			/* blocks in sack[], as they came: not checked */
	uint32_t tsval, tsecr;
	bool has_tfo;			/* a SYN's Fast Open option; tfo_len 0: a request */
	uint8_t tfo_len, tfo[TCP_TFO_MAX];
	struct tcp_sack_block sack[TCP_SACK_BLOCKS];
};

/* Serial numbers (RFC 9293 3.4): a < b, a <= b, modulo 2^32. */
static inline bool seq_lt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline bool seq_le(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) <= 0;
}

static inline uint32_t seq_max(uint32_t a, uint32_t b)
{
	return seq_lt(a, b) ? b : a;
}

/* How long is the header that begins with these 20 bytes? 0: it lies. */
uint32_t tcp_segment_header_len(const uint8_t *h);
/* Parse a whole header (tcp_segment_header_len bytes) of a segment of len bytes, header
 * included. Unknown options are skipped; a malformed one ends the list, as in Linux. */
void tcp_segment_parse(const uint8_t *h, uint32_t len, struct tcp_segment *s);
/* Bytes that emitting s takes. */
uint32_t tcp_segment_size(const struct tcp_segment *s);
/* Write header and options to h[tcp_segment_size(s)]; the checksum is left zero. */
void tcp_segment_emit(const struct tcp_segment *s, uint8_t *h);

#endif
