#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# completion.sh - completion/weir, as bash calls it: what is offered behind a line. Those that ask a sandbox are in
# tests/net/test_completion.sh.
. "${SRCDIR:-.}/tests/unit/common.sh"
COMPLETION_ERR=$dir/stderr
. "$SRCDIR/tests/unit/completion.bash"
n=0
mkdir "$dir/folder" "$dir/folder/sub"
: >"$dir/folder/a b.ini"
cd "$dir/folder/sub"		# where there are no files

# is LINE WORDS: exactly these.
is() {
	n=$((n + 1))
	offers "$1"
	[ "$OFFERED" = "$2" ] || fail "behind \"$1\" there is \"$OFFERED\", not \"$2\""
}

# has LINE WORD...: these, and perhaps others.
has() {
	local line=$1 word
	shift
	n=$((n + 1))
	offers "$line"
	for word in "$@"; do
		case " $OFFERED " in
		*" $word "*) ;;
		*) fail "behind \"$line\" there is \"$OFFERED\", without $word" ;;
		esac
	done
}

modules=$("$WEIR" modules | sed -n 's/^\([a-z0-9-]*\): .*/\1/p' | sort | tr '\n' ' ')
modules=${modules% }
kinds() { "$WEIR" modules | sed -n "s/^  $1 //p" | sort | tr '\n' ' ' | sed 's/ $//'; }

is "weir " "$("$WEIR" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' | sort | tr '\n' ' ' | sed 's/ $//')"
is "weir mod" "modules"
is "weir --ve" "--version"
is "weir nothing " ""

# Every option of every --help, by its longer name.
for c in run check ctl modules exec; do
	# shellcheck disable=SC2046
	has "weir $c -" $("$WEIR" $c --help | sed -n 's/^  \(-[^ ].*\)/\1/p' | sed 's/   .*//; s/^-[a-z], //; s/ .*//')
done

is "weir run --qdisc " "$(kinds qdisc)"
is "weir run --qdisc=" "$(kinds qdisc)"
is "weir run --qdisc=tb" "tbf"
is "weir run --mode " "$(kinds mode)"
is "weir run --network=s" "sandbox"
is "weir run --gso " "off on"
is "weir run --name " ""
is "weir run --qdisc-tbf-rate " ""

is "weir run --set " "link. qdisc. tcp. weir."
is "weir run --set weir.lo" "weir.log="
is "weir run --set weir.log=" "debug error info warn"
is "weir run --set weir.gso=" "off on"
is "weir run --set weir.mode=" "$(kinds mode)"
is "weir run --set qdisc.kind=" "$(kinds qdisc)"
is "weir run --set tcp.congestion=" "$(kinds congestion)"
is "weir run --set tcp.hy" "tcp.hystart="
is "weir run --set link." ""
is "weir run --set link.eth0.driver=" "$(kinds link)"
is "weir run --set link.eth0.type=" "tap tun"
has "weir run --set link.eth0." link.eth0.mtu= link.eth0.bypass= link.eth0.host-address=
is "weir run --qdisc tbf --set qdisc." \
	"qdisc.burst= qdisc.kind= qdisc.latency= qdisc.limit= qdisc.mtu= qdisc.peakrate= qdisc.rate="
is "weir run --set=qdisc.kind=fifo --set=qdisc." "qdisc.kind= qdisc.limit-bytes= qdisc.limit="
is "weir run --set qdisc.eth0.distribution=n" "normal"
is "weir run --set nothing." ""

for line in "weir run -c " "weir run --config=" "weir check " "weir ctl x config reload " "weir ctl x capture -w "; do
	is "$line$dir/folder/a" "$dir/folder/a b.ini"
done
is "weir run --bundle $dir/folder/" "$dir/folder/sub"

is "weir modules t" "tap tbf"
is "weir modules tap tb" "tbf"
is "weir ctl x module load " "$modules"
is "weir ctl x mode set " "$(kinds mode)"

verbs=$("$WEIR" ctl --help | sed -n 's/^  \([a-z][a-z ]*\).*/\1/p' | sed 's/  .*//; s/ *$//')
is "weir ctl x " "$(echo "$verbs" | sed 's/ .*//' | sort -u | tr '\n' ' ' | sed 's/ $//')"
is "weir ctl x qdisc " "change replace show"
is "weir ctl -j x module " "list load reload unload"
is "weir ctl x qdisc replace eth0 " "$(kinds qdisc)"
is "weir ctl x qdisc replace dev eth0 root tb" "tbf"
is "weir ctl x qdisc replace eth0 tbf " "burst latency limit mtu peakrate rate"
is "weir ctl x qdisc replace eth0 tbf rate 1mbit pe" "peakrate"
is "weir ctl x qdisc replace eth0 tbf rate=1mbit pe" "peakrate"
is "weir ctl x qdisc replace eth0 tbf rate " ""
is "weir ctl x qdisc replace eth0 netem delay 1ms distribution p" "pareto paretonormal"
is "weir ctl x qdisc replace eth0 netem ecn=" "off on"
is "weir ctl x qdisc change eth0 netem distribution par" "pareto paretonormal"
is "weir ctl x route add 10.0.0.0/8 " "dev metric mtu onlink src via"
is "weir ctl x route add 10.0.0.0/8 via " ""
is "weir ctl x route show " "all"
is "weir ctl x neigh add fd00::1 " "dev lladdr"
has "weir ctl x capture -" --wire --drops --write --help --json
is "weir ctl x capture eth0 --dr" "--drops"
is "weir ctl x nothing " ""

# The program's own: a command, then what it takes.
: >"$dir/folder/weir-completion-test"
chmod +x "$dir/folder/weir-completion-test"
PATH=$PATH:$dir/folder
for line in "weir run " "weir run -- " "weir run --set a= -- " "weir run --name=x " "weir exec x " "weir exec x -- " \
	"weir exec --admin -p y x "; do
	is "${line}weir-completion-te" "weir-completion-test"
	is "${line}cat $dir/folder/a" "$dir/folder/a b.ini"
done
is "weir run -- weir-completion-test --qd" ""
is "weir run -- --qd" ""

# A weir that is not there, or fails, says nothing.
WEIR=$dir/nowhere is "weir run --qdisc " ""
WEIR=/bin/false is "weir run --qdisc " ""
WEIR_MODULE_PATH=$dir/nowhere is "weir run --qdisc " ""
command -v shellcheck >/dev/null && { shellcheck -s bash "$SRCDIR/completion/weir" || fail shellcheck; }

make -s -C "$BUILDDIR" install-dist_bashcompletionDATA DESTDIR="$dir/root" >"$dir/out" 2>&1 || fail "make install"
[ -n "$(find "$dir/root" -path '*/bash-completion/completions/weir')" ] || fail "it is not installed"
echo "100%: $n lines"
