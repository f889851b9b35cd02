"""the base that holds: jobs in an outbox, kept answers, counted tries, a sealed journal"""

from collections.abc import Callable

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

revision = "20261126"
down_revision = "20261125"
branch_labels = None
depends_on = None

DEEDS = ("create", "update", "delete", "login", "login_failed", "logout", "export", "print", "reveal", "import")
NEW_DEEDS = ("backup", "restore", "refused", "session_ended")


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _deeds(words: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*words, name="auditaction", native_enum=False, create_constraint=True, length=20)


def _rebuild_journal(words: tuple[str, ...], change: Callable[[BatchOperations], None]) -> None:
    """The journal with another list of deeds. SQLite makes the table anew, which loses its triggers."""
    if not _is_sqlite():
        op.drop_constraint(op.f("ck_audit_entries_auditaction"), "audit_entries", type_="check")
        listed = ", ".join(f"'{word}'" for word in words)
        op.create_check_constraint(op.f("ck_audit_entries_auditaction"), "audit_entries", f"action IN ({listed})")
        with op.batch_alter_table("audit_entries") as table:
            change(table)
        return
    for event in ("update", "delete"):
        op.execute(f"DROP TRIGGER IF EXISTS audit_entries_no_{event}")
    with op.batch_alter_table("audit_entries", recreate="always") as table:
        table.alter_column("action", existing_type=sa.String(20), type_=_deeds(words), existing_nullable=False)
        change(table)
    op.execute("""
        CREATE TRIGGER audit_entries_no_update BEFORE UPDATE ON audit_entries
        BEGIN SELECT RAISE(ABORT, 'audit_entries is append-only'); END""")
    op.execute("""
        CREATE TRIGGER audit_entries_no_delete BEFORE DELETE ON audit_entries
        WHEN NOT EXISTS (SELECT 1 FROM demo_marks WHERE table_name = 'audit_entries' AND row_id = OLD.id)
        BEGIN SELECT RAISE(ABORT, 'audit_entries is append-only'); END""")


def upgrade() -> None:
    op.create_table(
        "heartbeats",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("beaten_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_heartbeats")),
        sa.UniqueConstraint("name", name=op.f("uq_heartbeats_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "stage",
            sa.Enum(
                "waiting",
                "leased",
                "done",
                "dead",
                name="jobstage",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_by", sa.String(length=60), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_jobs_attempts_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("key", name=op.f("uq_jobs_key")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.create_index("ix_jobs_due_at_id", ["due_at", "id"], unique=False)
        batch_op.create_index("ix_jobs_stage_due_at", ["stage", "due_at"], unique=False)

    op.create_table(
        "kept_answers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("scope", sa.String(length=120), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("body_mark", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_answers")),
        sa.UniqueConstraint("scope", "key", name=op.f("uq_kept_answers_scope_key")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("kept_answers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_kept_answers_created_at"), ["created_at"], unique=False)

    # Tries to sign in are counted there now, for every name and address alike.
    op.drop_column("staff", "retry_at")
    op.create_table(
        "rate_windows",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("bucket", sa.LargeBinary(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rate_windows")),
        sa.UniqueConstraint("bucket", "began_at", name=op.f("uq_rate_windows_bucket_began_at")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("rate_windows", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rate_windows_began_at"), ["began_at"], unique=False)

    _rebuild_journal(
        DEEDS + NEW_DEEDS, lambda table: table.add_column(sa.Column("seal", sa.LargeBinary(), nullable=True))
    )
    # Whose customer somebody is, is asked for every row of a page: the index alone answers it.
    op.drop_index("ix_purchases_customer_id_occurred_at", table_name="purchases")
    op.create_index(
        "ix_purchases_customer_id_occurred_at_store_id", "purchases", ["customer_id", "occurred_at", "store_id"]
    )
    op.drop_index(op.f("ix_visits_customer_id"), table_name="visits")
    op.create_index("ix_visits_customer_id_store_id", "visits", ["customer_id", "store_id"])


def downgrade() -> None:
    op.drop_index("ix_visits_customer_id_store_id", table_name="visits")
    op.create_index(op.f("ix_visits_customer_id"), "visits", ["customer_id"])
    op.drop_index("ix_purchases_customer_id_occurred_at_store_id", table_name="purchases")
    op.create_index("ix_purchases_customer_id_occurred_at", "purchases", ["customer_id", "occurred_at"])
    op.execute(
        "DROP TRIGGER " + ("audit_entries_no_delete" if _is_sqlite() else "audit_entries_append_only ON audit_entries")
    )
    op.execute(
        sa.text("DELETE FROM audit_entries WHERE action IN :words").bindparams(
            sa.bindparam("words", NEW_DEEDS, expanding=True)
        )
    )
    _rebuild_journal(DEEDS, lambda table: table.drop_column("seal"))
    if not _is_sqlite():
        op.execute("""
            CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE ON audit_entries
            FOR EACH ROW EXECUTE FUNCTION rouge_append_only()""")

    with op.batch_alter_table("rate_windows", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_rate_windows_began_at"))

    op.drop_table("rate_windows")
    op.add_column("staff", sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("kept_answers", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_kept_answers_created_at"))

    op.drop_table("kept_answers")
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.drop_index("ix_jobs_stage_due_at")
        batch_op.drop_index("ix_jobs_due_at_id")

    op.drop_table("jobs")
    op.drop_table("heartbeats")
