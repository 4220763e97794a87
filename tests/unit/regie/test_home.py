"""One folder, one house: secrets are private, and a second supervisor is told who is there."""

import os

import pytest

from regie.home import AlreadyRunning, Home, home_from, write_private


@pytest.fixture
def house(tmp_path):
    return Home(tmp_path / "regie").create()


def test_everything_in_a_home_is_closed_to_others(house):
    assert {folder.stat().st_mode & 0o777 for folder in (house.path, house.secrets, house.logs, house.run)} == {0o700}


def test_a_secret_is_made_once_and_kept(house):
    assert house.secret("word", lambda: "first") == "first"
    assert house.secret("word", lambda: "second") == "first"
    assert (house.secrets / "word").stat().st_mode & 0o777 == 0o600


def test_a_file_that_was_open_to_others_is_closed_by_the_next_write(house):
    path = house.run / "endpoints.json"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o600)


def test_a_second_supervisor_is_refused_with_folder_process_and_way_out(house):
    with house.locked(), pytest.raises(AlreadyRunning) as refused, Home(house.path).locked():
        pass
    assert all(word in str(refused.value) for word in (str(house.path), str(os.getpid()), "REGIE_HOME"))


def test_a_home_is_free_again_after_the_supervisor_left(house):
    with house.locked():
        pass
    with house.locked():
        pass


def test_home_is_a_hidden_folder_here_unless_named(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert home_from({}).path == tmp_path / ".regie"
    assert home_from({"REGIE_HOME": "/srv/regie"}).path.as_posix() == "/srv/regie"
