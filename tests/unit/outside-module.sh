#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# outside-module.sh - somebody else's module, and a program that links with libweir: weir is installed into a prefix of this test's own, docs/toy_qdisc.c is built
# against what was installed there with the one command of the documentation, and the installed weir takes it.
. "${SRCDIR:-.}/tests/unit/common.sh"

make -s -C "$BUILDDIR" install DESTDIR="$dir/root" >"$dir/log" 2>&1 || {
	cat "$dir/log" >&2
	fail "make install"
}
root=$dir/root
pc=$(find "$root" -name weir.pc)
[ -f "$pc" ] || fail "weir.pc is not installed"
libdir=$(dirname "$(dirname "$pc")")
weir=$(find "$root" -type f -name weir -path '*bin*')
moddir=$libdir/weir
[ -f "$moddir/fifo.so" ] || fail "fifo.so is not installed in $moddir"
[ -z "$(find "$moddir" -name '*.a')" ] || fail "static archives are installed among the modules"

# The command of include/weir/module.h. The sysroot stands for what DESTDIR put in front.
mkdir "$dir/outside"
cp "$SRCDIR/docs/toy_qdisc.c" "$dir/outside/"
cd "$dir/outside"
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR="$root"
# shellcheck disable=SC2046
${CC:-cc} -std=gnu17 -Wall -Wextra -Werror -shared -fPIC $(pkg-config --cflags weir) toy_qdisc.c -o toy.so ||
	fail "the toy does not build"

"$weir" modules ./toy.so >listed || fail "weir refuses the toy"
grep -q '^toy: two bands by DSCP, strict priority$' listed || fail "the toy's help is not listed"
grep -q '^  qdisc toy$' listed || fail "the toy's qdisc is not listed"
grep -q 'limit .*default 500, at least 1, at most 100000' listed || fail "the toy's parameters are not listed"
"$weir" modules -j ./toy.so | grep -q '"kind": "qdisc"' || fail "no JSON"

# And by name, in a configuration.
printf '[qdisc]\nkind = toy\nlimit = 7\n' >toy.ini
WEIR_MODULE_PATH=$moddir:$dir/outside "$weir" check toy.ini >checked || fail "weir check refuses the toy"
grep -q '^limit = 7$' checked || fail "weir check does not show the limit"
grep -q '^dscp = 46$' checked || fail "weir check does not show the default"
printf '[qdisc]\nkind = toy\ndscp = 64\n' >toy.ini
if WEIR_MODULE_PATH=$moddir:$dir/outside "$weir" check toy.ini 2>said; then
	fail "a DSCP of 64 is taken"
fi
grep -qx 'toy.ini:3: \[qdisc\] dscp: 64 is too large; the most is 63' said || fail "$(cat said)"

# The programs of docs/embedding.md, by the flags of weir.pc. The installed modules are not where they will be one day.
for example in embed_example embed_tun; do
	cp "$SRCDIR/docs/$example.c" .
	# shellcheck disable=SC2046	# flags are words
	${CC:-cc} -std=gnu17 -Wall -Wextra -Werror $example.c $(pkg-config --cflags --libs weir) -o $example ||
		fail "docs/$example.c does not build against what is installed"
done
LD_LIBRARY_PATH=$libdir WEIR_MODULE_PATH=$moddir ./embed_example >said || fail "embed_example fails"
printf 'HTTP/1.0 200 OK\r\nContent-Length: 13\r\n\r\nhello, world\n' | cmp - said || fail "embed_example says: $(cat said)"
if LD_LIBRARY_PATH=$libdir WEIR_MODULE_PATH=$dir ./embed_example 2>said; then
	fail "embed_example does without modules"
fi
grep -q '^embed_example: stack: ' said || fail "embed_example without modules says: $(cat said)"
# The library exports the functions of <weir/...> and no more; and all of those of weir.h. C++ can include it.
headers=$(dirname "$(find "$root" -name module.h)")
nm -D --defined-only "$libdir/libweir.so" | sed -n 's/.* T //p' | while read -r symbol; do
	grep -rqE "^WEIR_API .*\\b$symbol\\(" "$headers" ||
		echo "$symbol"
done >unknown
[ ! -s unknown ] || fail "libweir exports what no header declares: $(cat unknown)"
nm -D --defined-only "$libdir/libweir.so" | sed -n 's/.* T //p' >exported
sed -n 's/^WEIR_API .*\b\(weir_[a-z_]*\)(.*/\1/p' "$headers/weir.h" >declared
[ "$(wc -l <declared)" -gt 40 ] || fail "weir.h declares only $(wc -l <declared) functions"
missing=$(grep -vxFf exported declared) && fail "libweir does not export $missing"
if command -v c++ >/dev/null; then
	printf '#include <weir/module.h>\n#include <weir/weir.h>\nint main() { weir_config c = {}; return weir_create(&c, nullptr) != nullptr; }\n' >cxx.cc
	# shellcheck disable=SC2046
	c++ -Wall -Wextra -Werror -Wno-missing-field-initializers -fsyntax-only $(pkg-config --cflags weir) cxx.cc ||
		fail "C++ cannot include weir.h"
fi

# Refused: what others can write to, and what is no module; each with one sentence.
chmod 666 toy.so
if "$weir" modules ./toy.so 2>said; then
	fail "a file that others can write is taken"
fi
grep -q 'others can write to the file (mode 0666); chmod go-w it$' said || fail "$(cat said)"
[ "$(wc -l <said)" = 1 ] || fail "more than one sentence: $(cat said)"
echo "100%: the toy of docs/ builds outside the tree and loads; a program links with libweir"
