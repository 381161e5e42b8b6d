"""The figures of one disaster, and the broken promises."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from cluster_system import LIMIT, ask_http

# A call that is in the database within so many seconds of its answer counts as written at once.
PROMPT = 3
# So many seconds after the database is back, everything must work as before.
RECOVERED_WITHIN = 10

CALLS = "SELECT json_build_object('sid', sid, 'answer', answer) FROM calls"
# The TwiML verb that each kind of stored answer is rendered to.
VERBS = {"dial": "Dial", "say": "Say", "reject": "Reject", "hang_up": "Hangup"}
UNFINISHED = "SELECT id FROM operations WHERE state IN ('pending', 'running')"
NUMBERS = "SELECT number || ' ' || coalesce(sid, '-') FROM phone_numbers WHERE status <> 'released'"
TWO_NUMBERS = "SELECT agent_id FROM phone_numbers WHERE status <> 'released' GROUP BY 1 HAVING count(*) > 1"
VOICES = "SELECT voice_agent_id FROM agents WHERE status <> 'deleted' AND voice_agent_id IS NOT NULL"
KEYS = "SELECT idempotency_key FROM operations WHERE idempotency_key IS NOT NULL GROUP BY 1 HAVING count(*) > 1"

COLUMNS = [
    "disaster", "calls", "answered", "by apology", "after a failed request", "missing", "two answers", "lost", "doubled",
    "stuck", "over the plan", "calls back after", "mutations back after", "failed requests", "promises kept",
]


@dataclass
class Faults:
    """What a disaster did and when, in seconds of the load; recorded by the disaster."""
    # Approximate duration of a call.
    talk: float
    # When the database stopped answering, and when a working one was reachable again.
    away: float | None = None
    cured: float | None = None
    # Failed requests that a proxy cannot prevent, at a killed server.
    excused_requests: bool = False
    # Operations that were made unreadable and so never end.
    poisoned: set = field(default_factory=set)
    # (server, when) of each SIGKILL.
    kills: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    broken: list = field(default_factory=list)

    def is_away(self, at):
        """Without a database, and shortly after, neither plans nor answers of other servers can be looked up."""
        return self.away is not None and self.away - 1 <= at <= (self.cured or at) + RECOVERED_WITHIN + 2 * self.talk


    def is_cut_off(self, call):
        """A caller does not wait until the answer is on record: a server that is killed right then leaves the call's row without
        one."""
        return any(call.server == server and abs(call.answered - at) < 1 for server, at in self.kills)


async def settle(system, told, faults, seconds):
    """Waits until journals and operations are done; returns how long that took."""
    begun = time.monotonic()
    wanted = {call.sid for call in told.calls if call.verb and not faults.is_cut_off(call)}
    while time.monotonic() - begun < seconds:
        try:
            held = set(await asyncio.to_thread(system.pair.query, "SELECT sid FROM calls WHERE answer IS NOT NULL"))
            unfinished = set(await asyncio.to_thread(system.pair.query, UNFINISHED)) - faults.poisoned
            if wanted <= held and not unfinished:
                break
        except Exception:  # Still gone.
            pass
        await asyncio.sleep(0.5)
    return time.monotonic() - begun


def is_rendered_to(answer, documents):
    """Whether a stored answer is one of these TwiML documents: the voice provider's is passed on unchanged."""
    if answer["kind"] == "connect":
        return answer["handover"] in documents
    texts = {key: answer[key] for key in ("number", "text") if key in answer}
    wanted = [f"<{VERBS[answer['kind']]}", *(escape(text, {'"': "&quot;"}) for text in texts.values())]
    return any(document and all(part in document for part in wanted) for document in documents)


def figures(system, told, faults):
    """The row of the table, and the broken promises."""
    query = system.pair.query
    held = {row["sid"]: row for row in map(json.loads, query(CALLS))}
    answered = [call for call in told.calls if call.verb]
    # Every answered call must be on record, with an answer that the caller got.
    missing, cut_off, wrong = [], [], []
    for call in answered:
        row = held.get(call.sid)
        if row and row["answer"] is None and faults.is_cut_off(call):
            cut_off.append(call)
        elif not row or row["answer"] is None:
            missing.append(call)
        elif not is_rendered_to(row["answer"], (call.twiml, call.again)):
            wrong.append(call)
    if cut_off:
        faults.notes.append(f"{len(cut_off)} calls are on record without their answer: their server was killed right after it")
    differing = [call for call in answered if call.again and call.again != call.twiml]
    while_away = sum(faults.is_away(call.asked) or faults.is_away(call.again_at) for call in differing)
    over = [at for at in told.over_limit if not faults.is_away(at)]
    carrier = json.loads(ask_http(f"{system.sandbox_url}/sandbox/state")[1])
    billed = {f"{number['phone_number']} {number['sid']}" for number in carrier["numbers"]}
    known = set(query(NUMBERS))
    voices, wanted = {agent["agent_id"] for agent in carrier["agents"]}, set(query(VOICES))
    lost = billed ^ known
    doubled = len(query(TWO_NUMBERS)) + len(query(KEYS)) + len(voices ^ wanted)
    stuck = set(query(UNFINISHED)) - faults.poisoned
    calls_back, mutations_back = recovery(told, faults)
    apologies = [call for call in answered if call.verb == "Say"]
    failed = len(told.failures)
    row = {
        "calls": len(told.calls), "answered": f"{100 * len(answered) / max(1, len(told.calls)):.2f} %",
        "by apology": len(apologies), "after a failed request": sum(call.fell_back and bool(call.verb) for call in told.calls),
        "missing": len(missing), "two answers": noted(len(differing) + len(wrong), while_away, "away"),
        "lost": len(lost), "doubled": doubled, "stuck": len(stuck),
        "over the plan": noted(len(told.over_limit), len(told.over_limit) - len(over), "away"),
        "calls back after": seconds(calls_back), "mutations back after": seconds(mutations_back), "failed requests": failed,
    }
    broken = list(faults.broken)
    if unanswered := len(told.calls) - len(answered):
        broken.append(f"{unanswered} calls were not answered: {[round(c.asked, 1) for c in told.calls if not c.verb][:8]}")
    for what, found in (("answered calls are missing in the database", missing), ("calls have another answer on record", wrong),
                        ("numbers are on one side only", lost), ("operations are stuck", stuck),
                        (f"calls were connected beyond the plan of {LIMIT}, the database being there", over)):
        if found:
            broken.append(f"{len(found)} {what}")
    if doubled:
        broken.append(f"{doubled} numbers, operations or voice agents are too many or too few")
    if len(differing) > while_away:
        broken.append(f"{len(differing) - while_away} calls got different answers from two servers")
    for what, back in (("calls", calls_back), ("mutations", mutations_back)):
        if back is not None and back > RECOVERED_WITHIN:
            broken.append(f"{what} were back after {seconds(back)}, not {RECOVERED_WITHIN} s")
    if failed and not faults.excused_requests:
        kinds = {}
        for _, what in told.failures:
            kinds[what] = kinds.get(what, 0) + 1
        broken.append(f"requests failed: {', '.join(f'{count} × {what}' for what, count in sorted(kinds.items()))}")
    row["promises kept"] = "**no**" if broken else "yes"
    return row, broken


def recovery(told, faults):
    """Seconds from the cure until calls are in the database promptly, and until mutations are accepted; None where nothing was away."""
    if faults.cured is None:
        return None, None
    end = max((call.asked for call in told.calls), default=0)
    # The very last calls cannot be judged.
    judged = [call for call in told.calls if call.verb and faults.cured <= call.asked < end - PROMPT]
    late = [call.asked for call in judged if is_late(told, call)]
    prompt = [call.asked for call in judged if not is_late(told, call) and call.sid in told.seen]
    # Waits for requests from before the repair.
    ended = [attempt for attempt in told.attempts if attempt.ended >= faults.cured]
    refused = [each.ended for each in ended if each.error or each.ended - each.at > RECOVERED_WITHIN]
    taken = [each.ended for each in ended if not each.error]
    return back_after(late, prompt, faults.cured), back_after(refused, taken, faults.cured)


def is_late(told, call):
    """Whether a query long enough after the answer did not find the call in the database."""
    seen = told.seen.get(call.sid, float("inf"))
    return any(call.answered + PROMPT <= look < seen for look in told.looks)


def back_after(bad, good, cured):
    """Seconds from the repair until the last bad outcome; infinite unless a good one followed."""
    if not good or bad and max(bad) > max(good):
        return float("inf")
    return max(bad) - cured if bad else 0


def seconds(value):
    if value is None:
        return "–"
    return "never" if value == float("inf") else f"{value:.1f} s"


def noted(all_of_them, excused, why):
    return f"{all_of_them} ({excused} {why})" if excused else str(all_of_them)


def table_line(cells):
    return "| " + " | ".join(map(str, cells)) + " |"


def table_head():
    return table_line(COLUMNS) + "\n| --- |" + " ---: |" * (len(COLUMNS) - 2) + " --- |"


def told_of_servers(told):
    """Readiness of each server over time."""
    lines = []
    for name, changes in told.ready.items():
        lines.append(f"{name}: " + ", ".join(f"{word} from {at:.1f} s" for at, word in changes))
    return lines
