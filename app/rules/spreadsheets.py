"""Which files can be read as a table, and why others cannot: one sentence each, with what to do."""

from app.rules.refusals import RuleBroken, words

MOST_ROWS = 2_000_000
LARGEST_SHEET_MB = 100
"""A workbook must be unpacked whole; a CSV of any size is read line by line."""
MOST_COLUMNS = 200
"""A till's file has twenty; every column has its place on the wizard's page."""
LONGEST_CELL = 100_000
"""A longer cell of a CSV is cut just above this: its row is refused, because a quote has probably swallowed rows."""

SHEETS_LEFT_OUT = words("只读第一张有内容的表，这些表没有读：{sheets}。需要的话请另存为一个文件再导。")


class FileMissing(RuleBroken):
    """No file there, or one nobody may read."""

    code = "file_missing"
    message = words("打不开文件 {name}：它不存在，或者没有读取的权限。")


class FileEmpty(RuleBroken):
    """Nothing in it."""

    code = "file_empty"
    message = words("文件是空的。")


class OnlyHeader(RuleBroken):
    """A header and nothing below it."""

    code = "only_header"
    message = words("文件里只有表头，没有数据。")


class NotATable(RuleBroken):
    """A PDF, a picture or a program, whatever its name says."""

    code = "not_a_table"
    message = words("这不是表格文件：里面其实是 {kind}。请从收银系统重新导出 CSV 或 XLSX。")


class NotText(NotATable):
    """Bytes no text has, of a kind nobody knows."""

    message = words("这不是表格文件，里面的内容不是文字。请从收银系统重新导出 CSV 或 XLSX。")


class WebPageInDisguise(RuleBroken):
    """Some tills write a web page and call it .xls."""

    code = "web_page"
    message = words("这其实是一个网页，只是名字像 Excel。请用 Excel 打开它，另存为 XLSX，再导入。")


class WorkbookDamaged(RuleBroken):
    """It begins like a workbook and does not go on like one."""

    code = "workbook_damaged"
    message = words("这个 Excel 文件已损坏，读不出来。请重新导出。")


class WorkbookLocked(RuleBroken):
    """Opened with a password only."""

    code = "workbook_locked"
    message = words("这个 Excel 文件有密码。请在 Excel 里去掉密码，再导入。")


class WorkbookTooLarge(RuleBroken):
    """More than fits the memory of a shop's machine."""

    code = "workbook_too_large"
    message = words("这个 Excel 文件太大了（展开后超过 {limit} MB）。请另存为 CSV 再导入，CSV 不限大小。")


class EncodingUnknown(RuleBroken):
    """Neither UTF-8 nor GB18030."""

    code = "encoding_unknown"
    message = words("读不懂文件的编码（第 {row} 行附近）。请另存为“CSV UTF-8”或 XLSX，再导入。")


class CsvBroken(RuleBroken):
    """A quote that never closes, or a row as long as a library."""

    code = "csv_broken"
    message = words("第 {row} 行附近的引号或格子不对，后面读不下去。请检查那一行，或另存为 XLSX。")


class TooManyColumns(RuleBroken):
    """More columns than anybody could say the meaning of."""

    code = "too_many_columns"
    message = words("一个表格最多 {limit} 列，第 {row} 行有 {count} 列。请只留下要导入的列，再导入。")


class TooManyRows(RuleBroken):
    """More rows than one import takes."""

    code = "too_many_rows"
    message = words("一次最多导入 {limit} 行。请把文件分成几份。")
