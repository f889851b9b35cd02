"""`rouge survey invite` as a person types it."""

import json

import pytest
from sqlmodel import select

from app.models import SurveyInvitation
from app.queries.survey_links import link_of
from tests.test_cli_cards import database, numbers, rouge  # noqa: F401  the same shop

ASKED = ("survey", "invite", "--survey", "satisfaction", "--member")


def test_a_link_is_printed_and_the_same_one_again(rouge, database, numbers) -> None:  # noqa: F811
    first = rouge(*ASKED, numbers[0])
    assert first.exit_code == 0, first.output
    assert first.output.startswith("https://vip.example.cn/s/t/")
    again = json.loads(rouge(*ASKED, numbers[0], "--json").output)
    assert (again["url"], again["new"]) == (first.output.strip(), False)
    with database.reading() as session:
        link = link_of(session, again["url"].rpartition("/")[2])
        assert link.name == "王小梅"
        assert link.expires_at.isoformat()[:19] == again["expires_at"][:19]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--survey", "nothing", "--member", "10000018"), "没有网址名是 nothing 的问卷"),
        (("--survey", "satisfaction", "--member", "99999999"), "没有会员号是 99999999 的顾客"),
        (("--survey", "satisfaction", "--member", "王小梅"), "没有会员号是 王小梅 的顾客"),
    ],
)
def test_what_is_not_there_is_named_and_nothing_is_made(rouge, database, numbers, words, says) -> None:  # noqa: F811
    done = rouge("survey", "invite", *words)
    assert (done.exit_code, says in done.output) == (2, True)
    with database.reading() as session:
        assert session.exec(select(SurveyInvitation)).all() == []
