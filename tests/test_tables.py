"""The parser's tables in the cache: fast when warm, never wrong, and no harm where they cannot be kept."""

from __future__ import annotations

import hashlib
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from spec_texts import STEP, good

from verify.parser import Tables, load_tables, parse
from verify.span import Source


def works(tables: Tables) -> bool:
    return parse(Source("x.spec", STEP), tables) == parse(Source("x.spec", STEP)) and good(STEP) is not None


def cache_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def test_with_a_warm_cache_the_tables_are_there_in_a_tenth_of_a_second(tmp_path: Path) -> None:
    load_tables(tmp_path)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        tables = load_tables(tmp_path)
        times.append(time.perf_counter() - start)
    assert works(tables)
    assert min(times) < 0.1


def test_the_cache_is_one_file_and_is_used(tmp_path: Path) -> None:
    load_tables(tmp_path / "a" / "b")
    (file,) = cache_files(tmp_path / "a" / "b")
    before = file.stat().st_mtime_ns
    assert works(load_tables(tmp_path / "a" / "b"))
    assert file.stat().st_mtime_ns == before


@pytest.mark.parametrize("damage", ["empty", "cut short", "another word", "rubbish", "another grammar"])
def test_a_damaged_cache_is_built_again(damage: str, tmp_path: Path) -> None:
    load_tables(tmp_path)
    (file,) = cache_files(tmp_path)
    data = file.read_bytes()
    middle = len(data) // 2
    file.write_bytes(
        {
            "empty": b"",
            "cut short": data[:middle],
            "another word": data.replace(b"forall", b"for_al"),
            "rubbish": b"\x80\x05rubbish" * 100,
            "another grammar": bytes(32) + data[32:],
        }[damage]
    )
    assert works(load_tables(tmp_path))
    assert cache_files(tmp_path) == [file]
    again = file.read_bytes()
    assert again[:32] == data[:32]
    assert again[32:64] == hashlib.sha256(again[64:]).digest()


@pytest.mark.parametrize("folder", ["file", "file/below", "a\0b"], ids=["a file", "below a file", "no name at all"])
def test_a_cache_folder_that_cannot_be_used_does_no_harm(folder: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert works(load_tables(tmp_path / folder))
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_cache_in_a_file_s_place_does_no_harm(tmp_path: Path) -> None:
    load_tables(tmp_path)
    (file,) = cache_files(tmp_path)
    file.unlink()
    (file / "inside").mkdir(parents=True)
    assert works(load_tables(tmp_path))


def loaded_works(folder: Path) -> bool:
    return works(load_tables(folder))


def test_several_at_once_share_one_cache(tmp_path: Path) -> None:
    with ProcessPoolExecutor(4) as pool:
        assert all(pool.map(loaded_works, [tmp_path] * 4))
    assert len(cache_files(tmp_path)) == 1
