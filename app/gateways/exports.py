"""The whole shop in a folder of files that anybody can read without Rouge: for each table a CSV and the same rows as JSON,
the photos, and a list of what is there. Written while it is read, in memory that does not grow.

The list (`manifest.json`) is written last: a folder without it is not whole.
"""

import csv
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from app.queries.shop_tables import Value

MANIFEST, READ_ME, MEDIA = "manifest.json", "README.txt", "media"
_BLOCK_ROWS = 500
_GUIDE = """\
这是本店在胭脂（Rouge）里的全部资料，不用胭脂也能读。
- 每张表一份 CSV（UTF-8，没有 BOM）和一份内容相同的 JSON，列名就是表里的列名，按 id 排列。
- 金额是整数，单位为分；日期是 2026-11-24，时间是 UTC 的 2026-11-24T10:30:00+00:00；CSV 里空着的就是没有。
- 电话、微信、过敏和健康记录都是完整的原文。请像对待现金一样保管这个文件夹，用完就删。
- 密码、密钥、会员卡网址等机密，以及程序自己用的表，没有导出；manifest.json 里写明了是哪些。
- 为了让别的程序原样读回，内容没有做任何改动。用 Excel 打开 CSV 时，以 = + - @ 开头的文字可能被当成公式：
  请用“数据 → 从文本/CSV”导入，编码选 UTF-8，每一列都选“文本”。
- media/photos 里是照片，文件名是 photos 表的 id。
- manifest.json 最后写好：没有它，导出就没有完成。操作日志里不含这种导出自己的记录。

Everything this shop has in Rouge, readable without it.
- One CSV (UTF-8, no BOM) and one JSON with the same rows for each table, under the tables' own column names, by id.
- Money is an integer of fen; days are 2026-11-24, moments UTC, 2026-11-24T10:30:00+00:00; in a CSV nothing is an empty field.
- Telephone numbers, WeChat ids, allergy and health notes are whole. Keep this folder like cash; delete it after use.
- Secrets (passwords, keys, the addresses on member cards) and the program's own tables are left out; manifest.json says which.
- Nothing is changed, so that programs read back what was there. A spreadsheet program may take texts that begin with = + - @
  for formulas: import the CSV as text instead of opening it.
- media/photos holds the photos, each under its id in the table photos.
- manifest.json is written last: without it the export is not whole. The journal is without the lines about such exports.
"""  # data: both languages


@dataclass
class ExportFolder:
    """A folder that is being filled. Whatever ends it early takes away what was written."""

    path: Path
    sums: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add_table(self, name: str, columns: Sequence[str], rows: Iterable[tuple[Value, ...]]) -> None:
        """One table, twice."""
        with _File(self, f"{name}.csv") as table, _File(self, f"{name}.json") as objects:
            table.write(_csv([columns]))
            objects.write("[")
            count, block = 0, []
            for row in rows:
                block.append(row)
                count += 1
                if len(block) == _BLOCK_ROWS:
                    _put(table, objects, columns, block, is_first=count == len(block))
                    block = []
            _put(table, objects, columns, block, is_first=count == len(block))
            objects.write("\n]\n" if count else "]\n")
        self.counts[name] = count

    def add_picture(self, photo_id: int, content: bytes) -> None:
        """One photo."""
        folder = self.path / MEDIA / "photos"
        folder.mkdir(mode=0o700, exist_ok=True)
        with _File(self, f"{MEDIA}/photos/{photo_id}.jpg") as file:
            file.write_bytes(content)

    def finish(self, said: dict[str, Any]) -> None:
        """The guide and the list of what is there: from now on the export is whole."""
        with _File(self, READ_ME) as guide:
            guide.write(_GUIDE)
        listed = said | {"counts": self.counts, "sha256": dict(sorted(self.sums.items()))}
        with _File(self, MANIFEST) as manifest:
            manifest.write(json.dumps(listed, ensure_ascii=False, indent=2) + "\n")

    def abandon(self) -> None:
        """Leave the folder as it was found: empty."""
        for path in self.path.iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def open_folder(path: Path) -> ExportFolder | None:
    """An empty folder to fill, made if it is not there. None where something lies in it, or it is none. Raises OSError."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        return None
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(OSError):  # a stick's file system may know no owners
        path.chmod(0o700)
    (path / MEDIA).mkdir(mode=0o700)
    return ExportFolder(path)


class _File:
    """A file that only its owner reads, and its checksum."""

    def __init__(self, folder: ExportFolder, name: str) -> None:
        self._folder, self._name, self._sum = folder, name, hashlib.sha256()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        self._file = os.fdopen(os.open(folder.path / name, flags, 0o600), "wb")

    def __enter__(self) -> "_File":
        return self

    def write(self, text: str) -> None:
        self.write_bytes(text.encode("utf-8"))

    def write_bytes(self, content: bytes) -> None:
        self._sum.update(content)
        self._file.write(content)

    def __exit__(self, *broken: object) -> None:
        self._file.close()
        self._folder.sums[self._name] = self._sum.hexdigest()


def _put(
    table: _File, objects: _File, columns: Sequence[str], rows: list[tuple[Value, ...]], *, is_first: bool
) -> None:
    if not rows:
        return
    table.write(_csv(rows))
    lines = (json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False) for row in rows)
    objects.write(("\n" if is_first else ",\n") + ",\n".join(lines))


def _csv(rows: Iterable[Sequence[Value]]) -> str:
    """As RFC 4180 has it. With any other line end a lone carriage return in a text would end its row."""
    text = StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([[_cell(value) for value in row] for row in rows])
    return text.getvalue()


def _cell(value: Value) -> str | int | None:
    return ("true" if value else "false") if isinstance(value, bool) else value
