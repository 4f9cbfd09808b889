#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# manual.sh - the manual pages: there is one for each module, all parameters, keys, commands and options are in them, they
# are well-formed, and are installed and removed.
. "${SRCDIR:-.}/tests/unit/common.sh"

command -v mandoc >/dev/null || { echo "SKIP: mandoc is not installed"; exit 77; }
pages=$BUILDDIR/docs/man
[ -f "$pages/weir.1" ] || { echo "SKIP: this build has no manual pages"; exit 77; }
n=0
xstats=

# The page as it is read, without the strokes that make letters bold.
plain() {
	mandoc -Tascii "$pages/$1" | sed "s/.$(printf '\b')//g"
}

# tells PAGE WORDS: they are the head of an entry, or of the list's entries, in the page as it is read.
tells() {
	n=$((n + 1))
	[ -f "$dir/$1" ] || plain "$1" >"$dir/$1"
	grep -qE "^ +(-[a-zA-Z], )?$2( |,|\$)" "$dir/$1" || fail "$1 does not tell of $2"
}

"$WEIR" modules >"$dir/modules"
modules=$(sed -n 's/^\([a-z0-9-]*\): .*/\1/p' "$dir/modules")
[ "$(echo "$modules" | wc -l)" -ge 11 ] || fail "there are eleven modules and more"
for m in $modules; do
	[ -f "$pages/weir-$m.7" ] ||
		fail "the module $m has no page: write docs/man/weir-$m.7.in, and add it to docs/man/local.mk"
	plain weir.1 | grep -q "weir-$m(7)" || fail "weir(1) does not name weir-$m(7)"
	"$WEIR" modules "$m" >"$dir/module"
	for p in $(sed -n 's/^    \([a-z0-9-]*\) .*/\1/p' "$dir/module"); do
		tells "weir-$m.7" "$p"
	done
	# What `qdisc show -s` adds for it stands in no table, but in one function.
	for s in $(sed -n '/_stats(struct qdisc \*q, struct qdisc_xstat/,/^}/p' "$SRCDIR/plugins/$m"/*.c |
		grep -o '{ "[a-z-]*",' | tr -d '{ ",'); do
		tells "weir-$m.7" "$s"
		xstats="$xstats $s"
	done
done
case $xstats in
*tokens*lost* | *lost*tokens*) ;;
*) fail "the modules' own counters are not found any more, only:$xstats" ;;
esac
for f in "$pages"/weir-*.7; do
	m=$(basename "$f" .7)
	echo "$modules" | grep -qx "${m#weir-}" || fail "$m(7) is of no module"
done

# The sections, and their own keys: what can be set without a module's help.
mkdir "$dir/none"
for s in weir tcp qdisc link.x; do
	WEIR_MODULE_PATH=$dir/none "$WEIR" complete -- run --set "$s." >"$dir/keys"
	[ -s "$dir/keys" ] || fail "[$s] has no keys"
	for k in $(sed "s/^$s\.//; s/=\$//" "$dir/keys"); do
		tells weir.ini.5 "$k"
	done
done
# And those of the example, where the tables have nothing to do with it.
for k in $(sed -n '/^;*\[link eth0\]/q; s/^;*\([a-z-]*\) = .*/\1/p' "$SRCDIR/etc/weir.ini" | grep -vx limit); do
	tells weir.ini.5 "$k"
done

for c in $("$WEIR" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
	tells weir.1 "weir $c"
	"$WEIR" "$c" --help >"$dir/help"
	for o in $(sed -n 's/^  \(-[^ ].*\)/\1/p' "$dir/help" | sed 's/   .*//; s/^-[a-z], //; s/ .*//'); do
		tells weir.1 "$o"
	done
done
"$WEIR" ctl --help >"$dir/help"
sed -n 's/^  \([a-z][a-z ]*\).*/\1/p' "$dir/help" | sed 's/  .*//; s/ *$//' >"$dir/verbs"
[ "$(wc -l <"$dir/verbs")" -ge 20 ] || fail "there are twenty commands of weir ctl and more"
while read -r v; do
	tells weir.1 "$v"
	# shellcheck disable=SC2086	# they are words
	"$WEIR" ctl nobody $v -h >"$dir/help"
	for o in $(sed -n 's/^  \(-[^ ].*\)/\1/p' "$dir/help" | sed 's/   .*//; s/^-[a-z], //; s/ .*//'); do
		tells weir.1 "$o"
	done
done <"$dir/verbs"

for f in "$pages"/*.[157]; do
	mandoc -Tlint -W warning "$f" >"$dir/out" 2>&1 || fail "mandoc has objections to $f"
	if command -v groff >/dev/null; then
		groff -ww -mandoc -Tutf8 "$f" >/dev/null 2>"$dir/out" || fail "groff does not take $f"
		[ ! -s "$dir/out" ] || fail "groff has objections to $f"
	fi
done

make -s -C "$BUILDDIR" install-man DESTDIR="$dir/root" >"$dir/out" 2>&1 || fail "make install-man"
for f in "$pages"/*.[157]; do
	[ -n "$(find "$dir/root" -path "*/man${f##*.}/$(basename "$f")")" ] || fail "$f is not installed"
done
make -s -C "$BUILDDIR" uninstall-man DESTDIR="$dir/root" >"$dir/out" 2>&1 || fail "make uninstall-man"
[ -z "$(find "$dir/root" -type f)" ] || fail "make uninstall-man leaves pages behind"
echo "100%: $n words told of"
