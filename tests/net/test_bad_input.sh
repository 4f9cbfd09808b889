#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Whatever is wrong with what weir is told: one clear sentence, a status that is not zero, and nothing
# left behind. And what a kill -9 leaves behind: nothing.
. "$(dirname "$0")/common.sh"
need gcc
net_setup

snapshot() { ip -n $NSW -d addr show; ip -n $NSW route show table all; ip -n $NSW neigh show nud permanent; }
# The kernel looks for duplicates of an address that comes back, which is no change of ours: not here.
ip netns exec $NSW sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.eth0.accept_dad=0
no_tentative() { ! ip -n $NSW addr show | grep -q tentative; }
wait_for 10 no_tentative
BEFORE=$(snapshot)

# refuses DESCRIPTION PHRASE COMMAND...: fails, says PHRASE, changes nothing
refuses() {
	local what=$1 phrase=$2 out status
	shift 2
	out=$("$@" 2>&1 </dev/null)
	status=$?
	check "$what: status is not zero" [ $status != 0 ]
	check "$what: says so" contains "$out" "$phrase"
	check "$what: the program did not run" [ ! -e "$TMP/ran" ]
	wait_for 10 no_tentative	# even then it is, for a moment
	check "$what: nothing changed" same "$(snapshot)" "$BEFORE"
	rm -f "$TMP/ran"
}
run_in() { fresh_name; "$WEIR" run --netns $NSW --name "$NAME" "$@" -- touch "$TMP/ran"; }
ini() { printf '%s\n' "$@" > "$TMP/bad.ini"; }

ini '[weird]' 'x = 1'
refuses "unknown section" "bad.ini:1" run_in -c "$TMP/bad.ini"
ini '[weir]' 'moed = sandbox'
refuses "unknown key" "bad.ini:2" run_in -c "$TMP/bad.ini"
ini '[qdisc]' 'kind = tbf' 'rate = 100furlongs' 'burst = 1mb'
refuses "wrong unit" "bad.ini:3" run_in -c "$TMP/bad.ini"
ini '[qdisc]' 'kind = tbf' 'burst = 1mb'
refuses "missing rate" "rate" run_in -c "$TMP/bad.ini"
ini '[qdisc]' 'kind = tbf' 'rate = 100mbit' 'burst = 1000'
refuses "burst below one packet" "1000" run_in -c "$TMP/bad.ini"
ini '[qdisc]' 'kind = nosuch'
refuses "unknown qdisc" "nosuch" run_in -c "$TMP/bad.ini"
ini '[qdisc]' 'kind = fifo' '[qdisc eth7]' 'kind = fifo'
refuses "a qdisc for no NIC" "bad.ini:3: [qdisc eth7]: there is no NIC eth7; there is only eth0" \
	run_in -c "$TMP/bad.ini"
ini '[weir]' 'gso = perhaps'
refuses "wrong bool" "bad.ini:2" run_in -c "$TMP/bad.ini"
refuses "no such file" "nowhere.ini" run_in -c "$TMP/nowhere.ini"
refuses "unknown option" "frobnicate" run_in --frobnicate
refuses "bad --set" "qdisc.nokey" run_in --set qdisc.nokey=1

mkdir -m 755 "$TMP/mod"
cp "$WEIR_MODULE_PATH"/*.so "$TMP/mod/"
echo "not a module" > "$TMP/mod/text.so"
WEIR_MODULE_PATH=$TMP/mod refuses "a module file that is no module" "text" run_in --qdisc text
printf 'int weir_nothing;\n' | gcc -shared -fPIC -x c - -o "$TMP/mod/empty.so"
WEIR_MODULE_PATH=$TMP/mod refuses "a shared object without weir_module" "empty" run_in --qdisc empty
sed 's/WEIR_ABI_MAJOR/99/' > "$TMP/abi.c" <<'EOC'
#include <weir/module.h>
static int enqueue(struct qdisc *q, struct packet *p) { return qdisc_drop(q, p); }
static struct packet *dequeue(struct qdisc *q) { (void)q; return NULL; }
static const struct qdisc_ops ops = { .name = "abi", .enqueue = enqueue, .dequeue = dequeue, .peek = dequeue };
#undef WEIR_ABI_MAJOR
#define WEIR_ABI_MAJOR 99
WEIR_MODULE("abi", "another ABI", WEIR_QDISC(ops));
EOC
sed -i 's/^#undef 99/#undef WEIR_ABI_MAJOR/; s/^#define 99 99/#define WEIR_ABI_MAJOR 99/' "$TMP/abi.c"
gcc -std=gnu17 -shared -fPIC -I"$SRCDIR/include" "$TMP/abi.c" -o "$TMP/mod/abi.so"
WEIR_MODULE_PATH=$TMP/mod refuses "a module of another ABI" "99" run_in --qdisc abi
chmod 777 "$TMP/mod"
WEIR_MODULE_PATH=$TMP/mod refuses "a module in a world-writable folder" "write" run_in --qdisc fifo
chmod 755 "$TMP/mod"

refuses "--netns of the root namespace" "root" "$WEIR" run --netns /proc/1/ns/net -- touch "$TMP/ran"
refuses "--netns that does not exist" "nosuchns" "$WEIR" run --netns nosuchns -- touch "$TMP/ran"
refuses "no --netns and no [link]" "--netns" "$WEIR" run -- touch "$TMP/ran"
fresh_name
refuses "missing program" "no-such-program" "$WEIR" run --netns $NSW --name "$NAME" -- /no-such-program
refuses "ctl of an unknown sandbox" "nosuch" ctl nosuch show

# ---- exit status ----
fresh_name
sandbox "$NAME" -- sh -c 'exit 7'
check "the program's status" same $? 7
fresh_name
sandbox "$NAME" -- sh -c 'kill -TERM $$'
check "128+N for a signal" same $? 143

# ---- kill -9 leaves nothing ----
sandbox_pids() { pgrep -x -f "sleep 4242$$"; }
no_pids() { ! sandbox_pids; }
restored() { [ "$(snapshot)" = "$BEFORE" ]; }
for victim in front stack; do
	fresh_name
	"$WEIR" run --netns $NSW --name "$NAME" -- sleep 4242$$ &
	front=$!
	wait_for 10 ctl "$NAME" show
	wait_for 10 sandbox_pids
	stack=$(ctl "$NAME" -j show | python3 -c 'import json,sys; print(json.load(sys.stdin)["pid"])')
	check "$victim: addresses are taken while it runs" \
		[ -z "$(ip -n $NSW -4 -o addr show dev eth0)" ]
	if [ $victim = front ]; then kill -9 $front; else kill -9 "$stack"; fi
	wait $front 2>/dev/null
	wait_for 20 no_pids
	check "kill -9 of the $victim: the program ended" [ -z "$(sandbox_pids)" ]
	wait_for 20 restored
	check "kill -9 of the $victim: addresses and routes are back" same "$(snapshot)" "$BEFORE"
	check "kill -9 of the $victim: no socket" [ ! -e "/run/weir/$NAME.sock" ]
	check "kill -9 of the $victim: no process" [ -z "$(pgrep -f -- "--name $NAME ")" ]
done
finish
