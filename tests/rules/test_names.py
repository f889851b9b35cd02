"""A name keeps its letters and finds its sounds."""

import pytest

from app.rules.names import NAME_MAX, NameMissing, NameTooLong, given_of, parse_name, tidy_words


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
        ("尉氏", "weishi", "ws"),
        ("万俟丽", "moqili", "mql"),
        ("澹台丽", "tantaili", "ttl"),
        ("乐嘉", "yuejia", "yj"),
        ("缪丽", "miaoli", "ml"),
        ("冼星海", "xianxinghai", "xxh"),
        ("员半千", "yunbanqian", "ybq"),
        ("召丽", "shaoli", "sl"),
        ("繁丽", "poli", "pl"),
        ("种师道", "chongshidao", "csd"),
        ("折可求", "shekeqiu", "skq"),
        ("黑伯", "hebo", "hb"),
        ("宓丽", "mili", "ml"),
        ("逄丽", "pangli", "pl"),
        ("乜丽", "nieli", "nl"),
        ("么丽", "yaoli", "yl"),
        ("都丽", "duli", "dl"),
        ("佴丽", "naili", "nl"),
        ("粘丽", "nianli", "nl"),
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


@pytest.mark.parametrize(
    ("typed", "kept", "initials"),
    [
        ("欧阳 雪", "欧阳雪", "oyx"),
        ("欧\u3000阳  雪", "欧阳雪", "oyx"),
        ("王 小 丽", "王小丽", "wxl"),
        ("𡃁 仔", "𡃁仔", "z"),
        ("Mary  Smith", "Mary Smith", "ms"),
        ("陈 Amy", "陈 Amy", "ca"),
        ("Amy 陈 丽", "Amy 陈丽", "acl"),
    ],
)
def test_a_blank_between_chinese_letters_is_no_part_of_a_name(typed: str, kept: str, initials: str) -> None:
    read = parse_name(typed)
    assert (read.text, read.initials) == (kept, initials)


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


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("张晓丽", "晓丽"), ("欧阳晓丽", "晓丽"), ("欧阳", ""), ("诸葛亮", "亮"), ("张", ""), ("尉遲恭", "恭"), ("Mary Smith", "Smith"), ("Mary", ""),
        ("买买提·艾力", "买提·艾力"),
    ],
)  # fmt: skip
def test_what_friends_call_her_stands_after_the_family_name(name: str, given: str) -> None:
    assert given_of(name) == given
    assert parse_name(name).given == given
