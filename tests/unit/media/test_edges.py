"""Names, ranges and waits: what comes from outside is read narrowly."""

from pathlib import Path

import pytest

from services.media.api.streaming import RangeNotSatisfiable, wanted
from services.media.jobs import wait
from services.media.places import OutsideSharedFolder, inside, workplace
from services.media.settings import MediaSettings


@pytest.mark.parametrize(
    "name", ["../secret", "a/../../secret", "/etc/passwd", "..\\secret", "", ".", "a\0b", "link/passwd"]
)
def test_a_name_that_leads_out_of_the_shared_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "link").symlink_to("/etc")
    with pytest.raises(OutsideSharedFolder):
        inside(tmp_path, name)


def test_a_name_inside_the_shared_folder_is_a_file_there(tmp_path: Path) -> None:
    assert inside(tmp_path, "program/stage/one.mp4") == tmp_path.resolve() / "program/stage/one.mp4"


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("bytes=0-9", (0, 10)),
        ("bytes=90-", (90, 100)),
        ("bytes=90-500", (90, 100)),
        ("bytes=-10", (90, 100)),
        ("bytes=-500", (0, 100)),
        ("", None),
        ("bytes=5-4", None),
        ("bytes=0-1,5-6", None),
        ("bytes=-", None),
        ("items=0-9", None),
    ],
)
def test_one_range_is_answered_and_anything_else_is_as_good_as_none(asked, found):
    assert wanted(asked, 100) == found


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_behind_the_end_is_refused(asked):
    with pytest.raises(RangeNotSatisfiable) as refused:
        wanted(asked, 100)
    assert refused.value.facts["size_bytes"] == 100


def test_a_failed_attempt_is_repeated_ever_later_up_to_a_minute():
    assert [wait(2.0, attempt).total_seconds() for attempt in (1, 2, 3, 6, 50)] == [2, 4, 8, 60, 60]


def test_a_workplace_is_empty_at_first_and_gone_afterwards(tmp_path: Path) -> None:
    settings = MediaSettings(database_url="", home=tmp_path)
    left_by_a_crash = settings.workplace / "render-1" / "half.mp4"
    left_by_a_crash.parent.mkdir(parents=True)
    left_by_a_crash.write_bytes(b"half")
    with workplace(settings, "render:1") as folder:
        assert list(folder.iterdir()) == []
    assert not folder.exists()
