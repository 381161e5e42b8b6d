"""Three servers behind HAProxy over a pair of Postgres clusters and the emulated providers, with tenants that have numbers."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

from databases import Cannot, Pair
from harness import ROOT, free_ports

NAMES = ["one", "two", "three"]
BASE_URL = "https://calls.example.com"
PLAN = "mutation($i: SetTenantPlanInput!) { setTenantPlan(input: $i) { userErrors { message } } }"
CREATE = """mutation($i: CreateAgentInput!) { createAgent(input: $i) {
    agent { id } phoneNumber { number } userErrors { code message } } }"""
# The first tenant's calls beyond its plan ring the fallback number; the others stay within their plans.
LIMITED, LIMIT = str(uuid.UUID(int=1)), 10
CALLED = [LIMITED, *(str(uuid.UUID(int=n)) for n in range(2, 10))]
BUYERS = [str(uuid.UUID(int=n)) for n in (21, 22)]
# A tenant whose number nobody calls.
BYSTANDER = str(uuid.UUID(int=31))


def ask_http(url, body=None, headers=None, timeout=10):
    """Status and body of a response; status 0 if there is none."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json", **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.read().decode()
    except OSError as error:
        return 0, str(error)


def until(holds, what, seconds):
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        if time.monotonic() > deadline:
            raise RuntimeError(f"after {seconds} s still not: {what}")
        time.sleep(0.05)
    return found


class Server:
    """One `serve` with its own folder for the journal."""

    def __init__(self, system, name, port):
        self.system, self.name, self.port, self.process = system, name, port, None
        self.folder = system.folder / name
        self.folder.mkdir()
        self.url = f"http://127.0.0.1:{port}"

    def start(self):
        environment = self.system.environment | {
            "BIND_ADDRESS": f"127.0.0.1:{self.port}", "STATE_DIR": str(self.folder / "state"),
        }
        with open(self.folder / "log", "a") as log:
            words = [self.system.binary, "serve"]
            self.process = subprocess.Popen(words, cwd=self.folder, env=environment, stdout=log, stderr=log)

    def is_ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"server {self.name} ended: {(self.folder / 'log').read_text()[-500:].strip()}")
        return ask_http(f"{self.url}/readyz", timeout=5)[0] == 200

    def kill(self):
        self.process.kill()
        self.process.wait()

    def terminate(self, seconds):
        """Seconds until it ended after SIGTERM; None if it had to be killed."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(seconds)
            return time.monotonic() - begun
        except subprocess.TimeoutExpired:
            self.kill()
            return None


class System:
    def __init__(self, binary, drain_delay):
        self.binary, self.drain_delay = str(binary), drain_delay
        self.folder = Path(tempfile.mkdtemp(prefix="switchboard-cluster.", dir="/dev/shm"))
        # Postgres runs as another user and must reach its folder below.
        self.folder.chmod(0o755)
        self.pair = Pair(self.folder / "postgres")
        self.processes, self.servers, self.log_files = [], [], []

    def start(self, database="hosts", retries=0, small_disk=False):
        """`database`: how the servers reach it. "hosts": both by their addresses; a binary that takes only one gets "moved",
        one address that leads to the primary of the moment. "session", "transaction": through PgBouncer."""
        self.pair.start(small_disk)
        self.start_sandbox()
        # Migrations need a real session, so they bypass the pooler.
        self.direct = self.pair.url("a")
        self.environment |= {"DATABASE_URL": self.direct}
        self.command("migrate")
        if database == "hosts" and not self.takes_several_hosts():
            database = "moved"
        self.database = database
        if database in ("session", "transaction"):
            self.environment |= {"DATABASE_URL": self.pair.pool(database), "DATABASE_LISTEN_URL": self.direct}
        elif database == "hosts":
            self.environment |= {"DATABASE_URL": self.pair.url("a", "b")}
        else:
            self.environment |= {"DATABASE_URL": self.pair.url("moved")}
        ports = free_ports(len(NAMES) + 1)
        self.servers = [Server(self, name, port) for name, port in zip(NAMES, ports)]
        for server in self.servers:
            server.start()
        for server in self.servers:
            try:
                until(server.is_ready, f"server {server.name} is ready", 30)
            except RuntimeError as error:
                raise Cannot(f"the servers do not start: {error}") from error
        self.start_haproxy(ports[-1], retries)
        self.make_tenants()

    def start_sandbox(self):
        # Its state is in memory and ends with this run.
        log = self.launch("sandbox", [self.binary, "sandbox", "--port", "0"])
        until(lambda: "Ctrl-C" in log.read_text(), "the sandbox tells its credentials", 20)
        self.credentials = dict(re.findall(r"([A-Z_]+)=(\S+)", log.read_text()))
        self.sandbox_url = self.credentials["TWILIO_API_BASE_URL"]
        self.environment = {**os.environ, **self.credentials} | {
            "WEBHOOK_BASE_URL": BASE_URL, "JWT_SECRET": "a-secret-of-this-run-and-of-nothing-else",
            "PURCHASES_PER_HOUR": "1000000", "TENANT_PURCHASES_PER_HOUR": "1000000", "TENANT_AGENTS_PER_HOUR": "1000000",
            "OPERATION_LEASE": "2s", "OPERATION_WAIT": "2s", "QUARANTINE_DAYS": "0", "RECONCILE_EVERY": "0s",
            "RATE_LIMIT_PER_MINUTE": "0", "RATE_LIMIT_ANONYMOUS_PER_MINUTE": "0", "TRUST_FORWARDED_FOR": "1",
            "DRAIN_DELAY": f"{self.drain_delay}s", "RUST_LOG": "warn",
        }

    def launch(self, name, words, environment=None):
        log = self.folder / f"{name}.log"
        with open(log, "w") as output:
            process = subprocess.Popen(words, cwd=self.folder, env=environment, stdout=output, stderr=output)
        self.processes.append(process)
        return log

    def start_haproxy(self, port, retries):
        self.port, self.url = port, f"http://127.0.0.1:{port}"
        addresses = {f"SWITCHBOARD_{n}": f"127.0.0.1:{server.port}" for n, server in enumerate(self.servers, 1)}
        environment = {**os.environ, **addresses, "SWITCHBOARD_BIND": f"127.0.0.1:{port}", "SWITCHBOARD_RETRIES": str(retries)}
        try:
            self.launch("haproxy", ["haproxy", "-db", "-f", ROOT / "deploy/haproxy.cfg"], environment)
        except FileNotFoundError as error:
            raise Cannot("haproxy is not installed") from error
        until(lambda: ask_http(f"{self.url}/readyz")[0] == 200, "HAProxy reaches a server", 10)

    def takes_several_hosts(self):
        environment = self.environment | {"DATABASE_URL": self.pair.url("a", "b")}
        words = [self.binary, "migrate", "status"]
        return subprocess.run(words, env=environment, cwd=self.folder, capture_output=True, timeout=60).returncode == 0

    def command(self, *words):
        done = subprocess.run([self.binary, *words], env=self.environment, cwd=self.folder, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"switchboard {words[0]}: {done.stderr.strip()[-500:]}")
        return done.stdout.strip()

    def make_tenants(self):
        operator = self.command("token", "--user", str(uuid.UUID(int=99)), "--operator", "--ttl", "6h")
        self.tokens = {each: self.command("token", "--user", each, "--ttl", "6h") for each in (*CALLED, *BUYERS, BYSTANDER)}
        self.numbers = {}
        for tenant, token in self.tokens.items():
            plan = {"userId": tenant, "name": "Plan", "phoneNumbers": 50}
            plan["concurrentCalls"] = LIMIT if tenant == LIMITED else 50
            # A tenant is created by its first request.
            self.ask(token, "{ viewer { activeCalls } }")
            self.ask(operator, PLAN, {"i": plan})
            if tenant not in BUYERS:
                wanted = {"name": "Practice", "ifUnavailable": "ANY_IN_COUNTRY", "idempotencyKey": f"first-{tenant}"}
                if tenant == LIMITED:
                    wanted["fallbackNumber"] = "+12125550142"
                number = until(lambda: self.first_number(token, wanted), "a number was bought", 30)
                if tenant in CALLED:
                    self.numbers[tenant] = number
        # Every server has cached every number: from now on they need no database for calls.
        for server in self.servers:
            until(lambda: self.cached(server) >= len(CALLED), f"server {server.name} caches the numbers", 15)

    def first_number(self, token, wanted):
        made = self.ask(token, CREATE, {"i": wanted})["createAgent"]
        if made["userErrors"]:
            raise Cannot(f"no agent can be created: {made['userErrors']}")
        return made["phoneNumber"] and made["phoneNumber"]["number"]

    def cached(self, server):
        found = re.search(r"^switchboard_cached_numbers(?:\{.*\})? (\d+)", ask_http(f"{server.url}/metrics")[1], re.M)
        return int(found[1]) if found else 0

    def ask(self, token, query, variables=None):
        body = json.dumps({"query": query, "variables": variables or {}}).encode()
        status, text = ask_http(f"{self.url}/graphql", body, {"Authorization": f"Bearer {token}"}, 30)
        answer = json.loads(text) if text.startswith("{") else {}
        if answer.get("data") is None or answer.get("errors"):
            raise Cannot(f"the API does not work: {status} {text[:300]}")
        return answer["data"]

    def move(self):
        """If the servers know only one address, makes it lead to the promoted standby."""
        self.pair.network.order("moved", target=self.pair.standby_port, mode="pass")

    def stop(self):
        for server in self.servers:
            if server.process is not None and server.process.poll() is None:
                server.kill()
        for process in self.processes:
            process.kill()
            process.wait()
        self.pair.stop()

    def clean(self, keep):
        """Removes the folder, or moves the logs to where they can be read."""
        kept = None
        if keep:
            kept = Path(tempfile.mkdtemp(prefix="switchboard-cluster-logs."))
            for log in [*self.folder.glob("*.log"), *self.folder.glob("*/log")]:
                shutil.copy(log, kept / f"{log.parent.name}-{log.name}" if log.name == "log" else kept / log.name)
        shutil.rmtree(self.folder, ignore_errors=True)
        return kept
