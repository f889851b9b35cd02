"""A long form in groups: nothing is missing, and each group says for which choices it counts."""

import pytest
from starlette.testclient import TestClient

from app.admin import VIEWS
from app.admin_base.groups import GroupsFields
from tests.admin.reading import seen_on

GROUPED = [view for view in VIEWS if issubclass(view, GroupsFields)]


@pytest.mark.parametrize("view", GROUPED, ids=lambda view: view.__name__)
def test_every_field_of_the_form_stands_in_one_group(view: type[GroupsFields]) -> None:
    grouped = [name for group in view.field_groups for name in group.fields]
    assert sorted(grouped) == sorted(view.form_columns)
    assert set(view.field_conditions) <= set(grouped)


def test_an_earning_rule_says_for_which_kinds_each_field_counts(owner: TestClient) -> None:
    html = owner.get("/admin/earning-rule/create").text
    words = seen_on(html)
    for one in ("只管“消费积分”“活动倍数”“满额加送”", "选“获得后若干个月”时填", "满额加送：一单另加几分"):
        assert one in words
    for gone in ("额外加分", "得到后几个月", "选“每年”"):
        assert gone not in words
    assert 'data-when="kind" data-is="campaign"' in html
