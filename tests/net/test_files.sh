#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A large file through each qdisc, both directions, GSO on and off: the same SHA-256 at the end.
# WEIR_FILE_MB sets the size (1024 by default).
. "$(dirname "$0")/common.sh"
need socat python3
net_setup
MB=${WEIR_FILE_MB:-1024}
# Random bytes of /dev/urandom would cost more than the transfer: a keystream does as well.
python3 - "$TMP/file" "$MB" <<'PY'
import os, sys
block = os.urandom(1 << 20)
with open(sys.argv[1], "wb") as f:
	for i in range(int(sys.argv[2])):
		k = i * 4099 % len(block)
		f.write(block[k:] + block[:k])
PY
SUM=$(sha256sum < "$TMP/file")
PORT=9000
for gso in on off; do
	for qdisc in fifo none tbf; do
		set -- --qdisc $qdisc --set weir.gso=$gso
		[ $qdisc = tbf ] && set -- "$@" --set qdisc.rate=2gbit --set qdisc.burst=256kb
		PORT=$((PORT + 1))
		background peer sh -c "socat -u TCP-LISTEN:$PORT,reuseaddr - | sha256sum > $TMP/sum.$PORT"
		receiver=$LAST
		wait_for 10 peer_listens $PORT
		fresh_name
		sandbox "$NAME" "$@" -- socat -u OPEN:"$TMP/file" TCP:$PEER:$PORT
		wait $receiver
		check "$MB MiB out, $qdisc, gso $gso" same "$(cat "$TMP/sum.$PORT")" "$SUM"
		PORT=$((PORT + 1))
		background peer socat -u OPEN:"$TMP/file" TCP-LISTEN:$PORT,reuseaddr
		wait_for 10 peer_listens $PORT
		fresh_name
		check "$MB MiB in, $qdisc, gso $gso" \
			same "$(sandbox "$NAME" "$@" -- socat -u TCP:$PEER:$PORT - | sha256sum)" "$SUM"
	done
done
finish
