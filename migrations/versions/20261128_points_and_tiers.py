"""points and tiers: versions of the rules, pending points, rewards, second approvals, benefits, changes of tier"""

import sqlalchemy as sa
from alembic import op

revision = "20261128"
down_revision = "20261127"
branch_labels = None
depends_on = None

TOKENS = ("card", "survey", "case", "setup")
WINDOWS = ("rolling", "calendar_year", "since_change", "lifetime")


def _word(name: str, words: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=20)


def _set_token_purposes(words: tuple[str, ...]) -> None:
    """What an address may open; the values of a column are a constraint, which SQLite changes by copying the table."""
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table("public_tokens") as batch:
            batch.alter_column("purpose", existing_type=sa.String(20), type_=_word("tokenpurpose", words))
        return
    listed = ", ".join(f"'{word}'" for word in words)
    op.drop_constraint(op.f("ck_public_tokens_tokenpurpose"), "public_tokens", type_="check")
    op.create_check_constraint(op.f("ck_public_tokens_tokenpurpose"), "public_tokens", f"purpose IN ({listed})")


def upgrade() -> None:
    _set_token_purposes((*TOKENS, "member"))
    with op.batch_alter_table("tiers") as batch:
        batch.add_column(sa.Column("needs_both", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch.add_column(sa.Column("window", _word("tierwindow", WINDOWS), server_default="rolling", nullable=False))
        batch.add_column(sa.Column("since_at", sa.DateTime(timezone=True)))
    # Customers and sales may be many: these columns are added without copying the table.
    op.add_column("customers", sa.Column("tier_held_until_on", sa.Date()))
    op.add_column("customers", sa.Column("is_vip", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index("ix_customers_tier_held_until_on", "customers", ["tier_held_until_on"])
    op.create_index("ix_customers_tier_until_on", "customers", ["tier_until_on"])
    op.add_column("customer_aliases", sa.Column("phone_index", sa.LargeBinary()))
    op.create_index(op.f("ix_customer_aliases_phone_index"), "customer_aliases", ["phone_index"])
    op.add_column("purchases", sa.Column("points_used", sa.Integer(), server_default="0", nullable=False))
    op.add_column("purchases", sa.Column("points_fen", sa.BigInteger(), server_default="0", nullable=False))
    op.create_table(
        "rule_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "subject",
            sa.Enum("earning_rule", "tier", name="rulesubject", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("row_id", sa.Integer(), nullable=False),
        sa.Column("since_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_versions")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_rule_versions_subject_until_at", "rule_versions", ["subject", "until_at"], unique=False)

    op.create_table(
        "rewards",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "product",
                "service",
                "coupon",
                "cash_off",
                name="rewardkind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("worth_fen", sa.BigInteger(), nullable=False),
        sa.Column("stock", sa.Integer(), nullable=True),
        sa.Column("tier_id", sa.Integer(), nullable=True),
        sa.Column("most_per_customer", sa.Integer(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("description", sa.String(length=300), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.CheckConstraint("most_per_customer >= 0", name=op.f("ck_rewards_most_not_negative")),
        sa.CheckConstraint("points > 0", name=op.f("ck_rewards_points_positive")),
        sa.CheckConstraint("stock IS NULL OR stock >= 0", name=op.f("ck_rewards_stock_not_negative")),
        sa.CheckConstraint("worth_fen >= 0", name=op.f("ck_rewards_worth_not_negative")),
        sa.ForeignKeyConstraint(["tier_id"], ["tiers.id"], name=op.f("fk_rewards_tier_id_tiers"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rewards")),
        sa.UniqueConstraint("name", name=op.f("uq_rewards_name")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_rewards_tier_id"), "rewards", ["tier_id"], unique=False)

    op.create_table(
        "tier_benefits",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tier_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "free_care",
                "gift",
                "priority",
                "privilege",
                name="benefitkind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("times_a_year", sa.Integer(), nullable=False),
        sa.Column("treatment_id", sa.Integer(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.CheckConstraint("times_a_year >= 0", name=op.f("ck_tier_benefits_times_not_negative")),
        sa.ForeignKeyConstraint(
            ["tier_id"], ["tiers.id"], name=op.f("fk_tier_benefits_tier_id_tiers"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["treatment_id"],
            ["treatments.id"],
            name=op.f("fk_tier_benefits_treatment_id_treatments"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tier_benefits")),
        sa.UniqueConstraint("tier_id", "name", name=op.f("uq_tier_benefits_tier_id_name")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_tier_benefits_treatment_id"), "tier_benefits", ["treatment_id"], unique=False)

    op.create_table(
        "benefit_uses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("benefit_id", sa.Integer(), nullable=False),
        sa.Column("used_on", sa.Date(), nullable=False),
        sa.Column("year_from_on", sa.Date(), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=True),
        sa.Column("taken_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["benefit_id"],
            ["tier_benefits.id"],
            name=op.f("fk_benefit_uses_benefit_id_tier_benefits"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_benefit_uses_customer_id_customers"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_benefit_uses_staff_id_staff"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_benefit_uses")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_benefit_uses_benefit_id"), "benefit_uses", ["benefit_id"], unique=False)
    op.create_index(
        "ix_benefit_uses_customer_id_benefit_id",
        "benefit_uses",
        ["customer_id", "benefit_id", "year_from_on"],
        unique=False,
    )
    op.create_index(op.f("ix_benefit_uses_staff_id"), "benefit_uses", ["staff_id"], unique=False)
    op.create_index("ix_benefit_uses_used_on_id", "benefit_uses", ["used_on", "id"], unique=False)

    op.create_table(
        "tier_changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("from_tier_id", sa.Integer(), nullable=True),
        sa.Column("to_tier_id", sa.Integer(), nullable=False),
        sa.Column(
            "why",
            sa.Enum(
                "reached",
                "refund",
                "review",
                "manual",
                "manual_over",
                "table",
                "merge",
                "import",
                name="tierwhy",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("visits", sa.Integer(), nullable=False),
        sa.Column("window_from_on", sa.Date(), nullable=True),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("purchase_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_tier_changes_customer_id_customers"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["from_tier_id"], ["tiers.id"], name=op.f("fk_tier_changes_from_tier_id_tiers"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["purchase_id"], ["purchases.id"], name=op.f("fk_tier_changes_purchase_id_purchases"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_tier_changes_staff_id_staff"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["to_tier_id"], ["tiers.id"], name=op.f("fk_tier_changes_to_tier_id_tiers"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tier_changes")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_tier_changes_at_id", "tier_changes", ["at", "id"], unique=False)
    op.create_index("ix_tier_changes_customer_id_at", "tier_changes", ["customer_id", "at"], unique=False)
    op.create_index(op.f("ix_tier_changes_from_tier_id"), "tier_changes", ["from_tier_id"], unique=False)
    op.create_index(op.f("ix_tier_changes_purchase_id"), "tier_changes", ["purchase_id"], unique=False)
    op.create_index(op.f("ix_tier_changes_staff_id"), "tier_changes", ["staff_id"], unique=False)
    op.create_index(op.f("ix_tier_changes_to_tier_id"), "tier_changes", ["to_tier_id"], unique=False)

    op.create_table(
        "points_pending",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("purchase_id", sa.Integer(), nullable=False),
        sa.Column("rule_id", sa.Integer(), nullable=True),
        sa.Column("reference", sa.String(length=120), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("taken_back", sa.Integer(), nullable=False),
        sa.Column("working", sa.Text(), nullable=False),
        sa.Column("earned_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("entry_id", sa.Integer(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("points > 0", name=op.f("ck_points_pending_points_positive")),
        sa.CheckConstraint("taken_back BETWEEN 0 AND points", name=op.f("ck_points_pending_taken_back_in_range")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_points_pending_customer_id_customers"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["points_entries.id"],
            name=op.f("fk_points_pending_entry_id_points_entries"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["purchase_id"], ["purchases.id"], name=op.f("fk_points_pending_purchase_id_purchases"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["earning_rules.id"], name=op.f("fk_points_pending_rule_id_earning_rules"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_pending")),
        sa.UniqueConstraint("reference", name=op.f("uq_points_pending_reference")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_points_pending_customer_id"), "points_pending", ["customer_id"], unique=False)
    op.create_index(
        "ix_points_pending_due_on",
        "points_pending",
        ["due_on"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(op.f("ix_points_pending_entry_id"), "points_pending", ["entry_id"], unique=False)
    op.create_index(op.f("ix_points_pending_purchase_id"), "points_pending", ["purchase_id"], unique=False)
    op.create_index(op.f("ix_points_pending_rule_id"), "points_pending", ["rule_id"], unique=False)

    op.create_table(
        "points_requests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
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
            nullable=False,
        ),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("reference", sa.String(length=120), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "waiting",
                "approved",
                "refused",
                name="requeststate",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_staff_id", sa.Integer(), nullable=True),
        sa.Column("entry_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("points <> 0", name=op.f("ck_points_requests_points_not_zero")),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_points_requests_customer_id_customers"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["decided_staff_id"],
            ["staff.id"],
            name=op.f("fk_points_requests_decided_staff_id_staff"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["points_entries.id"],
            name=op.f("fk_points_requests_entry_id_points_entries"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_points_requests_staff_id_staff"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_requests")),
        sa.UniqueConstraint("reference", name=op.f("uq_points_requests_reference")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_points_requests_customer_id"), "points_requests", ["customer_id"], unique=False)
    op.create_index(op.f("ix_points_requests_decided_staff_id"), "points_requests", ["decided_staff_id"], unique=False)
    op.create_index(op.f("ix_points_requests_entry_id"), "points_requests", ["entry_id"], unique=False)
    op.create_index(op.f("ix_points_requests_staff_id"), "points_requests", ["staff_id"], unique=False)
    op.create_index("ix_points_requests_state_asked_at", "points_requests", ["state", "asked_at"], unique=False)

    op.create_table(
        "redemptions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=120), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("reward_id", sa.Integer(), nullable=True),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=True),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("points > 0", name=op.f("ck_redemptions_points_positive")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_redemptions_customer_id_customers"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["points_entries.id"],
            name=op.f("fk_redemptions_entry_id_points_entries"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["reward_id"], ["rewards.id"], name=op.f("fk_redemptions_reward_id_rewards"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_redemptions_staff_id_staff"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_redemptions")),
        sa.UniqueConstraint("reference", name=op.f("uq_redemptions_reference")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_redemptions_at_id", "redemptions", ["at", "id"], unique=False)
    op.create_index(op.f("ix_redemptions_customer_id"), "redemptions", ["customer_id"], unique=False)
    op.create_index(op.f("ix_redemptions_entry_id"), "redemptions", ["entry_id"], unique=False)
    op.create_index(op.f("ix_redemptions_reward_id"), "redemptions", ["reward_id"], unique=False)
    op.create_index(op.f("ix_redemptions_staff_id"), "redemptions", ["staff_id"], unique=False)


def downgrade() -> None:
    op.drop_table("redemptions")
    op.drop_table("points_requests")
    op.drop_table("points_pending")
    op.drop_table("tier_changes")
    op.drop_table("benefit_uses")
    op.drop_table("tier_benefits")
    op.drop_table("rewards")
    op.drop_table("rule_versions")
    op.drop_column("purchases", "points_fen")
    op.drop_column("purchases", "points_used")
    op.drop_index(op.f("ix_customer_aliases_phone_index"), table_name="customer_aliases")
    op.drop_column("customer_aliases", "phone_index")
    op.drop_index("ix_customers_tier_until_on", table_name="customers")
    op.drop_index("ix_customers_tier_held_until_on", table_name="customers")
    op.drop_column("customers", "is_vip")
    op.drop_column("customers", "tier_held_until_on")
    with op.batch_alter_table("tiers") as batch:
        batch.drop_column("since_at")
        batch.drop_constraint(op.f("ck_tiers_tierwindow"), type_="check")
        batch.drop_column("window")
        batch.drop_column("needs_both")
    op.execute("DELETE FROM public_tokens WHERE purpose = 'member'")
    _set_token_purposes(TOKENS)
