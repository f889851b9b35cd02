"""The fields a till's file may bring, kind by kind: what people and tills call them, and what we call them."""

from app.rules.refusals import words
from app.vocabulary import ImportKind

# fmt: off
_PHONE = (
    "手机", "电话", "phone", "手機", "電話", "手机号", "手机号码", "电话号码", "联系电话", "mobile", "tel",  # data
    "顾客手机", "客户手机", "会员手机", "顾客电话", "客户电话", "会员电话", "联系手机", "联系方式", "顾客手机号", "客户手机号",  # data
)
_MEMBER_NO = ("会员号", "memberno", "會員號", "會員編號", "会员卡号", "卡号", "会员编号", "membernumber")  # data
_POINTS = ("积分", "points", "點數", "会员积分", "当前积分", "可用积分", "期初积分", "积分余额", "剩余积分")  # data
_NOTE = ("备注", "note", "備註", "说明", "remark")  # data
_CATEGORY = ("类别", "category", "類別", "分类", "品类", "需求类别")  # data
_PRICE = ("价格", "price", "價格", "单价", "售价", "零售价", "原价", "标价", "定价")  # data
_IS_ACTIVE = ("在用", "isactive", "启用", "在售", "上架", "状态")  # data
ALIASES: dict[ImportKind, dict[str, tuple[str, ...]]] = {
    ImportKind.CUSTOMERS: {
        "name": ("姓名", "name", "顧客姓名", "顾客姓名", "客户姓名", "会员姓名", "名字"),  # data
        "phone": _PHONE,
        "gender": ("性别", "gender", "性別", "sex"),  # data
        "birthday": ("生日", "birthday", "出生日期", "出生年月日", "会员生日"),  # data
        "member_no": _MEMBER_NO,
        "tier": ("等级", "tier", "等級", "會員等級", "会员等级", "会员级别", "级别"),  # data
        "tags": ("标签", "tags", "標籤", "tag", "会员标签"),  # data
        "wechat": ("微信", "wechat", "微信号"),  # data
        "email": ("邮箱", "email", "電子郵件", "电子邮箱", "邮件", "mail"),  # data
        "occupation": ("职业", "occupation", "職業"),  # data
        "source": ("来源", "source", "來源", "顾客来源", "客户来源", "会员来源"),  # data
        "note": _NOTE,
        "points": _POINTS,
        "address": ("地址", "address", "联系地址", "聯絡地址", "家庭住址", "住址", "收货地址"),  # data
        "allergy_note": ("过敏史", "allergy", "過敏史", "过敏", "过敏提示", "過敏提示", "过敏源", "过敏原", "allergynote", "allergies"),  # data
        "joined_on": (
            "建档日期", "joinedon", "建檔日期", "建档时间", "加入日期", "加入时间", "入会日期", "入會日期", "入会时间",  # data
            "注册日期", "註冊日期", "注册时间", "开卡日期", "开卡时间", "办卡日期",  # data
        ),
    },
    ImportKind.PURCHASES: {
        "order_no": ("单号", "orderno", "單號", "訂單編號", "订单号", "小票号", "流水号", "销售单号", "ordernumber"),  # data
        "occurred_at": ("时间", "occurredat", "時間", "日期", "消费时间", "交易时间", "下单时间", "销售时间", "消费日期"),  # data
        "phone": _PHONE,
        "member_no": _MEMBER_NO,
        "item": ("商品", "item", "商品名稱", "商品名称", "项目", "项目名称", "品名"),  # data
        "sku": ("商品编码", "sku", "商品編號", "编码", "货号", "条码", "商品编号"),  # data
        "category": ("类别", "category", "類別", "分类", "品类"),  # data
        "quantity": ("数量", "quantity", "數量", "qty"),  # data
        "unit_price": ("单价", "unitprice", "單價", "price"),  # data
        "amount": ("金额", "amount", "金額", "实收", "实收金额", "实付", "实付金额"),  # data
        "channel": ("渠道", "channel", "通路", "销售渠道"),  # data
        "store": ("门店", "store", "門市", "門店", "店铺", "店名", "分店"),  # data
        "staff": ("员工", "staff", "員工", "营业员", "导购", "美容师", "服务人员"),  # data
        "refund_of": ("退款", "refundof", "原单号", "退款原单号"),  # data
    },
    ImportKind.TREATMENTS: {
        "code": ("项目编码", "code", "编码", "编号", "代码", "项目编号", "項目編號", "货号", "sku"),  # data
        "name": ("项目", "name", "项目名称", "名称", "項目名稱", "服务项目", "服务名称", "treatment"),  # data
        "category": _CATEGORY,
        "minutes": ("时长", "minutes", "時長", "分钟", "时长分钟", "服务时长", "duration"),  # data
        "price": _PRICE,
        "after_care": ("护理提醒", "aftercare", "術後提醒", "注意事项", "护理后提醒"),  # data
        "contraindications": ("禁忌", "contraindications", "禁忌症", "禁忌人群"),  # data
        "is_active": _IS_ACTIVE,
    },
    ImportKind.PRODUCTS: {
        "sku": ("商品编码", "sku", "商品編號", "编码", "编号", "货号", "条码", "商品编号", "code"),  # data
        "name": ("商品", "name", "商品名称", "商品名稱", "名称", "品名", "产品", "产品名称", "product", "item"),  # data
        "category": _CATEGORY,
        "series": ("系列", "series", "品牌系列"),  # data
        "price": _PRICE,
        "registration_no": ("备案号", "registrationno", "備案號", "注册证号", "备案编号", "批准文号"),  # data
        "is_active": _IS_ACTIVE,
    },
    ImportKind.POINTS: {
        "member_no": _MEMBER_NO,
        "phone": _PHONE,
        "points": _POINTS,
        "note": _NOTE,
    },
}
# fmt: on
NEEDED: dict[ImportKind, tuple[tuple[str, ...], ...]] = {
    ImportKind.CUSTOMERS: (("name",), ("phone", "member_no")),
    ImportKind.PURCHASES: (("order_no",), ("occurred_at",), ("amount", "unit_price")),
    ImportKind.TREATMENTS: (("code",), ("name",)),
    ImportKind.PRODUCTS: (("sku",), ("name",)),
    ImportKind.POINTS: (("member_no", "phone"), ("points",)),
}
"""Of each group one column must be there."""
_LABELS: dict[str, str] = {
    "name": words("姓名"),
    "phone": words("手机"),
    "gender": words("性别"),
    "birthday": words("生日"),
    "member_no": words("会员号"),
    "tier": words("等级"),
    "tags": words("标签"),
    "wechat": words("微信"),
    "email": words("邮箱"),
    "occupation": words("职业"),
    "source": words("来源"),
    "note": words("备注"),
    "points": words("期初积分"),
    "address": words("地址"),
    "allergy_note": words("过敏史"),
    "joined_on": words("建档日期"),
    "order_no": words("单号"),
    "occurred_at": words("时间"),
    "item": words("商品"),
    "sku": words("商品编码"),
    "category": words("类别"),
    "quantity": words("数量"),
    "unit_price": words("单价"),
    "amount": words("金额"),
    "channel": words("渠道"),
    "store": words("门店"),
    "staff": words("员工"),
    "refund_of": words("退的是哪一单"),
    "code": words("项目编码"),
    "minutes": words("时长（分钟）"),
    "price": words("价格"),
    "after_care": words("护理后提醒"),
    "contraindications": words("禁忌"),
    "series": words("系列"),
    "registration_no": words("备案号"),
    "is_active": words("在用"),
}
_OTHER_NAMES: dict[ImportKind, str] = {
    ImportKind.TREATMENTS: words("项目名称"),
    ImportKind.PRODUCTS: words("商品名称"),
}


def fields_of(kind: ImportKind) -> dict[str, str]:
    """The fields of a kind with their Chinese labels (msgids), in the order a person would fill them in."""
    labels = _LABELS | ({"name": _OTHER_NAMES[kind]} if kind in _OTHER_NAMES else {})
    return {field: labels[field] for field in ALIASES[kind]}
