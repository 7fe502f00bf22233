"""What `gas up` is told: ports and folders of the whole of GAS on one machine."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from shared.core.settings import FromEnvironment


class LocalSettings(FromEnvironment):
    """Settings of `gas up`, with the prefix ``GAS_LOCAL_``. Everything listens on 127.0.0.1."""

    model_config = SettingsConfigDict(env_prefix="GAS_LOCAL_")

    frontend_port: int = Field(default=8000, ge=1, le=65535, description="Port of the pages.")
    annotator_port: int = Field(default=8001, ge=1, le=65535, description="Port of the annotator.")
    util_port: int = Field(default=8002, ge=1, le=65535, description="Port of the utility server.")
    cloud_port: int = Field(default=8003, ge=1, le=65535, description="Port of the local cloud.")
    frontend_metrics_port: int = Field(default=8010, ge=1, le=65535, description="Port of the frontend's metrics.")
    annotator_metrics_port: int = Field(default=8011, ge=1, le=65535, description="Port of the annotator's metrics.")
    util_metrics_port: int = Field(default=8012, ge=1, le=65535, description="Port of the utility server's metrics.")
    proxy_url: str | None = Field(
        default=None,
        description="Address of a proxy between the servers and the local cloud, to watch or disturb what they say to each "
        "other. It sends `/annotator_hook/…` and `/util_hook/…` on to these servers as `/…`, and all else to the cloud.",
    )
    data_dir: Path = Field(
        default=Path("var"),
        description="Folder of everything that outlives Ctrl-C: accounts, jobs, files, messages; and of the logs.",
    )
    demo_password: SecretStr = Field(
        default=SecretStr("mitochondria"), description="Password of the account demo@example.org."
    )
    operator_password: SecretStr = Field(
        default=SecretStr("powerhouse-of-the-cell"), description="Password of the account operator@example.org."
    )
    secret_key: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="Signs sessions and links; made once and kept in the data folder unless given.",
    )
    mail_evidence_seconds: float = Field(
        default=30.0, gt=0, description="GAS_MAIL_EVIDENCE_SECONDS of the utility server: SES's report is quick here."
    )
    retention_seconds: int = Field(
        default=600,
        ge=1,
        description="GAS_RETENTION_SECONDS: minutes instead of days, so that the archive can be watched.",
    )
    archive_notice_seconds: int = Field(default=120, ge=0, description="GAS_ARCHIVE_NOTICE_SECONDS.")
    restore_seconds: float = Field(
        default=20.0,
        ge=0,
        description="How long an Expedited restoration from Glacier takes; a Standard one four times as long.",
    )
    lease_seconds: float = Field(default=10.0, gt=0, description="GAS_LEASE_SECONDS of both hook servers.")

    @property
    def ports(self) -> dict[str, int]:
        """Setting name → port."""
        return {
            "GAS_LOCAL_FRONTEND_PORT": self.frontend_port,
            "GAS_LOCAL_ANNOTATOR_PORT": self.annotator_port,
            "GAS_LOCAL_UTIL_PORT": self.util_port,
            "GAS_LOCAL_CLOUD_PORT": self.cloud_port,
            "GAS_LOCAL_FRONTEND_METRICS_PORT": self.frontend_metrics_port,
            "GAS_LOCAL_ANNOTATOR_METRICS_PORT": self.annotator_metrics_port,
            "GAS_LOCAL_UTIL_METRICS_PORT": self.util_metrics_port,
        }

    @property
    def metrics_ports(self) -> dict[str, int]:
        """Server → the port of its metrics."""
        return {
            "frontend": self.frontend_metrics_port,
            "annotator_hook": self.annotator_metrics_port,
            "util_hook": self.util_metrics_port,
        }
