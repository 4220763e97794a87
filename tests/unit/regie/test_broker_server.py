"""A broker's configuration, as text: what is in it alone, in a cluster, with TLS."""

from pathlib import Path

import pytest

from regie.broker_server import Cluster, Server, Tls, server_text

SECRET = "a-password-nobody-guesses"
CLUSTER = Cluster("house", 6222, ("one:6222", "two:6222", "three:6222"), SECRET, host="0.0.0.0")
TLS = Tls(Path("/pki/cert.pem"), Path("/pki/key.pem"), Path("/pki/ca.pem"))


def test_a_broker_alone_listens_on_loopback_and_syncs_always():
    text = server_text(Server(4222, Path("/var/regie")))
    assert 'listen: "127.0.0.1:4222"' in text
    assert 'store_dir: "/var/regie"' in text
    assert "sync_interval: always" in text
    assert "cluster {" not in text
    assert "tls {" not in text


def test_a_node_knows_its_name_and_every_route():
    text = server_text(Server(4222, Path("/var/regie"), name="two", host="0.0.0.0", cluster=CLUSTER))
    assert 'server_name: "two"' in text
    assert 'listen: "0.0.0.0:6222"' in text
    assert "sync_interval: always" in text
    for node in ("one", "two", "three"):
        assert f'"nats://route:{SECRET}@{node}:6222"' in text


def test_routes_between_nodes_with_tls_are_verified():
    text = server_text(Server(4222, Path("/var/regie"), tls=TLS, cluster=CLUSTER))
    clients, routes = text.split("cluster {")
    assert "verify" not in clients
    assert 'min_version: "1.2"' in clients
    assert "verify: true" in routes
    assert 'ca_file: "/pki/ca.pem"' in routes


def test_a_cluster_whose_nodes_could_not_know_each_other_is_refused():
    without_ca = Tls(TLS.cert_file, TLS.key_file)
    with pytest.raises(ValueError, match="CA"):
        server_text(Server(4222, Path("/var/regie"), tls=without_ca, cluster=CLUSTER))


@pytest.mark.parametrize("password", ["", "short", "sixteen@letters:and/more", 'sixteen"letters"more'])
def test_a_password_that_is_weak_or_no_part_of_an_address_is_refused(password):
    with pytest.raises(ValueError, match="password"):
        server_text(Server(4222, Path("/var/regie"), cluster=Cluster("house", 6222, (), password)))
