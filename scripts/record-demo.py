#!/usr/bin/env python3
"""Records the live demo: runs it in a pseudo terminal, presses keys when the screen shows what they wait for, and
writes an animated SVG.

usage: scripts/record-demo.py PROGRAM OUTPUT.svg      with the packages of scripts/recording.txt on PYTHONPATH

What is recorded is real: servers, candidates, times. Only the waits between the keys are a script.
"""

import codecs
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

import pyte

COLUMNS, ROWS = 80, 24
# No wait of the script is longer; an election takes three seconds.
LIMIT_S = 60
# Frames closer than this are one: smooth enough for bars that take three seconds, and a small file.
FRAME_MS = 200
# How long the last picture stays before it begins again.
LOOP_MS = 4000


class Demo:
    """The program in a terminal of its own, what its screen shows, and everything it wrote."""

    def __init__(self, program):
        self.events = []
        self.begun = time.monotonic()
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self.stream = pyte.ByteStream(self.screen)
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color")
            os.environ.pop("NO_COLOR", None)
            os.execv(program, [program, "demo"])
        size = struct.pack("HHHH", ROWS, COLUMNS, 0, 0)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, size)

    def text(self):
        return "\n".join(self.screen.display)

    def read(self, seconds):
        """Takes in what is written within a time; False once nothing will be any more."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.terminal], [], [], left)[0]:
                break
            try:
                written = os.read(self.terminal, 65536)
            except OSError:
                return False
            self.stream.feed(written)
            self.events.append((time.monotonic() - self.begun, written))
        return True

    def begin(self):
        """What was written before is there at once; the recording begins with what follows."""
        self.events = [(0.0, b"".join(written for _, written in self.events))]
        self.begun = time.monotonic()

    def press(self, keys):
        os.write(self.terminal, keys.encode())

    def until(self, what, found):
        """Waits until the screen shows something: what was found."""
        end = time.monotonic() + LIMIT_S
        while not (answer := found(self.text())):
            if time.monotonic() > end or not self.read(0.05):
                sys.exit(f"record-demo: no {what} in\n{self.text()}")
        return answer

    def shows(self, text):
        # Entries of the log are broken into lines.
        self.until(repr(text), lambda seen: text in " ".join(seen.split()))

    def leader_other_than(self, *others):
        def found(seen):
            row = re.search(r"^. (\w+) +LEADER", seen, re.MULTILINE)
            return row and row[1] not in others and row[1]

        return self.until("leader", found)

    def end(self):
        self.press("q")
        while self.read(0.2):
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def play(demo):
    demo.shows("Any key begins")
    demo.begin()
    demo.press(" ")
    first = demo.leader_other_than()
    demo.read(3)
    demo.press("k")
    second = demo.leader_other_than(first)
    demo.read(3)
    demo.press("n")
    demo.shows(f"You started {first} again")
    demo.read(1.5)
    demo.press("s")
    third = demo.leader_other_than(second)
    demo.read(2.5)
    demo.press(second[0] + "r")
    demo.shows(f"{second} leads no more")
    demo.read(3.5)
    demo.press("lg")
    demo.leader_other_than(third)
    demo.read(3.5)
    demo.press("1")
    demo.read(0.5)
    demo.press("d")
    demo.shows("v1 votes again")
    demo.read(4)
    for voter in "234":
        demo.press(voter + "k")
        demo.read(0.6)
    demo.shows("Nobody can lead")
    demo.read(2.5)
    for voter in "234":
        demo.press(voter + "e")
        demo.read(0.6)
    demo.leader_other_than()
    demo.read(2)


def write_cast(demo, path):
    # A character may come in two pieces.
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    with open(path, "w", encoding="utf-8") as cast:
        cast.write(json.dumps({"version": 2, "width": COLUMNS, "height": ROWS}) + "\n")
        for at, written in demo.events:
            cast.write(json.dumps([round(at, 3), "o", decoder.decode(written)]) + "\n")


def main():
    program, output = sys.argv[1:]
    demo = Demo(os.path.abspath(program))
    try:
        play(demo)
    except BaseException:
        # It ends what it started when it is told to end.
        os.kill(demo.pid, signal.SIGTERM)
        raise
    last = len(demo.events)
    code = demo.end()
    if code != 0:
        sys.exit(f"record-demo: the demo ended with {code}")
    del demo.events[last:]
    with tempfile.NamedTemporaryFile(suffix=".cast") as cast:
        write_cast(demo, cast.name)
        render = [sys.executable, "-m", "termtosvg", "render", cast.name, output]
        frame = os.path.join(os.path.dirname(__file__), "recording-frame.svg")
        subprocess.run([*render, "-t", frame, "-m", str(FRAME_MS), "-D", str(LOOP_MS)], check=True)


if __name__ == "__main__":
    main()
