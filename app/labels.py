"""The vocabulary as people read it: one word per member, in the reader's language. Lists, forms, filters, pages and
reports all take it from here."""

from enum import StrEnum

from app.i18n import Lazy, later
from app.vocabulary import (
    AuditAction,
    Calendar,
    CategoryOfNeed,
    Channel,
    ComplaintEventKind,
    ComplaintStatus,
    CustomerStatus,
    FeedbackChannel,
    FeedbackKind,
    Gender,
    ImportKind,
    JobKind,
    JobStage,
    JobState,
    MessageState,
    Purpose,
    QuestionKind,
    ResponseState,
    Role,
    SaleChannel,
    SkinType,
    Source,
    SurveyMode,
    SurveyStatus,
    TagOrigin,
    TokenPurpose,
    VisitOutcome,
)

# By enum first: Gender.UNKNOWN and VisitOutcome.UNKNOWN are the same text, so one flat table would mix them up.
ENUM_WORDS: dict[type[StrEnum], dict[StrEnum, Lazy]] = {
    Gender: {
        Gender.FEMALE: later("女"),
        Gender.MALE: later("男"),
        Gender.UNKNOWN: later("未说明"),
    },
    Calendar: {Calendar.SOLAR: later("公历"), Calendar.LUNAR: later("农历")},
    CustomerStatus: {
        CustomerStatus.ACTIVE: later("正常"),
        CustomerStatus.RESTRICTED: later("只保存不使用"),
        CustomerStatus.ERASED: later("已抹去身份"),
    },
    Channel: {
        Channel.SMS: later("短信"),
        Channel.WECHAT: later("微信"),
        Channel.EMAIL: later("邮件"),
        Channel.PHONE: later("电话"),
    },
    Source: {
        Source.STORE: later("到店"),
        Source.EVENT: later("活动"),
        Source.HOTLINE: later("热线"),
        Source.CARD: later("办卡"),
        Source.REFERRAL: later("朋友介绍"),
        Source.WEBSITE: later("网站"),
        Source.SOCIAL: later("社交平台"),
        Source.SURVEY: later("问卷"),
        Source.EMAIL: later("邮件"),
        Source.IMPORT: later("表格导入"),
        Source.OTHER: later("其他"),
    },
    SkinType: {
        SkinType.DRY: later("干性"),
        SkinType.OILY: later("油性"),
        SkinType.COMBINATION: later("混合性"),
        SkinType.NORMAL: later("中性"),
        SkinType.SENSITIVE: later("敏感性"),
    },
    Purpose: {
        Purpose.MEMBERSHIP: later("会员服务"),
        Purpose.SERVICE_CARE: later("护理提醒与关怀"),
        Purpose.MARKETING: later("优惠与活动"),
        Purpose.PERSONALISATION: later("个性化推荐"),
        Purpose.HEALTH_RECORD: later("皮肤与健康记录"),
        Purpose.PHOTOS: later("护理照片"),
    },
    TagOrigin: {
        TagOrigin.MANUAL: later("手工"),
        TagOrigin.IMPORT: later("表格导入"),
        TagOrigin.RULE: later("自动规则"),
    },
    Role: {
        Role.OWNER: later("店主"),
        Role.MANAGER: later("店长"),
        Role.RECEPTION: later("前台"),
        Role.BEAUTICIAN: later("美容师"),
        Role.MARKETER: later("营销"),
        Role.AUDITOR: later("审核"),
    },
    CategoryOfNeed: {
        CategoryOfNeed.SKIN: later("皮肤"),
        CategoryOfNeed.HAIR: later("头发"),
        CategoryOfNeed.NAILS: later("美甲"),
        CategoryOfNeed.MAKEUP: later("彩妆"),
        CategoryOfNeed.BODY: later("身体"),
        CategoryOfNeed.OTHER: later("其他"),
    },
    SaleChannel: {
        SaleChannel.STORE: later("门店"),
        SaleChannel.ONLINE: later("网店"),
        SaleChannel.WECHAT: later("微信"),
        SaleChannel.PHONE: later("电话"),
    },
    VisitOutcome: {
        VisitOutcome.IMPROVED: later("有改善"),
        VisitOutcome.UNCHANGED: later("没有变化"),
        VisitOutcome.REACTION: later("有不适反应"),
        VisitOutcome.UNKNOWN: later("还不知道"),
    },
    SurveyMode: {
        SurveyMode.OPEN: later("扫码即可答"),
        SurveyMode.ANONYMOUS: later("匿名"),
        SurveyMode.IDENTIFIED: later("专属邀请"),
    },
    SurveyStatus: {
        SurveyStatus.DRAFT: later("草稿"),
        SurveyStatus.PUBLISHED: later("已发布"),
        SurveyStatus.CLOSED: later("已结束"),
    },
    QuestionKind: {
        QuestionKind.RATING: later("打分"),
        QuestionKind.NPS: later("推荐意愿（0–10）"),
        QuestionKind.CHOICE: later("单选"),
        QuestionKind.CHOICES: later("多选"),
        QuestionKind.TEXT: later("文字"),
        QuestionKind.CONTACT: later("联系方式"),
    },
    ResponseState: {ResponseState.PARTIAL: later("没答完"), ResponseState.FINISHED: later("已答完")},
    FeedbackKind: {
        FeedbackKind.COMPLAINT: later("投诉"),
        FeedbackKind.SUGGESTION: later("建议"),
        FeedbackKind.PRAISE: later("表扬"),
        FeedbackKind.QUESTION: later("咨询"),
        FeedbackKind.REVIEW: later("外部评价"),
    },
    FeedbackChannel: {
        FeedbackChannel.SURVEY: later("问卷"),
        FeedbackChannel.WEB: later("网页"),
        FeedbackChannel.COUNTER: later("柜台"),
        FeedbackChannel.HOTLINE: later("热线"),
        FeedbackChannel.WECHAT: later("微信"),
        FeedbackChannel.PLATFORM: later("点评平台"),
        FeedbackChannel.PAPER: later("意见卡"),
    },
    ComplaintStatus: {
        ComplaintStatus.OPEN: later("处理中"),
        ComplaintStatus.WAITING: later("等顾客回复"),
        ComplaintStatus.SOLVED: later("已给出办法"),
        ComplaintStatus.CLOSED: later("已结束"),
    },
    ComplaintEventKind: {
        ComplaintEventKind.OPENED: later("登记"),
        ComplaintEventKind.ASSIGNED: later("交给"),
        ComplaintEventKind.NOTE: later("内部备注"),
        ComplaintEventKind.REPLY: later("回复顾客"),
        ComplaintEventKind.SOLUTION: later("给出办法"),
        ComplaintEventKind.WAITING: later("等顾客回复"),
        ComplaintEventKind.CUSTOMER: later("顾客留言"),
        ComplaintEventKind.CLOSED: later("结束"),
        ComplaintEventKind.REOPENED: later("重新打开"),
    },
    TokenPurpose: {
        TokenPurpose.CARD: later("会员卡"),
        TokenPurpose.SURVEY: later("问卷邀请"),
        TokenPurpose.CASE: later("反馈进度"),
        TokenPurpose.SETUP: later("首次设置"),
    },
    MessageState: {
        MessageState.WAITING: later("待发送"),
        MessageState.SENT: later("已发送"),
        MessageState.HELD: later("已拦下"),
        MessageState.FAILED: later("没发成"),
    },
    JobKind: {
        JobKind.BACKUP: later("备份"),
        JobKind.VERIFY_JOURNAL: later("核对操作日志"),
        JobKind.FORGET_TRACES: later("清理过期痕迹"),
        JobKind.REVIEW_TIERS: later("核对会员等级"),
    },
    JobState: {
        JobState.RUNNING: later("进行中"),
        JobState.DONE: later("完成"),
        JobState.FAILED: later("失败"),
    },
    JobStage: {
        JobStage.WAITING: later("待执行"),
        JobStage.LEASED: later("执行中"),
        JobStage.DONE: later("完成"),
        JobStage.DEAD: later("做不成，已停"),
    },
    ImportKind: {ImportKind.CUSTOMERS: later("顾客"), ImportKind.PURCHASES: later("消费")},
    AuditAction: {
        AuditAction.CREATE: later("新增"),
        AuditAction.UPDATE: later("修改"),
        AuditAction.DELETE: later("删除"),
        AuditAction.LOGIN: later("登录"),
        AuditAction.LOGIN_FAILED: later("登录失败"),
        AuditAction.LOGOUT: later("退出"),
        AuditAction.EXPORT: later("导出"),
        AuditAction.PRINT: later("打印"),
        AuditAction.REVEAL: later("查看号码"),
        AuditAction.IMPORT: later("导入"),
        AuditAction.BACKUP: later("备份"),
        AuditAction.RESTORE: later("恢复备份"),
        AuditAction.REFUSED: later("越权被拒"),
        AuditAction.SESSION_ENDED: later("结束登录"),
    },
}


def word_of(member: StrEnum | None) -> str:
    """A member of the vocabulary as people read it; nothing stays empty."""
    return "" if member is None else str(ENUM_WORDS[type(member)][member])


def choices_of(enum: type[StrEnum]) -> list[tuple[str, Lazy]]:
    """Value and word of every member, in the order of the vocabulary: what a select offers."""
    return [(member.value, ENUM_WORDS[enum][member]) for member in enum]
