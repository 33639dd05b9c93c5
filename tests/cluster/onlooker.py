"""Asks candidates the whole time whether they lead, from where the API server plays no part.

usage: onlooker.py POD=ADDRESS…      until standard input ends

Writes a line for each yes: when it was asked and answered (CLOCK_BOOTTIME, nanoseconds), the pod, the term.
"""

import socket
import sys
import threading
import time


def now():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def answer(address):
    with socket.create_connection((address, 9797), timeout=0.3) as there:
        there.settimeout(0.3)
        there.sendall(b"GET /leaderz HTTP/1.0\r\n\r\n")
        said = b""
        while part := there.recv(4096):
            said += part
    return said.decode()


def watch(pod, address):
    while True:
        asked = now()
        try:
            said = answer(address)
        except OSError:
            said = ""
        if " 200 " in said.split("\r\n")[0]:
            term = next(line.split(":")[1] for line in said.lower().split("\r\n") if line.startswith("quorate-term:"))
            print(asked, now(), pod, int(term), flush=True)
        time.sleep(0.005)


for pair in sys.argv[1:]:
    threading.Thread(target=watch, args=pair.split("="), daemon=True).start()
sys.stdin.read()
