#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# annotations-command.sh - weir check --annotations: what is in effect and where each value comes from; what is refused, with
# which status; and that no byte of a hostile file reaches the terminal.
. "${SRCDIR:-.}/tests/unit/common.sh"
. "${SRCDIR:-.}/tests/unit/command.sh"
ini=$SRCDIR/etc/weir-tbf.ini	# 100mbit, 1mb

# Annotations as JSON, from KEY VALUE pairs.
json() {
	printf '{'
	sep=
	while [ $# -gt 0 ]; do
		printf '%s"%s": "%s"' "$sep" "$1" "$2"
		sep=', '
		shift 2
	done
	printf '}\n'
}
rate=dev.gvisor.flag.qdisc-tbf-rate
burst=dev.weir.flag.qdisc-tbf-burst
a=$dir/a.json
tab=$(printf '\t')

json $rate 1000000 $burst 100000 io.kubernetes.pod x >"$a"
run 0 "$WEIR" check --annotations "$a" "$ini" --set qdisc.limit=1mb
has "$ini: ok"
has "rate = 8mbit$tab; annotation $rate"
has "burst = 100000$tab; annotation $burst"
has "limit = 1mb$tab; command line, --set qdisc.limit=1mb"
grep -q "^kind = tbf$tab; $ini:[0-9]*$" "$dir/out" || fail "kind is not the file's"
has "gso = on$tab; default"
tail -n +2 "$dir/out" >"$dir/again.ini"
run 0 "$WEIR" check "$dir/again.ini"
has "rate = 8mbit"
run 0 "$WEIR" check --origins "$ini" --gso=off
has "gso = off$tab; command line, --gso=off"

# the shape of an OCI bundle
printf '{"ociVersion": "1.0.2", "process": {"args": ["sh"]}, "annotations": %s}' "$(json dev.gvisor.flag.qdisc tbf $rate 5 $burst 6)" >"$a"
run 0 "$WEIR" check --annotations="$a"
has "kind = tbf$tab; annotation dev.gvisor.flag.qdisc"
has "rate = 5$tab; annotation $rate"

json $rate 12500001 >"$a"
run 1 "$WEIR" check --annotations "$a" "$ini"
says "annotation $rate: 12500001 is more than the 12500000 bytes/s of [qdisc] ($ini:"
run 0 "$WEIR" check --annotations "$a" "$ini" --allow-flag-override
has "rate = 12500001$tab; annotation $rate"
json dev.weir.flag.network host >"$a"
run 1 "$WEIR" check --annotations "$a" "$ini"
says "annotation dev.weir.flag.network: only the operator sets it"
run 0 "$WEIR" check --annotations "$a" "$ini" --allow-flag-override
has "mode = host$tab; annotation dev.weir.flag.network"
json dev.gvisor.flag.qdisc tbf $rate 5 >"$a"
run 1 "$WEIR" check --annotations "$a"
says "annotation dev.gvisor.flag.qdisc: [qdisc] tbf must be given: burst"

# what is no annotations at all
json $rate '\u001b[2J' >"$a"
run 1 "$WEIR" check --annotations "$a" "$ini"
says "$a: annotation $rate: its value holds a byte that is no printable ASCII"
json 'dev.weir.flag.\u001b[2J\u202e' 1 >"$a"
run 1 "$WEIR" check --annotations "$a" "$ini"
says '[2J\xe2\x80\xae: its name is no flag'
LC_ALL=C grep -q '[^ -~]' "$dir/err" && fail "a byte that is not printable"
json $rate 1 $rate 2 >"$a"
run 1 "$WEIR" check --annotations "$a" "$ini"
says "$a:1:"
says "a name stands twice in one object; keep one"
printf '\033[2J' >"$a"
run 1 "$WEIR" check --annotations "$a" "$ini"
LC_ALL=C grep -q '[^ -~]' "$dir/err" && fail "a byte that is not printable"
run 1 "$WEIR" check --annotations /dev/zero "$ini"
says "/dev/zero: is larger than 1048576 bytes"
run 1 "$WEIR" check --annotations "$dir/none.json" "$ini"
says "$dir/none.json: cannot open it"
run 2 "$WEIR" check "$ini" --annotations
says "--annotations needs a value"
echo "100%: $n command lines"
