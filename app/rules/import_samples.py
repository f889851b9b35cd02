"""A file of each kind as it should look, to copy from: two rows a shop would write."""

from collections.abc import Mapping

from app.vocabulary import ImportKind

# Numbers of the pattern kept for made-up customers: a sample that is brought in by mistake calls nobody.
# fmt: off
SAMPLES: Mapping[ImportKind, tuple[tuple[str, ...], ...]] = {
    ImportKind.CUSTOMERS: (
        ("姓名", "手机", "会员号", "性别", "生日", "等级", "标签", "微信", "邮箱", "职业", "来源", "备注", "地址", "过敏史", "建档日期"),  # data
        ("王小丽", "10000000001", "", "女", "1990-05-20", "", "护肤、美甲", "", "", "教师", "朋友介绍", "喜欢靠窗", "", "花生", "2023-05-01"),  # data
        ("欧阳娜", "10000000002", "", "女", "8月15日", "", "", "", "", "", "到店", "", "", "", ""),  # data
    ),
    ImportKind.PURCHASES: (
        ("单号", "时间", "手机", "会员号", "商品", "商品编码", "类别", "数量", "单价", "金额", "渠道", "员工", "退款"),  # data
        ("A1001", "2026-11-23 18:30", "10000000001", "", "玫瑰面霜", "P001", "护肤", "1", "299", "299", "门店", "", ""),  # data
        ("A1001", "2026-11-23 18:30", "10000000001", "", "补水面膜", "P002", "护肤", "2", "39", "78", "门店", "", ""),  # data
    ),
    ImportKind.TREATMENTS: (
        ("项目编码", "项目名称", "类别", "时长（分钟）", "价格", "护理后提醒", "禁忌", "在用"),  # data
        ("HL01", "补水护理", "护肤", "60", "128", "24 小时内不要化浓妆", "皮肤破损", "是"),  # data
        ("MJ01", "基础美甲", "美甲", "45", "98", "", "", "是"),  # data
    ),
    ImportKind.PRODUCTS: (
        ("商品编码", "商品名称", "类别", "系列", "价格", "备案号", "在用"),  # data
        ("P001", "玫瑰面霜", "护肤", "玫瑰", "299", "", "是"),  # data
        ("P002", "补水面膜", "护肤", "玫瑰", "39", "", "是"),  # data
    ),
    ImportKind.POINTS: (
        ("会员号", "手机", "期初积分", "备注"),  # data
        ("", "10000000001", "1200", "从旧系统带来"),  # data
        ("", "10000000002", "80", ""),  # data
    ),
}
# fmt: on
