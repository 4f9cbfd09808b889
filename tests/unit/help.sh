#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# help.sh - --help of every command and of every command of weir ctl: it is there, and the options that it tells of are
# understood.
. "${SRCDIR:-.}/tests/unit/common.sh"
. "${SRCDIR:-.}/tests/unit/command.sh"

# The options in the help that run wrote, "--name VALUE" or "--name", one a line; the short names likewise.
options() {
	sed -n 's/^  \(-[^ ].*\)/\1/p' "$dir/out" | sed 's/   .*//; s/^\(-[a-z]\), \(--[^ ]*\)\(.*\)/\1\3\n\2\3/' |
		cut -d ' ' -f 1,2
}

# understood OPTION VALUE COMMAND...: the command knows the option, and, when it takes a value, asks for it.
understood() {
	option=$1 value=$2
	shift 2
	"$@" "$option" >"$dir/out" 2>"$dir/err" || :
	! grep -q 'no option\|not understood' "$dir/err" || fail "$*: $option is not understood"
	case $value in
	[A-Z]* | *'|'*) says "$option needs a value" ;;
	*) ! grep -q 'needs a value' "$dir/err" || fail "$*: $option takes a value that the help does not tell of" ;;
	esac
	n=$((n + 1))
}

all_understood() {
	options >"$dir/options"
	while read -r option value; do
		case $option in
		-h | --help) continue ;;
		esac
		understood "$option" "$value" "$@"
	done <"$dir/options"
}

run 0 "$WEIR" --help
commands=$(sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' "$dir/out")
[ "$(echo "$commands" | wc -l)" -ge 5 ] || fail "there are five commands and more"
for c in $commands; do
	run 0 "$WEIR" "$c" -h
	grep -q "^Usage: weir $c " "$dir/out" || fail "$c -h has no usage"
	cp "$dir/out" "$dir/short"
	run 0 "$WEIR" "$c" --help
	cmp -s "$dir/out" "$dir/short" || fail "$c: -h and --help differ"
	[ "$(wc -L <"$dir/out")" -le 100 ] || fail "$c: a line of more than 100 columns"
	case $c in
	ctl) all_understood "$WEIR" ctl nobody ;;
	*) all_understood "$WEIR" "$c" ;;
	esac
done
run 0 "$WEIR" run --name x --netns y -h
has "Usage: weir run [OPTIONS] [--] PROGRAM [ARGUMENTS]"
run 0 "$WEIR" exec nobody -h
has "Usage: weir exec [OPTIONS] NAME [--] PROGRAM [ARGUMENTS]"

run 0 "$WEIR" ctl --help
verbs=$(sed -n 's/^  \([a-z][a-z ]*\).*/\1/p' "$dir/out" | sed 's/  .*//; s/ *$//' | sort -u)
[ "$(echo "$verbs" | wc -l)" -ge 20 ] || fail "there are twenty commands of weir ctl and more"
echo "$verbs" | while read -r v; do
	# Words in small letters behind the verb's are its arguments'.
	set -- $v
	run 0 "$WEIR" ctl nobody "$@" -h
	grep -q "^Usage: weir ctl NAME $1" "$dir/out" || fail "$v -h is of another command"
	[ "$(grep -c ^Usage "$dir/out")" = 1 ] || fail "$v -h is of several commands"
done
run 0 "$WEIR" ctl nobody qdisc replace eth0 tbf rate --help
has "Usage: weir ctl NAME qdisc replace DEV KIND [KEY VALUE]..."
run 0 "$WEIR" ctl nobody route -h
[ "$(grep -c '^Usage: weir ctl NAME route ' "$dir/out")" = 3 ] || fail "route alone is three commands"
for v in capture metrics; do
	run 0 "$WEIR" ctl nobody $v -h
	grep -q "^Usage: weir ctl NAME $v \[" "$dir/out" || fail "$v -h has no options"
	all_understood "$WEIR" ctl nobody $v
done
run 0 "$WEIR" ctl nobody sockets -h
all_understood "$WEIR" ctl nobody sockets
run 2 "$WEIR" ctl nobody captrue -h
says 'did you mean "capture"?'
echo "100%: $n command lines"
