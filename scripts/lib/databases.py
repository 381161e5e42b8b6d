"""Two Postgres clusters, one replicating the other, a failing network in front of them, and a pooler."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from harness import ROOT, as_postgres, free_ports, postgres_binaries

MOST_CONNECTIONS = 200


class Cannot(Exception):
    """This machine or binary cannot run a disaster; the message says why."""


def run(words, **more):
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True, **more).stdout.strip()


class Pair:
    """A primary and its synchronous standby, so that an acknowledged commit survives a promotion."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.bin = postgres_binaries()
        self.small_disk = self.network = self.pooler = None
        self.standby_runs = False

    def start(self, small_disk=False):
        self.folder.mkdir(mode=0o755)
        primary, standby = self.folder / "primary", self.folder / "standby"
        settings = ["wal_level=replica", "max_wal_senders=5", "synchronous_commit=remote_write"]
        run([ROOT / "scripts/postgres", "start", primary, *(word for each in settings for word in ("-c", each))])
        self.primary_port = int((primary / "port").read_text())
        self.active_port = self.primary_port
        mapping = self.make_small_disk() if small_disk else []
        standby.mkdir(mode=0o700)
        if os.getuid() == 0:
            shutil.chown(standby, "postgres", "postgres")
        copy = ["pg_basebackup", "-D", standby / "data", "-R", "-X", "stream", "-c", "fast", "--no-sync", *mapping]
        name = f"host=127.0.0.1 port={self.primary_port} user=postgres application_name=standby"
        run(as_postgres([self.bin / copy[0], *copy[1:], "-d", name]), cwd=standby)
        self.standby_port = free_ports(1)[0]
        options = f"-c listen_addresses=127.0.0.1 -c fsync=off -c wal_level=replica -k {standby} -p {self.standby_port}"
        options += f" -c synchronous_commit=off -c autovacuum=off -c max_connections={MOST_CONNECTIONS}"
        words = [self.bin / "pg_ctl", "-s", "-w", "-D", standby / "data", "-l", standby / "log", "-o", options, "start"]
        # It must not inherit this process's pipes, or their reader would wait for it.
        subprocess.run(as_postgres(words), check=True, cwd=standby, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.standby_runs = True
        # Only now, because a promoted standby must not wait for a standby of its own.
        self.query("ALTER SYSTEM SET synchronous_standby_names = 'standby'", "SELECT pg_reload_conf()")
        self.network = Network(a=self.primary_port, b=self.standby_port, moved=self.primary_port)

    def make_small_disk(self):
        """The database on a disk of its own, a tmpfs of 64 MB, and the write-ahead log elsewhere: a full disk is then an error of
        each statement that needs room, as it is under a tablespace or with a separate log disk."""
        self.small_disk = self.folder / "small"
        self.small_disk.mkdir()
        try:
            run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=0700,uid=postgres,gid=postgres", "tmpfs", self.small_disk])
        except (OSError, subprocess.CalledProcessError) as error:
            self.small_disk = None
            raise Cannot("mounting a small tmpfs needs root and CAP_SYS_ADMIN") from error
        (self.small_disk / "space").mkdir(mode=0o700)
        shutil.chown(self.small_disk / "space", "postgres", "postgres")
        copied = self.folder / "copied-space"
        copied.mkdir(mode=0o700)
        shutil.chown(copied, "postgres", "postgres")
        self.query(f"CREATE TABLESPACE small LOCATION '{self.small_disk}/space'",
                   "ALTER DATABASE switchboard SET TABLESPACE small", database="postgres")
        return [f"--tablespace-mapping={self.small_disk}/space={copied}"]

    def fill_disk(self):
        with open(self.small_disk / "filler", "wb") as filler:
            try:
                while True:
                    filler.write(bytes(1 << 16))
                    filler.flush()
            except OSError:
                pass

    def empty_disk(self):
        (self.small_disk / "filler").unlink()

    def query(self, *statements, database="switchboard", timeout=10):
        """Queries the current primary directly, as superuser, without a fault in between."""
        url = f"postgres://postgres@127.0.0.1:{self.active_port}/{database}"
        words = [str(self.bin / "psql"), url, "-XAtq", "-v", "ON_ERROR_STOP=1"]
        environment = {**os.environ, "PGOPTIONS": "-c default_transaction_read_only=off", "PGCONNECT_TIMEOUT": "5"}
        for statement in statements:
            words += ["-c", statement]
        done = subprocess.run(words, capture_output=True, text=True, timeout=timeout, env=environment)
        if done.returncode != 0:
            raise RuntimeError(f"{statements}: {done.stderr.strip()}")
        return done.stdout.splitlines()

    def read_only(self, is_on):
        self.query(f"ALTER SYSTEM SET default_transaction_read_only = {'on' if is_on else 'off'}", "SELECT pg_reload_conf()")

    def end_primary(self):
        """Stops it like a power failure: no connection is closed properly."""
        primary = self.folder / "primary"
        run(as_postgres([self.bin / "pg_ctl", "-s", "-D", primary / "data", "-m", "immediate", "stop"]), cwd=primary)

    def promote(self):
        standby = self.folder / "standby"
        run(as_postgres([self.bin / "pg_ctl", "-s", "-w", "-D", standby / "data", "promote"]), cwd=standby)
        self.active_port = self.standby_port

    def signal_primary(self, which):
        """Signals every process of the primary, the postmaster first."""
        first = int((self.folder / "primary/data/postmaster.pid").read_text().splitlines()[0])
        family = [first]
        for entry in Path("/proc").iterdir():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split() if entry.name.isdigit() else []
            except OSError:
                continue
            if fields and int(fields[1]) == first:
                family.append(int(entry.name))
        for process in family:
            try:
                os.kill(process, which)
            except ProcessLookupError:
                pass

    def url(self, *routes):
        """URL through the failing network; several routes become several hosts."""
        hosts = ",".join(f"127.0.0.1:{self.network.ports[route]}" for route in routes)
        several = "?target_session_attrs=read-write" if len(routes) > 1 else ""
        return f"postgres://switchboard@{hosts}/switchboard{several}"

    def pool(self, mode):
        self.pooler = Pooler(self, mode)
        return f"postgres://switchboard@127.0.0.1:{self.pooler.port}/switchboard"

    def stop(self):
        for each in filter(None, (self.pooler, self.network)):
            each.stop()
        if self.standby_runs:
            standby = self.folder / "standby"
            words = [self.bin / "pg_ctl", "-s", "-D", standby / "data", "-m", "immediate", "stop"]
            subprocess.run(as_postgres(words), cwd=standby, capture_output=True)
        try:
            self.signal_primary(signal.SIGCONT)
        except (OSError, IndexError, ValueError):
            pass
        if (self.folder / "primary").exists():
            subprocess.run([ROOT / "scripts/postgres", "stop", self.folder / "primary"], capture_output=True)
        if self.small_disk is not None:
            subprocess.run(["umount", self.small_disk], check=True)
        shutil.rmtree(self.folder, ignore_errors=True)


class Network:
    """The process of tcp_proxy.py."""

    def __init__(self, **targets):
        words = [sys.executable, Path(__file__).parent / "tcp_proxy.py", *(f"{name}={port}" for name, port in targets.items())]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ports = json.loads(self.process.stdout.readline())

    def order(self, route, **wanted):
        self.process.stdin.write(json.dumps({"route": route, **wanted}) + "\n")
        self.process.stdin.flush()
        if self.process.stdout.readline() != "ok\n":
            raise RuntimeError("the TCP proxy is gone")

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Pooler:
    """PgBouncer in its default configuration, but for addresses, the number of connections, and how soon it tries a database again
    that refused it: 15 s by default, in which every client waits or fails."""

    def __init__(self, pair, mode):
        folder = pair.folder / f"pgbouncer-{mode}"
        folder.mkdir(mode=0o700)
        self.port, self.log = free_ports(1)[0], folder / "log"
        (folder / "users").write_text('"switchboard" ""\n"postgres" ""\n')
        (folder / "pgbouncer.ini").write_text(f"""
[databases]
switchboard = host=127.0.0.1 port={pair.network.ports['a']}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = {mode}
max_client_conn = 400
server_login_retry = 1
default_pool_size = {20 if mode == 'transaction' else 100}
admin_users = postgres
""")
        for path in (folder, *folder.iterdir()):
            if os.getuid() == 0:
                shutil.chown(path, "postgres", "postgres")
        with open(folder / "output", "w") as output:
            words = as_postgres(["pgbouncer", "-q", folder / "pgbouncer.ini"])
            try:
                self.process = subprocess.Popen(words, stdout=output, stderr=output, cwd=folder)
            except FileNotFoundError as error:
                raise Cannot("pgbouncer is not installed") from error
        time.sleep(0.3)
        if self.process.poll() is not None:
            raise Cannot(f"PgBouncer did not start: {(folder / 'output').read_text()[-300:]}")

    def stop(self):
        self.process.kill()
        self.process.wait()
