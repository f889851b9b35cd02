"""Who may be handed a customer."""

from app.rules.refusals import RuleBroken, words


class NobodyToServe(RuleBroken):
    """Nobody was chosen, or somebody who serves no customers any more."""

    code = "nobody_to_serve"
    message = words("请选一位美容师。")
