"""A number's and an agent's whole life with the providers' own clients, against a sandbox.

Usage: whole_life.py BASE_URL [ACCOUNT_SID AUTH_TOKEN API_KEY]; without credentials, the development ones.
"""

import datetime
import http.server
import json
import sys
import threading
import time
import types
import urllib.request
from urllib.parse import parse_qsl, urlsplit

import elevenlabs
from elevenlabs.core.api_error import ApiError
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.rest.numbers.v1.porting_port_in import PortingPortInList

DEVELOPMENT = [
    "AC5a4db0c5a4db0c5a4db0c5a4db0c5a4d",
    "5a4db0c05a4db0c05a4db0c05a4db0c0",
    "sk_5a4db0c05a4db0c05a4db0c05a4db0c05a4db0c05a4db0c0",
]


class Rewritten(TwilioHttpClient):
    """Sends what is meant for any of Twilio's hosts to the sandbox."""

    def __init__(self, base):
        super().__init__(timeout=20)
        self.base = base

    def request(self, method, url, *args, **kwargs):
        parts = urlsplit(url)
        assert parts.hostname.endswith(".twilio.com"), url
        query = f"?{parts.query}" if parts.query else ""
        return super().request(method, f"{self.base}{parts.path}{query}", *args, **kwargs)


def refused(code, action):
    """The action must be refused with this Twilio code."""
    try:
        action()
    except TwilioRestException as refusal:
        assert refusal.code == code, (refusal.code, refusal.msg)
    except TwilioException as refusal:
        # Lists raise this one, with the response beside the message.
        assert f'"code":{code},' in str(refusal), refusal
    else:
        raise AssertionError(f"not refused with {code}")


def a_number(base, account_sid, auth_token):
    twilio = Client(account_sid, auth_token, http_client=Rewritten(base))
    assert twilio.api.v2010.accounts(account_sid).fetch().status == "active"
    countries = {country.country_code for country in twilio.available_phone_numbers.list()}
    assert {"US", "CA", "GB"} <= countries, countries
    local = twilio.available_phone_numbers("US").local
    found = local.list(area_code=212, voice_enabled=True, limit=5)
    assert len(found) == 5 and found[0].capabilities["voice"] is True, found
    assert local.list(area_code=533) == []
    assert twilio.available_phone_numbers("US").toll_free.list(limit=1)[0].locality is None
    refused(20404, lambda: twilio.available_phone_numbers("US").mobile.list())

    wanted = found[0].phone_number
    bought = twilio.incoming_phone_numbers.create(
        phone_number=wanted,
        friendly_name="agent 7",
        voice_url="https://example.com/incoming",
        voice_method="POST",
        status_callback="https://example.com/status",
    )
    assert bought.phone_number == wanted and bought.sid.startswith("PN"), bought
    assert bought.date_created.tzinfo is not None
    assert bought.voice_url == "https://example.com/incoming"
    again = twilio.incoming_phone_numbers.create(phone_number=wanted)
    assert again.sid == bought.sid
    more = [twilio.incoming_phone_numbers.create(area_code="646") for _ in range(4)]
    listed = twilio.incoming_phone_numbers.list(page_size=2)
    assert [number.sid for number in listed] == [n.sid for n in reversed([bought, *more])], listed
    assert [number.sid for number in twilio.incoming_phone_numbers.list(phone_number=wanted)] == [bought.sid]
    fetched = twilio.incoming_phone_numbers(bought.sid).fetch()
    assert fetched.friendly_name == "agent 7" and fetched.capabilities["sms"] is True
    updated = twilio.incoming_phone_numbers(bought.sid).update(friendly_name="renamed", voice_url="")
    assert (updated.friendly_name, updated.voice_url) == ("renamed", ""), updated
    assert updated.status_callback == "https://example.com/status"
    refused(21402, lambda: twilio.incoming_phone_numbers(bought.sid).update(voice_url="nonsense"))
    refused(21422, lambda: twilio.incoming_phone_numbers.create(phone_number="+15005550000"))
    refused(21421, lambda: twilio.incoming_phone_numbers.create(phone_number="+15005550001"))
    refused(21452, lambda: twilio.incoming_phone_numbers.create(area_code="533"))
    refused(20404, lambda: twilio.incoming_phone_numbers("PN" + "0" * 32).fetch())
    typed = twilio.incoming_phone_numbers.toll_free.create(phone_number="+18885550100")
    assert twilio.incoming_phone_numbers.toll_free.list()[0].sid == typed.sid
    for number in [bought, typed, *more]:
        assert twilio.incoming_phone_numbers(number.sid).delete()
    refused(20404, lambda: twilio.incoming_phone_numbers(bought.sid).delete())
    assert twilio.calls.list(limit=5) == []

    month = twilio.pricing.v1.phone_numbers.countries("US").fetch()
    assert month.phone_number_prices[0]["current_price"] == "1.15", month.phone_number_prices
    minute = twilio.pricing.v2.voice.countries("US").fetch()
    assert minute.inbound_call_prices[0]["current_price"] == "0.0085", minute.inbound_call_prices
    stranger = Client(account_sid, "wrong", http_client=Rewritten(base))
    refused(20003, lambda: stranger.incoming_phone_numbers.list())


def an_agent(base, api_key):
    voice = elevenlabs.ElevenLabs(api_key=api_key, base_url=base)
    agents = voice.conversational_ai.agents
    tools = voice.conversational_ai.tools
    wanted = [
        elevenlabs.ToolRequestModelToolConfig_Client(
            name=name, description="For a test.", expects_response=True, response_timeout_secs=5
        )
        for name in ["first", "second"]
    ]
    first, second = [tools.create(request=elevenlabs.ToolRequestModel(tool_config=tool)).id for tool in wanted]
    oldest = tools.list(search="fir", types=["client"], sort_by="created_at", sort_direction="asc")
    assert [tool.id for tool in oldest.tools] == [first] and not oldest.has_more, oldest
    assert tools.get(first).tool_config.name == "first"
    config = {
        "asr": {"user_input_audio_format": "ulaw_8000"},
        "tts": {"agent_output_audio_format": "ulaw_8000", "model_id": "eleven_flash_v2_5"},
        "agent": {"language": "de", "first_message": "Guten Tag", "prompt": {"prompt": "Hilf.", "tool_ids": [first]}},
    }
    agent_id = agents.create(conversation_config=config, name="Empfang", tags=["agent:7"]).agent_id
    others = [agents.create(conversation_config={}, name=f"Other {n}").agent_id for n in range(3)]
    agent = agents.get(agent_id)
    assert (agent.name, agent.tags) == ("Empfang", ["agent:7"]), agent
    assert agent.conversation_config.agent.language == "de"
    assert agent.conversation_config.tts.agent_output_audio_format == "ulaw_8000"
    assert agent.platform_settings.auth.enable_auth is False
    page = agents.list(page_size=3)
    rest = agents.list(page_size=3, cursor=page.next_cursor)
    ids = [item.agent_id for item in [*page.agents, *rest.agents]]
    assert ids == [*reversed(others), agent_id] and page.has_more and not rest.has_more, ids
    assert [item.agent_id for item in agents.list(search="empf").agents] == [agent_id]
    changed = agents.update(
        agent_id, name="Desk", conversation_config={"agent": {"prompt": {"tool_ids": [second]}}}
    )
    assert (changed.name, changed.conversation_config.agent.first_message) == ("Desk", "Guten Tag"), changed
    assert changed.conversation_config.agent.prompt.tool_ids == [second]

    twiml = voice.conversational_ai.twilio.register_call(
        agent_id=agent_id, from_number="+13125550142", to_number="+12125550100"
    )
    assert "<Connect><Stream" in twiml and 'name="conversation_id" value="conv_' in twiml, twiml
    conversations = voice.conversational_ai.conversations
    listed = conversations.list(agent_id=agent_id).conversations
    assert [item.status for item in listed] == ["initiated"], listed
    assert conversations.get(listed[0].conversation_id).metadata.phone_call is None
    assert voice.user.subscription.get().status == "active"
    signed = conversations.get_signed_url(agent_id=agent_id).signed_url
    assert f"/v1/convai/conversation?agent_id={agent_id}&conversation_signature=" in signed, signed

    for identifier in [agent_id, *others]:
        agents.delete(identifier)
    tools.delete(first)
    for status, action in [
        (404, lambda: agents.get(agent_id)),
        (404, lambda: agents.delete(agent_id)),
        (404, lambda: tools.get(first)),
        (404, lambda: agents.create(conversation_config={"agent": {"prompt": {"tool_ids": [first]}}})),
        (400, lambda: agents.create(conversation_config={"agent": {"language": "de"}})),
        (422, lambda: agents.create(conversation_config={"tts": {"model_id": "nonsense"}})),
        (401, lambda: elevenlabs.ElevenLabs(api_key="wrong", base_url=base).conversational_ai.agents.list()),
    ]:
        try:
            action()
        except ApiError as refusal:
            assert refusal.status_code == status, refusal
        else:
            raise AssertionError(f"not refused with {status}")


class Owner(http.server.BaseHTTPRequestHandler):
    """A number's owner, who lets the official libraries judge each signature."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/event":
            signature = self.headers["ElevenLabs-Signature"]
            verify = self.server.voice.webhooks.construct_event
            self.server.events.append(verify(body.decode(), signature, "wsec_test"))
            return self.reply("")
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
        url = f"{self.server.url}{self.path}"
        signature = self.headers["X-Twilio-Signature"]
        self.server.verdicts.append(self.server.validator.validate(url, fields, signature))
        self.server.fields.append(fields)
        self.reply(self.server.twiml if self.path.startswith("/voice") else "<Response/>")

    def do_GET(self):
        signature = self.headers["X-Twilio-Signature"]
        self.server.verdicts.append(self.server.validator.validate(f"{self.server.url}{self.path}", {}, signature))
        self.reply("<Response><Say>Hello</Say></Response>")

    def reply(self, body):
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


def lever(base, name, order):
    """One of the sandbox's own levers."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{base}/sandbox/{name}", json.dumps(order).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def until(holds, what, seconds=10):
    """Waits for what happens beside the request that caused it."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def a_call(base, account_sid, auth_token, api_key):
    twilio = Client(account_sid, auth_token, http_client=Rewritten(base))
    voice = elevenlabs.ElevenLabs(api_key=api_key, base_url=base)
    owner = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Owner)
    owner.url = f"http://127.0.0.1:{owner.server_port}"
    owner.validator, owner.voice, owner.verdicts, owner.events = RequestValidator(auth_token), voice, [], []
    owner.fields = []
    threading.Thread(target=owner.serve_forever, daemon=True).start()
    formats = {"asr": {"user_input_audio_format": "ulaw_8000"}, "tts": {"agent_output_audio_format": "ulaw_8000"}}
    agent_id = voice.conversational_ai.agents.create(conversation_config=formats, name="Reception").agent_id
    number = twilio.incoming_phone_numbers.create(
        area_code="212", voice_url=f"{owner.url}/voice?a=b&c=%20d", status_callback=f"{owner.url}/status"
    )
    owner.twiml = voice.conversational_ai.twilio.register_call(
        agent_id=agent_id, from_number="+13125550142", to_number=number.phone_number
    )
    order = {"to": number.phone_number, "parameters": {"CallerName": "Zoë & Søn + 1%"}, "duration_seconds": 75}
    call = lever(base, "calls", order)
    assert call["status"] == "completed" and call["agent"]["agent_id"] == agent_id, call
    assert owner.verdicts == [True, True], owner.verdicts
    fetched = twilio.calls(call["call_sid"]).fetch()
    assert (fetched.status, fetched.duration, fetched.direction) == ("completed", "75", "inbound")
    conversation = voice.conversational_ai.conversations.get(call["conversation_id"])
    assert conversation.metadata.phone_call.call_sid == call["call_sid"], conversation
    event = {"conversation_id": call["conversation_id"], "url": f"{owner.url}/event", "secret": "wsec_test"}
    assert lever(base, "post-call", event) == {"status": 200}
    assert owner.events[0]["data"]["conversation_id"] == call["conversation_id"], owner.events
    held = lever(base, "calls", {**order, "call_sid": call["call_sid"], "hold": True})
    assert held["status"] == "in-progress", held
    assert twilio.calls(held["call_sid"]).update(status="completed").status == "completed"
    refused(21220, lambda: twilio.calls(held["call_sid"]).update(status="completed"))
    # The end is reported beside the answer to the hang-up, not before it.
    until(lambda: owner.verdicts == [True] * 4, "two calls and their two ends")
    twilio.incoming_phone_numbers(number.sid).update(voice_method="GET", status_callback="")
    owner.verdicts.clear()
    assert lever(base, "calls", order)["heard"] == ["say: Hello"]
    assert owner.verdicts == [True], owner.verdicts
    assert twilio.incoming_phone_numbers(number.sid).delete()
    voice.conversational_ai.agents.delete(agent_id)


def a_message(base, account_sid, auth_token):
    twilio = Client(account_sid, auth_token, http_client=Rewritten(base))
    owner = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Owner)
    owner.url = f"http://127.0.0.1:{owner.server_port}"
    owner.validator, owner.verdicts, owner.fields = RequestValidator(auth_token), [], []
    threading.Thread(target=owner.serve_forever, daemon=True).start()
    person = "+13125550142"
    number = twilio.incoming_phone_numbers.create(area_code="212", sms_url=f"{owner.url}/sms?a=b&c=%20d")
    sender = number.phone_number
    sent = twilio.messages.create(
        to=person, from_=sender, body="Grüße 😀", status_callback=f"{owner.url}/status?a=b"
    )
    assert (sent.status, sent.direction, sent.num_segments) == ("queued", "outbound-api", "1"), sent
    until(lambda: len(owner.fields) == 2, "two status callbacks")
    assert [fields["MessageStatus"] for fields in owner.fields] == ["sent", "delivered"], owner.fields
    assert owner.verdicts == [True, True], owner.verdicts
    until(lambda: twilio.messages(sent.sid).fetch().price is not None, "the price")
    assert twilio.messages(sent.sid).fetch().price == "-0.00830"
    others = [twilio.messages.create(to=person, from_=sender, body=f"number {n}") for n in range(3)]
    yesterday = sent.date_created - datetime.timedelta(days=1)
    listed = twilio.messages.list(to=person, from_=sender, date_sent_after=yesterday, page_size=2)
    assert [message.sid for message in listed] == [m.sid for m in reversed([sent, *others])], listed
    assert twilio.messages.list(to=person, date_sent_before=yesterday) == []
    assert twilio.messages(sent.sid).update(body="").body == ""
    assert twilio.messages(sent.sid).delete()
    refused(20404, lambda: twilio.messages(sent.sid).fetch())
    refused(21211, lambda: twilio.messages.create(to="+1", from_=sender, body="Hi"))

    owner.fields.clear(), owner.verdicts.clear()
    text = lever(base, "texts", {"to": sender, "from": person, "body": "Zoë & 1%", "media": ["png"]})
    assert owner.verdicts == [True] and owner.fields[0]["Body"] == "Zoë & 1%", owner.fields
    media = twilio.messages(text["message_sid"]).media.list()
    assert [file.content_type for file in media] == ["image/png"], media
    with urllib.request.urlopen(owner.fields[0]["MediaUrl0"], timeout=30) as picture:
        assert picture.headers["Content-Type"] == "image/png" and picture.read().startswith(b"\x89PNG")
    assert twilio.messages(text["message_sid"]).media(media[0].sid).delete()

    service = twilio.messaging.v1.services.create(friendly_name="Practice", inbound_request_url=f"{owner.url}/sms")
    twilio.messaging.v1.services(service.sid).phone_numbers.create(phone_number_sid=number.sid)
    assert [member.sid for member in service.phone_numbers.list()] == [number.sid]
    later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    scheduled = twilio.messages.create(
        to=person, messaging_service_sid=service.sid, body="Later", schedule_type="fixed", send_at=later
    )
    assert scheduled.status == "scheduled", scheduled.status
    assert twilio.messages(scheduled.sid).update(status="canceled").status == "canceled"
    lever(base, "texts", {"to": sender, "from": person, "body": "STOP"})
    by_service = twilio.messages.create(to=person, messaging_service_sid=service.sid, body="Hi")
    until(lambda: twilio.messages(by_service.sid).fetch().error_code == 21610, "a failure")
    refused(21610, lambda: twilio.messages.create(to=person, from_=sender, body="Hi"))
    assert [known.sid for known in twilio.messaging.v1.services.list()] == [service.sid]
    assert service.delete()
    assert twilio.incoming_phone_numbers(number.sid).delete()


def accounts(base, account_sid, auth_token):
    parent = Client(account_sid, auth_token, http_client=Rewritten(base))
    made = parent.api.v2010.accounts.create(friendly_name="Practice Dr. Oak")
    assert (made.status, made.type, made.owner_account_sid) == ("active", "Full", account_sid), made
    assert [known.sid for known in parent.api.v2010.accounts.list(friendly_name="Practice Dr. Oak")] == [made.sid]
    practice = Client(made.sid, made.auth_token, http_client=Rewritten(base))
    refused(21101, lambda: practice.api.v2010.accounts.create())
    number = practice.incoming_phone_numbers.create(area_code="212", friendly_name="front desk")
    assert number.account_sid == made.sid and number.origin == "twilio", number
    theirs = parent.api.v2010.accounts(made.sid).incoming_phone_numbers
    assert [known.sid for known in theirs.list()] == [number.sid]
    assert parent.incoming_phone_numbers.list() == []
    assert float(parent.balance.fetch().balance) < 10_000

    key = practice.new_keys.create(friendly_name="server")
    by_key = Client(key.sid, key.secret, made.sid, http_client=Rewritten(base))
    assert [known.sid for known in by_key.incoming_phone_numbers.list()] == [number.sid]
    refused(20003, lambda: by_key.api.v2010.accounts.list())
    assert [known.sid for known in practice.keys.list()] == [key.sid] and practice.keys(key.sid).delete()
    secondary = practice.accounts.v1.secondary_auth_token().create()
    second = Client(made.sid, secondary.secondary_auth_token, http_client=Rewritten(base))
    promoted = second.accounts.v1.auth_token_promotion().update()
    assert promoted.auth_token == secondary.secondary_auth_token, promoted
    refused(20003, lambda: practice.incoming_phone_numbers.list())

    address = second.addresses.create(
        customer_name="Dr. Oak", street="12 Main Street", city="New York", region="NY", postal_code="10001",
        iso_country="US", emergency_enabled=True,
    )
    registered = second.incoming_phone_numbers(number.sid).update(emergency_address_sid=address.sid)
    assert registered.emergency_address_status == "pending-registration", registered.emergency_address_status
    fetch = second.incoming_phone_numbers(number.sid).fetch
    until(lambda: fetch().emergency_address_status == "registered", "a registration")
    refused(21634, lambda: second.incoming_phone_numbers(number.sid).delete())
    assert [known.sid for known in second.addresses(address.sid).dependent_phone_numbers.list()] == [number.sid]
    second.incoming_phone_numbers(number.sid).update(emergency_address_sid="")
    until(lambda: fetch().emergency_address_status == "unregistered", "a removal")
    assert second.addresses(address.sid).delete()

    refused(21474, lambda: second.incoming_phone_numbers(number.sid).update(account_sid=account_sid))
    moved = theirs(number.sid).update(account_sid=account_sid)
    assert (moved.sid, moved.account_sid, moved.friendly_name) == (number.sid, account_sid, "front desk"), moved
    assert parent.incoming_phone_numbers(number.sid).delete()
    asked = parent.validation_requests.create(phone_number="+12125550177", friendly_name="Practice")
    digits = {"phone_number": "+12125550177", "digits": asked.validation_code}
    assert lever(base, "caller-ids", digits) == {"verified": True}
    caller_ids = parent.outgoing_caller_ids.list(phone_number="+12125550177")
    assert [known.friendly_name for known in caller_ids] == ["Practice"] and caller_ids[0].delete()
    assert parent.api.v2010.accounts(made.sid).update(status="closed").status == "closed"
    refused(21476, lambda: parent.api.v2010.accounts(made.sid).update(status="active"))


def a_port(base, account_sid, auth_token):
    twilio = Client(account_sid, auth_token, http_client=Rewritten(base))
    numbers = twilio.numbers.v1
    portable = numbers.porting_portabilities("+12125550142").fetch()
    assert (portable.portable, portable.number_type) == (True, "LOCAL"), portable
    assert numbers.porting_portabilities("+18005550199").fetch().not_portable_reason_code == 22133
    # The client has no upload.
    head = {"Content-Type": "multipart/form-data; boundary=limit"}
    parts = [("document_type", "", b"utility_bill"), ("friendly_name", "", b"bill"), ("File", '; filename="b.pdf"', b"%PDF")]
    form = b"".join(
        f'--limit\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + content + b"\r\n"
        for name, more, content in parts
    )
    http_client = Rewritten(base)
    answer = http_client.request(
        "POST", "https://numbers-upload.twilio.com/v1/Documents", data=form + b"--limit--\r\n", headers=head,
        auth=(account_sid, auth_token),
    )
    assert answer.status_code == 201, answer.text
    configuration = numbers.porting_webhook_configurations.create(
        types.SimpleNamespace(to_dict=lambda: {"port_in_target_url": "http://127.0.0.1:9/porting"})
    )
    assert configuration.port_in_target_url == "http://127.0.0.1:9/porting", configuration
    order = {
        "account_sid": account_sid, "documents": [json.loads(answer.text)["sid"]],
        "phone_numbers": [{"phone_number": "+12125550142"}],
        "losing_carrier_information": {
            "customer_type": "Business", "customer_name": "Dr. Oak", "authorized_representative": "Olivia Oak",
            "authorized_representative_email": "olivia@oak.example",
            "address": {"street": "12 Main Street", "city": "New York", "state": "NY", "zip": "10001", "country": "US"},
        },
    }
    port = numbers.porting_port_ins.create(PortingPortInList.NumbersV1PortingPortInCreate(order))
    assert port.port_in_request_status == "In review" and port.date_created.tzinfo, port.port_in_request_status
    # Of this list, which has tokens instead of pages, the client cannot read the documented response.
    listed = http_client.request(
        "GET", "https://numbers.twilio.com/v1/Porting/PortIn/PortInRequests?Size=5", auth=(account_sid, auth_token)
    )
    assert [known["port_in_request_sid"] for known in json.loads(listed.text)["port_in_requests"]] == [
        port.port_in_request_sid
    ], listed.text
    for word in ["Waiting for Signature", "In progress", "In progress", "Completed"]:
        lever(base, f"ports/{port.port_in_request_sid}", {"action": "advance"})
        fetched = numbers.porting_port_ins(port.port_in_request_sid).fetch()
        assert fetched.port_in_request_status == word, fetched.port_in_request_status
    one = fetched.phone_numbers[0]
    number = numbers.porting_port_in_phone_number(port.port_in_request_sid, one["port_in_phone_number_sid"]).fetch()
    assert number.port_in_phone_number_status == "completed" and number.port_date, number
    arrived = twilio.incoming_phone_numbers.list(phone_number="+12125550142")
    assert [known.voice_url for known in arrived] == [""], arrived
    assert numbers.porting_portabilities("+12125550142").fetch().not_portable_reason_code == 22131
    refused(20409, lambda: numbers.porting_port_ins(port.port_in_request_sid).delete())
    assert numbers.porting_webhook_configurations_delete("PORT_IN").delete()
    assert arrived[0].delete()


def main():
    base, *credentials = sys.argv[1:]
    base, credentials = base.rstrip("/"), credentials or DEVELOPMENT
    account_sid, auth_token, api_key = credentials
    a_number(base, account_sid, auth_token)
    print("twilio: a number's whole life is as its own client expects")
    an_agent(base, api_key)
    print("elevenlabs: an agent's whole life is as its own client expects")
    a_call(base, account_sid, auth_token, api_key)
    print("both: a call's signatures are what their own libraries accept")
    a_message(base, account_sid, auth_token)
    print("twilio: messages are as its own client expects, and their signatures")
    accounts(base, account_sid, auth_token)
    print("twilio: accounts, emergency addresses and moves are as its own client expects")
    a_port(base, account_sid, auth_token)
    print("twilio: a port is as its own client expects")


if __name__ == "__main__":
    main()
