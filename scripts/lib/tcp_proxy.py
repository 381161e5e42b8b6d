#!/usr/bin/env python3
"""A TCP proxy whose routes can fail. It is a process of its own, controlled through its standard input.

    tcp_proxy.py NAME=TARGET_PORT...

Prints the routes' ports as one JSON object. Then reads one order a line, also JSON, and answers each with "ok":

    {"route": "a", "mode": "pass"}     new connections are forwarded (those that went silent stay silent)
    {"route": "a", "mode": "silent"}   every connection, open or new, stays open and carries nothing any more
    {"route": "a", "mode": "reset"}    every connection, open or new, is reset
    {"route": "a", "delay": 0.05}      every message of a client is forwarded so many seconds later
    {"route": "a", "target": 5433}     new connections go to another port

Ends at the end of its input.
"""

import asyncio
import json
import os
import socket
import struct
import sys

AT_ONCE = 64 * 1024


class Route:
    def __init__(self, target):
        self.target, self.mode, self.delay = target, "pass", 0.0
        self.connections = set()

    def order(self, wanted):
        self.target = wanted.get("target", self.target)
        self.delay = wanted.get("delay", self.delay)
        self.mode = wanted.get("mode", self.mode)
        for connection in list(self.connections):
            if self.mode == "silent":
                connection.silence()
            elif self.mode == "reset":
                connection.reset()

    async def accept(self, reader, writer):
        connection = Connection(self, writer)
        if self.mode == "reset":
            connection.reset()
            return
        self.connections.add(connection)
        try:
            if self.mode == "silent":
                connection.silence()
            await connection.run(reader)
        finally:
            self.connections.discard(connection)


class Connection:
    def __init__(self, route, client):
        self.route, self.client, self.server = route, client, None
        self.tasks, self.silent, self.over = [], False, asyncio.Event()

    def silence(self):
        """Reads nothing more, so that nothing is answered, not even a close."""
        self.silent = True
        for task in self.tasks:
            task.cancel()

    def reset(self):
        for writer in filter(None, (self.client, self.server)):
            plug = writer.get_extra_info("socket")
            if plug is not None:
                plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        for task in self.tasks:
            task.cancel()
        self.over.set()

    async def run(self, reader):
        if not self.silent:
            try:
                answers, self.server = await asyncio.open_connection("127.0.0.1", self.route.target)
            except OSError:
                self.reset()
                return
            # The network may have failed in the meantime.
            if not self.silent and not self.over.is_set():
                self.tasks = [
                    asyncio.create_task(self.pump(reader, self.server, True)),
                    asyncio.create_task(self.pump(answers, self.client, False)),
                ]
                await asyncio.wait(self.tasks, return_when=asyncio.FIRST_COMPLETED)
        if self.silent:
            self.client.transport.pause_reading()
            await self.over.wait()
        for task in self.tasks:
            task.cancel()
        for writer in filter(None, (self.client, self.server)):
            writer.close()

    async def pump(self, reader, writer, is_delayed):
        try:
            while data := await reader.read(AT_ONCE):
                if is_delayed and self.route.delay:
                    await asyncio.sleep(self.route.delay)
                writer.write(data)
                await writer.drain()
        except OSError:
            pass


async def main():
    routes, ports = {}, {}
    for word in sys.argv[1:]:
        name, _, target = word.partition("=")
        routes[name] = Route(int(target))
        server = await asyncio.start_server(routes[name].accept, "127.0.0.1", 0, backlog=512)
        ports[name] = server.sockets[0].getsockname()[1]
    print(json.dumps(ports), flush=True)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := await orders.readline():
        wanted = json.loads(line)
        routes[wanted.pop("route")].order(wanted)
        print("ok", flush=True)
    # Immediately: open connections end with the process.
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main())
