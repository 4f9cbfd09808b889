#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Is a device, as `ip -j` shows it, the same in two places? Asked again until it is, or too long.

	follow_compare.py INDEX COMMAND... @ COMMAND...	each runs a program where ip is to be asked

Compared is what has that index: the link, its addresses, the routes by it. Differences are printed."""
import difflib
import json
import subprocess
import sys
import time

INDEX = int(sys.argv[1])
PATIENCE = 60   # s; nothing is measured by it
QUESTIONS = "link show", "addr show", "-4 route show", "-6 route show"


def lines(place):
    script = "; echo @@; ".join("ip -j " + q for q in QUESTIONS)
    text = subprocess.run(place + ["sh", "-c", script], capture_output=True, text=True).stdout
    try:
        link, addr, *routes = [json.loads(t) if t.strip() else [] for t in text.split("@@")]
    except ValueError:
        return [text]
    out = []
    for x in link:
        if x.get("ifindex") == INDEX:
            out.append(f"link {x['ifname']} {sorted(x['flags'])} {x['mtu']} {x['operstate']}")
            if x["address"].startswith("02:11:"):    # one that the test set
                out.append("address " + x["address"])
    for x in addr:
        for a in x.get("addr_info", []) if x.get("ifindex") == INDEX else []:
            name = "fe80::" if a["local"].startswith("fe80:") else a["local"]
            out.append(f"addr {name} {a['prefixlen']} {a['scope']} {a.get('broadcast')}" +
                       "".join(" " + w for w in ("secondary", "tentative") if a.get(w)))
    for x in sum(routes, []):
        if x.get("dev") != "lo":
            out.append(" ".join(str(x.get(k)) for k in ("dst", "gateway", "dev", "scope", "metric", "prefsrc", "protocol")) +
                       " " + " ".join(x.get("flags", [])))
    return out


at = sys.argv.index("@")
one, two = sys.argv[2:at], sys.argv[at + 1:]
end = time.monotonic() + PATIENCE
while True:
    a, b = lines(one), lines(two)
    # What is tentative will be otherwise soon; the order is not asked for.
    if sorted(a) == sorted(b) and not any("tentative" in x for x in a):
        sys.exit(0)
    if time.monotonic() > end:
        print("\n".join(difflib.unified_diff(sorted(a), sorted(b), lineterm="", n=0)))
        sys.exit(1)
    time.sleep(0.1)
