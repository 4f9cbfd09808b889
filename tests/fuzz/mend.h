/* SPDX-License-Identifier: Apache-2.0 */
/* mend.h - make the checksums of a mutated packet right: mutation alone never gets past them. */
#ifndef FUZZ_MEND_H
#define FUZZ_MEND_H

#include <stdint.h>

/* An IPv4 or IPv6 packet of n bytes, headers of any content: where they can be followed, the
 * header's sum and that of TCP, UDP, ICMP or ICMPv6 are made right, behind extensions as well. Of
 * one of several fragments the whole is not there. A checksum that UDP does without stays so. */
void mend_ip(uint8_t *ip, uint32_t n);

#endif
