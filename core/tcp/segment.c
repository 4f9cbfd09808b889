/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segment.c - parse and emit TCP headers.
 *
 * Theory of operation (RFC 9293 3.1, 3.2): twenty fixed bytes, then options up to the data
 * offset. An option is its kind alone (0 ends the list, 1 pads) or kind, length, value. The
 * length counts its own two bytes, so less than two would never advance, and more than what is
 * left would read beyond the header: either ends the list.
 */
#include <stddef.h>
#include <string.h>

#include "tcp/segment.h"

enum { OPT_END, OPT_NOP, OPT_MSS, OPT_WSCALE, OPT_SACK_OK, OPT_SACK, OPT_TS = 8,
       OPT_TFO = 34 };

static uint16_t get16(const uint8_t *b)
{
	return (uint16_t)(b[0] << 8 | b[1]);
}

static uint32_t get32(const uint8_t *b)
{
	return (uint32_t)get16(b) << 16 | get16(b + 2);
}

static uint8_t *put16(uint8_t *b, uint32_t v)
{
	b[0] = (uint8_t)(v >> 8);
	b[1] = (uint8_t)v;
	return b + 2;
}

static uint8_t *put32(uint8_t *b, uint32_t v)
{
	return put16(put16(b, v >> 16), v);
}

uint32_t tcp_segment_header_len(const uint8_t *h)
{
	uint32_t n = (uint32_t)(h[12] >> 4) * 4;

	return n < TCP_HEADER_LEN ? 0 : n;
}

/* RFC 2018 3: 8n + 2 bytes. A second such option would replace the first. */
static void parse_sack(const uint8_t *o, uint32_t size, struct tcp_segment *s)
{
	uint32_t n = (size - 2) / 8;

	if (size < 10 || (size - 2) % 8 || n > TCP_SACK_BLOCKS)
		return;
	for (uint32_t i = 0; i < n; i++) {
		s->sack[i].start = get32(o + 2 + 8 * i);
		s->sack[i].end = get32(o + 6 + 8 * i);
	}
	s->nsacks = (uint8_t)n;
}

static void parse_option(const uint8_t *o, uint32_t size, struct tcp_segment *s)
{
	bool syn = s->flags & TCPH_SYN;

	switch (o[0]) {
	case OPT_MSS:			/* these three mean something in a SYN only */
		if (size == 4 && syn)
			s->mss = get16(o + 2);
		break;
	case OPT_WSCALE:
		if (size == 3 && syn) {
			s->has_wscale = true;
			s->wscale = o[2] > TCP_WSCALE_MAX ? TCP_WSCALE_MAX : o[2];
		}
		break;
	case OPT_SACK_OK:
		if (size == 2 && syn)
			s->sack_ok = true;
		break;
	case OPT_SACK:
		if (!syn)
			parse_sack(o, size, s);
		break;
	case OPT_TFO:
		if (syn && (size == 2 || (size >= 2 + TCP_TFO_MIN && size <= 2 + TCP_TFO_MAX &&
					  size % 2 == 0))) {
			s->has_tfo = true;
			s->tfo_len = (uint8_t)(size - 2);
			memcpy(s->tfo, o + 2, s->tfo_len);
		}
		break;
	case OPT_TS:
		if (size == 10) {
			s->has_ts = true;
			s->tsval = get32(o + 2);
			s->tsecr = get32(o + 6);
		}
		break;
	}
}

void tcp_segment_parse(const uint8_t *h, uint32_t len, struct tcp_segment *s)
{
	const uint8_t *o = h + TCP_HEADER_LEN, *end;

	memset(s, 0, offsetof(struct tcp_segment, sack));
	s->sport = get16(h);
	s->dport = get16(h + 2);
	s->seq = get32(h + 4);
	s->ack = get32(h + 8);
	s->header_len = (uint8_t)tcp_segment_header_len(h);
	s->flags = h[13];
	s->wnd = get16(h + 14);
	s->urg = get16(h + 18);
	s->segs = 1;
	s->len = len - s->header_len;
	s->end = s->seq + s->len + !!(s->flags & TCPH_SYN) + !!(s->flags & TCPH_FIN);

	for (end = h + s->header_len; o < end && o[0] != OPT_END;) {
		if (o[0] == OPT_NOP) {
			o++;
			continue;
		}
		if (end - o < 2 || o[1] < 2 || o[1] > end - o)
			break;
		parse_option(o, o[1], s);
		o += o[1];
	}
}

uint32_t tcp_segment_size(const struct tcp_segment *s)
{
	uint32_t n = TCP_HEADER_LEN;

	if (s->mss)
		n += 4;
	if (s->has_ts)
		n += TCP_TS_LEN;
	else if (s->sack_ok)
		n += 4;
	if (s->has_wscale)
		n += 4;
	if (s->has_tfo)
		n += (2u + s->tfo_len + 3) & ~3u;
	return n + tcp_sack_size(s->nsacks);
}

void tcp_segment_emit(const struct tcp_segment *s, uint8_t *h)
{
	uint8_t *o = h;

	o = put16(o, s->sport);
	o = put16(o, s->dport);
	o = put32(o, s->seq);
	o = put32(o, s->ack);
	*o++ = (uint8_t)(tcp_segment_size(s) / 4 << 4);
	*o++ = s->flags;
	o = put16(o, s->wnd);
	o = put16(o, 0);		/* checksum */
	o = put16(o, s->urg);
	if (s->mss) {
		*o++ = OPT_MSS;
		*o++ = 4;
		o = put16(o, s->mss);
	}
	if (s->sack_ok || s->has_ts) {	/* the one takes the place of the other's padding */
		*o++ = s->sack_ok ? OPT_SACK_OK : OPT_NOP;
		*o++ = s->sack_ok ? 2 : OPT_NOP;
	}
	if (s->sack_ok && !s->has_ts) {
		*o++ = OPT_NOP;
		*o++ = OPT_NOP;
	}
	if (s->has_ts) {
		*o++ = OPT_TS;
		*o++ = 10;
		o = put32(o, s->tsval);
		o = put32(o, s->tsecr);
	}
	if (s->has_wscale) {
		*o++ = OPT_NOP;
		*o++ = OPT_WSCALE;
		*o++ = 3;
		*o++ = s->wscale;
	}
	if (s->nsacks) {
		*o++ = OPT_NOP;
		*o++ = OPT_NOP;
		*o++ = OPT_SACK;
		*o++ = (uint8_t)(2 + 8 * s->nsacks);
		for (uint32_t i = 0; i < s->nsacks; i++) {
			o = put32(o, s->sack[i].start);
			o = put32(o, s->sack[i].end);
		}
	}
	if (s->has_tfo) {
		*o++ = OPT_TFO;
		*o++ = (uint8_t)(2 + s->tfo_len);
		memcpy(o, s->tfo, s->tfo_len);
		o += s->tfo_len;
		while ((o - h) % 4)
			*o++ = OPT_NOP;
	}
}
