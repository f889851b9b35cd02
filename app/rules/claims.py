"""Sales that wait for their customer: which may be given to somebody."""

from app.rules.refusals import RuleBroken, words


class NotWaiting(RuleBroken):
    """The sale has its customer, or the till named nobody."""

    code = "not_waiting"
    message = words("这一单没有在等待认领：它已经有主人，或者收银时没有登记是谁。")
    status = 409


class MemberNumberUnknown(RuleBroken):
    """Nobody has it."""

    code = "member_no_unknown"
    message = words("没有这个会员号，也没有会员登记这个手机号。")


class PhoneIsShared(RuleBroken):
    """Several members have this phone: whose sale it is, it does not say."""

    code = "phone_is_shared"
    message = words("这个手机号有几位会员共用，请填她的会员号。")
    status = 409
