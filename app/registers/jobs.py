"""What the machine has to do, and what it did."""

from typing import ClassVar

from app.actions import jobs
from app.admin_base import BigLedgerView, Deed, WordFilter, formats
from app.i18n import later
from app.models import Job, JobRun
from app.registers.sections import SHOP
from app.vocabulary import JobStage


class JobAdmin(BigLedgerView, model=Job):
    """What the machine has to do; what it gave up waits here for a person."""

    category, category_icon = SHOP
    name, name_plural, icon = later("后台任务"), later("后台任务"), "fa-solid fa-gears"
    empty_hint = later("胭脂夜里备份、核对，要做的事会排在这里。")
    column_list = ("kind", "stage", "due_at", "attempts", "last_error")
    column_details_list = (
        "kind", "key", "stage", "due_at", "attempts", "last_error", "leased_by", "lease_until", "created_at", "finished_at"
    )  # fmt: skip
    column_formatters: ClassVar = {"kind": formats.job_kind, "stage": formats.job_stage}
    column_formatters_detail: ClassVar = column_formatters
    column_filters = (WordFilter(Job.stage, later("进度")),)
    column_labels: ClassVar = {
        "kind": later("任务"),
        "key": later("编号"),
        "stage": later("进度"),
        "due_at": later("最早什么时候做"),
        "attempts": later("试过几次"),
        "last_error": later("为什么没做成"),
        "leased_by": later("哪台机器做的"),
        "lease_until": later("最晚做到"),
        "created_at": later("登记时间"),
        "finished_at": later("完成"),
    }
    deeds = (
        Deed(
            "retry",
            later("再试一次"),
            jobs.retry_job,
            ("jobs", "retry"),
            done=later("已重新排队，马上再试"),
            hint=later("先看看“为什么没做成”，解决了再试。"),
            when=lambda job: job.stage is JobStage.DEAD,
        ),
    )


class JobRunAdmin(BigLedgerView, model=JobRun):
    """What the machine did by itself."""

    category, category_icon = SHOP
    name, name_plural, icon = later("运行记录"), later("运行记录"), "fa-solid fa-list-check"
    empty_hint = later("定时任务运行后，这里会有记录。")
    column_list = ("name", "started_at", "finished_at", "state", "outcome")
    column_details_list = column_list
    column_formatters: ClassVar = {
        "name": formats.job_kind,
        "state": formats.job_state,
        "outcome": formats.job_outcome,
    }
    column_formatters_detail: ClassVar = column_formatters
    column_filters = (WordFilter(JobRun.state, later("状态")),)
    column_labels: ClassVar = {
        "name": later("任务"),
        "started_at": later("开始"),
        "finished_at": later("完成"),
        "state": later("状态"),
        "outcome": later("结果"),
    }
