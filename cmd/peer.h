/* SPDX-License-Identifier: Apache-2.0 */
/* peer.h - which process connected a socket (peer.c). */
#ifndef CMD_PEER_H
#define CMD_PEER_H

#include <stdint.h>
#include <sys/types.h>

/*
 * A pidfd of the process that connected fd, an AF_UNIX socket, and its number in our PID namespace; -1: it is not known, or
 * gone. accepted: when fd was accepted, ns of CLOCK_BOOTTIME.
 */
int peer_open(int fd, uint64_t accepted, pid_t *pid);
/* Likewise where the kernel tells its number only. */
int peer_open_by_number(int fd, uint64_t accepted, pid_t *pid);

#endif
