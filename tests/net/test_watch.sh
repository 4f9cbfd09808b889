#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `weir ctl NAME watch`: its lines against `stats -j` and what tbf lets through, and its screen on terminals of
# several kinds and sizes, with all the ways that it ends.
. "$(dirname "$0")/common.sh"
need python3 socat dash
net_setup

background peer socat -u TCP-LISTEN:9400,reuseaddr,fork OPEN:/dev/null
wait_for 10 peer_listens 9400
fresh_name
background sandbox "$NAME" --qdisc tbf --set qdisc.rate=8mbit --set qdisc.burst=20000 -- socat -u OPEN:/dev/zero TCP:$PEER:9400
SANDBOX=$LAST
wait_for 10 ctl "$NAME" show
queued() { ctl "$NAME" -j stats | python3 -c 'import json, sys; sys.exit(json.load(sys.stdin)["qdiscs"]["eth0"]["qlen"] == 0)'; }
wait_for 10 queued

# ---- lines ----
ctl "$NAME" -j stats > "$TMP/before.json"
ctl "$NAME" watch -i 0.3 -n 6 eth0 > "$TMP/lines"
check "-n ends it" [ $? = 0 ]
ctl "$NAME" -j stats > "$TMP/after.json"
check "lines agree with the counters and with what tbf lets through" python3 - "$TMP" <<'PY'
import json, sys
before, after = (json.load(open(f"{sys.argv[1]}/{n}.json")) for n in ("before", "after"))
head, *rows = (l.split() for l in open(f"{sys.argv[1]}/lines"))
assert head == ("uptime_ns interval_ns nic qdiscs in_bytes/s in_packets/s out_bytes/s out_packets/s in_drops out_drops "
		"backlog_bytes backlog_packets in_bytes out_bytes").split(), head
assert len(rows) == 6, rows
rows = [{k: v if k in ("nic", "qdiscs") else int(v) for k, v in zip(head, r, strict=True)} for r in rows]
for a, b in zip(rows, rows[1:]):
	assert b["uptime_ns"] - a["uptime_ns"] == b["interval_ns"] > 0, (a, b)
	for way in "in", "out":		# the rate is the counters' own difference in the sandbox's own time
		assert b[f"{way}_bytes/s"] == (b[f"{way}_bytes"] - a[f"{way}_bytes"]) * 10**9 // b["interval_ns"], (a, b)
first, last = rows[0], rows[-1]
nics = before["nics"]["eth0"], after["nics"]["eth0"]
assert nics[0]["tx_bytes"] <= first["out_bytes"] <= last["out_bytes"] <= nics[1]["tx_bytes"]
assert nics[0]["rx_bytes"] <= first["in_bytes"] <= last["in_bytes"] <= nics[1]["rx_bytes"]
assert before["uptime_ns"] < first["uptime_ns"] < last["uptime_ns"] < after["uptime_ns"]
assert {r["qdiscs"] for r in rows} == {"tbf/fifo"} and {r["nic"] for r in rows} == {"eth0"}
assert all(r["backlog_bytes"] > 0 and r["backlog_packets"] > 0 for r in rows)
assert sum(r["out_drops"] for r in rows) <= nics[1]["qdisc_drops"] - nics[0]["qdisc_drops"]
# burst + rate * t, and what was under way to the link
t = (last["uptime_ns"] - first["uptime_ns"]) / 1e9
sent = last["out_bytes"] - first["out_bytes"]
assert 0 < sent <= 20000 + 1000000 * t + 68300, (sent, t)
PY
ctl "$NAME" watch -i 0.1 -n 2 > "$TMP/lines"
check "without a NIC all are shown" same "$(awk '{ print $3 }' "$TMP/lines" | xargs)" "nic eth0 lo eth0 lo"
check "an interval is waited for" python3 -c '
import sys
rows = [l.split() for l in open(sys.argv[1])]
sys.exit(not all(int(r[1]) >= 50000000 for r in rows[1:]))' "$TMP/lines"
(timeout 20 "$WEIR" ctl "$NAME" watch -i 0.1; echo $? > "$TMP/status") | head -n 3 > "$TMP/lines"
check "who reads no more ends it" same "$(cat "$TMP/status")" 0
for sig in INT TERM HUP; do
	"$WEIR" ctl "$NAME" watch -i 60 > "$TMP/lines.$sig" & pid=$!
	PIDS="$PIDS $pid"
	wait_for 10 grep -q uptime "$TMP/lines.$sig"	# its own, so it is there and has its handlers
	kill -$sig $pid
	wait $pid
	check "SIG$sig ends it, with status 0" [ $? = 0 ]
done

# refused STATUS PHRASE WORDS...
refused() {
	local status=$1 phrase=$2 out
	shift 2
	out=$(timeout 20 "$WEIR" ctl "$NAME" "$@" 2>&1)
	check "watch ${*:2} is refused" same "$?" "$status"
	check "and says why" contains "$out" "$phrase"
}
refused 2 "seconds from" watch -i 0
refused 2 "seconds from" watch -i 1x
refused 2 "seconds from" watch -i nan
refused 2 "seconds from" watch -i -1
refused 2 "number from 1" watch -n 0
refused 2 "number from 1" watch -n -1
refused 2 "no option -z" watch -z
refused 2 "one word too many" watch eth0 eth1
refused 2 "stats -j" -j watch
refused 1 "no NIC eth7" watch -n 1 eth7
out=$("$WEIR" ctl t$$-nobody watch 2>&1)
check "nobody to watch: status 1" [ $? = 1 ]
check "and a sentence" contains "$out" "no sandbox named"

# ---- the qdisc is swapped while it is watched: no rate is said of what cannot be compared ----
background ctl "$NAME" watch -i 0.1 eth0 > "$TMP/swap"
wait_for 10 grep -q eth0 "$TMP/swap"
for kind in fifo tbf; do
	[ $kind = tbf ] && set -- tbf rate 8mbit burst 20000 || set -- fifo
	ctl "$NAME" qdisc replace eth0 "$@"
	wait_for 10 eval "tail -n 1 $TMP/swap | grep -q ' $kind'"
	check "watch shows $kind" [ $? = 0 ]
done
stop $LAST
check "no number is negative or beyond reason" python3 - "$TMP/swap" <<'PY'
import sys
for row in open(sys.argv[1]):
	assert all(w == "-" or w.isdigit() and int(w) < 10**12 for w in row.split()[4:]) or row.split()[0] == "uptime_ns", row
PY

# ---- the screen ----
on_terminal() {
	local what=$1
	shift
	check "$what" env WEIR="$WEIR" python3 -B "$(dirname "$0")/watch_screen.py" "$@"
}
wait_for 10 queued
on_terminal "xterm, UTF-8" utf8 "$NAME"
on_terminal "xterm, C locale" c_locale "$NAME"
on_terminal "screen" screen "$NAME"
on_terminal "the Linux console" linux "$NAME"
on_terminal "vt100" vt100 "$NAME"
on_terminal "20x5, and sizes that are hardly any" small "$NAME"
on_terminal "the window changes its size" resize "$NAME"
on_terminal "Ctrl-C and other signals" control_c "$NAME"
on_terminal "Ctrl-Z and fg" control_z "$NAME"
on_terminal "the terminal is gone" hangup "$NAME"
on_terminal "-n, and one NIC" count "$NAME"
on_terminal "terminals that cannot: lines" lines "$NAME"
on_terminal "no name reaches the terminal as an escape sequence" evil t$$-evil
on_terminal "a sandbox that answers nonsense, or nothing" nonsense t$$-evil
on_terminal "the sandbox ends" ends "$NAME" $SANDBOX
finish
