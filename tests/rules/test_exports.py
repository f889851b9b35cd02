"""What leaves the shop: the purpose, the length, and texts no spreadsheet program may run."""

import pytest

from app.rules.exports import (
    MOST_WORKBOOK_ROWS,
    FileKind,
    NothingToExport,
    PurposeMissing,
    TooLongForWorkbook,
    check_length,
    dialled,
    guarded,
    purpose_of,
)
from app.rules.phones import ReasonHoldsPhone, ReasonTooLong


@pytest.mark.parametrize(
    "text",
    [
        '=HYPERLINK("http://evil","点我")', "+1+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", "\n=1",
        "＝1+1", "＋1", "－1", "＠SUM(1)", " =1+1", "　=1+1", "\ufeff=1+1", "\u200b=1+1", "+852 91**5678",
    ],
)  # fmt: skip
def test_a_text_that_begins_like_a_formula_gets_an_apostrophe(text: str) -> None:
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "王小丽", "1+1", "13800138000", "00123", "a=b", "138****8000", "'=1"])
def test_every_other_text_stays_as_it_is(text: str) -> None:
    assert guarded(text) == text


@pytest.mark.parametrize(
    ("typed", "refusal"),
    [
        ("", PurposeMissing), ("  ", PurposeMissing), ("长" * 101, ReasonTooLong), ("打给 13900139000", ReasonHoldsPhone)
    ],
)  # fmt: skip
def test_a_purpose_that_is_none_is_refused_beside_its_field(typed: str, refusal: type) -> None:
    with pytest.raises(refusal) as refused:
        purpose_of(typed)
    assert refused.value.field == "purpose"


def test_a_purpose_is_kept_as_it_is_meant() -> None:
    assert purpose_of(" 给会计对账 ") == "给会计对账"


def test_a_sheet_of_excel_ends_and_a_csv_does_not() -> None:
    check_length(MOST_WORKBOOK_ROWS, FileKind.XLSX)
    check_length(MOST_WORKBOOK_ROWS + 1, FileKind.CSV)
    with pytest.raises(TooLongForWorkbook) as refused:
        check_length(MOST_WORKBOOK_ROWS + 1, FileKind.XLSX)
    assert "CSV" in refused.value.say(str)
    assert "1,048,576" in refused.value.say(str)


@pytest.mark.parametrize("kind", FileKind)
def test_a_file_without_rows_is_refused(kind: FileKind) -> None:
    check_length(1, kind)
    with pytest.raises(NothingToExport):
        check_length(0, kind)


@pytest.mark.parametrize(
    ("e164", "written"), [("+8613800138000", "13800138000"), ("+85291234567", "852 91234567"), ("", "")]
)
def test_a_whole_number_is_written_as_people_dial_it(e164: str, written: str) -> None:
    assert dialled(e164) == written
