"""The endpoints of the sandbox: where the house is and whom to trust, with keys of its own only."""

from regie.demo.loop import sandbox
from regie.home import Home


def test_the_sandbox_knows_the_houses_broker_and_no_other_partners_key(tmp_path):
    home = Home(tmp_path / "home").create()
    broker = {"url": "tls://127.0.0.1:8406", "ca_file": "/pki/ca.pem"}
    house = {"home": str(home.path), "tokens": {"sre": "x"}, "nats": {**broker, "partner": {"tenant": "acme"}}}
    assert sandbox(house)["nats"] == broker
    (home.secrets / "partner-sandbox.nk").write_text("SU")
    found = sandbox(house)["nats"]
    assert found.pop("partner")["tenant"] == "sandbox"
    assert found == broker
