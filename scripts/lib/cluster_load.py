"""The load: callers, dashboards and subscribers at a steady rate, and a record of all answers they get."""

import asyncio
import base64
import json
import os
import re
import time
from dataclasses import dataclass, field
from urllib.parse import urlencode

from cluster_system import BASE_URL, BUYERS, CALLED, LIMIT, LIMITED
from harness import twilio_signature

INCOMING, FALLBACK, STATUS = (f"/api/webhooks/call/{name}" for name in ("incoming", "fallback", "status"))
# Twilio's time limit for an answer.
CARRIER_WAITS = 15
# Seconds until a failed mutation is repeated with the same key.
PAUSE = 0.5
DELETE = "mutation($i: ID!) { deleteAgent(input: {id: $i}) { operation { id } userErrors { code message } } }"
CREATE = """mutation($i: CreateAgentInput!) { createAgent(input: $i) {
    agent { id } operation { id } userErrors { code message } } }"""
WATCH = "subscription { callUpdated { id status } }"


@dataclass
class Call:
    sid: str
    tenant: str
    asked: float
    answered: float = 0.0
    verb: str = ""
    twiml: str = ""
    server: str = ""
    # The first answer did not arrive, so the carrier called the fallback address.
    fell_back: bool = False
    # Another server's answer to the same call.
    again: str = ""
    again_at: float = 0.0


@dataclass
class Attempt:
    """A mutation sent once."""
    at: float
    ended: float
    error: str


class Client:
    """HTTP/1.1 over kept-alive connections. Nothing is sent twice."""

    def __init__(self, port):
        self.port, self.idle = port, []

    async def send(self, method, path, body, headers, timeout):
        return await asyncio.wait_for(self._send(method, path, body.encode(), headers), timeout)

    async def _send(self, method, path, body, headers):
        reader, writer = await self._connection()
        is_reusable = False
        try:
            head = {"Host": "localhost", "Content-Length": str(len(body)), **headers}
            lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
            writer.write(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body)
            first, *rest = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            found = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
            if "content-length" in found:
                answer = await reader.readexactly(int(found["content-length"]))
            elif found.get("transfer-encoding") == "chunked":
                answer = await self._chunks(reader)
            else:
                answer = await reader.read()
                found["connection"] = "close"
            is_reusable = found.get("connection", "").lower() != "close"
            return int(first.split()[1]), found, answer.decode()
        finally:
            if is_reusable:
                self.idle.append((time.monotonic(), reader, writer))
            else:
                writer.close()

    async def _chunks(self, reader):
        parts = []
        while size := int((await reader.readline()).split(b";")[0], 16):
            parts.append(await reader.readexactly(size))
            await reader.readline()
        await reader.readline()
        return b"".join(parts)

    async def _connection(self):
        while self.idle:
            since, reader, writer = self.idle.pop()
            # Neither a closed connection nor one that is about to close.
            if time.monotonic() - since < 20 and not reader.at_eof():
                return reader, writer
            writer.close()
        return await asyncio.open_connection("127.0.0.1", self.port)

    def close(self):
        for _, _, writer in self.idle:
            writer.close()


FAILURES = (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, ValueError, IndexError)


def verb_of(twiml):
    """The first verb of an answer: an agent (Connect), a number (Dial), a sentence (Say)."""
    found = re.search(r"<(Connect|Dial|Say|Reject)", twiml)
    return found[1] if found else ""


@dataclass
class Told:
    """The record of one disaster."""
    calls: list = field(default_factory=list)
    attempts: list = field(default_factory=list)
    keys: list = field(default_factory=list)
    # (when, what) of every request not answered with 200.
    failures: list = field(default_factory=list)
    # Times at which the limited tenant's agent had more calls than its plan allows.
    over_limit: list = field(default_factory=list)
    most_live: int = 0
    ready: dict = field(default_factory=dict)
    # Times at which the database was queried, and at which each call was first found.
    looks: list = field(default_factory=list)
    seen: dict = field(default_factory=dict)
    events: int = 0
    watches: int = 0


class Load:
    def __init__(self, system, rate, talk, chance):
        """`rate` calls a second, each of about `talk` seconds; of the first tenant's as many that twice its plan is wanted."""
        self.system, self.rate, self.talk, self.chance = system, rate, talk, chance
        self.share = 2 * LIMIT / talk / rate
        self.web = Client(system.port)
        self.direct = {server.name: Client(server.port) for server in system.servers}
        self.told, self.live, self.tasks, self.calls_under_way = Told(), 0, [], set()
        self.stopping = asyncio.Event()
        self.begun = time.monotonic()

    def now(self):
        return time.monotonic() - self.begun

    def start(self):
        loops = [self.callers(), self.look_into_database(), *(self.buyer(tenant) for tenant in BUYERS for _ in range(2)),
                 *(self.watcher(tenant) for tenant in CALLED[:3]), *(self.prober(server) for server in self.system.servers)]
        self.tasks = [asyncio.create_task(loop) for loop in loops]

    async def stop(self):
        """Starts no new calls, ends those in progress, and finishes started mutations."""
        self.stopping.set()
        if self.calls_under_way:
            await asyncio.wait(self.calls_under_way, timeout=3 * CARRIER_WAITS)
        _, pending = await asyncio.wait(self.tasks, timeout=35)
        for task in pending:
            task.cancel()
        for task in self.tasks:
            if task.done() and not task.cancelled() and task.exception():
                raise task.exception()
        for client in (self.web, *self.direct.values()):
            client.close()

    async def pause(self, seconds):
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except asyncio.TimeoutError:
            pass

    # Calls.

    async def callers(self):
        while not self.stopping.is_set():
            tenant = LIMITED if self.chance.random() < self.share else self.chance.choice(CALLED[1:])
            task = asyncio.create_task(self.call(tenant))
            self.calls_under_way.add(task)
            task.add_done_callback(self.calls_under_way.discard)
            await self.pause(self.chance.expovariate(self.rate))

    def announcement(self, sid, tenant, caller):
        return {"CallSid": sid, "From": caller, "To": self.system.numbers[tenant], "CallStatus": "ringing", "Direction": "inbound"}

    async def call(self, tenant):
        sid = "CA%032x" % self.chance.getrandbits(128)
        form = self.announcement(sid, tenant, "+1305555%04d" % self.chance.randrange(10_000))
        call = Call(sid, tenant, self.now())
        self.told.calls.append(call)
        answer = await self.webhook(self.web, INCOMING, form)
        if answer is None:
            call.fell_back = True
            failed = {"ErrorCode": "11200", "ErrorUrl": BASE_URL + INCOMING}
            answer = await self.webhook(self.web, FALLBACK, {**form, **failed})
        if answer is not None:
            call.twiml, call.server = answer
            call.verb, call.answered = verb_of(call.twiml), self.now()
        if call.verb == "Connect" and tenant == LIMITED:
            self.live += 1
            self.told.most_live = max(self.told.most_live, self.live)
            if self.live > LIMIT:
                self.told.over_limit.append(self.now())
        if call.verb and not call.fell_back and self.chance.random() < 0.05:
            await self.announce_again(call, form)
        await asyncio.sleep(self.talk * self.chance.uniform(0.5, 1.5))
        if call.verb == "Connect" and tenant == LIMITED:
            self.live -= 1
        await self.webhook(self.web, STATUS, {"CallSid": sid, "CallStatus": "completed", "CallDuration": "4"})

    async def announce_again(self, call, form):
        others = [name for name in self.direct if name != call.server]
        name = self.chance.choice(others)
        server = next(each for each in self.system.servers if each.name == name)
        if server.process.poll() is not None:
            return
        answer = await self.webhook(self.direct[name], INCOMING, form, counts=False)
        if answer is not None:
            call.again, call.again_at = answer[0], self.now()

    async def webhook(self, client, path, form, counts=True):
        """The TwiML and the server that answered; None if the carrier would give up."""
        form = {"AccountSid": self.system.credentials["TWILIO_ACCOUNT_SID"], **form}
        signature = twilio_signature(self.system.credentials["TWILIO_AUTH_TOKEN"], BASE_URL + path, form)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signature}
        begun = self.now()
        try:
            status, found, text = await client.send("POST", path, urlencode(form), headers, CARRIER_WAITS)
        except FAILURES as error:
            status, found, text = 0, {}, type(error).__name__
        if status == 200:
            return text, found.get("x-served-by", "")
        if counts:
            self.told.failures.append((begun, f"{path.rpartition('/')[2]} {status or text}"))
        return None

    # Mutations.

    async def buyer(self, tenant):
        agents = []
        while not self.stopping.is_set():
            made = await self.until_done(tenant, CREATE, {"i": self.new_agent()})
            if made and made["createAgent"]["agent"]:
                agents.append(made["createAgent"]["agent"]["id"])
            while len(agents) > 3:
                if not await self.until_done(tenant, DELETE, {"i": agents[0]}):
                    break
                agents.pop(0)
            await self.pause(self.chance.uniform(0.2, 0.8))

    def new_agent(self):
        self.told.keys.append("%016x" % self.chance.getrandbits(64))
        return {"name": "Practice", "ifUnavailable": "ANY_IN_COUNTRY", "idempotencyKey": self.told.keys[-1]}

    async def leave_behind(self, server, count):
        """Creates agents at this server only, with clients that never repeat the request: other servers must finish the work."""
        wanted = [self.graphql(BUYERS[0], CREATE, {"i": self.new_agent()}, self.direct[server.name]) for _ in range(count)]
        await asyncio.gather(*wanted)

    async def until_done(self, tenant, query, variables):
        """Repeats a mutation until it is accepted, also for some time after the load has ended."""
        give_up = None
        while True:
            begun = self.now()
            data, error = await self.graphql(tenant, query, variables)
            self.told.attempts.append(Attempt(begun, self.now(), error))
            if not error:
                return data
            if self.stopping.is_set():
                give_up = give_up or self.now() + 15
                if self.now() > give_up:
                    return None
            await asyncio.sleep(PAUSE)

    async def graphql(self, tenant, query, variables, client=None):
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.system.tokens[tenant]}"}
        body, begun = json.dumps({"query": query, "variables": variables}), self.now()
        try:
            status, _, text = await (client or self.web).send("POST", "/graphql", body, headers, 35)
            answer = json.loads(text) if text.startswith("{") else {}
        except FAILURES as error:
            self.told.failures.append((begun, f"mutation {type(error).__name__}"))
            return None, type(error).__name__
        if answer.get("errors"):
            return None, answer["errors"][0].get("extensions", {}).get("code", "error")
        if status != 200:
            self.told.failures.append((begun, f"mutation {status}"))
            return None, str(status)
        faults = next(iter(answer["data"].values()))["userErrors"]
        # An error of a provider or of its stock, not of the cluster: the operation ended.
        unavailable = any("UNAVAILABLE" in fault["code"] for fault in faults)
        return answer["data"], "userErrors" if unavailable else ""

    # Subscriptions, over a small WebSocket client.

    async def watcher(self, tenant):
        while not self.stopping.is_set():
            try:
                await self.watch(tenant)
            except (*FAILURES, KeyError):
                pass
            await self.pause(1)

    async def watch(self, tenant):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.system.port)
        try:
            key = base64.b64encode(os.urandom(16)).decode()
            writer.write((
                "GET /graphql/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
            ).encode())
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
            if b" 101 " not in head.split(b"\r\n")[0]:
                return
            self.frame(writer, {"type": "connection_init", "payload": {"authorization": f"Bearer {self.system.tokens[tenant]}"}})
            self.told.watches += 1
            ended = asyncio.create_task(self.stopping.wait())
            try:
                while not self.stopping.is_set():
                    read = asyncio.create_task(self.read_frame(reader, writer))
                    await asyncio.wait({read, ended}, return_when=asyncio.FIRST_COMPLETED)
                    if not read.done():
                        read.cancel()
                        return
                    message = read.result()
                    if message.get("type") == "connection_ack":
                        self.frame(writer, {"type": "subscribe", "id": "1", "payload": {"query": WATCH}})
                    elif message.get("type") == "next":
                        self.told.events += 1
                    elif message.get("type") in ("error", "complete", "closed"):
                        return
            finally:
                ended.cancel()
        finally:
            writer.close()

    def frame(self, writer, message, opcode=1):
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        length = bytes([0x80 | len(body)]) if len(body) < 126 else b"\xfe" + len(body).to_bytes(2, "big")
        # A client masks; a mask of zeros changes nothing.
        writer.write(bytes([0x80 | opcode]) + length + bytes(4) + body)

    async def read_frame(self, reader, writer):
        first, second = await reader.readexactly(2)
        length = second & 0x7F
        if length >= 126:
            length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8), "big")
        body = await reader.readexactly(length)
        opcode = first & 0x0F
        if opcode == 8:
            return {"type": "closed"}
        if opcode == 9:
            self.frame(writer, body, 10)
            return {}
        message = json.loads(body) if opcode == 1 else {}
        if message.get("type") == "ping":
            self.frame(writer, {"type": "pong"})
        return message

    # Readiness of the servers, and contents of the database.

    async def prober(self, server):
        told = self.told.ready.setdefault(server.name, [])
        client = Client(server.port)
        while not self.stopping.is_set():
            begun = self.now()
            try:
                _, _, text = await client.send("GET", "/readyz", "", {}, 3)
                word = json.loads(text)["status"]
            except (*FAILURES, KeyError):
                word = "no answer" if server.process.poll() is None else "gone"
            if not told or told[-1][1] != word:
                told.append((begun, word))
            await self.pause(0.5)
        client.close()

    async def look_into_database(self):
        """Times at which calls appeared in the database."""
        while not self.stopping.is_set():
            begun = self.now()
            try:
                for sid in await asyncio.to_thread(self.system.pair.query, "SELECT sid FROM calls", timeout=3):
                    self.told.seen.setdefault(sid, begun)
                self.told.looks.append(begun)
            except Exception:  # It may be stopped, full or gone: that is what is being tried.
                pass
            await self.pause(0.5)
