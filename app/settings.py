"""Where this installation lives: addresses, secrets, paths. Shop policy is not here; the owner edits it."""

import logging
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

HTMX_URL = "https://cdn.jsdelivr.net/npm/htmx.org@2.0.11/dist/htmx.min.js"
HTMX_INTEGRITY = "sha384-2OatzQy1H+Zd/IIrjr1TcuDGqLXeHhbooAyJY1KdQMKnr4LZ22k31GBLdYKHmVjg"


class Settings(BaseSettings):
    """What `ROUGE_*` variables or `.env` say, frozen. The defaults are a shop on one machine."""

    model_config = SettingsConfigDict(env_prefix="ROUGE_", env_file=".env", frozen=True, extra="ignore")

    data_dir: Path = Field(Path("data"), description="数据文件夹：数据库、图片、备份")  # data
    database_url: str = Field("", description="留空即数据文件夹里的加密 SQLite；多店用 postgresql+psycopg://…")  # data
    host: str = Field("127.0.0.1", description="监听地址")  # data
    port: int = Field(8000, description="监听端口")  # data
    workers: int = Field(1, ge=1, le=64, description="网页进程数")  # data
    public_url: str = Field("", description="印进二维码的网址，如 https://vip.example.cn")  # data
    timezone: str = Field("Asia/Shanghai", description="店铺所在时区，决定“今天”")  # data
    locale: str = Field("zh_CN", description="默认语言：zh_CN、zh_TW 或 en")  # data
    demo: bool = Field(False, description="1 表示演示店：不对外发消息，每页有横幅")  # data
    key_file: Path | None = Field(  # data
        None, description="主密钥文件；默认是数据文件夹里的 keys/rouge.key，备份里没有它"
    )
    htmx_url: str = Field(HTMX_URL, description="htmx 的 CDN 地址")  # data
    htmx_integrity: str = Field(HTMX_INTEGRITY, description="htmx 的 SRI 校验值")  # data
    smtp_url: str = Field("", description="发邮件的服务器，如 smtps://user:pass@smtp.example.cn:465")  # data
    metrics_token: str = Field("", description="读 /metrics 要出示的令牌；留空则只有本机能读")  # data
    upload_limit_mb: int = Field(50, ge=1, le=1000, description="网页导入的文件最大多少 MB")  # data
    log_level: str = Field("INFO", description="日志级别")  # data

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except ZoneInfoNotFoundError as error:  # a KeyError, which pydantic would not report as a wrong setting
            raise ValueError(str(error)) from None
        return value

    @field_validator("locale")
    @classmethod
    def _spoken(cls, value: str) -> str:
        if value not in {"zh_CN", "zh_TW", "en"}:
            raise ValueError("zh_CN, zh_TW or en")
        return value

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.upper() not in logging.getLevelNamesMapping():
            raise ValueError("DEBUG, INFO, WARNING or ERROR")
        return value.upper()

    @field_validator("metrics_token")
    @classmethod
    def _not_to_be_guessed(cls, value: str) -> str:
        if value and (len(value) < 16 or not value.isascii() or not value.isprintable()):
            raise ValueError("at least 16 letters and digits")
        return value

    @field_validator("database_url")
    @classmethod
    def _postgres_or_ours(cls, value: str) -> str:
        if value and not value.startswith("postgresql"):
            raise ValueError("only PostgreSQL; the encrypted SQLite file is used when this is empty")
        return value

    @field_validator("public_url")
    @classmethod
    def _no_trailing_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @property
    def zone(self) -> ZoneInfo:
        """The shop's time zone: it decides what "today" is."""
        return ZoneInfo(self.timezone)

    @property
    def sqlite_path(self) -> Path:
        """The encrypted database file that is used when no `ROUGE_DATABASE_URL` is set."""
        return self.data_dir / "rouge.db"

    @property
    def key_path(self) -> Path:
        """The master key, in a folder of its own that no backup contains."""
        return self.key_file or self.data_dir / "keys" / "rouge.key"

    @property
    def backups_dir(self) -> Path:
        """Where `rouge backup create` puts backups and retention takes old ones away."""
        return self.data_dir / "backups"

    @property
    def media_dir(self) -> Path:
        """Pictures and other files the database speaks of."""
        return self.data_dir / "media"

    @property
    def uploads_dir(self) -> Path:
        """Where files wait, sealed, until they are imported."""
        return self.data_dir / "uploads"

    @property
    def base_url(self) -> str:
        """The address customers' phones open."""
        return self.public_url or f"http://{self.host}:{self.port}"


@cache
def current_settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
