#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Calls that are hard to answer: whose caller is gone by then, whose socket is closed right after it.
. "$(dirname "$0")/common.sh"
CALLERS=${BUILDDIR:-.}/tests/net/callers

caller() { timeout 200 "$WEIR" run --network=none -- "$CALLERS" "$@"; }
check "answers that find nobody end nothing" same "$(caller lost 1500 < /dev/null 2>&1)" survived
check "a call keeps no copy of its socket" same "$(caller closed 400)" "0 stale events"
check "nor does one that was interrupted" same "$(caller interrupted 40)" "0 stale events"
check "a call that is made again writes its answer again" same "$(caller again 20000)" "0 answers not written"
finish
