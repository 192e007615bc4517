from __future__ import annotations

import threading
from pathlib import Path

from ml.exchange import exchange


def test_a_folder_and_a_link_change_places(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("old")
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "file").write_text("old")
    (tmp_path / "link").symlink_to("release")
    exchange(tmp_path / "folder", tmp_path / "link")
    assert (tmp_path / "folder").is_symlink()
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "folder" / "file").read_text() == "old"


def test_a_file_can_be_opened_at_every_moment(tmp_path: Path) -> None:
    """As a query does that has listed the file before its folder was retired."""
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    stop, missed = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            try:
                (tmp_path / "one" / "file").read_text()
            except OSError as error:
                missed.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(2000):
        exchange(tmp_path / "one", tmp_path / "other")
    stop.set()
    reader.join()
    assert not missed
