#!/usr/bin/env python3
"""Leads a port of this host's loopback to an address inside of a cluster, and prints the port.

usage: forward.py STATE HOLDER ADDRESS PORT

The socket is opened here; then this program starts anew in the cluster's namespaces, where it takes the socket with it
and ends with the cluster.
"""

import asyncio
import os
import socket
import sys


def outside(state, holder, address, port):
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    listener.set_inheritable(True)
    descriptor = str(listener.fileno())
    enter = ["nsenter", "--target", holder, "--pid", "--mount", "--net", "--uts", "--ipc", "--"]
    enter += ["env", "CLUSTER_STATE=" + state]
    again = [sys.executable, "/run/cluster/scripts/forward.py", "--inside", descriptor, address, port]
    os.execvp(enter[0], enter + again)


def inside(descriptor, address, port):
    listener = socket.socket(fileno=int(descriptor))
    if os.fork():
        print(listener.getsockname()[1])
        return
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    log = os.open("/run/cluster/state/log/forward.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for own, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(own, target)
    asyncio.run(serve(listener, address, int(port)))


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


if sys.argv[1] == "--inside":
    inside(*sys.argv[2:])
else:
    outside(*sys.argv[1:])
