"""Work that writes down when it last acted, with a family that does all it can to outlive it.

usage: beater.py [family] [stop]     in the directory that it may write to

Each member replaces the 8 bytes of its file `beat.NAME` by the nanoseconds of CLOCK_BOOTTIME, read just before, every
two milliseconds or so: its last act. `ready` appears when all beat. All ignore SIGTERM. `stop`: stops itself for good.
"""

import os
import signal
import sys
import time


def beat(name):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    file = os.open(f"beat.{name}", os.O_WRONLY | os.O_CREAT)
    while True:
        now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        os.pwrite(file, now.to_bytes(8, "little"), 0)
        time.sleep(0.002)
        yield


def member(name):
    for _ in beat(name):
        pass


def main():
    names = ["command"]
    if "family" in sys.argv:
        names += ["child", "orphan", "apart"]
        if os.fork() == 0:
            member("child")
        if os.fork() == 0:
            if os.fork() == 0:
                member("orphan")
            os._exit(0)
        os.wait()
        if os.fork() == 0:
            os.setsid()
            member("apart")
    for _ in beat("command"):
        if "ready" not in names and all(os.path.exists(f"beat.{name}") for name in names):
            names.append("ready")
            open("ready", "w").close()
        elif "ready" in names and "stop" in sys.argv:
            os.kill(os.getpid(), signal.SIGSTOP)


main()
