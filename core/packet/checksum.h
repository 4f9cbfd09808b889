/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checksum.h - the Internet checksum (RFC 1071, RFC 1624). A partial sum is a 32-bit one's
 * complement sum of 16-bit words in memory order; checksum_fold gives the 16 bits to store as they
 * are (network order, complemented).
 */
#ifndef PACKET_CHECKSUM_H
#define PACKET_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#include <weir/packet.h>

uint32_t checksum_partial(const void *data, size_t len, uint32_t sum);
uint16_t checksum_fold(uint32_t sum);			/* complemented */
/* The sum of bytes [off, off+len) over the linear part and fragments, at any parity. */
uint32_t checksum_packet(const struct packet *p, uint32_t off, uint32_t len, uint32_t sum);
/* The pseudo-header's sum; addresses of alen (4 or 16) bytes, len in bytes. */
uint32_t checksum_pseudo(const void *src, const void *dst, size_t alen, uint8_t proto,
			 uint32_t len);

#endif
