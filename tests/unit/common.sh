# SPDX-License-Identifier: Apache-2.0
# common.sh - sourced by the scripts among the unit tests: a folder of the test's own, gone when it ends.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"

# What the last command said (run's files out and err, where there are any) and why that is wrong.
fail() {
	echo "FAIL: $*" >&2
	for f in "$dir/out" "$dir/err"; do
		[ ! -f "$f" ] || cat "$f" >&2
	done
	exit 1
}
