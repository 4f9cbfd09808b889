#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `weir ctl NAME metrics`: what promtool says of the page, every number of `ctl stats` is in it with its value,
# counters over swaps of the qdisc, and HTTP on loopback and a Unix socket only.
. "$(dirname "$0")/common.sh"
need socat python3 curl
net_setup

fresh_name
NAME="$NAME\"q\\b"		# a label's value is escaped
background sandbox "$NAME" --qdisc tbf --set qdisc.rate=1gbit --set qdisc.burst=256kb -- python3 -c "
import socket, time
l = socket.create_server(('127.0.0.1', 9111)); u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(('', 9112))
s = socket.create_connection(('$PEER', 9110)); s.sendall(bytes(3000000)); time.sleep(1000)"
background peer socat -u TCP-LISTEN:9110,reuseaddr OPEN:/dev/null
wait_for 10 peer_listens 9110
wait_for 10 ctl "$NAME" show
sent() { [ "$(counted nics.eth0 | tr "'," '"\n' | sed -n 's/.*"tx_bytes": //p')" -gt 3000000 ]; }
wait_for 20 sent

ctl "$NAME" metrics > "$TMP/page"
check "metrics prints a page" [ $? = 0 ]
if command -v promtool >/dev/null; then
	out=$(promtool check metrics < "$TMP/page" 2>&1)
	check "promtool reads it" [ $? = 0 ]
	check "and has no complaint" same "$out" ""
else
	echo "SKIP: promtool is NOT installed (Debian: prometheus): nobody but us has read the page"
fi

cat > "$TMP/page.py" <<'PY'
# page(text): {name: ({label: value}, number)...} and {"group.key" of HELP: name}
import re
def page(text):
	samples, places = {}, {}
	for line in text.splitlines():
		if m := re.fullmatch(r"# HELP (\w+) .*\(([\w.]*)\)", line):
			places[m[2]] = m[1]
		elif not line.startswith("#"):
			m = re.fullmatch(r'(\w+)\{((?:\w+="(?:[^"\\\n]|\\.)*",?)+)\} ([0-9.]+)', line)
			labels = {k: v.replace('\\"', '"').replace("\\\\", "\\")
				  for k, v in re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', m[2])}
			samples.setdefault(m[1], []).append((labels, float(m[3])))
	return samples, places
PY
# agree BEFORE.json PAGE AFTER.json INSTANCE FOLDER [moving]: each leaf of the statistics has a sample whose value is between
# the two; but a gauge under traffic may go up and come back meanwhile.
cat > "$TMP/agree.py" <<'PY'
import json, sys
sys.path.insert(0, sys.argv[5])
from page import page
before, after = (json.load(open(f)) for f in (sys.argv[1], sys.argv[3]))
samples, places = page(open(sys.argv[2]).read())
known = {"qdiscs": {"bytes", "packets", "drops", "overlimits", "requeues", "kind"}}	# one qdisc's: the NIC's are told
bad = n = 0
def one(place, lo, hi, **labels):
	global bad, n
	n += 1
	labels["instance"] = sys.argv[4]
	got = [v for l, v in samples.get(places.get(place), []) if l == labels]
	free = sys.argv[6:] and not places.get(place, "").endswith("_total")
	if len(got) != 1 or not (free or min(lo, hi) <= got[0] <= max(lo, hi)):
		print("  ", place, labels, got, lo, hi)
		bad += 1
for group, o in before.items():
	o2 = after[group]
	if group == "uptime_ns":
		one(group, o / 1e9, o2 / 1e9)
	elif group in ("nics", "links", "qdiscs"):
		for nic in o:
			more = {"qdisc": "root", "kind": o[nic]["kind"]} if group == "qdiscs" else {}
			for key in o[nic].keys() - known.get(group, set()):
				one(f"{group}.{key}", o[nic][key], o2[nic][key], nic=nic, **more)
	elif group == "sockets":
		for kind in o:
			for state in o[kind]:
				one(group, o[kind][state], o2[kind][state], kind=kind, state=state)
	else:
		family = {}
		if group + "6" in before: family = {"family": "ipv4"}
		elif group.removesuffix("6") in before and group.endswith("6"): family = {"family": "ipv6"}
		for key in o:
			one(f"{group.removesuffix('6') if family else group}.{key}", o[key], o2[key], **family)
print(n, "numbers,", sum(map(len, samples.values())), "samples")
sys.exit(bad > 0 or n != sum(map(len, samples.values())) or n < 200)
PY
agree() {
	ctl "$NAME" -j stats > "$TMP/before.json"
	ctl "$NAME" metrics > "$TMP/page"
	ctl "$NAME" -j stats > "$TMP/after.json"
	python3 "$TMP/agree.py" "$TMP/before.json" "$TMP/page" "$TMP/after.json" "$NAME" "$TMP" "$@"
}
check "every number of stats -j is a metric, and they agree" agree
value() { sed -n "s/^$1{.*$2.*} //p" "$TMP/page"; }
check "the listener is counted" same "$(value weir_sockets 'kind="tcp",state="LISTEN"')" 1
check "and the connection" same "$(value weir_sockets 'kind="tcp",state="ESTAB"')" 1
check "and the UDP socket" same "$(value weir_sockets 'kind="udp",state="UNCONN"')" 1
background peer sh -c 'for i in $(seq 1000); do ping -c 20 -i 0.002 -q '$ADDR' >/dev/null; done'
check "under traffic, too" agree moving

# ---- no counter goes back over swaps and reloads ----
for i in 1 2 3 4 5 6 7 8 9; do
	ctl "$NAME" metrics > "$TMP/swap$i"
	case $((i % 3)) in
	1) ctl "$NAME" module reload tbf ;;		# the first time with all that was sent in it
	2) ctl "$NAME" qdisc replace eth0 fifo ;;
	0) ctl "$NAME" qdisc replace eth0 tbf rate 1gbit burst 256kb ;;
	esac || echo "swap $i failed"
done
check "no counter goes back over qdisc swaps" python3 - "$TMP" <<'PY'
import sys
sys.path.insert(0, sys.argv[1])
from page import page
last, bad = {}, []
for i in range(1, 10):
	samples, _ = page(open(f"{sys.argv[1]}/swap{i}").read())
	now = {(n, tuple(sorted(l.items()))): v for n, s in samples.items() if n.endswith("_total") for l, v in s}
	bad += [(i, k, last[k], now.get(k)) for k in last if now.get(k, -1) < last[k]]
	last = now
print(*bad, sep="\n")
sent = [v for (n, l), v in last.items() if n == "weir_qdisc_sent_bytes_total"]
nic = [v for (n, l), v in last.items() if n == "weir_nic_transmit_bytes_total" and ("nic", "eth0") in l]
print(sent, nic)
# What every qdisc sent is what the link was given, whatever was swapped; not twice what a reload carried over.
sys.exit(bool(bad) or len(sent) != 1 or sent[0] < 3000000 or not 0 <= sent[0] - nic[0] < 100000)
PY

# ---- HTTP ----
background "$WEIR" ctl "$NAME" metrics --listen 127.0.0.1:0 2> "$TMP/http.err"
http=$LAST
wait_for 10 grep -q /metrics "$TMP/http.err"
url=$(sed -n 's/.*\(http:.*\)/\1/p' "$TMP/http.err")
check "GET /metrics has the format's type" same \
	"$(curl -s -o "$TMP/got" -w '%{http_code} %{content_type}' "$url")" "200 text/plain; version=0.0.4; charset=utf-8"
check "and the page" grep -q '^weir_tcp_transmit_segments_total{' "$TMP/got"
check "another path is none" same "$(curl -s -o /dev/null -w '%{http_code}' "${url%/metrics}/")" 404
check "POST is refused" same "$(curl -s -o /dev/null -w '%{http_code}' -d x=1 "$url")" 405
check "HEAD has no body" same "$(curl -s -I -o /dev/null -w '%{http_code} %{size_download}' "$url")" "200 0"
out=$(ctl "$NAME" metrics --listen "${url:7:-8}" 2>&1)
check "a port in use is told" contains "$out" "in use; choose another port"
cat > "$TMP/many.py" <<'PY'
import os, socket, sys, time
host, port = sys.argv[1].split("/")[2].split(":")
fds = lambda: len(os.listdir(f"/proc/{sys.argv[2]}/fd"))
before = fds()
socks = []
for i in range(40):
	s = socket.socket(); s.setblocking(False); s.connect_ex((host, int(port)))
	socks.append(s)
most, more = 0, 50
while more:			# first it has to notice that they are there
	most = max(most, fds() - before)
	more -= most > 0
	time.sleep(0.01)
print(most)
sys.exit(not 0 < most <= 16)
PY
check "of 40 clients at once 16 are served, the others wait" python3 "$TMP/many.py" "$url" "$http"
check "and the server goes on" wait_for 10 curl -sf -o /dev/null "$url"
stop "$http"
background "$WEIR" ctl "$NAME" metrics --listen "unix:$TMP/m.sock" 2> "$TMP/unix.err"
unix=$LAST
wait_for 10 grep -q unix: "$TMP/unix.err"
check "a Unix socket, too" same "$(curl -s --unix-socket "$TMP/m.sock" http://x/metrics | grep -c '^weir_uptime_seconds{')" 1
check "for its owner only" same "$(stat -c %a "$TMP/m.sock")" 600
kill -INT "$unix"
wait "$unix"
check "SIGINT ends it" same $? 0
check "and its socket is gone" [ ! -e "$TMP/m.sock" ]

# ---- refused ----
for bad in 0.0.0.0:9100 192.0.2.1:9100 "[::]:9100"; do
	out=$(timeout 10 "$WEIR" ctl "$NAME" metrics --listen "$bad" 2>&1)
	check "$bad is refused, and why, and what to do" contains "$out" "$bad: the metrics have neither a password nor encryption"
done
for bad in localhost:9100 127.0.0.1 127.0.0.1:99999 127.0.0.1:x ::1:80 "" : "[::1:80" ; do
	out=$(timeout 10 "$WEIR" ctl "$NAME" metrics --listen "$bad" 2>&1)
	check "'$bad' is no address" contains "$out" "--listen $bad: is no address with a port; use 127.0.0.1:PORT"
done
out=$(ctl "$NAME" metrics --listen "unix:$TMP/$(printf %0200d 0)" 2>&1)
check "a path that is too long" contains "$out" "has 1 to 107 bytes"
out=$(ctl "$NAME" metrics now 2>&1)
check "another word" same $? 2
check "is told" contains "$out" "now: not understood here"
out=$(ctl nobody$$ metrics --listen 127.0.0.1:0 2>&1)
check "no such sandbox" contains "$out" "no sandbox named nobody$$ is running"
finish
