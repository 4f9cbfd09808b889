#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# weir run --bundle: a container's annotations shape its NIC, within what the operator configured, and go on doing so
# over a reload; a bundle that asks for more, or is none, never runs.
. "$(dirname "$0")/common.sh"
need socat python3
net_setup
RATE=dev.gvisor.flag.qdisc-tbf-rate
BURST=dev.weir.flag.qdisc-tbf-burst
mkdir "$TMP/bundle"

# annotations KEY=VALUE...: the bundle's
annotations() {
	python3 -c '
import json, sys
pairs = dict(a.split("=", 1) for a in sys.argv[1:])
print(json.dumps({"ociVersion": "1.0.2", "process": {"args": ["sh"]}, "annotations": pairs}))' "$@" >"$TMP/bundle/config.json"
}
# qdisc FIELD: of eth0; param NAME likewise
qdisc() {
	ctl "$NAME" -j qdisc | python3 -c '
import json, sys
q = [q for q in json.load(sys.stdin) if q["dev"] == "eth0"][0]
print(eval(sys.argv[1], {}, q))' "$1"
}
shape() { qdisc 'kind, params["rate"], params["burst"]'; }
bundled() { sandbox "$NAME" --bundle "$TMP/bundle" "$@"; }
# refused STATUS SENTENCE [options]: the program does not run
refused() {
	local want=$1 got
	shift
	fresh_name
	bundled "${@:2}" -- touch "$TMP/ran" 2>"$TMP/err"
	got=$?
	contains "$(cat "$TMP/err")" "$1" && same $got "$want" && [ ! -e "$TMP/ran" ]
}

# ---- the tbf holds ----
annotations dev.gvisor.flag.qdisc=tbf $RATE=1000000 $BURST=20000 io.kubernetes.pod=x
background peer socat -u TCP-LISTEN:9300,reuseaddr,fork OPEN:/dev/null
wait_for 10 peer_listens 9300
fresh_name
background bundled -- socat -u OPEN:/dev/zero TCP:$PEER:9300
wait_for 20 ctl "$NAME" show
check "what was asked for" same "$(shape)" "('tbf', '8mbit', '20000')"
throttled() { [ "$(qdisc 'stats["overlimits"] > 0 and stats["bytes"] > 1000000')" = True ]; }
check "traffic waits for tokens" wait_for 60 throttled
# bytes first, then a time that is later: the bound can only be larger than what holds
held() {
	local bytes=$(qdisc 'stats["bytes"]')
	ctl "$NAME" -j show | python3 -c '
import json, sys
most = 20000 + 1000000 * json.load(sys.stdin)["uptime_ns"] / 1e9
print("  %d of at most %d bytes" % (int(sys.argv[1]), most))
sys.exit(int(sys.argv[1]) > most)' "$bytes"
}
check "at most burst + rate * t" held

# ---- an admin may change it; a reload puts it back, within the new ceilings ----
ini() { printf '[qdisc]\nkind = tbf\nrate = %s\nburst = 1mb\n' "$1" >"$TMP/new.ini"; }
check "an admin is not bound" ctl "$NAME" qdisc change eth0 rate 5mbit
check "and has changed it" same "$(shape)" "('tbf', '5mbit', '20000')"
ini 100mbit
check "a reload" ctl "$NAME" config reload "$TMP/new.ini"
check "the annotations are still on top" same "$(shape)" "('tbf', '8mbit', '20000')"
check "and said to be" contains "$(ctl "$NAME" config show)" "annotation $RATE"
ini 1mbit
OUT=$(ctl "$NAME" config reload "$TMP/new.ini" 2>&1) && OUT="accepted: $OUT"
check "a lower ceiling than what runs: refused" contains "$OUT" "annotation $RATE: 1000000 is more than the 125000 bytes/s of [qdisc] ($TMP/new.ini:3)"
check "whole" same "$(shape)" "('tbf', '8mbit', '20000')"
stop $LAST

# ---- ceilings ----
ini 100mbit
annotations $RATE=12500000 $BURST=1048576
fresh_name
background bundled -c "$TMP/new.ini" -- sleep 60
wait_for 20 ctl "$NAME" show
check "what the operator gave may be matched" same "$(shape)" "('tbf', '100mbit', '1mb')"
stop $LAST
annotations $RATE=12500001
check "and not raised" refused 125 "annotation $RATE: 12500001 is more than the 12500000 bytes/s of [qdisc]" -c "$TMP/new.ini"
annotations dev.weir.flag.network=host
check "host is the operator's to give" refused 125 "annotation dev.weir.flag.network: only the operator sets it"
annotations dev.weir.flag.network=none
fresh_name
check "allow-override: the mode" same "$(bundled --allow-flag-override -- sh -c 'echo ran')" ran
annotations dev.gvisor.flag.qdisc=tbf $RATE=5
check "tbf without burst" refused 125 "annotation dev.gvisor.flag.qdisc: [qdisc] tbf must be given: burst"

# ---- hostile bundles ----
config=$TMP/bundle/config.json
python3 -c 'print("{\"annotations\":" + "[" * 100000)' >"$config"
check "nested" refused 125 "$config:1:2063: it is nested too deep"
truncate -s 3G "$config"
check "huge" refused 125 "$config: is larger than 1048576 bytes"
printf '{"annotations": {"%s": "5"}}\0' $RATE >"$config"
check "NUL" refused 125 "$config: is no text file"
printf '{"annotations": {"%s": "5\\u0000"}}' $RATE >"$config"
check "NUL in a string" refused 125 "a string has a NUL in it"
printf '{"annotations": {"%s": 5}}' $RATE >"$config"
check "wrong type" refused 125 "$config: annotation $RATE: its value is no string"
printf '{"annotations": ["%s"]}' $RATE >"$config"
check "wrong shape" refused 125 "$config: annotations: it is no object"
printf '{"annotations": {}, "annotations": {"%s": "5"}}' $RATE >"$config"
check "twice" refused 125 "a name stands twice in one object"
printf '{"annotations": {"dev.weir.flag.\\u001b]0;x": "5"}}' >"$config"
check "escapes" refused 125 'dev.weir.flag.\x1b]0;x: its name is no flag'
rm "$config" && mkfifo "$config"
check "a FIFO" refused 125 "$config: is no regular file"
rm "$config" && ln -s /etc/shadow "$config"
check "somebody else's file" refused 125 "$config:1:"
check "of which nothing is shown" same "$(grep -c root "$TMP/err")" 0
rm "$config"
check "no bundle" refused 125 "$config: cannot open it"
finish
