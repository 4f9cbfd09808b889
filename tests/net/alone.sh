# SPDX-License-Identifier: Apache-2.0
# alone.sh - sourced before common.sh by a test that wants a /run/weir of its own, which nobody else sees: whichever weir starts next gives
# back what a killed one had taken, also one of another test that runs at the same time, and says so.
if [ "$(id -u)" = 0 ] && [ "${1:-}" != alone ]; then
	exec unshare --mount --propagation slave "$0" alone
fi
if [ "$(id -u)" = 0 ]; then
	mkdir -p /run/weir
	mount -t tmpfs -o mode=755 weir-test /run/weir || { echo "SKIP: no file system can be mounted"; exit 77; }
fi
