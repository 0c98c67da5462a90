"""The tables. Times are Unix seconds; ids are UUIDs as text; sealed values are bytes of the Envelope.

``migrations/`` holds how they came to be; a test proves that both say the same.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

__all__ = [
    "ApiToken",
    "AuditEntry",
    "AuditHead",
    "Base",
    "Bootstrap",
    "ConfigStore",
    "FailedLogins",
    "Grant",
    "Group",
    "LoginSession",
    "Node",
    "NodeToken",
    "PolicyRow",
    "SealedKey",
    "StoreSecret",
    "User",
    "Vault",
    "VaultTag",
]

_Id = String(36)
_DIGEST = String(64)
_CASCADE = "CASCADE"


class Base(DeclarativeBase):
    """All tables of the manager."""


class Group(Base):
    """A runtime group; ``revision`` grows with every change that its nodes must hear of."""

    __tablename__ = "groups"
    id: Mapped[str] = mapped_column(_Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(128), unique=True)
    description: Mapped[str | None] = mapped_column(Text)
    revision: Mapped[int] = mapped_column(BigInteger, default=1)
    created_at: Mapped[int] = mapped_column(BigInteger)
    updated_at: Mapped[int] = mapped_column(BigInteger)


class Vault(Base):
    """A vault entity. ``config`` has a mask in place of each credential, ``sealed`` has these."""

    __tablename__ = "vaults"
    __table_args__ = (UniqueConstraint("group_id", "prefix"), Index("ix_vaults_group_id_id", "group_id", "id"))
    id: Mapped[str] = mapped_column(_Id, primary_key=True)
    group_id: Mapped[str] = mapped_column(ForeignKey("groups.id"))
    prefix: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(128))
    description: Mapped[str | None] = mapped_column(Text)
    config: Mapped[dict[str, Any]] = mapped_column(JSON)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    tags: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[int] = mapped_column(BigInteger)
    updated_at: Mapped[int] = mapped_column(BigInteger)


class VaultTag(Base):
    """A vault's tag, for filters."""

    __tablename__ = "vault_tags"
    tag: Mapped[str] = mapped_column(String(255), primary_key=True)
    vault_id: Mapped[str] = mapped_column(ForeignKey("vaults.id", ondelete=_CASCADE), primary_key=True, index=True)


class ConfigStore(Base):
    """A Config Store of a group."""

    __tablename__ = "config_stores"
    __table_args__ = (UniqueConstraint("group_id", "name"),)
    id: Mapped[str] = mapped_column(_Id, primary_key=True)
    group_id: Mapped[str] = mapped_column(ForeignKey("groups.id"))
    name: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[int] = mapped_column(BigInteger)
    updated_at: Mapped[int] = mapped_column(BigInteger)


class StoreSecret(Base):
    """One version of a Config Store's secret; the highest one is current."""

    __tablename__ = "config_store_secrets"
    store_id: Mapped[str] = mapped_column(ForeignKey("config_stores.id", ondelete=_CASCADE), primary_key=True)
    key: Mapped[str] = mapped_column(String(512), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[int] = mapped_column(BigInteger)
    first_created_at: Mapped[int] = mapped_column(BigInteger)
    is_current: Mapped[bool] = mapped_column(Boolean)


class User(Base):
    """Somebody who may sign in."""

    __tablename__ = "users"
    id: Mapped[str] = mapped_column(_Id, primary_key=True)
    username: Mapped[str] = mapped_column(String(128), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    superadmin: Mapped[bool] = mapped_column(Boolean)
    disabled: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[int] = mapped_column(BigInteger)


class Grant(Base):
    """A user's role in a group."""

    __tablename__ = "grants"
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete=_CASCADE), primary_key=True)
    group_id: Mapped[str] = mapped_column(ForeignKey("groups.id", ondelete=_CASCADE), primary_key=True)
    role: Mapped[str] = mapped_column(String(16))


class ApiToken(Base):
    """A user's token for programs; only its digest is kept."""

    __tablename__ = "api_tokens"
    id: Mapped[str] = mapped_column(_Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete=_CASCADE), index=True)
    name: Mapped[str] = mapped_column(String(128))
    digest: Mapped[str] = mapped_column(_DIGEST, unique=True)
    created_at: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[int | None] = mapped_column(BigInteger)


class LoginSession(Base):
    """A browser's session; only the digest of its cookie is kept."""

    __tablename__ = "login_sessions"
    digest: Mapped[str] = mapped_column(_DIGEST, primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete=_CASCADE), index=True)
    csrf_token: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[int] = mapped_column(BigInteger)
    seen_at: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[int] = mapped_column(BigInteger)


class FailedLogins(Base):
    """Failed logins of one name or address in the present window."""

    __tablename__ = "failed_logins"
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    began_at: Mapped[int] = mapped_column(BigInteger)
    attempts: Mapped[int] = mapped_column(Integer)


class Bootstrap(Base):
    """The one-time token of the first administrator; the row goes with its use."""

    __tablename__ = "bootstrap"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(_DIGEST)


class NodeToken(Base):
    """What a data plane node of a group signs in with; only its digest is kept."""

    __tablename__ = "node_tokens"
    id: Mapped[str] = mapped_column(_Id, primary_key=True)
    group_id: Mapped[str] = mapped_column(ForeignKey("groups.id", ondelete=_CASCADE), index=True)
    node: Mapped[str] = mapped_column(String(128))
    digest: Mapped[str] = mapped_column(_DIGEST, unique=True)
    created_at: Mapped[int] = mapped_column(BigInteger)


class Node(Base):
    """What a node reported last."""

    __tablename__ = "nodes"
    group_id: Mapped[str] = mapped_column(ForeignKey("groups.id", ondelete=_CASCADE), primary_key=True)
    node: Mapped[str] = mapped_column(String(128), primary_key=True)
    about: Mapped[dict[str, Any]] = mapped_column(JSON)
    status: Mapped[dict[str, Any]] = mapped_column(JSON)
    seen_at: Mapped[int] = mapped_column(BigInteger)


class PolicyRow(Base):
    """Who may resolve what behind a group's prefixes (access/policies.py)."""

    __tablename__ = "policies"
    id: Mapped[str] = mapped_column(_Id, primary_key=True)
    group_id: Mapped[str] = mapped_column(ForeignKey("groups.id", ondelete=_CASCADE), index=True)
    effect: Mapped[str] = mapped_column(String(8))
    prefix: Mapped[str] = mapped_column(String(255))
    node: Mapped[str] = mapped_column(String(255))
    plugin: Mapped[str] = mapped_column(String(255))
    resource: Mapped[str] = mapped_column(String(1024))
    created_at: Mapped[int] = mapped_column(BigInteger)


class SealedKey(Base):
    """A key of the manager's own, sealed by the master key."""

    __tablename__ = "sealed_keys"
    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class AuditEntry(Base):
    """One entry of the audit; ``mac`` covers all its columns and the entry before. Never updated, never deleted."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_group_id_seq", "group_id", "seq"),)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[int] = mapped_column(BigInteger)
    actor: Mapped[str] = mapped_column(String(300))
    action: Mapped[str] = mapped_column(String(64), index=True)
    group_id: Mapped[str | None] = mapped_column(_Id)
    target: Mapped[str] = mapped_column(Text)
    outcome: Mapped[str] = mapped_column(String(32))
    details: Mapped[str] = mapped_column(Text)
    mac: Mapped[str] = mapped_column(_DIGEST)


class AuditHead(Base):
    """The audit's last entry, so that its end can't be cut off unseen."""

    __tablename__ = "audit_head"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger)
    mac: Mapped[str] = mapped_column(_DIGEST)
