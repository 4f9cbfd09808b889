#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# 200 swaps among fifo, tbf and none and 20 reloads of a rebuilt tbf.so during one transfer: the
# same SHA-256, nothing lost in weir, no connection reset. Then the ways a swap is refused.
. "$(dirname "$0")/common.sh"
need socat python3 gcc
net_setup
mkdir -m 755 "$TMP/mod"
cp "$WEIR_MODULE_PATH"/*.so "$TMP/mod/"
export WEIR_MODULE_PATH=$TMP/mod
cat > "$TMP/weir.ini" <<EOC
[weir]
mode = sandbox
[qdisc]
kind = fifo
EOC

# A stream that lasts as long as the swaps do: numbered blocks until told to stop, the sum of both ends compared.
cat > "$TMP/send.py" <<'PY'
import hashlib, os, socket, sys
h = hashlib.sha256()
block = os.urandom(1 << 20)
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
i = 0
while not os.path.exists(sys.argv[3]):
	data = i.to_bytes(8, "big") + block[8:]
	s.sendall(data)
	h.update(data)
	i += 1
s.shutdown(socket.SHUT_WR)
assert s.recv(1) == b""		# the peer read to the end; a reset would raise
print(h.hexdigest(), i)
PY
cat > "$TMP/receive.py" <<'PY'
import hashlib, socket, sys
l = socket.create_server(("0.0.0.0", int(sys.argv[1])))
s, _ = l.accept()
h = hashlib.sha256()
while data := s.recv(1 << 20):
	h.update(data)
s.close()
print(h.hexdigest())
PY
background peer python3 "$TMP/receive.py" 9300 > "$TMP/received"
receiver=$LAST
wait_for 10 peer_listens 9300
fresh_name
background sandbox "$NAME" -c "$TMP/weir.ini" -- python3 "$TMP/send.py" $PEER 9300 "$TMP/stop" > "$TMP/sent"
sender=$LAST
wait_for 10 ctl "$NAME" show
sleep 0.5

failures=0
for i in $(seq 200); do
	case $((i % 3)) in
	0) ctl "$NAME" qdisc replace eth0 fifo ;;
	1) ctl "$NAME" qdisc replace eth0 tbf rate 2gbit burst 256kb ;;
	2) ctl "$NAME" qdisc replace eth0 none ;;
	esac > "$TMP/out" 2>&1 || { failures=$((failures + 1)); cat "$TMP/out"; }
	if [ $((i % 10)) = 1 ]; then	# tbf carries the traffic now: new code for it
		gcc -std=gnu17 -O2 -D_GNU_SOURCE -shared -fPIC -I"$SRCDIR/include" -DBUILD=$i \
			-Wl,--build-id=sha1 "$SRCDIR"/plugins/tbf/*.c -o "$TMP/mod/tbf.so"
		ctl "$NAME" module reload tbf > "$TMP/out" 2>&1 ||
			{ failures=$((failures + 1)); cat "$TMP/out"; }
	fi
done
check "200 swaps and 20 reloads were all carried out" same $failures 0

# ---- somebody else's module ----
gcc -std=gnu17 -shared -fPIC -I"$SRCDIR/include" "$SRCDIR/docs/toy_qdisc.c" -o "$TMP/mod/toy.so"
check "the qdisc of docs/ takes over" ctl "$NAME" qdisc replace eth0 toy
carried() {
	[ "$(ctl "$NAME" -j stats | python3 -c '
import json, sys
print(json.load(sys.stdin)["qdiscs"]["eth0"]["packets"])')" -gt 100 ]
}
check "and carries the traffic" wait_for 10 carried

# ---- a module with a library of its own, which the stack process cannot open ----
check "netem, which needs libm, is loaded while the sandbox runs" ctl "$NAME" qdisc replace eth0 netem delay 1ms

# ---- what is refused changes nothing ----
ctl "$NAME" qdisc replace eth0 tbf rate 2gbit burst 256kb
was=$(ctl "$NAME" qdisc show)
out=$(ctl "$NAME" qdisc replace eth0 tbf rate 1gbit burst 1000 2>&1)
check "a bad burst is refused" [ $? != 0 ]
check "and the sentence has the value" contains "$out" "1000"
check "and nothing changed" same "$(ctl "$NAME" qdisc show)" "$was"
printf '[weir]\nmode = sandbox\n[qdisc]\nkind = tbf\nrate = 1gbit\nburst = 1000\n' > "$TMP/weir.ini"
out=$(ctl "$NAME" config reload 2>&1)
check "config reload with a bad burst is refused" [ $? != 0 ]
check "and names the file" contains "$out" "weir.ini"
check "and nothing changed" same "$(ctl "$NAME" qdisc show)" "$was"
printf '[weir]\nmode = sandbox\n[qdisc]\nkind = tbf\nrate = 1gbit\nburst = 300000\n' > "$TMP/weir.ini"
check "config reload of a good edit" ctl "$NAME" config reload
check "is in force" contains "$(ctl "$NAME" qdisc show)" "1Gbit"

# Before the end: with the sandbox go its counters.
ctl "$NAME" -j stats > "$TMP/stats.json"
check "no packet was lost in weir" python3 - "$TMP/stats.json" <<'PY'
import json, sys
s = json.load(open(sys.argv[1]))
nic, link = s["nics"]["eth0"], s["links"]["eth0"]
lost = {k: nic[k] for k in ("tx_drops", "qdisc_drops", "ring_drops")}
lost |= {"link." + k: link[k] for k in ("tx_drops", "tx_errors", "rx_drops", "rx_errors")}
lost |= {"out_discards": s["ip"]["out_discards"], "failures": s["pool"]["failures"]}
print(nic["tx_packets"], "packets sent, lost:", lost)
sys.exit(any(lost.values()) or nic["tx_packets"] < 1000)
PY
touch "$TMP/stop"
wait $sender
check "the sender saw no reset" [ $? = 0 ]
wait $receiver
check "same SHA-256 after $(cut -d' ' -f2 "$TMP/sent") MiB" \
	same "$(cat "$TMP/received")" "$(cut -d' ' -f1 "$TMP/sent")"
finish
