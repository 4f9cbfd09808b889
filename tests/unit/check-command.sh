#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check-command.sh - the command line of weir check and weir modules: the spellings of gVisor's runsc, what wins, what is
# refused with which status, and that the effective configuration that is printed can be read again.
. "${SRCDIR:-.}/tests/unit/common.sh"
. "${SRCDIR:-.}/tests/unit/command.sh"

ini=$SRCDIR/etc/weir-tbf.ini

run 0 "$WEIR" check "$ini"
has "$ini: ok"
has "rate = 100mbit"
has "burst = 1mb"
tail -n +2 "$dir/out" >"$dir/again.ini"
run 0 "$WEIR" check "$dir/again.ini"
tail -n +2 "$dir/out" | cmp -s - "$dir/again.ini" || fail "the effective configuration is not read back"

run 0 "$WEIR" check --network=none --qdisc=tbf --qdisc-tbf-rate=12500000 --qdisc-tbf-burst=1048576 \
	--gso=false --allow-flag-override
has "mode = none"
has "gso = off"
has "allow-override = on"
has "kind = tbf"
has "rate = 100mbit"
run 0 "$WEIR" check --set qdisc.rate=1gbit "$ini" --set qdisc.rate=2gbit
has "rate = 2gbit"
run 0 "$WEIR" check -c "$ini" --qdisc fifo --mode host
has "kind = fifo"
has "limit = 1000"

run 2 "$WEIR" check "$ini" --qdisc-tbf-rate=12x
says "weir check: --qdisc-tbf-rate: 12x is no plain number; write a plain number of bytes per second, digits only"
for bad in -1 +5 0x10 007 1e6 " 5"; do
	run 2 "$WEIR" check "$ini" --qdisc-tbf-burst="$bad"
	says "weir check: --qdisc-tbf-burst: $bad "
done
run 2 "$WEIR" check "$ini" --qdisc-tbf-rate=100mbit
says "--set qdisc.rate="
run 1 "$WEIR" check "$ini" --qdisc-tbf-rate=99999999999999999999
says "--qdisc-tbf-rate=99999999999999999999: [qdisc] rate: 99999999999999999999 is too large"
run 1 "$WEIR" check "$ini" --qdisc-tbf-burst=4294967296
says "--qdisc-tbf-burst=4294967296: [qdisc] burst: 4294967296 is too large; the most is 4294967295 bytes"
run 1 "$WEIR" check "$ini" --gso=perhaps
says "--gso=perhaps: [weir] gso: perhaps is neither on nor off; write on or off"
run 1 "$WEIR" check --qdisc=tbf --set qdisc.burst=1mb
says "--qdisc=tbf: [qdisc] tbf must be given: rate"
run 2 "$WEIR" check "$ini" --set qdisc.rate
says "this sets nothing; write SECTION.KEY=VALUE"
run 2 "$WEIR" check "$ini" --qdisc
says "weir check: --qdisc needs a value"
run 2 "$WEIR" check "$ini" --gso ""
says "weir check: --gso: it is empty; write a value, or leave it out"
grep -q unit "$dir/err" && fail "gso has no unit"
run 2 "$WEIR" check "$ini" --colour=red
says "weir check: there is no option --colour=red"
run 2 "$WEIR" check
says "weir check: name the file to check"
run 1 "$WEIR" check /nonexistent.ini
says "weir check: /nonexistent.ini: cannot open it: No such file or directory"
run 0 "$WEIR" check --help
run 0 "$WEIR" --version
run 2 "$WEIR" chekc
says "weir: there is no command chekc; did you mean check?"

run 0 "$WEIR" modules tbf
grep -q "^  qdisc tbf$" "$dir/out" || fail "tbf is not listed"
run 1 "$WEIR" modules tfb
says "there is no module tfb; did you mean tbf?"
echo "not a module" >"$dir/text.so"
chmod 755 "$dir"
run 1 "$WEIR" modules --module-path "$dir"
says "$dir/text.so: is not a shared object; a module is built with cc -shared"
run 1 "$WEIR" modules -j -p "$dir"
grep -q '"error": ' "$dir/out" || fail "JSON has no error"
echo "100%: $n command lines"
