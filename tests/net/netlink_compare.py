# SPDX-License-Identifier: Apache-2.0
"""netlink_compare.py BEFORE INSIDE: what `ip -j -d` said of a namespace before weir took it over, and says inside.

Each file has lines "== WHAT", each with the JSON of `ip WHAT` behind it. Prints what differs beyond what DIFFERS
allows, a line each; nothing when all agrees. docs/tools.md has the same list for people.
"""
import json
import sys

# What a stack that is not the kernel's says otherwise, or not at all.
DIFFERS = {
	"addr": {"qdisc", "allmulti", "link_index", "link_netnsid", "linkinfo", "num_tx_queues", "num_rx_queues",
		 "gso_max_size", "tso_max_size", "tso_max_segs", "gro_max_size", "gso_ipv4_max_size",
		 "gro_ipv4_max_size", "inet6_addr_gen_mode", "dynamic", "valid_life_time",
		 "preferred_life_time", "protocol"},
	"neigh": {"used", "confirmed", "updated", "refcnt", "probes", "state"},
}
# The local table of the kernel has routes for broadcasts and groups, which weir knows without.
KINDS_NOT_THERE = {"broadcast", "multicast", "anycast"}


def tables(path):
	out, what, text = {}, None, []
	for line in open(path):
		if line.startswith("== "):
			if what:
				out[what] = json.loads("".join(text) or "[]")
			what, text = line[3:].strip(), []
		else:
			text.append(line)
	out[what] = json.loads("".join(text) or "[]")
	return out


def plain(what, x):
	"""x without what may differ; lists of objects in an order that means nothing are sorted."""
	if isinstance(x, dict):
		return {k: plain(what, v) for k, v in x.items() if k not in DIFFERS.get(what.split()[-1], set())}
	if isinstance(x, list):
		return sorted((plain(what, v) for v in x if not (isinstance(v, dict) and v.get("type") in KINDS_NOT_THERE)),
			      key=lambda v: json.dumps(v, sort_keys=True))
	return x


def main():
	before, inside = tables(sys.argv[1]), tables(sys.argv[2])
	assert before.keys() == inside.keys() and before, (before.keys(), inside.keys())
	for what in before:
		a, b = plain(what, before[what]), plain(what, inside[what])
		for row in a:
			if row not in b:
				print(f"{what}: only before: {json.dumps(row)}")
		for row in b:
			if row not in a:
				print(f"{what}: only inside: {json.dumps(row)}")


main()
