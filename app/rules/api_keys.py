"""Keys of tills and other programs: what one looks like, and why one opens nothing."""

from dataclasses import dataclass

from app.rules.names import tidy_words
from app.rules.refusals import RuleBroken, words

KEY_BYTES = 32
"""256 random bits. Source: OWASP ASVS 5, 7.2.3 asks for 128."""
KEY_MARK = "rouge_"
"""What every key begins with, so that one that lies about in a file is known for what it is."""
NAME_MAX = 40


class KeyMissing(RuleBroken):
    """A program that shows no key."""

    code = "key_missing"
    message = words("请带上接口密钥：Authorization: Bearer 密钥。")
    status = 401


class KeyUnknown(RuleBroken):
    """No key of this shop, or one that was taken back: whoever guesses is not told which."""

    code = "key_unknown"
    message = words("接口密钥不对，或者已经停用。")
    status = 401


class KeyNameWrong(RuleBroken):
    """The journal says by it who did something."""

    code = "key_name_wrong"
    message = words("请给密钥起个名字，最多 {limit} 个字，如 前台收银机。")


class KeyNameTaken(RuleBroken):
    """A name stays with what was done under it, so no second key gets it."""

    code = "key_name_taken"
    message = words("这个名字的密钥已经有了。换一个名字，或先看看 rouge apikey list。")
    status = 409


class KeyNotThere(RuleBroken):
    """Nobody made a key of that name."""

    code = "key_not_there"
    message = words("没有叫“{name}”的密钥。rouge apikey list 可以看到所有的。")
    status = 404


class KeyRevoked(RuleBroken):
    """What was taken back stays so."""

    code = "key_revoked"
    message = words("这把密钥已经停用，不能再用。请新建一把。")
    status = 409


class StoreNotTheKeys(RuleBroken):
    """A key of one store sells in no other."""

    code = "store_not_the_keys"
    message = words("这把密钥只能用在门店 {store}。")
    status = 403


@dataclass(frozen=True, kw_only=True)
class KeyDetails:
    """A key as the owner asks for it. `store_id` None: it works for all stores."""

    name: str
    store_id: int | None = None


def key_name(typed: str) -> str:
    """A name as it is kept. Raises KeyNameWrong."""
    name = tidy_words(typed)
    if not 0 < len(name) <= NAME_MAX:
        raise KeyNameWrong("name", limit=NAME_MAX)
    return name
