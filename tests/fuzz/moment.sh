#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# moment.sh SRCDIR HARNESS... - each harness as local.mk says how to use it, from the seeds, for a moment.
set -eu
srcdir=$1
shift
new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT
for harness in "$@"; do
	name=${harness##*/fuzz_}
	mkdir "$new/$name"
	if ! "$harness" -runs="${FUZZ_RUNS:-2000}" -timeout=60 -artifact_prefix="$new/" "$new/$name" \
		"$srcdir/tests/fuzz/corpus/$name" >"$new/log" 2>&1; then
		tail -n 40 "$new/log" >&2
		echo "$harness: failed" >&2
		exit 1
	fi
	echo "$harness: $(grep -c . "$new/log") lines of libFuzzer's, $(ls "$srcdir/tests/fuzz/corpus/$name" | wc -l) seeds"
done
