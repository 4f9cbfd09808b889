# SPDX-License-Identifier: Apache-2.0
"""The files of /proc/net in one folder, the kernel's, against those in another, weir's: headers, columns, names.

	procnet_compare.py KERNEL WEIR		prints what differs, a line each, and "compared N" at last
"""
import re, sys

kernel, weir = sys.argv[1:]
compared = 0
def lines(folder, name):
	with open(folder + "/" + name) as f:
		return f.read().split("\n")[:-1]
def same(what, a, b):
	global compared
	compared += 1
	if a != b:
		print("%s: the kernel has %r, weir %r" % (what, a, b))

# Headers byte for byte, with their padding.
for name, n in [("dev", 2)] + [(x, 1) for x in "tcp tcp6 udp udp6 udplite udplite6 raw raw6 icmp icmp6 route arp igmp packet".split()]:
	same("the header of " + name, lines(kernel, name)[:n], lines(weir, name)[:n])

# Rows: as many columns, and where those stand that have one width.
def shape(row):
	return [len(word) if re.fullmatch(r"[0-9A-Fa-f:]{8,}|[0-9A-Fa-f]{32}", word) else 0 for word in row.split()]
for name, n, which in [("dev", 2, ""), ("tcp", 1, " 0A "), ("tcp6", 1, " 0A "), ("tcp", 1, " 01 "), ("tcp", 1, " 06 "),
		("udp", 1, ""), ("udp6", 1, ""), ("raw", 1, ""), ("raw6", 1, ""), ("route", 1, "\t0003\t"), ("ipv6_route", 0, "eth0"),
		("if_inet6", 0, "eth0"), ("arp", 1, ""), ("igmp6", 0, "eth0")]:
	a, b = ([shape(row) for row in lines(folder, name)[n:] if which in row] for folder in (kernel, weir))
	if not a or not b:
		print("%s: no row with %r: the kernel has %d, weir %d" % (name, which, len(a), len(b)))
		continue
	same("the columns of " + name + which, [len(row) for row in a[:1]], [len(row) for row in b[:1]])
	if name not in ("dev", "arp"):
		same("the widths of " + name + which, a[0], b[0])
for name in "tcp", "udp", "route":
	same("the length of lines of " + name, {len(x) for x in lines(kernel, name)}, {len(x) for x in lines(weir, name)})

# Names of counters: all that the kernel has, in its order. An older kernel has fewer.
def names(folder, name):
	groups = {}
	for row in lines(folder, name):
		group, rest = row.split(":", 1)
		groups.setdefault(group, rest.split())
	return groups
for name in "snmp", "netstat":
	theirs, ours = names(kernel, name), names(weir, name)
	for group in theirs:
		if group in ("IcmpMsg", "MPTcpExt"):
			continue
		same("names of " + group, theirs[group], [x for x in ours.get(group, []) if x in theirs[group]])
	for row in range(0, len(lines(weir, name)), 2):
		a, b = lines(weir, name)[row:row + 2]
		same("values of " + a.split(":")[0], len(a.split()), len(b.split()))
theirs, ours = ([x.split()[0] for x in lines(folder, "snmp6")] for folder in (kernel, weir))
theirs = [x for x in theirs if not re.match(r"Icmp6(In|Out)Type\d", x)]
same("names of snmp6", theirs, [x for x in ours if x in theirs])
for name in "sockstat", "sockstat6":
	theirs, ours = ([re.sub(r"\d+", "N", x) for x in lines(folder, name)] for folder in (kernel, weir))
	same("lines of " + name, theirs, ours)
print("compared", compared)
