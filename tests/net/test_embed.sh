#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# docs/embed_tun.c, built against the library as it lies in the build tree: an echo server on a stack of its own
# behind a TUN device, which the host's programs reach.
. "$(dirname "$0")/common.sh"
need python3

# shellcheck disable=SC2086	# CC may have flags
${CC:-cc} -std=gnu17 -Wall -Wextra -Werror -I"$SRCDIR/include" "$SRCDIR/docs/embed_tun.c" -L"$BUILDDIR/.libs" -lweir \
	-o "$TMP/embed_tun" || exit 99
export LD_LIBRARY_PATH=$BUILDDIR/.libs
ip netns add $NSP || exit 99
ip -n $NSP link set lo up

echo_server() { peer "$TMP/embed_tun" tun7 10.7.0.1/24 10.7.0.2/24; }
# Send N MB to the server and want them back.
echoes() {
	peer python3 - "$1" <<'P'
import os, socket, sys, threading
s = socket.create_connection(("10.7.0.2", 7), 10)
s.settimeout(60)
data = os.urandom(int(sys.argv[1]))
def send():
    s.sendall(data)
    s.shutdown(socket.SHUT_WR)
threading.Thread(target=send).start()
got = b""
while True:
    b = s.recv(1 << 16)
    if not b:
        break
    got += b
sys.exit(got != data)
P
}

background echo_server > "$TMP/said"
server=$LAST
check "the server says where it is" wait_for 10 grep -q '^echo at 10.7.0.2/24, port 7$' "$TMP/said"
check "a few bytes come back" echoes 5
check "3 MB come back" echoes 3000000
check "and again, on a new connection" echoes 100000
stop $server
check "the device goes with the program" wait_for 20 bash -c "! ip -n $NSP link show tun7"
finish
