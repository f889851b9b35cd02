"""The menu's sections with their icons, and the one column word most registers share."""

from app.i18n import later

PEOPLE = (later("顾客"), "fa-solid fa-user-group")
LOYALTY = (later("会员与消费"), "fa-solid fa-gem")
VOICE = (later("顾客声音"), "fa-solid fa-comments")
OUTREACH = (later("触达"), "fa-solid fa-paper-plane")
SHOP = (later("店铺"), "fa-solid fa-store")

WHEN = later("时间")
