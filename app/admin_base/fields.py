"""How a form of the back office asks: in the reader's language, in the shop's zone, in yuan, with the vocabulary's
words."""

from collections.abc import Collection, Generator, Sequence
from datetime import date
from enum import StrEnum
from typing import Any

import anyio.to_thread
from sqladmin.fields import DateField, QuerySelectField, SelectField, TimezoneAwareDateTimeField
from sqladmin.forms import ModelConverter, converts
from sqlalchemy import select
from sqlalchemy.orm import ColumnProperty
from wtforms import Form, IntegerField, StringField
from wtforms.fields.core import UnboundField
from wtforms.validators import DataRequired, InputRequired, NumberRange, Optional

from app.admin_base.asking import asking, within_scope
from app.i18n import current_locale, gettext, later, translations
from app.labels import choices_of
from app.models import Store
from app.rules.amounts import fen_as_yuan, parse_fen
from app.rules.refusals import RuleBroken, words

BLANK = later("（不填）")
_SHOP_TIME = later("店里的时间，如 2026-11-24 18:30")
_NO_DAY = words("这不是一个日期。请写成 2026-11-24 这样。")
_NO_MOMENT = words("这不是一个时间。请写成 2026-11-24 18:30 这样。")
_OUT_OF_TIME = words("日期要在 {first} 年到 {last} 年之间。")
FIRST_YEAR, LAST_YEAR = 1900, 2100
_TEXTS = {"String", "AutoString", "Text", "Encrypted"}


class ShopForm(Form):
    """A form whose own messages come out in the reader's language."""

    class Meta:
        """WTForms asks here for its words; ours hold its messages too."""

        def get_translations(self, form: Form) -> Any:
            """The catalogue of this request's language."""
            return translations(current_locale())


def stripped(value: Any) -> Any:
    """Typed text without blanks around it and without NUL, which PostgreSQL cannot store."""
    return value.replace("\x00", "").strip() if isinstance(value, str) else value


def cleaned(term: str) -> str:
    """What was typed into a search box, without what no text holds."""
    return term.replace("\x00", "").strip()[:100]


class MoneyField(StringField):
    """Yuan on the page ("128.00"), fen in the database."""

    def _value(self) -> str:
        if self.raw_data:
            return self.raw_data[0]
        return "" if self.data is None else fen_as_yuan(self.data)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Typed yuan to fen. What cannot be read as money is said in words."""
        if not valuelist or not valuelist[0].strip():
            self.data = None
            return
        try:
            self.data = parse_fen(valuelist[0])
        except RuleBroken as refusal:
            self.data = None
            raise ValueError(refusal.say(gettext)) from None


class CountField(IntegerField):
    """A whole number. One of hundreds of digits is none: WTForms' own check of its size would break on it."""

    data: int | None

    def process_formdata(self, valuelist: list[str]) -> None:
        """As typed, where any column could hold it."""
        super().process_formdata(valuelist)
        if self.data is not None and abs(self.data) >= 2**63:
            self.data = None
            raise ValueError(self.gettext("Not a valid integer value."))


def check_year(day: date | None) -> None:
    """A day a shop can mean: a slip of the pen far outside falls off the calendar of Python or the database. Raises
    ValueError with the words."""
    if day is not None and not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(gettext(_OUT_OF_TIME).format(first=FIRST_YEAR, last=LAST_YEAR))


class ShopDayField(DateField):
    """A day in the years a shop can mean, written out whole: half a day is none."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """As typed, and not out of this world."""
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError(gettext(_NO_DAY)) from None
        check_year(self.data)


class ShopMomentField(TimezoneAwareDateTimeField):
    """A moment shown and read in the shop's zone, with or without seconds."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("format", ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"])
        kwargs["description"] = kwargs.get("description") or _SHOP_TIME
        super().__init__(*args, display_timezone=asking().zone, **kwargs)

    def process_formdata(self, valuelist: list[str]) -> None:
        """As typed, and not out of this world."""
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError(gettext(_NO_MOMENT)) from None
        check_year(self.data)


class WordField(SelectField):
    """One word of the vocabulary. Words nobody chooses (`never`) are on offer only where they stand already; what may be
    written in the end decides the action."""

    def __init__(
        self,
        label: str | None = None,
        validators: Any = None,
        *,
        of: type[StrEnum],
        never: Collection[str] = (),
        **kwargs: Any,
    ) -> None:
        self.never = never
        super().__init__(label, validators, coerce=of, choices=choices_of(of), blank_text=BLANK, **kwargs)

    def iter_choices(self) -> Generator[tuple[str, str, bool, dict], None, None]:
        """Every word that may be chosen, and the one that stands there."""
        return (one for one in super().iter_choices() if one[0] not in self.never or one[2])


class RelatedField(QuerySelectField):
    """A choice among related records this person may see. What stands there already stays, although she could not choose
    it herself; whether something else may be written decides `writing.chosen`."""

    def process_data(self, value: Any) -> None:
        """What stands there is always on offer."""
        super().process_data(value)
        if value is not None and not isinstance(value, str):
            self._offer(str(value.id), str(value))

    def process_formdata(self, valuelist: list[str]) -> None:
        """As sent back, listed or not."""
        if valuelist and valuelist[0].isascii() and valuelist[0].isdigit():
            self._offer(valuelist[0], f"#{valuelist[0]}")
        super().process_formdata(valuelist)

    def _offer(self, number: str, label: str) -> None:
        if number not in {known for known, _ in self._select_data}:
            self._select_data = [*self._select_data, (number, label)]


class ShopConverter(ModelConverter):
    """Columns to fields of ours."""

    async def _prepare_select_options(self, prop: Any, session_maker: Any) -> list[tuple[str, Any]]:
        """The related records this person may see: SQLAdmin would offer all of them."""
        target = prop.mapper.class_

        def read() -> list[tuple[str, Any]]:
            with session_maker() as session:
                rows = session.scalars(within_scope(select(target), target).order_by(target.id))
                return [(str(row.id), str(row)) for row in rows]

        return await anyio.to_thread.run_sync(read)

    def _prepare_column(self, prop: ColumnProperty, form_include_pk: bool, kwargs: dict[str, Any]) -> dict | None:
        prepared = super()._prepare_column(prop, form_include_pk, kwargs)
        if prepared is not None and prop.columns[0].type.__class__.__name__ in _TEXTS:
            prepared["filters"] = [*prepared.get("filters", ()), stripped]
            # InputRequired is content with blanks.
            prepared["validators"] = [
                DataRequired() if isinstance(one, InputRequired) else one for one in prepared["validators"]
            ]
        return prepared

    @converts("Enum")
    def conv_enum(self, model: type, prop: ColumnProperty, kwargs: dict[str, Any]) -> UnboundField:
        """The vocabulary's words in the reader's language."""
        column = prop.columns[0]
        kwargs["allow_blank"] = bool(column.nullable)
        kwargs["validators"] = [one for one in kwargs["validators"] if not isinstance(one, InputRequired)]
        kind: Any = column.type
        return WordField(of=kind.enum_class, **kwargs)

    @converts("Integer")
    def conv_integer(self, model: type, prop: ColumnProperty, kwargs: dict[str, Any]) -> UnboundField:
        """Fen as money, everything else as a whole number that fits the column."""
        if prop.key.endswith("_fen"):
            required = () if prop.columns[0].nullable else (InputRequired(),)
            return MoneyField(**{**kwargs, "validators": [*required, *kwargs["validators"]]})
        if not any(isinstance(one, NumberRange) for one in kwargs["validators"]):
            kwargs["validators"] = [*kwargs["validators"], NumberRange(-2_147_483_648, 2_147_483_647)]
        return CountField(**kwargs)

    @converts("Date")
    def conv_date(self, model: type, prop: ColumnProperty, kwargs: dict[str, Any]) -> UnboundField:
        """A day."""
        return ShopDayField(**kwargs)

    @converts("DateTime")
    def conv_datetime(self, model: type, prop: ColumnProperty, kwargs: dict[str, Any]) -> UnboundField:
        """A moment in the shop's zone."""
        return ShopMomentField(**kwargs)

    @converts("MANYTOONE")
    def conv_many_to_one(self, model: type, prop: Any, kwargs: dict[str, Any]) -> UnboundField:
        """A choice from a short list; long ones are looked up while typing."""
        if not kwargs.get("allow_blank"):
            kwargs["validators"] = [DataRequired(), *kwargs["validators"]]
        person = asking().person
        if prop.mapper.class_ is Store and person is not None and person.store_id is not None:
            kwargs["default"] = str(person.store_id)  # what she writes is her store's unless she says otherwise
        return RelatedField(**{"blank_text": BLANK, **kwargs})


LOCALE_NAMES = (
    ("", later("跟随浏览器")),
    ("zh_CN", "简体中文"),  # data
    ("zh_TW", "繁體中文"),  # data
    ("en", "English"),
)


def locale_field(label: str) -> UnboundField:
    """A language of the back office, each in its own name."""
    return SelectField(label, choices=list(LOCALE_NAMES))


def nothing_when_empty(label: str, *, hint: str = "") -> dict[str, Any]:
    """A field that left empty was not asked: an empty number would be a wrong one."""
    return {**asks(label, hint=hint), "filters": [stripped, lambda text: text or None]}


def asks(label: str, *, required: bool = False, hint: str = "", validators: Sequence[Any] = ()) -> dict[str, Any]:
    """What the fields of a small form share."""
    first = [DataRequired()] if required else [Optional()]
    return {"label": label, "validators": [*first, *validators], "description": hint, "filters": [stripped]}
