"""A file somebody uploaded: how large it may be, how long it waits, and what its page answers when it cannot go on."""

from datetime import timedelta

from app.rules.refusals import RuleBroken, words
from app.vocabulary import ImportStage

KEPT_FOR = timedelta(days=7)
"""A file nobody went on with is thrown away after this: customers are in it."""
AT_ONCE_BYTES = 200_000
"""A file up to this is looked through while the person waits; a larger one is work for the machine."""
AT_ONCE_ROWS = 500
"""So many rows are taken back while the person waits."""
JUDGED_AT_ONCE_ROWS = 50_000
"""Of so many rows it is said at once whether they can be taken back; of more the machine finds out."""


class FileNotChosen(RuleBroken):
    """The form came without a file."""

    code = "file_not_chosen"
    message = words("请先选一个文件。")


class UploadTooLarge(RuleBroken):
    """More than this shop takes through the browser."""

    code = "upload_too_large"
    message = words("文件太大了，最多 {limit} MB。请分成几份，或在服务器上用 rouge import 导入。")
    status = 413


class HeadingsMissing(RuleBroken):
    """The first row holds a customer, not the names of the columns."""

    code = "headings_missing"
    message = words("第 1 行看起来不是表头，里面有电话号码。请在最上面加一行表头，像“姓名、手机、生日”，再上传。")


class UploadGone(RuleBroken):
    """Thrown away meanwhile, by hand or after a week."""

    code = "upload_gone"
    message = words("这个文件已经不在了，请重新上传。")
    status = 409


class ImportBusy(RuleBroken):
    """The machine is at it just now."""

    code = "import_busy"
    message = words("这个文件正在处理，请等它做完。")
    status = 409


class ImportNotChecked(RuleBroken):
    """What has not been looked through is not brought in."""

    code = "import_not_checked"
    message = words("还没有试导入过，或者列改过了。请先试导入一次。")
    status = 409


class ImportIsIn(RuleBroken):
    """What is in cannot be changed any more, only taken back."""

    code = "import_is_in"
    message = words("这个文件已经导入过了。要改的话，请先撤销这次导入。")
    status = 409


class AnotherIsRunning(RuleBroken):
    """Two files that change the same customers at the same moment would be hard to tell apart."""

    code = "another_is_running"
    message = words("另一个文件（{name}）正在导入。请等它做完，再导入这一个。")
    status = 409


class MapNameMissing(RuleBroken):
    """A list of columns needs a name to be found by."""

    code = "map_name_missing"
    message = words("请给这张对应表起个名字，像“美团导出”。")


class MapNameTooLong(RuleBroken):
    """A name is a few words."""

    code = "map_name_too_long"
    message = words("名字太长，请不要超过 {limit} 个字。")


LONGEST_MAP_NAME = 40


def map_name(typed: str) -> str:
    """The name of a list of columns. Raises MapNameMissing, MapNameTooLong."""
    name = " ".join(typed.split())
    if not name:
        raise MapNameMissing("map_name")
    if len(name) > LONGEST_MAP_NAME:
        raise MapNameTooLong("map_name", limit=LONGEST_MAP_NAME)
    return name


def check_may_change(stage: ImportStage, *, is_busy: bool) -> None:
    """Whether the columns of a file may still be changed. Raises ImportBusy, ImportIsIn."""
    if is_busy:
        raise ImportBusy
    if stage not in {ImportStage.UPLOADED, ImportStage.CHECKED}:
        raise ImportIsIn


def check_may_run(stage: ImportStage, *, is_busy: bool, other: str) -> None:
    """Whether a file may be brought in now; one that broke off may go on. `other` is the file that is being brought in
    just now. Raises ImportBusy, ImportIsIn, ImportNotChecked, AnotherIsRunning."""
    if is_busy:
        raise ImportBusy
    if stage in {ImportStage.DONE, ImportStage.REVERTED}:
        raise ImportIsIn
    if stage is ImportStage.UPLOADED:
        raise ImportNotChecked
    if other:
        raise AnotherIsRunning(name=other)
