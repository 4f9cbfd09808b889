#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The same questions about sockets to the kernel and to weir: both must give the answers that tests/net/posix knows.
. "${SRCDIR:-.}/tests/net/common.sh"

POSIX=${BUILDDIR:-.}/tests/net/posix/posix
ip netns add $NSP || exit 99
ip -n $NSP link set lo up

for part in stream events signals passing datagram option; do
	check "$part, on the kernel" timeout 60 ip netns exec $NSP "$POSIX" $part
	check "$part, under weir" timeout 60 "$WEIR" run --network=none -- "$POSIX" $part
done
finish
