"""What is started, decided from the environment alone."""

import socket

import pytest

from chassis.settings import SettingsError
from regie.broker_server import Tls
from regie.embedded.provision import Database
from regie.plan import PortTaken, plan_from
from tests.support.ports import free_ports

DATABASES = {
    name: Database(name=name, url=f"postgresql://{name}:pw-{name}@/x", owner_url=f"postgresql://o:owner-{name}@/x")
    for name in ("entitlement", "scheduling", "stage", "media", "vault")
}


@pytest.fixture
def environ(tmp_path):
    return {"REGIE_HOME": str(tmp_path), "REGIE_PORT": "9100", "PATH": "/bin"}


def test_ports_follow_from_the_base(environ):
    plan = plan_from(environ)
    assert [plan.port(what) for what in ("entitlement", "scheduling", "stage", "media", "rtmp ingest", "broker", "issuer")] == [
        9101, 9102, 9103, 9104, 9105, 9106, 9107,
    ]  # fmt: skip
    assert plan.url("stage") == "http://127.0.0.1:9103"


@pytest.mark.parametrize("text", ["80", "eight", "-1", "65535", "8400.5"])
def test_a_base_port_outside_its_range_is_refused_by_name(environ, text):
    with pytest.raises(SettingsError, match="REGIE_PORT: must be a whole number from 1024"):
        plan_from({**environ, "REGIE_PORT": text})


def test_a_tenant_that_is_no_subject_token_is_refused_by_name(environ):
    with pytest.raises(SettingsError, match="REGIE_TENANTS"):
        plan_from({**environ, "REGIE_TENANTS": "acme,*"})


def test_a_given_database_is_not_embedded(environ):
    plan = plan_from({**environ, "REGIE_STAGE_DATABASE_URL": "postgresql://elsewhere/stage"})
    assert "stage" not in plan.embedded_databases
    assert plan.given["stage"].owner_url == ""


def test_an_owner_without_its_database_is_refused(environ):
    with pytest.raises(SettingsError, match="REGIE_STAGE_DATABASE_URL: must be set"):
        plan_from({**environ, "REGIE_STAGE_OWNER_DATABASE_URL": "postgresql://elsewhere/stage"})


def test_a_taken_port_is_named_with_the_way_out():
    base = free_ports(10)
    plan = plan_from({"REGIE_PORT": str(base)})
    plan.check_ports()
    with socket.create_server(("127.0.0.1", base + 3)):
        with pytest.raises(PortTaken, match=rf"Port {base + 3} \(stage\) is in use .* REGIE_PORT={base + 100}"):
            plan.check_ports()
        with socket.create_server(("127.0.0.1", base + 6)), pytest.raises(PortTaken, match=f"{base + 6} .broker. are"):
            plan.check_ports()


def test_a_given_broker_needs_no_port_of_ours():
    base = free_ports(10)
    with socket.create_server(("127.0.0.1", base + 6)):
        plan_from({"REGIE_PORT": str(base), "REGIE_NATS_URL": "nats://elsewhere"}).check_ports()


@pytest.fixture
def pki(tmp_path):
    for name in ("cert", "key", "ca"):
        (tmp_path / f"{name}.pem").write_text(name)
    return tmp_path


def test_the_embedded_broker_gets_tls_and_services_its_authority_but_not_its_key(environ, pki):
    files = {f"REGIE_NATS_TLS_{name.upper()}_FILE": str(pki / f"{name}.pem") for name in ("cert", "key")}
    plan = plan_from({**environ, **files, "REGIE_NATS_CA_FILE": str(pki / "ca.pem")})
    plan.home.create()
    assert plan.nats_tls == Tls(pki / "cert.pem", pki / "key.pem", pki / "ca.pem")
    env = plan.service_env("stage", DATABASES, ("tls://127.0.0.1:9106", None))
    assert env["REGIE_NATS_CA_FILE"] == str(pki / "ca.pem")
    assert "REGIE_NATS_TLS_KEY_FILE" not in env


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ({"REGIE_NATS_TLS_CERT_FILE": "cert"}, "must both be set"),
        ({"REGIE_NATS_TLS_KEY_FILE": "key"}, "must both be set"),
        (
            {"REGIE_NATS_TLS_CERT_FILE": "cert", "REGIE_NATS_TLS_KEY_FILE": "no"},
            "KEY_FILE: must be a file that is there",
        ),
        ({"REGIE_NATS_CA_FILE": "ca"}, "REGIE_NATS_CA_FILE: needs REGIE_NATS_URL"),
    ],
)
def test_half_a_tls_is_refused_by_name(environ, pki, names, says):
    with pytest.raises(SettingsError, match=says):
        plan_from({**environ, **{name: str(pki / f"{file}.pem") for name, file in names.items()}})


def test_tls_of_the_embedded_broker_beside_a_given_one_is_refused(environ, pki):
    files = {f"REGIE_NATS_TLS_{name.upper()}_FILE": str(pki / f"{name}.pem") for name in ("cert", "key")}
    with pytest.raises(SettingsError, match="REGIE_NATS_URL names another"):
        plan_from({**environ, **files, "REGIE_NATS_URL": "tls://elsewhere"})


def test_streams_have_as_many_replicas_as_a_given_cluster_is_asked_for(environ):
    assert plan_from(environ).nats_replicas == 1
    assert plan_from({**environ, "REGIE_NATS_URL": "nats://elsewhere", "REGIE_NATS_REPLICAS": "3"}).nats_replicas == 3


@pytest.mark.parametrize("wish", [{"REGIE_NATS_REPLICAS": "3"}, {"REGIE_NATS_REPLICAS": "2", "REGIE_NATS_URL": "x"}])
def test_replicas_a_broker_cannot_keep_are_refused_by_name(environ, wish):
    with pytest.raises(SettingsError, match="REGIE_NATS_REPLICAS"):
        plan_from({**environ, **wish})


def test_a_service_gets_its_own_secrets_and_nobody_elses(environ, tmp_path):
    foreign = {"REGIE_MEDIA_S3_SECRET": "s3cret", "REGIE_STAGE_OWNER_DATABASE_URL": "owner", "REGIE_STAGE_X": "mine",
               "REGIE_NATS_ADMIN_SEED_FILE": "admin", "REGIE_STAGE_DATABASE_URL": "given"}  # fmt: skip
    plan = plan_from({**environ, **foreign})
    plan.home.create()
    env = plan.service_env("stage", DATABASES, ("nats://b", tmp_path / "stage.nk"))
    assert env["REGIE_STAGE_DATABASE_URL"] == DATABASES["stage"].url
    assert (env["REGIE_STAGE_X"], env["REGIE_STAGE_PORT"], env["PATH"]) == ("mine", "9103", "/bin")
    text = repr(env)
    for secret in ("s3cret", "owner", "pw-media", "admin"):
        assert secret not in text


def test_only_a_migration_gets_the_owners_passwords(environ):
    env = plan_from(environ).migrate_env("stage", DATABASES)
    assert env["REGIE_STAGE_OWNER_DATABASE_URL"] == DATABASES["stage"].owner_url
    assert env["REGIE_STAGE_VAULT_OWNER_DATABASE_URL"] == DATABASES["vault"].owner_url
    assert "owner-media" not in repr(env)


def test_the_vaults_key_is_made_once_and_private(environ):
    plan = plan_from(environ)
    plan.home.create()
    first = plan.vault_key_file().read_text()
    assert len(bytes.fromhex(first)) == 32
    assert plan.vault_key_file().read_text() == first
    assert plan.vault_key_file().stat().st_mode & 0o777 == 0o600


def test_keys_of_another_issuer_mean_no_tokens_of_ours(environ):
    assert plan_from(environ).own_issuer
    assert not plan_from({**environ, "REGIE_JWKS": "https://login.example/keys"}).own_issuer
    assert not plan_from({**environ, "REGIE_ISSUER": "https://login.example"}).own_issuer


def test_a_house_on_one_machine_is_not_for_production(environ):
    with pytest.raises(SettingsError, match="REGIE_MODE"):
        plan_from({**environ, "REGIE_MODE": "production"})
