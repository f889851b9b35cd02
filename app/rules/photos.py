"""Photos of treatments: what may be kept, and what is said to whoever brings something else."""

from app.rules.refusals import RuleBroken, words

LARGEST_MB = 15
"""A photo of a telephone has 3 to 8 MB."""
MOST_PIXELS = 60_000_000
"""A small file may unpack to a picture that fills the memory; the largest telephones take 50 million."""
LONGEST_SIDE = 1600
"""What is kept: enough to compare skin on any screen, in pixels."""
QUALITY = 82
KEPT_AFTER_WITHDRAWAL_DAYS = 30
"""After the customer's no her photos are shown to nobody, and gone after so many days. Source: PIPL 47."""


class PhotoMissing(RuleBroken):
    """The form came without a file."""

    code = "photo_missing"
    message = words("请先选一张照片。")


class PhotoTooLarge(RuleBroken):
    """More than a telephone makes."""

    code = "photo_too_large"
    message = words("照片太大了，最多 {limit} MB。请用手机重新拍一张。")


class PhotoUnreadable(RuleBroken):
    """No picture, whatever its name says, or a damaged one."""

    code = "photo_unreadable"
    message = words("这个文件不是能用的照片。请选 JPEG、PNG 或 WebP；iPhone 请在“设置 › 相机 › 格式”里选“兼容性最佳”。")


class PhotoWithoutConsent(RuleBroken):
    """She has not said yes to photos being kept, or no longer. Source: PIPL 29."""

    code = "photo_without_consent"
    message = words("顾客还没有同意保存护理照片。请先当面问她，登记“保存护理照片”的同意，再上传。")
    status = 409


class PhotoOfOtherCustomer(RuleBroken):
    """The visit is somebody else's."""

    code = "photo_of_other_customer"
    message = words("这次到店不是这位顾客的，请重新选。")


class PhotoGone(RuleBroken):
    """The record is there, its file is not, or cannot be opened."""

    code = "photo_gone"
    message = words("这张照片的文件打不开。请让管店里电脑的人看一下 media 文件夹和备份。")
    status = 404
