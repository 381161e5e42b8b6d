"""The disasters. Each runs under load and records when the database was unavailable and when it was repaired."""

import asyncio
import json
import signal
import urllib.request
from dataclasses import dataclass
from typing import Callable

from cluster_load import INCOMING, STATUS, verb_of
from cluster_system import BYSTANDER, ask_http

DISASTERS = {}


@dataclass
class Disaster:
    name: str
    run: Callable
    what: str
    # Arguments of System.start.
    system: dict
    # Whether the next disaster can use the same system.
    spoils: bool
    is_quick: bool


@dataclass
class Scene:
    """The system that a disaster acts on."""
    system: object
    load: object
    faults: object
    # Duration of a fault in seconds.
    lasts: float

    def fault_begins(self):
        self.faults.away = self.load.now()

    def cured(self):
        self.faults.cured = self.load.now()

    async def blocking(self, what, *arguments):
        """Runs blocking work in a thread, so that the load continues."""
        return await asyncio.to_thread(what, *arguments)

    def network(self, **order):
        """Sets the network between the servers and the primary, whichever route they use."""
        for route in ("a", "moved"):
            self.system.pair.network.order(route, **order)

    async def kill(self, server):
        self.faults.kills.append((server.name, self.load.now()))
        await self.blocking(server.kill)

    async def until_ready(self, server, seconds=30):
        deadline = self.load.now() + seconds
        while not await self.blocking(server.is_ready):
            if self.load.now() > deadline:
                self.faults.broken.append(f"server {server.name} was not ready {seconds} s after its start")
                return
            await asyncio.sleep(0.1)

    async def lead_to_the_new_primary(self):
        """Promotes the standby. Servers that know both hosts find it; a single address is moved there."""
        await self.blocking(self.system.pair.promote)
        if self.system.database == "moved":
            self.system.move()
            self.faults.notes.append("the servers know one address, which was moved to the new primary")
        self.cured()


def disaster(name, what, spoils=True, is_quick=False, **system):
    def add(run):
        DISASTERS[name] = Disaster(name, run, what, system, spoils, is_quick)
        return run
    return add


@disaster("kill", "a server is killed (SIGKILL) and started again; HAProxy tries refused connections elsewhere",
          spoils=False, is_quick=True, retries=3)
async def kill(scene):
    # Requests in progress at the killed server fail in the proxy; the carrier then calls the fallback address.
    scene.faults.excused_requests = True
    server = scene.system.servers[0]
    scene.cured()
    await scene.kill(server)
    await asyncio.sleep(scene.lasts)
    server.start()
    await scene.until_ready(server)


@disaster("poison", "rows that no server can read: an operation of an unknown kind, one due at -infinity, unreadable rules; then "
          "a server is killed and started beside them", is_quick=True, retries=3)
async def poison(scene):
    system, faults = scene.system, scene.faults
    faults.excused_requests = True
    # Rows as a newer version would write them.
    await scene.blocking(
        system.pair.query,
        "ALTER TABLE operations DROP CONSTRAINT operations_kind_check, DROP CONSTRAINT operations_step_check",
        f"UPDATE phone_numbers SET routing_rules = '[{{\"from\": \"a newer version\"}}]' WHERE tenant_id = '{BYSTANDER}'",
    )
    copy = """INSERT INTO operations SELECT (jsonb_populate_record(o, jsonb_build_object('id', gen_random_uuid(), 'kind', {kind},
        'step', {step}, 'state', 'pending', 'finished_at', NULL, 'idempotency_key', NULL, 'input_hash', NULL, 'lease_owner', NULL,
        'lease_until', NULL, 'run_after', {due}))).* FROM operations o WHERE state = 'succeeded' LIMIT {count} RETURNING id"""
    for kind, step, due, count in (("'teleport_number'", "'beam'", "now()", 10), ("o.kind", "'done'", "'-infinity'", 1)):
        faults.poisoned |= set(await scene.blocking(system.pair.query, copy.format(kind=kind, step=step, due=due, count=count)))
    scene.cured()
    if len(faults.poisoned) < 2:
        faults.broken.append("the rows could not be poisoned")
    await asyncio.sleep(scene.lasts)
    # Work of a killed server is taken up by the others' workers. And whatever it cannot read, a server must start, and know
    # all other numbers without the database.
    server = system.servers[2]
    slow = [{"match": {"provider": "elevenlabs", "path_contains": "/agents/create"}, "action": {"delay_ms": 1500}}]
    await scene.blocking(ask_http, f"{system.sandbox_url}/sandbox/faults", json.dumps(slow).encode())
    left = asyncio.create_task(scene.load.leave_behind(server, 6))
    await asyncio.sleep(0.7)
    await scene.kill(server)
    await left
    await scene.blocking(clear_faults, system)
    server.start()
    await scene.until_ready(server)
    known = 0
    for _ in range(20):
        known = await scene.blocking(system.cached, server)
        if known >= len(system.numbers):
            break
        await asyncio.sleep(0.5)
    if known < len(system.numbers):
        faults.broken.append(f"a server that started beside an unreadable rule knows {known} numbers")


def clear_faults(system):
    request = urllib.request.Request(f"{system.sandbox_url}/sandbox/faults", method="DELETE")
    urllib.request.urlopen(request, timeout=10).close()


@disaster("rolling", "all servers are restarted one after another (SIGTERM)", spoils=False, is_quick=True)
async def rolling(scene):
    scene.cured()
    for server in scene.system.servers:
        took = await scene.blocking(server.terminate, 60)
        if took is None:
            scene.faults.broken.append(f"server {server.name} was not gone 60 s after SIGTERM")
        elif took < scene.system.drain_delay - 1:
            scene.faults.notes.append(f"server {server.name} was gone {took:.1f} s after SIGTERM: this binary knows no DRAIN_DELAY")
        server.start()
        await scene.until_ready(server)
        # Gives the proxy time to notice.
        await asyncio.sleep(1)


@disaster("twice", "200 calls are announced to two servers at the same moment", spoils=False)
async def twice(scene):
    load, servers = scene.load, scene.system.servers
    tenant = list(scene.system.numbers)[1]
    callers, connected, differing = set(), 0, 0

    async def announce(nth):
        nonlocal connected, differing
        sid, caller = "CA%032x" % load.chance.getrandbits(128), f"+1646555{nth:04}"
        form, pair = load.announcement(sid, tenant, caller), load.chance.sample(servers, 2)
        callers.add(caller)
        answers = await asyncio.gather(*(load.webhook(load.direct[server.name], INCOMING, form) for server in pair))
        twimls = [answer[0] if answer else "" for answer in answers]
        connected += any(verb_of(twiml) == "Connect" for twiml in twimls)
        differing += twimls[0] != twimls[1] or not twimls[0]
        await load.webhook(load.web, STATUS, {"CallSid": sid, "CallStatus": "completed", "CallDuration": "1"})

    for first in range(0, 200, 8):
        await asyncio.gather(*(announce(nth) for nth in range(first, first + 8)))
    told = conversations_with(scene.system, callers)
    scene.faults.notes.append(f"200 calls announced twice: {differing} with different answers; {connected} were connected to the "
                              f"agent, {told} were registered with the voice provider")
    if differing:
        scene.faults.broken.append(f"{differing} of 200 calls that were announced to two servers at once got different answers")
    if told > connected:
        scene.faults.broken.append(f"{told} calls were registered with the voice provider instead of {connected}")


def conversations_with(system, callers):
    """Number of calls of these callers that were registered with the voice provider."""
    state = json.loads(ask_http(f"{system.sandbox_url}/sandbox/state", timeout=30)[1])
    return sum(conversation["from"] in callers for conversation in state["conversations"])


@disaster("reset", "connections to the database are reset and refused, then accepted again", spoils=False)
async def reset(scene):
    scene.fault_begins()
    scene.network(mode="reset")
    await asyncio.sleep(scene.lasts)
    scene.network(mode="pass")
    scene.cured()


@disaster("slow", "every message to the database takes 50 ms longer", spoils=False)
async def slow(scene):
    scene.network(delay=0.05)
    await asyncio.sleep(2 * scene.lasts)
    scene.network(delay=0.0)
    # Never unavailable: plans must be enforced, and everything must work.
    scene.cured()


@disaster("slow-writes", "every call that is written takes the database 50 ms longer, more than it can keep up with")
async def slow_writes(scene):
    query = scene.system.pair.query
    await scene.blocking(
        query, "CREATE FUNCTION nap() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.05); RETURN NEW; END'",
        "CREATE TRIGGER nap BEFORE INSERT ON calls FOR EACH ROW EXECUTE FUNCTION nap()",
    )
    await asyncio.sleep(2 * scene.lasts)
    # Never unavailable: plans must be enforced, though callers may be turned away.
    await scene.blocking(query, "DROP TRIGGER nap ON calls")
    scene.cured()


@disaster("stopped", "the processes of the primary stand still (SIGSTOP), then go on", spoils=False)
async def stopped(scene):
    scene.fault_begins()
    scene.system.pair.signal_primary(signal.SIGSTOP)
    await asyncio.sleep(scene.lasts)
    scene.system.pair.signal_primary(signal.SIGCONT)
    scene.cured()


@disaster("read-only", "the primary takes no writes (`default_transaction_read_only`), then does", spoils=False)
async def read_only(scene):
    scene.fault_begins()
    await scene.blocking(scene.system.pair.read_only, True)
    await asyncio.sleep(scene.lasts)
    await scene.blocking(scene.system.pair.read_only, False)
    scene.cured()


@disaster("disk-full", "the disk of the primary is full, then has room", small_disk=True)
async def disk_full(scene):
    scene.fault_begins()
    await scene.blocking(scene.system.pair.fill_disk)
    await asyncio.sleep(scene.lasts)
    scene.system.pair.empty_disk()
    scene.cured()


@disaster("silent", "the network to the primary goes silent for good; the standby is promoted", is_quick=True, database="hosts")
async def silent(scene):
    scene.fault_begins()
    scene.network(mode="silent")
    await asyncio.sleep(scene.lasts)
    await scene.lead_to_the_new_primary()


@disaster("promote", "the primary loses power; the standby is promoted", database="hosts")
async def promote(scene):
    scene.fault_begins()
    await scene.blocking(scene.system.pair.end_primary)
    await asyncio.sleep(scene.lasts)
    await scene.lead_to_the_new_primary()


@disaster("standby", "the one address leads to the standby, which takes no writes, and only then it is promoted", database="moved")
async def standby(scene):
    scene.fault_begins()
    scene.network(mode="reset")
    scene.system.move()
    await asyncio.sleep(scene.lasts)
    await scene.lead_to_the_new_primary()


def behind_pooler(mode):
    async def run(scene):
        await asyncio.sleep(scene.lasts / 2)
        # The pooler's own connections to the database break; clients of the pooler keep theirs.
        scene.fault_begins()
        scene.system.pair.network.order("a", mode="reset")
        await asyncio.sleep(1)
        scene.system.pair.network.order("a", mode="pass")
        scene.cured()
    return run


disaster("pgbouncer-session", "PgBouncer in session mode, whose connections to the database break once",
         database="session")(behind_pooler("session"))
disaster("pgbouncer-transaction", "PgBouncer in transaction mode, whose connections to the database break once",
         is_quick=True, database="transaction")(behind_pooler("transaction"))
