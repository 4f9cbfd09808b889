/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pcapng.h - frames with a comment each, in the format pcapng (draft-ietf-opsawg-pcapng), which
 * libpcap reads but does not write. One section, one interface, nanoseconds. Errors are those of f.
 */
#ifndef CMD_PCAPNG_H
#define CMD_PCAPNG_H

#include <stdint.h>
#include <stdio.h>

/* linktype: LINKTYPE_*, as in a file. */
void pcapng_start(FILE *f, uint16_t linktype, uint32_t snaplen);
/* time: ns since 1970; caplen bytes of a frame that had len. */
void pcapng_frame(FILE *f, uint64_t time, const void *data, uint32_t caplen, uint32_t len,
		  const char *comment);

#endif
