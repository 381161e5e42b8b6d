"""Helpers of the scripts: paths, free ports, signed webhooks."""

import base64
import hashlib
import hmac
import os
import socket
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))


def free_ports(count):
    """Different ports that are free at this moment."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def twilio_signature(auth_token, url, form):
    """The value of `X-Twilio-Signature`: HMAC-SHA1 of the URL followed by the sorted parameters."""
    text = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.new(auth_token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def as_postgres(words):
    """The command as user `postgres`: Postgres and PgBouncer refuse to run as root."""
    owner = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.getuid() == 0 else []
    return [*owner, *map(str, words)]


def postgres_binaries():
    """Folder of the newest installed Postgres."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    return found[-1] if found else Path("/usr/bin")
