"""The rule of a tag: a form of conditions, one row each, that works without JavaScript."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import anyio.to_thread
from sqladmin import BaseView
from sqladmin.application import expose
from sqlmodel import Session
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.actions.jobs import put_job
from app.actions.tags import apply_rule, set_rule
from app.admin_base.asking import asking, reach
from app.admin_base.once import Answer
from app.admin_base.tag_pages import may_do, number_in
from app.admin_base.writing import Refused, write
from app.i18n import gettext
from app.labels import choices_of
from app.models import Customer, Staff, Tag
from app.queries.tagged import Found, Moment, found_by, last_customer, records_of
from app.rules.conditions import (
    FIELDS,
    MATCH_WORDS,
    MOST_CONDITIONS,
    OP_WORDS,
    OPS,
    YES_WORDS,
    Field,
    Kind,
    Match,
    Rule,
    parse_rule,
    read_condition,
    read_rule,
    typed_value,
)
from app.rules.refusals import NotFound, RuleBroken, words
from app.vocabulary import JobKind

AT_ONCE = 5_000
"""So many customers are looked through while somebody waits; more, by the worker."""
_SAVED = words("“{name}”的规则已保存，贴上 {put_on} 位，摘下 {taken_off} 位")
_QUEUED = words("“{name}”的规则已保存，几分钟内会按它贴好")
_CLEARED = words("“{name}”的规则已去掉，由它贴上的已摘下")
Row = tuple[str, str, str]


@dataclass
class Typed:
    """The form as it stands: how the conditions are joined, each condition as typed, and what is wrong with which."""

    match: str
    rows: list[Row]
    errors: dict[int, str]
    sentence: str = ""

    @classmethod
    def of(cls, form: FormData) -> "Typed":
        """As a browser sends it, one condition more or less where a button asked for that."""
        columns = [[str(one) for one in form.getlist(name)] for name in ("field", "op", "value")]
        rows = list(zip(*columns, strict=False))[: MOST_CONDITIONS + 1]
        step = str(form.get("step", ""))
        added = FIELDS.get(str(form.get("new_field", "")))
        if step == "add" and added and len(rows) < MOST_CONDITIONS:
            rows.append((added.name, OPS[added.kind][0], ""))
        if step.startswith("remove:"):
            gone = number_in(step.removeprefix("remove:"))
            rows = [row for place, row in enumerate(rows) if place != gone]
        return cls(str(form.get("match", Match.ALL)), rows, {})

    @classmethod
    def kept(cls, text: str) -> "Typed":
        """As the tag has it; empty where it has none, or one nobody can read."""
        try:
            rule = parse_rule(text)
        except RuleBroken:
            return cls(Match.ALL, [], {})
        return cls(rule.match, [(one.field.name, one.op, typed_value(one)) for one in rule.conditions], {})

    def rule(self) -> Rule | None:
        """The rule, or None with the sentences beside what is wrong."""
        for place, row in enumerate(self.rows):
            try:
                read_condition(*row)
            except RuleBroken as refusal:
                self.errors[place] = _said(refusal)
        try:
            return read_rule(self.match, self.rows) if not self.errors else None
        except RuleBroken as refusal:
            self.sentence = _said(refusal)
            return None


class TagRulePage(BaseView):
    """Which customers wear a tag by themselves."""

    subject: ClassVar[str] = "tag_rules"
    _admin_ref: ClassVar[Any]  # our RougeAdmin; its module imports every page

    def is_visible(self, request: Request) -> bool:
        """It is of one tag; the page of the tags leads to it."""
        return False

    @expose("/desk/tag-rule", methods=["GET", "POST"], identity="desk-tag-rule")
    async def tag_rule(self, request: Request) -> Response:
        """Read it: owner, manager, auditor. Change it, after looking at how many it would be: the owner."""
        form = await request.form() if request.method == "POST" else FormData()
        tag = await anyio.to_thread.run_sync(self._tag, number_in(form.get("tag") or request.query_params.get("tag")))
        typed = Typed.of(form) if form else Typed.kept(tag.rule)
        step, found = str(form.get("step", "")), None
        request.state.form_names = ()  # what the whole rule cannot be is said above it
        if step == "clear":
            return await self._cleared(request, tag)
        if step in {"preview", "save"} and (rule := typed.rule()):
            if step == "save":
                try:
                    work = partial(self._save, tag.id or 0, rule)
                    return (await write(request, self._admin_ref.database, work)).lead(request)
                except Refused as refused:
                    typed.sentence = str(refused)
            else:
                found = await anyio.to_thread.run_sync(self._found, rule)
        elif not form and (rule := typed.rule() if typed.rows else None):
            found = await anyio.to_thread.run_sync(self._found, rule)
        status = 422 if typed.errors or typed.sentence else 200
        context = await anyio.to_thread.run_sync(self._context, tag, typed)
        return await self.templates.TemplateResponse(
            request, "tags/rule.html", context | {"found": found, "is_typed": bool(form)}, status_code=status
        )

    async def _cleared(self, request: Request, tag: Tag) -> Response:
        def work(session: Session) -> Answer:
            set_rule(session, tag.id or 0, None, staff_id=_staff_id())
            return Answer("/desk/tags", gettext(_CLEARED).format(name=tag.name))

        return (await write(request, self._admin_ref.database, work)).lead(request)

    def _save(self, tag_id: int, rule: Rule, session: Session) -> Answer:
        here = asking()
        set_rule(session, tag_id, rule, staff_id=_staff_id())
        name = session.get_one(Tag, tag_id).name
        if last_customer(session) > AT_ONCE:
            key = f"{JobKind.RULE_TAGS}:{tag_id}:{here.now.timestamp()}"
            put_job(session, JobKind.RULE_TAGS, key, {"only": tag_id}, now=here.now, due_at=here.now)
            return Answer("/desk/tags", gettext(_QUEUED).format(name=name))
        done = apply_rule(session, tag_id, now=here.now, zone=here.zone)
        said = gettext(_SAVED).format(name=name, put_on=done.put_on, taken_off=done.taken_off)
        return Answer("/desk/tags", said)

    def _tag(self, tag_id: int) -> Tag:
        with self._admin_ref.database.reading() as session:
            tag = session.get(Tag, tag_id)
            if tag is None:
                raise HTTPException(404, NotFound().say(gettext))
            return tag

    def _found(self, rule: Rule) -> Found:
        here = asking()
        with self._admin_ref.database.reading() as session:
            return found_by(session, rule, Moment(here.now, here.zone), reach(Customer))

    def _context(self, tag: Tag, typed: Typed) -> dict[str, Any]:
        with self._admin_ref.database.reading() as session:
            lines = [_line(session, place, row, typed.errors) for place, row in enumerate(typed.rows)]
            owner = session.get(Staff, tag.staff_id) if tag.staff_id else None
        return {
            "tag": tag,
            "owner": owner.name if owner else "",
            "match": typed.match,
            "matches": [(str(one), gettext(word)) for one, word in MATCH_WORDS.items()],
            "lines": [one for one in lines if one],
            "fields": [(field.name, gettext(field.label)) for field in FIELDS.values()],
            "is_full": len(lines) >= MOST_CONDITIONS,
            "tells_health": any(FIELDS[row[0]].is_health for row in typed.rows if row[0] in FIELDS),
            "can_save": may_do(self.subject),
            "error": typed.sentence,
        }


def _staff_id() -> int | None:
    person = asking().person
    return person.staff_id if person else None


def _said(refusal: RuleBroken) -> str:
    """The refusal with the field's name in the reader's language."""
    if "label" in refusal.values:
        refusal.values["label"] = gettext(str(refusal.values["label"]))
    return refusal.say(gettext)


def _line(session: Session, place: int, row: Row, errors: Mapping[int, str]) -> dict[str, Any] | None:
    name, op, value = row
    field = FIELDS.get(name)
    if field is None:
        return None
    return {
        "place": place,
        "field": field,
        "label": gettext(field.label),
        "op": op,
        "ops": [(str(one), gettext(OP_WORDS[one])) for one in OPS[field.kind]],
        "value": value,
        "choices": _choices(session, field),
        "unit": gettext(field.unit) if field.unit else "",
        "is_number": field.kind in {Kind.NUMBER, Kind.DAYS},
        "error": errors.get(place, ""),
    }


def _choices(session: Session, field: Field) -> Sequence[tuple[str, str]]:
    """What the value is chosen from; none where it is typed."""
    if field.choices is not None:
        return [(str(one), str(word)) for one, word in choices_of(field.choices)]
    if field.kind is Kind.RECORD:
        return [(str(number), name) for number, name in records_of(session, field.table)]
    if field.kind is Kind.YES:
        return [(one, gettext(word)) for one, word in YES_WORDS.items()]
    if field.kind is Kind.MONTH:
        return [(str(month), str(month)) for month in range(field.low, field.high + 1)]
    return ()
