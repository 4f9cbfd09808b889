#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# bench/compare, in short: it takes samples of each kind on both stacks through bench/impair and prints its tables.
# What the figures are is for the long run to say, on a machine that is not busy.
. "$(dirname "$0")/common.sh"
need python3
background python3 "$SRCDIR/bench/compare" "${BUILDDIR:?run this by make check}" --quick --cc reno \
	> "$TMP/out" 2>&1
pid=$LAST
wait $pid
check "every sample was taken" [ $? = 0 ]
out=$(cat "$TMP/out")
echo "$out"
check "goodput, twice" same "$(grep -cE '^\| 20 ms \| [01]% \| [0-9.]+ \| [0-9.]+ \| ' <<< "$out")" 2
check "completion times" same "$(grep -cE '^\| 10 kB \| 20 ms \| 0% \| [0-9]+ \| [0-9]+ \| ' <<< "$out")" 1
check "fairness" same "$(grep -cE '^\| reno \| 20 ms \| [01]\.[0-9]+ \| [01]\.[0-9]+ \| [01]\.[0-9]+ \| ' <<< "$out")" 1
check "both stacks carried something" [ "$(grep -cE '\| 0\.00 \|' <<< "$out")" = 0 ]
check "no namespace is left behind" [ -z "$(ip netns list | grep "^wcmp$pid-")" ]
finish
