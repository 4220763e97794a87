"""The originals that the editor's tests cut, made once."""

from pathlib import Path

import pytest

from tests.integration.media_editor import film


@pytest.fixture(scope="session")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of films; tests read them and write elsewhere."""
    folder: Path = tmp_path_factory.mktemp("originals")
    film.make(folder / "talk.mp4")
    film.make(folder / "ntsc.mp4", rate="30000/1001")
    film.make(folder / "mute.mp4", sound=False)
    film.make(folder / "portrait.mkv", size="180x320", rate="25")
    film.make(folder / "feed.flv")
    film.fragmented(folder / "crash.mp4")
    return folder


@pytest.fixture
def talk(originals: Path) -> Path:
    return originals / "talk.mp4"


@pytest.fixture
def broken_off(originals: Path, tmp_path: Path) -> Path:
    """A fragmented recording whose recorder was killed within its third fragment."""
    return cut_short(originals / "crash.mp4", tmp_path / "broken.mp4", 0.7)


def cut_short(whole: Path, short: Path, share: float) -> Path:
    content = whole.read_bytes()
    short.write_bytes(content[: int(len(content) * share)])
    return short
