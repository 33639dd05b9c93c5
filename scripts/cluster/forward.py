#!/usr/bin/env python3
"""Leads into a cluster, or out of it, and says where that begins.

usage: forward.py in STATE HOLDER ADDRESS PORT     a port of this host's loopback leads to that address in the cluster
       forward.py out STATE HOLDER ADDRESS PORT    a port of that address in the cluster leads to this host's loopback,
                                                   until standard input ends

The socket that is listened on is opened on the one side; then this program goes over to the other one and takes the
socket with it. It ends with the cluster.
"""

import asyncio
import ctypes
import os
import socket
import sys
import threading

LOOPBACK = "127.0.0.1"


def start(direction, state, holder, address, port):
    # What is taken along: the socket, or the network to come back to.
    if direction == "in":
        taken = socket.create_server((LOOPBACK, 0), backlog=128).detach()
    else:
        taken = os.open("/proc/self/ns/net", os.O_RDONLY)
    os.set_inheritable(taken, True)
    enter = ["nsenter", "--target", holder, "--pid", "--mount", "--net", "--uts", "--ipc", "--"]
    enter += ["env", "CLUSTER_STATE=" + state]
    again = [sys.executable, "/run/cluster/scripts/forward.py", "entered", direction, str(taken), address, port]
    os.execvp(enter[0], enter + again)


def entered(direction, taken, address, port):
    if direction == "in":
        into(socket.socket(fileno=int(taken)), address, int(port))
    else:
        out(int(taken), address, int(port))


def into(listener, address, port):
    if os.fork():
        print(listener.getsockname()[1])
        return
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    log = os.open("/run/cluster/state/log/forward.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for own, place in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(own, place)
    asyncio.run(serve(listener, address, port))


def out(network, address, port):
    listener = socket.create_server((address, 0), backlog=128)
    if ctypes.CDLL(None, use_errno=True).setns(network, 0) != 0:
        sys.exit("forward: " + os.strerror(ctypes.get_errno()))
    print("%s:%d" % listener.getsockname(), flush=True)
    threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start()
    asyncio.run(serve(listener, LOOPBACK, port))


async def serve(listener, address, port):
    async def connected(reader, writer):
        try:
            there = await asyncio.open_connection(address, port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(copy(reader, there[1]), copy(there[0], writer))

    async with await asyncio.start_server(connected, sock=listener) as server:
        await server.serve_forever()


async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


if sys.argv[1] == "entered":
    entered(*sys.argv[2:])
else:
    start(*sys.argv[1:])
