#!/usr/bin/env python3
"""Asks service.py, which refuses older terms. SERVICE says where it is, such as http://127.0.0.1:8080.

usage: client.py claim | write VALUE | read
"""

import os
import sys
import urllib.error
import urllib.request

METHODS = {"claim": ("POST", "/claim"), "write": ("PUT", "/value"), "read": ("GET", "/value")}

if sys.argv[1:2] == [] or sys.argv[1] not in METHODS:
    sys.exit(__doc__)
method, path = METHODS[sys.argv[1]]
body = sys.argv[2].encode() if sys.argv[1] == "write" else None
request = urllib.request.Request(os.environ["SERVICE"] + path, data=body, method=method)
request.add_header("Quorate-Term", os.environ.get("QUORATE_TERM", ""))
try:
    with urllib.request.urlopen(request) as answer:
        print(answer.read().decode().strip())
except urllib.error.HTTPError as refusal:
    sys.exit(refusal.read().decode().strip())
