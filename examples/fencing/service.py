#!/usr/bin/env python3
"""An HTTP service that refuses older terms. The value and the largest term are in one file, replaced as a whole.

usage: service.py FILE [PORT]      says at which port it listens; 0, the default, lets the kernel choose

POST /claim      Quorate-Term: N        the value; from now on smaller terms are refused
PUT  /value      Quorate-Term: N        sets it to the body
GET  /value
409: a newer term was here. 428: no term given.
"""

import http.server
import json
import os
import sys
import threading


class Store:
    def __init__(self, file):
        self.file, self.lock = file, threading.Lock()
        self.value, self.fence = 0, 0
        if os.path.exists(file):
            with open(file) as stored:
                self.value, self.fence = json.load(stored)

    def fenced(self, term, value=None):
        """The value after the change, or nothing where a newer term was here."""
        with self.lock:
            if term < self.fence:
                return None
            value = self.value if value is None else value
            # Whoever forgets the largest term forgets to refuse: it is on the disk before anybody is told.
            with open(self.file + ".new", "w") as fresh:
                json.dump([value, term], fresh)
                fresh.flush()
                os.fsync(fresh.fileno())
            os.replace(self.file + ".new", self.file)
            self.value, self.fence = value, term
            return value


class Answers(http.server.BaseHTTPRequestHandler):
    def fenced(self, value=None):
        term = self.headers.get("Quorate-Term", "")
        if not term.isdecimal():
            return self.say(428, "give the header Quorate-Term")
        value = self.server.store.fenced(int(term), value)
        if value is None:
            return self.say(409, f"refused: a newer term than {term} was here")
        return self.say(200, str(value))

    def do_POST(self):
        self.fenced() if self.path == "/claim" else self.say(404, "POST /claim")

    def do_PUT(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.fenced(int(body)) if self.path == "/value" else self.say(404, "PUT /value")

    def do_GET(self):
        self.say(200, str(self.server.store.value))

    def say(self, code, text):
        self.send_response(code)
        self.end_headers()
        self.wfile.write((text + "\n").encode())


server = http.server.ThreadingHTTPServer(("127.0.0.1", int((sys.argv[2:] or ["0"])[0])), Answers)
server.store = Store(sys.argv[1])
print(server.server_port, flush=True)
server.serve_forever()
