"""How often something may be tried: numbers, and the sentence for whoever must wait."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from app.rules.refusals import RuleBroken, words

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUSEHOLD = 64
"""A connection of IPv6 owns this many leading bits and may answer from any address below them."""


@dataclass(frozen=True)
class Limit:
    """At most `times` tries in a stretch of `per`. Stretches are cut from the clock, not from the first try: across the
    cut up to twice as many may fall into one `per`."""

    name: str
    times: int
    per: timedelta

    def began_at(self, now: datetime) -> datetime:
        """When the stretch began that `now` lies in."""
        return now - (now - _EPOCH) % self.per

    def wait(self, now: datetime) -> timedelta:
        """How long until the next stretch begins."""
        return self.began_at(now) + self.per - now


_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

LOGIN_PER_ACCOUNT = Limit("login_account", 5, _MINUTE)
"""Passwords tried for one login name. Source: OWASP ASVS 5, 6.3.1."""
LOGIN_PER_ADDRESS = Limit("login_address", 20, _MINUTE)
"""Passwords tried from one address: everybody who works in a shop comes from the same one."""
PUBLIC_FORM = Limit("public_form", 600, _MINUTE)
"""Answers from one address. Generous: all customers in a shop, and thousands on one mobile network, share one."""
SIGN_UP_PER_PHONE = Limit("sign_up_phone", 5, _HOUR)
"""Sign-ups with one phone number, known or not: the answer is the same for both, and so is this."""
HURRIED_FORM = Limit("hurried_form", 5, _HOUR)
"""Forms from one address that came back sooner than a person types; more of them are a machine's."""
BAD_TOKEN = Limit("bad_token", 30, _HOUR)
"""Addresses of cards, surveys and the set-up that open nothing, from one network address."""
OWN_PAGE_SOON = Limit("own_page_soon", 5, _HOUR)
"""Wrong digits for one customer's own page, from wherever they come."""
OWN_PAGE = Limit("own_page", 10, _DAY)
"""The same in a day: who holds the address would need weeks for a birthday and years for four digits."""
EXPORT = Limit("export", 5, _HOUR)
"""Files of records one person takes out."""
API_PER_KEY = Limit("api_key", 3000, _MINUTE)
"""Requests of one till or program: more is a loop that has run away."""
API_MISS = Limit("api_miss", 600, _HOUR)
"""Phones and numbers one key asks for that are nobody's. A till asks about every guest; more is somebody trying numbers."""
BAD_KEY = Limit("bad_key", 60, _HOUR)
"""Requests without a good key from one network address."""
REVEAL = Limit("reveal", 30, _HOUR)
"""Telephone numbers one person looks at in full."""
ASK_NUMBER = Limit("ask_number", 60, _HOUR)
"""Whole telephone numbers one person types into a form that says whose they may be."""

LONGEST = _DAY
"""Nothing counted longer ago than this decides anything."""


class TooManyTries(RuleBroken):
    """Tried too often; `wait` says how long until it may be tried again."""

    code = "too_many_tries"
    message = words("次数太多了，请过 {minutes} 分钟再试。")
    status = 429

    def __init__(self, wait: timedelta) -> None:
        super().__init__(minutes=max(1, -(-wait // _MINUTE)))
        self.wait = wait

    @property
    def seconds(self) -> int:
        """The wait in whole seconds, for `Retry-After`; at least 1."""
        return max(1, -(-self.wait // timedelta(seconds=1)))

    @property
    def is_long(self) -> bool:
        """Whether nobody would count it in minutes."""
        return self.wait > _HOUR


def same_device(answers: int) -> Limit:
    """From the so-manieth survey answer of one device within an hour on, they are marked for the shop to look at."""
    return Limit("survey_device", answers - 1, _HOUR)


def network_of(address: str) -> str:
    """Whom an address stands for when tries are counted: an IPv4 address for itself, an IPv6 address for its whole
    connection. Anything else counts as it is written."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:100]
    plain: IPv4Address | IPv6Address = getattr(ip, "ipv4_mapped", None) or ip
    return str(plain) if plain.version == 4 else str(ip_network((plain, _HOUSEHOLD), strict=False))
