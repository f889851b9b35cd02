"""A name keeps its letters and finds its sounds."""

import pytest

from app.rules.names import NAME_MAX, NameMissing, NameTooLong, parse_name, tidy_words


@pytest.mark.parametrize(
    ("name", "pinyin", "initials"),
    [
        ("张晓丽", "zhangxiaoli", "zxl"),
        ("单田芳", "shantianfang", "stf"),
        ("曾小丽", "zengxiaoli", "zxl"),
        ("仇英", "qiuying", "qy"),
        ("区家怡", "oujiayi", "ojy"),
        ("解晓东", "xiexiaodong", "xxd"),
        ("查良镛", "zhaliangyong", "zly"),
        ("盖叫天", "gejiaotian", "gjt"),
        ("任盈盈", "renyingying", "ryy"),
        ("覃海洋", "qinhaiyang", "qhy"),
        ("朴信惠", "piaoxinhui", "pxh"),
        ("尉迟恭", "yuchigong", "ycg"),
        ("长孙无忌", "zhangsunwuji", "zswj"),
        ("单于明", "chanyuming", "cym"),
        ("欧阳娜娜", "ouyangnana", "oynn"),
        ("Mary Smith", "marysmith", "ms"),
        ("陈Amy", "chenamy", "ca"),
        ("O'Neil", "oneil", "o"),
        ("嫒喆", "aizhe", "az"),
    ],
)
def test_a_name_is_found_by_its_sounds(name: str, pinyin: str, initials: str) -> None:
    read = parse_name(name)
    assert (read.text, read.pinyin, read.initials) == (name, pinyin, initials)


def test_a_rare_character_stays_in_the_name_even_without_a_sound() -> None:
    assert parse_name("𡃁仔").text == "𡃁仔"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("  张 晓丽 ", "张 晓丽"),
        ("张晓丽\u200b\u202d", "张晓丽"),
        ("张\t晓\n丽", "张 晓 丽"),
        ("Jose\u0301", "José"),
        ("张\x00晓\x1f丽", "张晓丽"),
        ("👩\u200d⚕️ 王", "👩\u200d⚕️ 王"),
    ],
)
def test_invisible_accidents_of_copying_go(written: str, kept: str) -> None:
    assert tidy_words(written) == kept


@pytest.mark.parametrize("written", ["", "   ", "\u200b", "\t\n"])
def test_nothing_is_no_name(written: str) -> None:
    with pytest.raises(NameMissing):
        parse_name(written)


def test_a_name_has_at_most_eighty_letters() -> None:
    assert parse_name("王" * NAME_MAX).text == "王" * 80
    with pytest.raises(NameTooLong):
        parse_name("王" * (NAME_MAX + 1))


def test_sounds_fit_their_columns() -> None:
    read = parse_name("庄" * NAME_MAX)
    assert (len(read.pinyin), len(read.initials)) == (200, 40)
