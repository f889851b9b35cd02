"""What a password must be."""

from app.rules.refusals import RuleBroken, words

SHORTEST = 12
LONGEST = 200
"""Hashing more than this would only be work for the machine."""

# The heads of the published lists of leaked passwords that are long enough to pass the length rule, and the habits of
# Chinese keyboards. Compared without case; a run of one letter or digit, or a straight row, is found by rule instead.
_LISTED = """
    123456789012 1234567890123 123123123123 112233445566 123456123456 123456abcdef 123456qwerty 1qaz2wsx3edc
    1q2w3e4r5t6y 1q2w3e4r5t6y7u zaq12wsxcde3 qazwsxedcrfv qwertyuiop123 qwertyuiopas qwerty123456 qwertyqwerty
    asdfghjkl123 asdfasdfasdf abc123abc123 abcd1234abcd a1b2c3d4e5f6 abcdef123456 aa123456789. woaini1314520
    woaini123456 woaini520520 5201314520131 520131452013 1314520131452 wodemima1234 password1234 password12345
    password123456 passwordpassword passw0rd1234 p@ssw0rd1234 p@ssword1234 administrator administrator1
    admin1234567 admin12345678 admin123456789 adminadmin123 adminadminadmin welcome12345 welcome123456
    letmein12345 iloveyou1234 iloveyou12345 changeme1234 changemechangeme rougerouge12 rougerougerouge
    meizhuang123 meirong12345 meifa1234567 lingdian1234 laobanniang1 huanying1234 mima12345678 mimamima1234
    123456789abc abc123456789 zxcvbnm12345 zxcvbnmasdfg qwer1234asdf qwer1234qwer 1234qwerasdf 1111aaaa2222
    aaaa11112222 888888666666 666666888888 168168168168
"""
COMMON = frozenset(_LISTED.split())
_ROWS = ("01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm")


class PasswordTooShort(RuleBroken):
    """Too few characters to withstand guessing."""

    code = "password_too_short"
    message = words("密码至少要 {least} 个字符，现在是 {length} 个。用三四个不相干的词连起来，又长又好记。")


class PasswordTooLong(RuleBroken):
    """Longer than anybody types."""

    code = "password_too_long"
    message = words("密码最多 {most} 个字符，请缩短一些。")


class PasswordCommon(RuleBroken):
    """One of the passwords everybody tries first."""

    code = "password_common"
    message = words("这个密码太常见，别人一猜就中。请换一个，例如三四个不相干的词连起来。")


class PasswordTellsName(RuleBroken):
    """The login, the person's or the shop's name stands in it."""

    code = "password_tells_name"
    message = words("密码里不要有登录名、姓名或店名，这些别人都知道。")


class PasswordsDiffer(RuleBroken):
    """Typed twice, but not the same."""

    code = "passwords_differ"
    message = words("两次输入的密码不一样，请重新输入。")


def check_password(password: str, *, known: tuple[str, ...] = ()) -> None:
    """Refuse a password that can be guessed. `known` is what everybody knows: login, name, shop.

    Source: OWASP ASVS 5, 6.2: length and a list of common ones, no rules on composition.
    """
    if len(password) < SHORTEST:
        raise PasswordTooShort("password", least=SHORTEST, length=len(password))
    if len(password) > LONGEST:
        raise PasswordTooLong("password", most=LONGEST)
    plain = password.casefold()
    if plain in COMMON or len(set(plain)) < 4 or _is_straight(plain):
        raise PasswordCommon("password")
    # Two letters occur in any text by chance; two Chinese characters do not.
    telling = (word.strip().casefold() for word in known)
    if any(word in plain for word in telling if len(word) >= (2 if not word.isascii() else 4)):
        raise PasswordTellsName("password")


def _is_straight(plain: str) -> bool:
    return any(plain in row or plain in row[::-1] for row in _ROWS)
