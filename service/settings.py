"""Every knob of the service, read once at the door from `ADQUEM_*` variables.

Never imported as a global: whoever needs a setting is handed the frozen object.
"""

from functools import cached_property
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """One frozen object; `adquem settings` prints each field with default and meaning."""

    model_config = SettingsConfigDict(env_prefix="ADQUEM_", frozen=True, extra="ignore")

    home: Path = Field(
        Path(".adquem"),
        description="Folder of everything embedded: SQLite file, outbox of .eml files, keys (mode 0600).",
    )
    host: str = Field("127.0.0.1", description="Address that the web server listens on.")
    port: int = Field(8000, ge=0, le=65535, description="Port that the web server listens on.")
    public_url: str = Field(
        "", description="Address under which people reach the service; default http://HOST:PORT."
    )
    database_url: SecretStr = Field(
        SecretStr(""),
        description="postgresql://USER:PASSWORD@HOST/NAME, or empty for SQLite in ADQUEM_HOME.",
    )
    redis_url: SecretStr = Field(
        SecretStr(""),
        description="redis://HOST:PORT/N or unix:///PATH for `adquem worker`; carries wake-ups only.",
    )
    smtp_url: SecretStr = Field(
        SecretStr(""),
        description="smtp+starttls://USER:PASSWORD@HOST:587, smtps://HOST:465, or smtp://HOST:25 "
        "(no encryption, for a relay on this machine); empty: mails become files in HOME/outbox.",
    )
    smtp_ca_file: Path | None = Field(
        None, description="Certificate authorities to trust for SMTP, where not the system's."
    )
    smtp_connections: int = Field(
        8, ge=1, le=32, description="SMTP connections that one process keeps open at the most."
    )
    mail_from: str = Field(
        "Deadlines <deadlines@localhost>",
        description="Sender of every mail; name no organisation in it (it shows on lock screens).",
    )
    bounce_domain: str = Field(
        "",
        pattern=r"^([A-Za-z0-9-]+\.)*[A-Za-z0-9-]+$|^$",
        description="Domain whose mail reaches ADQUEM_BOUNCE_LISTEN or `adquem bounce`: every mail leaves "
        "under a signed address there, so that a mailbox that is gone is noticed; empty: none.",
    )
    bounce_listen: str = Field(
        "",
        pattern=r"^(\S+:\d{1,5})?$",
        description="HOST:PORT at which workers take what is sent to ADQUEM_BOUNCE_DOMAIN (LMTP, SMTP); "
        "empty: none (a mail server pipes it to `adquem bounce`).",
    )
    verify_addresses: bool = Field(
        True,
        description="Whether a new address is asked by mail to confirm that its person reads it; false: "
        "every address is taken as confirmed.",
    )
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="32 bytes in base64 that seal webhook secrets and cursors; default: HOME/secret.key, "
        "made at the first start. While one takes the place of another: both, the newest first, with a "
        "comma between them.",
    )
    webhook_networks: tuple[IPv4Network | IPv6Network, ...] = Field(
        (),
        description="Private networks in CIDR form that webhooks may reach (JSON list), also over "
        "plain http; everything else must be public and https.",
    )
    heartbeat_url: SecretStr = Field(
        SecretStr(""),
        description="Address of a dead-man's switch outside this installation, asked by GET every five "
        "minutes while all is well; its silence is the alarm. https, or http to a network in "
        "ADQUEM_WEBHOOK_NETWORKS.",
    )
    rule_packs: tuple[Path, ...] = Field(
        (),
        description="Folders of rules of your own (JSON list), loaded beside the built-in ones; a faulty "
        "rule stops the start. Try them with `adquem rules check FOLDER`.",
    )
    poll_seconds: float = Field(
        1.0,
        gt=0,
        le=60,
        description="Longest pause, in seconds, before a worker looks again by itself.",
    )
    delivery_slots: int = Field(
        64, ge=1, le=1000, description="Messages that one process sends at the same time."
    )
    mails_per_minute: int = Field(
        1,
        ge=1,
        description="Mails that one person gets in a minute; what can wait then does, and comes together.",
    )
    mails_per_hour: int = Field(
        20, ge=1, description="The same in an hour. What is near, moved or unanswered never waits."
    )
    attempts_kept_days: int = Field(
        730,
        ge=90,
        description="Days for which each try of a message is on record: where it went, when and how it "
        "ended. That the message arrived stays for good.",
    )
    metrics_host: str = Field("127.0.0.1", description="Address of a worker's own /metrics.")
    metrics_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="Port of a worker's own /metrics, of several in one command the first; 0: none.",
    )
    max_body_bytes: int = Field(
        262_144,
        ge=1024,
        description="Largest request body, in bytes; a larger one is answered 413.",
    )
    log_format: Literal["json", "console"] = Field(
        "json", description="json (one object a line) or console (for reading by eye)."
    )
    rehearsal_clock: Path | None = Field(
        None,
        description="For drills only: a file that holds the instant to take as now (ISO 8601 with offset).",
    )

    @field_validator("public_url")
    @classmethod
    def _without_trailing_slash(cls, url: str) -> str:
        return url.rstrip("/")

    @cached_property
    def base_url(self) -> str:
        """Where links in mails, webhooks and feeds lead; no trailing slash."""
        return self.public_url or f"http://{self.host}:{self.port}"

    @cached_property
    def mail_domain(self) -> str:
        """The right-hand side of every Message-ID: the domain of the sender's address."""
        return self.mail_from.rstrip("> ").rpartition("@")[2] or "localhost"

    @cached_property
    def sqlalchemy_url(self) -> str:
        """The database under the driver that we use; SQLite in HOME unless one is named."""
        url = self.database_url.get_secret_value()
        if not url:
            return f"sqlite+aiosqlite:///{self.home / 'adquem.sqlite3'}"
        scheme = urlsplit(url).scheme
        if scheme in ("postgresql", "postgres"):
            return "postgresql+psycopg" + url.removeprefix(scheme)
        return url.replace("sqlite://", "sqlite+aiosqlite://", 1) if scheme == "sqlite" else url

    @property
    def embedded(self) -> bool:
        """True where one process does everything on a SQLite file."""
        return self.sqlalchemy_url.startswith("sqlite")
