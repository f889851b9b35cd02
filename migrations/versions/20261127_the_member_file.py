"""the member file: imports that can be taken back, duplicates and merging, consents, tags by rule, photos, points"""

import sqlalchemy as sa
from alembic import op

revision = "20261127"
down_revision = "20261126"
branch_labels = None
depends_on = None

LEDGERS = ("points_entries", "points_allocations")
PURPOSES = ("membership", "service_care", "marketing", "personalisation", "health_record", "photos")
NEW_PURPOSES = ("photos_public", "guardian")
KINDS = ("customers", "purchases")
NEW_KINDS = ("treatments", "products", "points")
DEEDS = (
    "create", "update", "delete", "login", "login_failed", "logout", "export", "print", "reveal", "import", "backup",
    "restore", "refused", "session_ended",
)  # fmt: skip
NEW_DEEDS = ("merge", "unmerge", "revert")
MODES = ("both", "create", "update")
STAGES = ("uploaded", "checked", "running", "done", "failed", "reverted")


def _word(name: str, words: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=20)


NEW_KEYS = (
    ("consents", "withdrawn_staff_id", "staff", "RESTRICT"),
    ("customer_tags", "staff_id", "staff", "RESTRICT"),
    ("customers", "referred_by_id", "customers", "SET NULL"),
    ("import_batches", "store_id", "stores", "RESTRICT"),
    ("import_batches", "reverted_staff_id", "staff", "RESTRICT"),
    ("tags", "staff_id", "staff", "RESTRICT"),
)
NEW_INDEXES = (
    ("ix_consents_withdrawn_staff_id", "consents", ["withdrawn_staff_id"], None),
    ("ix_customer_tags_staff_id", "customer_tags", ["staff_id"], None),
    ("ix_customers_email", "customers", ["email"], "email <> ''"),
    ("ix_customers_given_name_id", "customers", ["given_name", "id"], None),
    ("ix_customers_referred_by_id", "customers", ["referred_by_id"], None),
    ("ix_customers_verified_on_created_at", "customers", ["verified_on", "created_at"], None),
    ("ix_import_batches_reverted_staff_id", "import_batches", ["reverted_staff_id"], None),
    ("ix_import_batches_store_id", "import_batches", ["store_id"], None),
    (
        "ix_purchases_waiting_member_no", "purchases", ["buyer_member_no"],
        "customer_id IS NULL AND buyer_member_no <> ''",
    ),
    (
        "ix_purchases_waiting_phone", "purchases", ["buyer_phone_index"],
        "customer_id IS NULL AND buyer_phone_index IS NOT NULL",
    ),
    ("ix_tags_staff_id", "tags", ["staff_id"], None),
)  # fmt: skip

# Indexes that get more columns: (name, before, since).
LONGER_INDEXES = (
    (
        "ix_customers_birth_month_birth_day", ["birth_month", "birth_day", "birthday_calendar", "status"],
        ["birth_month", "birth_day", "birthday_calendar", "status", "name_initials", "birthday"],
    ),
    ("ix_customers_phone_last4", ["phone_last4"], ["phone_last4", "name_pinyin"]),
)  # fmt: skip


def _waiting_columns() -> tuple[sa.Column, ...]:
    return (
        sa.Column("buyer_member_no", sa.String(length=20), server_default="", nullable=False),
        sa.Column("buyer_phone", sa.LargeBinary(), nullable=True),
        sa.Column("buyer_phone_index", sa.LargeBinary(), nullable=True),
        sa.Column("buyer_phone_masked", sa.String(length=24), server_default="", nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
    )


def _letter_by_letter(length: int) -> sa.types.TypeEngine:
    return sa.String(length=length).with_variant(sa.String(length=length, collation="C"), "postgresql")


_TWO_LETTERS = (
    "欧阳 歐陽 上官 司马 司馬 诸葛 諸葛 司徒 东方 東方 皇甫 慕容 令狐 夏侯 公孙 公孫 宇文 轩辕 軒轅 钟离 鍾離 闻人 聞人 申屠 太史 "
    "端木 百里 东郭 東郭 南宫 南宮 独孤 獨孤 呼延 赫连 赫連 完颜 完顏 纳兰 納蘭 尉迟 尉遲 长孙 長孫 单于 單于 乐正 樂正 万俟 澹台 澹臺"
)


def _given_name(name: str) -> str:
    """What stands after the family name, as rules/names.py had it then."""
    if " " in name:
        return name.partition(" ")[2]
    return "" if name.isascii() else name[2 if name[:2] in _TWO_LETTERS.split() else 1 :]


def _fill_given_names() -> None:
    connection, last = op.get_bind(), 0
    while rows := connection.execute(
        sa.text("SELECT id, name FROM customers WHERE id > :last ORDER BY id LIMIT 10000"), {"last": last}
    ).all():
        connection.execute(
            sa.text("UPDATE customers SET given_name = :given WHERE id = :id"),
            [{"id": one.id, "given": _given_name(one.name)} for one in rows],
        )
        last = rows[-1].id


def _new_columns() -> dict[str, tuple[sa.Column, ...]]:
    return {
        "consents": (
            sa.Column("withdrawn_how", sa.String(length=60), server_default="", nullable=False),
            sa.Column("withdrawn_staff_id", sa.Integer(), nullable=True),
        ),
        "customer_tags": (
            sa.Column("staff_id", sa.Integer(), nullable=True),
            sa.Column("tagged_at", sa.DateTime(timezone=True), nullable=True),
        ),
        "customers": (
            sa.Column("given_name", _letter_by_letter(80), server_default="", nullable=False),
            sa.Column("declined_fields", sa.String(length=500), server_default="", nullable=False),
            sa.Column("phone_invalid_on", sa.Date(), nullable=True),
            sa.Column("email_invalid_on", sa.Date(), nullable=True),
            sa.Column("referred_by_id", sa.Integer(), nullable=True),
        ),
        "import_batches": (
            sa.Column("mode", _word("importmode", MODES), server_default="both", nullable=False),
            sa.Column("stage", _word("importstage", STAGES), server_default="done", nullable=False),
            sa.Column("store_id", sa.Integer(), nullable=True),
            sa.Column("mapping", sa.Text(), server_default="{}", nullable=False),
            sa.Column("upload_key", sa.String(length=64), server_default="", nullable=False),
            sa.Column("check_report", sa.Text(), server_default="", nullable=False),
            sa.Column("rows_in_all", sa.Integer(), server_default="0", nullable=False),
            sa.Column("reverted_at", sa.DateTime(timezone=True), nullable=True),
            sa.Column("reverted_staff_id", sa.Integer(), nullable=True),
        ),
        "tags": (
            sa.Column("rule", sa.Text(), server_default="", nullable=False),
            sa.Column("computed_at", sa.DateTime(timezone=True), nullable=True),
            sa.Column("staff_id", sa.Integer(), nullable=True),
        ),
    }


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _widen(table: str, column: str, name: str, words: tuple[str, ...]) -> None:
    """Another list of words in a CHECK; SQLite makes the table anew for that."""
    if _is_sqlite():
        with op.batch_alter_table(table, recreate="always") as batch:
            batch.alter_column(column, existing_type=sa.String(20), type_=_word(name, words))
        return
    listed = ", ".join(f"'{word}'" for word in words)
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, f"{column} IN ({listed})")


def _widen_journal(deeds: tuple[str, ...]) -> None:
    """The journal made anew loses its triggers on SQLite."""
    if _is_sqlite():
        for event in ("update", "delete"):
            op.execute(f"DROP TRIGGER IF EXISTS audit_entries_no_{event}")
    _widen("audit_entries", "action", "auditaction", deeds)
    if _is_sqlite():
        _forbid_changes("audit_entries")


def _forbid_changes(table: str) -> None:
    """A ledger stays as written; only the demo shop's own rows may go again."""
    if _is_sqlite():
        op.execute(f"""
            CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table}
            BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END""")
        op.execute(f"""
            CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
            WHEN NOT EXISTS (SELECT 1 FROM demo_marks WHERE table_name = '{table}' AND row_id = OLD.id)
            BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END""")
        return
    op.execute(f"""
        CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
        FOR EACH ROW EXECUTE FUNCTION rouge_append_only()""")
    op.execute(f"""
        CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION rouge_append_only()""")


def _set_words(purposes: tuple[str, ...], kinds: tuple[str, ...], deeds: tuple[str, ...]) -> None:
    _widen("consents", "purpose", "purpose", purposes)
    _widen("outbound_messages", "purpose", "purpose", purposes)
    _widen("import_batches", "kind", "importkind", kinds)
    _widen_journal(deeds)


def _keys_of(table: str) -> list[tuple[str, str, str]]:
    return [(name, target, ondelete) for of, name, target, ondelete in NEW_KEYS if of == table]


def upgrade() -> None:
    _set_words(PURPOSES + NEW_PURPOSES, KINDS + NEW_KINDS, DEEDS + NEW_DEEDS)
    for table, columns in _new_columns().items():
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.add_column(column)
            for name, target, ondelete in _keys_of(table):
                batch.create_foreign_key(op.f(f"fk_{table}_{name}_{target}"), target, [name], ["id"], ondelete=ondelete)
    _fill_given_names()
    # Sales may be many: these columns are added without copying the table.
    for column in _waiting_columns():
        op.add_column("purchases", column)
    for index, table, indexed, where in NEW_INDEXES:
        partial = {"sqlite_where": sa.text(where), "postgresql_where": sa.text(where)} if where else {}
        op.create_index(index, table, indexed, **partial)
    for index, _, longer in LONGER_INDEXES:
        op.drop_index(index, table_name="customers")
        op.create_index(index, "customers", longer)
    op.create_table(
        "purpose_rules",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum(
                "membership",
                "service_care",
                "marketing",
                "personalisation",
                "health_record",
                "photos",
                "photos_public",
                "guardian",
                name="purpose",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("wording", sa.String(length=300), nullable=False),
        sa.Column("uses", sa.String(length=300), nullable=False),
        sa.Column("kept", sa.String(length=200), nullable=False),
        sa.Column("needs_consent", sa.Boolean(), nullable=False),
        sa.Column("is_offered", sa.Boolean(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purpose_rules")),
        sa.UniqueConstraint("purpose", name=op.f("uq_purpose_rules_purpose")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("store_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_on", sa.Date(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["store_id"], ["stores.id"], name=op.f("fk_api_keys_store_id_stores"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("name", name=op.f("uq_api_keys_name")),
        sa.UniqueConstraint("sha256", name=op.f("uq_api_keys_sha256")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_api_keys_store_id"), "api_keys", ["store_id"], unique=False)

    op.create_table(
        "contact_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column(
            "contact",
            sa.Enum(
                "phone",
                "wechat",
                "email",
                "address",
                name="contactkind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column(
            "kind",
            sa.Enum(
                "replaced",
                "invalid",
                "valid",
                name="contacteventkind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("old_value", sa.LargeBinary(), nullable=True),
        sa.Column("old_masked", sa.String(length=60), nullable=False),
        sa.Column("reason", sa.String(length=100), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_contact_events_customer_id_customers"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_contact_events_staff_id_staff"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_events")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_contact_events_customer_id"), "contact_events", ["customer_id"], unique=False)
    op.create_index(op.f("ix_contact_events_staff_id"), "contact_events", ["staff_id"], unique=False)

    op.create_table(
        "customer_merges",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("survivor_id", sa.Integer(), nullable=True),
        sa.Column("absorbed_id", sa.Integer(), nullable=False),
        sa.Column("absorbed_no", sa.String(length=20), nullable=False),
        sa.Column("absorbed_name", sa.String(length=80), nullable=False),
        sa.Column("plan", sa.LargeBinary(), nullable=True),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undo_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("staff_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_customer_merges_staff_id_staff"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["survivor_id"],
            ["customers.id"],
            name=op.f("fk_customer_merges_survivor_id_customers"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_merges")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_customer_merges_absorbed_id"), "customer_merges", ["absorbed_id"], unique=False)
    op.create_index("ix_customer_merges_merged_at_id", "customer_merges", ["merged_at", "id"], unique=False)
    op.create_index(op.f("ix_customer_merges_staff_id"), "customer_merges", ["staff_id"], unique=False)
    op.create_index(op.f("ix_customer_merges_survivor_id"), "customer_merges", ["survivor_id"], unique=False)
    op.create_index(op.f("ix_customer_merges_undo_until"), "customer_merges", ["undo_until"], unique=False)

    op.create_table(
        "duplicate_pairs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("low_id", sa.Integer(), nullable=False),
        sa.Column("high_id", sa.Integer(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("reasons", sa.String(length=120), nullable=False),
        sa.Column(
            "state",
            sa.Enum("open", "distinct", name="pairstate", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("staff_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("low_id < high_id", name=op.f("ck_duplicate_pairs_lower_first")),
        sa.CheckConstraint("score BETWEEN 0 AND 100", name=op.f("ck_duplicate_pairs_score_in_range")),
        sa.ForeignKeyConstraint(
            ["high_id"], ["customers.id"], name=op.f("fk_duplicate_pairs_high_id_customers"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["low_id"], ["customers.id"], name=op.f("fk_duplicate_pairs_low_id_customers"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_duplicate_pairs_staff_id_staff"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duplicate_pairs")),
        sa.UniqueConstraint("low_id", "high_id", name=op.f("uq_duplicate_pairs_low_id_high_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_duplicate_pairs_high_id"), "duplicate_pairs", ["high_id"], unique=False)
    op.create_index(op.f("ix_duplicate_pairs_low_id"), "duplicate_pairs", ["low_id"], unique=False)
    op.create_index(op.f("ix_duplicate_pairs_staff_id"), "duplicate_pairs", ["staff_id"], unique=False)
    op.create_index("ix_duplicate_pairs_state_score", "duplicate_pairs", ["state", "score"], unique=False)

    op.create_table(
        "import_maps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "customers",
                "purchases",
                "treatments",
                "products",
                "points",
                name="importkind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("mapping", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_import_maps_staff_id_staff"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_maps")),
        sa.UniqueConstraint("kind", "name", name=op.f("uq_import_maps_kind_name")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_import_maps_staff_id"), "import_maps", ["staff_id"], unique=False)

    op.create_table(
        "points_accounts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.String(length=120), nullable=False),
        sa.Column("merged_into_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "customer_id IS NOT NULL OR closed_at IS NOT NULL", name=op.f("ck_points_accounts_open_is_somebodys")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_points_accounts_customer_id_customers"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["merged_into_id"],
            ["points_accounts.id"],
            name=op.f("fk_points_accounts_merged_into_id_points_accounts"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_accounts")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_points_accounts_customer_id"), "points_accounts", ["customer_id"], unique=False)
    op.create_index(op.f("ix_points_accounts_merged_into_id"), "points_accounts", ["merged_into_id"], unique=False)
    op.create_index(
        "ix_points_accounts_frozen",
        "points_accounts",
        ["frozen_at"],
        unique=False,
        sqlite_where=sa.text("frozen_at IS NOT NULL"),
        postgresql_where=sa.text("frozen_at IS NOT NULL"),
    )
    op.create_index(
        "uq_points_accounts_open",
        "points_accounts",
        ["customer_id"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "sign_ups",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.String(length=64), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("store_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("phone_masked", sa.String(length=24), nullable=False),
        sa.Column("told", sa.LargeBinary(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "new", "known", "settled", name="signupstate", native_enum=False, create_constraint=True, length=20
            ),
            nullable=False,
        ),
        sa.Column("signed_up_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("staff_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_sign_ups_customer_id_customers"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_sign_ups_staff_id_staff"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["store_id"], ["stores.id"], name=op.f("fk_sign_ups_store_id_stores"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_ups")),
        sa.UniqueConstraint("submission_id", name=op.f("uq_sign_ups_submission_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_sign_ups_customer_id"), "sign_ups", ["customer_id"], unique=False)
    op.create_index(op.f("ix_sign_ups_signed_up_at"), "sign_ups", ["signed_up_at"], unique=False)
    op.create_index(op.f("ix_sign_ups_staff_id"), "sign_ups", ["staff_id"], unique=False)
    op.create_index("ix_sign_ups_state_signed_up_at", "sign_ups", ["state", "signed_up_at"], unique=False)
    op.create_index(op.f("ix_sign_ups_store_id"), "sign_ups", ["store_id"], unique=False)

    op.create_table(
        "social_accounts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column(
            "platform",
            sa.Enum(
                "official_account",
                "wecom",
                "wechat_group",
                "xiaohongshu",
                "douyin",
                "weibo",
                "dianping",
                "other",
                name="socialplatform",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("handle", sa.String(length=80), nullable=False),
        sa.Column("is_following", sa.Boolean(), nullable=False),
        sa.Column("noted_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_social_accounts_customer_id_customers"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_social_accounts")),
        sa.UniqueConstraint(
            "customer_id", "platform", "handle", name=op.f("uq_social_accounts_customer_id_platform_handle")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_social_accounts_customer_id"), "social_accounts", ["customer_id"], unique=False)

    op.create_table(
        "customer_aliases",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "member_no",
            sa.String(length=20).with_variant(sa.String(length=20, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("merge_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_customer_aliases_customer_id_customers"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merge_id"],
            ["customer_merges.id"],
            name=op.f("fk_customer_aliases_merge_id_customer_merges"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_aliases")),
        sa.UniqueConstraint("member_no", name=op.f("uq_customer_aliases_member_no")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_customer_aliases_customer_id"), "customer_aliases", ["customer_id"], unique=False)
    op.create_index(op.f("ix_customer_aliases_merge_id"), "customer_aliases", ["merge_id"], unique=False)

    op.create_table(
        "import_changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.Column("is_created", sa.Boolean(), nullable=False),
        sa.Column("before", sa.LargeBinary(), nullable=True),
        sa.Column("after", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["import_batches.id"],
            name=op.f("fk_import_changes_batch_id_import_batches"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_changes")),
        sa.UniqueConstraint(
            "batch_id", "subject", "subject_id", name=op.f("uq_import_changes_batch_id_subject_subject_id")
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "photos",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum("before", "after", name="photokind", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("taken_on", sa.Date(), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("file_key", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_photos_customer_id_customers"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_photos_staff_id_staff"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(
            ["visit_id"], ["visits.id"], name=op.f("fk_photos_visit_id_visits"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_photos")),
        sa.UniqueConstraint("file_key", name=op.f("uq_photos_file_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_photos_customer_id"), "photos", ["customer_id"], unique=False)
    op.create_index(op.f("ix_photos_staff_id"), "photos", ["staff_id"], unique=False)
    op.create_index(op.f("ix_photos_visit_id"), "photos", ["visit_id"], unique=False)

    op.create_table(
        "earning_rules",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "purchase",
                "campaign",
                "bonus",
                "event",
                "referral",
                "sharing",
                "profile",
                "birthday",
                "suggestion",
                name="earningkind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("per_fen", sa.BigInteger(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column(
            "category",
            sa.Enum(
                "skin",
                "hair",
                "nails",
                "makeup",
                "body",
                "other",
                name="categoryofneed",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=True,
        ),
        sa.Column("tier_id", sa.Integer(), nullable=True),
        sa.Column("in_birthday_month", sa.Boolean(), nullable=False),
        sa.Column("from_paid_fen", sa.BigInteger(), nullable=False),
        sa.Column("most_points", sa.Integer(), nullable=False),
        sa.Column("most_times_a_year", sa.Integer(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("pending_days", sa.Integer(), nullable=False),
        sa.Column(
            "expiry",
            sa.Enum(
                "never",
                "months",
                "yearly",
                "two_yearly",
                name="expirykind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("expiry_months", sa.Integer(), nullable=False),
        sa.Column("expiry_day", sa.String(length=5), nullable=False),
        sa.Column(
            "round_up",
            sa.Enum(
                "none", "month", "quarter", "year", name="roundup", native_enum=False, create_constraint=True, length=20
            ),
            nullable=False,
        ),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("since_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("expiry_months BETWEEN 1 AND 120", name=op.f("ck_earning_rules_expiry_in_range")),
        sa.CheckConstraint("most_points >= 0", name=op.f("ck_earning_rules_cap_not_negative")),
        sa.CheckConstraint("most_times_a_year >= 0", name=op.f("ck_earning_rules_times_not_negative")),
        sa.CheckConstraint("pending_days BETWEEN 0 AND 90", name=op.f("ck_earning_rules_pending_in_range")),
        sa.CheckConstraint("per_fen > 0", name=op.f("ck_earning_rules_per_fen_positive")),
        sa.CheckConstraint("percent >= 0", name=op.f("ck_earning_rules_percent_not_negative")),
        sa.CheckConstraint("points >= 0", name=op.f("ck_earning_rules_points_not_negative")),
        sa.ForeignKeyConstraint(
            ["tier_id"], ["tiers.id"], name=op.f("fk_earning_rules_tier_id_tiers"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_earning_rules")),
        sa.UniqueConstraint("name", name=op.f("uq_earning_rules_name")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_earning_rules_tier_id"), "earning_rules", ["tier_id"], unique=False)

    op.create_table(
        "points_entries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "opening",
                "earn",
                "redeem",
                "expire",
                "adjust",
                "reverse",
                "merge",
                name="pointskind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("balance_after", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(length=120), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column(
            "reason_code",
            sa.Enum(
                "correction",
                "missed_sale",
                "compensation",
                "goodwill",
                "other",
                name="adjustreason",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=True,
        ),
        sa.Column("rule_id", sa.Integer(), nullable=True),
        sa.Column("working", sa.Text(), nullable=False),
        sa.Column("purchase_id", sa.Integer(), nullable=True),
        sa.Column("reverses_id", sa.Integer(), nullable=True),
        sa.Column("import_batch_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("points <> 0", name=op.f("ck_points_entries_points_not_zero")),
        sa.CheckConstraint(
            "kind NOT IN ('opening', 'earn') OR points > 0", name=op.f("ck_points_entries_what_comes_in_is_positive")
        ),
        sa.CheckConstraint(
            "kind NOT IN ('redeem', 'expire') OR points < 0", name=op.f("ck_points_entries_what_goes_out_is_negative")
        ),
        sa.CheckConstraint(
            "kind <> 'reverse' OR reverses_id IS NOT NULL", name=op.f("ck_points_entries_reversal_names_its_entry")
        ),
        sa.CheckConstraint(
            "kind = 'reverse' OR kind = 'merge' OR balance_after >= 0 OR points > 0",
            name=op.f("ck_points_entries_no_spending_into_debt"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["points_accounts.id"],
            name=op.f("fk_points_entries_account_id_points_accounts"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["import_batch_id"],
            ["import_batches.id"],
            name=op.f("fk_points_entries_import_batch_id_import_batches"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["purchase_id"], ["purchases.id"], name=op.f("fk_points_entries_purchase_id_purchases"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["rule_id"],
            ["earning_rules.id"],
            name=op.f("fk_points_entries_rule_id_earning_rules"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["reverses_id"],
            ["points_entries.id"],
            name=op.f("fk_points_entries_reverses_id_points_entries"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_points_entries_staff_id_staff"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_entries")),
        sa.UniqueConstraint("account_id", "seq", name=op.f("uq_points_entries_account_id_seq")),
        sa.UniqueConstraint("kind", "reference", name=op.f("uq_points_entries_kind_reference")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_points_entries_at_id", "points_entries", ["at", "id"], unique=False)
    op.create_index(op.f("ix_points_entries_account_id"), "points_entries", ["account_id"], unique=False)
    op.create_index(op.f("ix_points_entries_import_batch_id"), "points_entries", ["import_batch_id"], unique=False)
    op.create_index(op.f("ix_points_entries_purchase_id"), "points_entries", ["purchase_id"], unique=False)
    op.create_index(op.f("ix_points_entries_reverses_id"), "points_entries", ["reverses_id"], unique=False)
    op.create_index(op.f("ix_points_entries_rule_id"), "points_entries", ["rule_id"], unique=False)
    op.create_index(op.f("ix_points_entries_staff_id"), "points_entries", ["staff_id"], unique=False)

    op.create_table(
        "points_lots",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("remaining", sa.Integer(), nullable=False),
        sa.Column("earned_on", sa.Date(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.CheckConstraint("points > 0", name=op.f("ck_points_lots_points_positive")),
        sa.CheckConstraint("remaining BETWEEN 0 AND points", name=op.f("ck_points_lots_remaining_in_range")),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["points_accounts.id"],
            name=op.f("fk_points_lots_account_id_points_accounts"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["points_entries.id"],
            name=op.f("fk_points_lots_entry_id_points_entries"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_lots")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_points_lots_account_id_expires_on", "points_lots", ["account_id", "expires_on"], unique=False)
    op.create_index(op.f("ix_points_lots_entry_id"), "points_lots", ["entry_id"], unique=False)
    op.create_index("ix_points_lots_expires_on", "points_lots", ["expires_on"], unique=False)

    op.create_table(
        "points_allocations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("lot_id", sa.Integer(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.CheckConstraint("points <> 0", name=op.f("ck_points_allocations_points_not_zero")),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["points_entries.id"],
            name=op.f("fk_points_allocations_entry_id_points_entries"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["lot_id"], ["points_lots.id"], name=op.f("fk_points_allocations_lot_id_points_lots"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_allocations")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_points_allocations_entry_id"), "points_allocations", ["entry_id"], unique=False)
    op.create_index(op.f("ix_points_allocations_lot_id"), "points_allocations", ["lot_id"], unique=False)

    for ledger in LEDGERS:
        _forbid_changes(ledger)


def _drop_columns(table: str, columns: tuple[sa.Column, ...]) -> None:
    with op.batch_alter_table(table) as batch:
        for name, target, _ in _keys_of(table):
            batch.drop_constraint(op.f(f"fk_{table}_{name}_{target}"), type_="foreignkey")
        for column in columns:
            if isinstance(column.type, sa.Enum):
                batch.drop_constraint(op.f(f"ck_{table}_{column.type.name}"), type_="check")
            batch.drop_column(column.name)


def downgrade() -> None:
    op.drop_table("points_allocations")
    op.drop_table("points_lots")
    op.drop_table("points_entries")
    op.drop_table("earning_rules")
    op.drop_table("photos")
    op.drop_table("import_changes")
    op.drop_table("customer_aliases")
    op.drop_table("social_accounts")
    op.drop_table("sign_ups")
    op.drop_table("points_accounts")
    op.drop_table("import_maps")
    op.drop_table("duplicate_pairs")
    op.drop_table("customer_merges")
    op.drop_table("contact_events")
    op.drop_table("api_keys")
    op.drop_table("purpose_rules")
    for index, table, _, _ in NEW_INDEXES:
        op.drop_index(index, table_name=table)
    for index, shorter, _ in LONGER_INDEXES:
        op.drop_index(index, table_name="customers")
        op.create_index(index, "customers", shorter)
    for column in _waiting_columns():
        op.drop_column("purchases", column.name)
    for table, columns in _new_columns().items():
        _drop_columns(table, columns)
    if not _is_sqlite():
        op.execute("DROP TRIGGER audit_entries_append_only ON audit_entries")
    else:
        op.execute("DROP TRIGGER audit_entries_no_delete")
    for table, column, gone in (
        ("consents", "purpose", NEW_PURPOSES),
        ("outbound_messages", "purpose", NEW_PURPOSES),
        ("import_batches", "kind", NEW_KINDS),
        ("audit_entries", "action", NEW_DEEDS),
    ):
        listed = ", ".join(f"'{word}'" for word in gone)
        op.execute(f"DELETE FROM {table} WHERE {column} IN ({listed})")
    _set_words(PURPOSES, KINDS, DEEDS)
    if not _is_sqlite():
        op.execute("""
            CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE ON audit_entries
            FOR EACH ROW EXECUTE FUNCTION rouge_append_only()""")
