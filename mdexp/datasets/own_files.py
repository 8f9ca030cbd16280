"""Reads rows of the user's own files, each with the number of its line or row.

The first line of a CSV file has the column names. The separator is the most frequent of comma,
semicolon and tab in that line; a .tsv file uses tabs. An empty cell counts as missing.
"""

import codecs
import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from mdexp.datasets.source import Row, numbered_rows, parquet_rows
from mdexp.ports import SourceError
from mdexp.records import Split

PARTS: tuple[Split, ...] = ("train", "test")
SUFFIXES = (".jsonl", ".json", ".csv", ".tsv", ".parquet")
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
Numbered = list[tuple[int, Row]]


def split_files(option: str, path: str | None, suffixes: tuple[str, ...]) -> dict[Split, Path]:
    """The files of `dataset.path` by split: test, and train if there is one. A single file is
    test."""
    if path is None:
        raise SourceError(f"dataset={option} reads your own files: give them with dataset.path=")
    folder = Path(path)
    if folder.is_file():
        return {"test": folder}
    present = {
        part: file
        for part in PARTS
        for suffix in reversed(suffixes)
        if (file := folder / f"{part}{suffix}").is_file()
    }
    if not present:
        raise SourceError(
            f"dataset.path={path}: neither a file nor a folder with test{suffixes[0]}"
        )
    return present


def file_rows(file: Path) -> Numbered:
    """All rows of a file; SourceError, with file and line, if a row cannot be read or there are
    none."""
    match file.suffix.lower():
        case ".jsonl":
            rows = list(numbered_rows(file))
        case ".json":
            rows = _json_rows(file)
        case ".csv" | ".tsv":
            rows = list(_csv_rows(file))
        case ".parquet":
            rows = list(enumerate(parquet_rows(file), start=1))
        case other:
            raise SourceError(f"{file}: {other or 'such'} files are not read; {SUFFIXES} are")
    if not rows:
        raise SourceError(f"{file}: it has no rows")
    return rows


def columns_of(rows: Numbered) -> dict[str, int]:
    """The number of non-empty cells of each column."""
    filled: dict[str, int] = {}
    for _, row in rows:
        for name, value in row.items():
            filled[name] = filled.get(name, 0) + (value not in (None, ""))
    return filled


def _json_rows(file: Path) -> Numbered:
    try:
        rows = json.loads(file.read_text(encoding="utf-8-sig"))
    except ValueError as error:  # not JSON, or not UTF-8
        raise SourceError(f"{file}: not JSON: {error}") from error
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise SourceError(f"{file}: expected a list of JSON objects")
    return list(enumerate(rows, start=1))


def _csv_rows(file: Path) -> Iterator[tuple[int, Row]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:  # -sig: without byte order mark
            separator = _separator(file, lines.readline())
            lines.seek(0)
            reader = csv.reader(lines, delimiter=separator, strict=True)
            names = [n.strip() or f"column {k}" for k, n in enumerate(next(reader, []), start=1)]
            if twice := [name for name in names if names.count(name) > 1]:
                raise SourceError(f"{file}:1: the column {twice[0]!r} is there twice")
            for cells in reader:
                if not any(cells):
                    continue
                if len(cells) != len(names):
                    raise SourceError(
                        f"{file}:{reader.line_num}: {len(cells)} cells for {len(names)} columns "
                        f"({', '.join(names)}); a cell that holds {separator!r} needs quotes"
                    )
                yield reader.line_num, dict(zip(names, cells, strict=True))
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        guess = ", as UTF-16 begins" if error.object[:2] in UTF_16 else ""
        raise SourceError(
            f"{file}: not UTF-8: byte 0x{byte:02x}{guess}; save it as UTF-8"
        ) from error
    except csv.Error as error:
        raise SourceError(f"{file}:{reader.line_num}: {error}") from error


def _separator(file: Path, heading: str) -> str:
    if file.suffix.lower() == ".tsv":
        return "\t"
    return max(",;\t", key=heading.count)
