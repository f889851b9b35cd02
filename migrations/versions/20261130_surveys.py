"""surveys in versions, with sections, skip rules, places, waves, invitations, and what follows from a low score"""

import sqlalchemy as sa
from alembic import op

revision = "20261130"
down_revision = "20261129"
branch_labels = None
depends_on = None

KINDS = ("rating", "nps", "choice", "choices", "text", "contact")
FIELDS = ("skin_type", "preferred_channel", "gender", "occupation", "income_band", "tags", "visit_effect")
OCCASIONS = ("after_visit", "quarterly", "event", "staff", "course_end", "other")
WAYS = ("qr", "kiosk", "web", "link", "interview", "observation", "api")
NOBODY = (
    "mode <> 'anonymous' OR (customer_id IS NULL AND contact_phone IS NULL AND contact_name = ''"
    " AND invitation_id IS NULL AND visit_id IS NULL AND gift_code IS NULL)"
)
LINKS = {  # of a response: where it points, and what happens when that goes
    "version_id": ("survey_versions", "RESTRICT"),
    "wave_id": ("survey_waves", "RESTRICT"),
    "place_id": ("survey_places", "RESTRICT"),
    "invitation_id": ("survey_invitations", "SET NULL"),
    "store_id": ("stores", "RESTRICT"),
    "visit_id": ("visits", "SET NULL"),
    "staff_id": ("staff", "RESTRICT"),
    "interviewer_id": ("staff", "RESTRICT"),
}
RARE = ("wave_id", "place_id", "visit_id", "staff_id", "interviewer_id")


def _word(name: str, words: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=20)


def _set_kinds(words: tuple[str, ...]) -> None:
    """What a question may be; the values of a column are a constraint, which SQLite changes by copying the table."""
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table("survey_questions") as batch:
            batch.alter_column("kind", existing_type=sa.String(20), type_=_word("questionkind", words))
        return
    listed = ", ".join(f"'{word}'" for word in words)
    op.drop_constraint(op.f("ck_survey_questions_questionkind"), "survey_questions", type_="check")
    op.create_check_constraint(op.f("ck_survey_questions_questionkind"), "survey_questions", f"kind IN ({listed})")


def upgrade() -> None:
    _create_tables()
    _set_kinds((*KINDS, "yes_no", "matrix"))
    with op.batch_alter_table("surveys") as batch:
        occasion = _word("surveyoccasion", OCCASIONS)
        batch.add_column(sa.Column("occasion", occasion, server_default="other", nullable=False))
        batch.add_column(sa.Column("again_after_days", sa.Integer(), server_default="0", nullable=False))
        batch.add_column(sa.Column("gift", sa.String(200), server_default="", nullable=False))
        batch.add_column(sa.Column("gift_days", sa.Integer(), server_default="30", nullable=False))
        batch.add_column(sa.Column("translations", sa.Text(), server_default="{}", nullable=False))
        batch.create_check_constraint(op.f("ck_surveys_again_not_negative"), "again_after_days >= 0")
        batch.create_check_constraint(op.f("ck_surveys_gift_days_not_negative"), "gift_days >= 0")
    # What was asked so far is each survey's first version.
    op.execute("""
        INSERT INTO survey_versions (survey_id, number, state, note, created_at, published_at)
        SELECT id, 1, CASE status WHEN 'draft' THEN 'draft' ELSE 'published' END, '', created_at,
            CASE status WHEN 'draft' THEN NULL ELSE created_at END
        FROM surveys""")
    _change_questions()
    _change_responses()
    with op.batch_alter_table("survey_answers") as batch:
        batch.add_column(sa.Column("statement", sa.Integer(), server_default="0", nullable=False))
        batch.add_column(sa.Column("is_hidden", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch.drop_constraint(op.f("uq_survey_answers_response_id_question_id"), type_="unique")
        batch.create_unique_constraint(
            op.f("uq_survey_answers_response_id_question_id_statement"), ["response_id", "question_id", "statement"]
        )


def _change_questions() -> None:
    first = "(SELECT id FROM survey_versions WHERE survey_versions.survey_id = survey_questions.survey_id)"
    with op.batch_alter_table("survey_questions") as batch:
        batch.add_column(sa.Column("version_id", sa.Integer()))
        batch.add_column(sa.Column("section_id", sa.Integer()))
        batch.add_column(sa.Column("statements", sa.String(2000), server_default="", nullable=False))
        batch.add_column(sa.Column("maps_to", _word("memberfield", FIELDS)))
        batch.add_column(sa.Column("translations", sa.Text(), server_default="{}", nullable=False))
    op.execute(f"UPDATE survey_questions SET version_id = {first}")
    with op.batch_alter_table("survey_questions") as batch:
        batch.alter_column("version_id", existing_type=sa.Integer(), nullable=False)
        batch.drop_constraint(op.f("uq_survey_questions_survey_id_key"), type_="unique")
        batch.create_unique_constraint(op.f("uq_survey_questions_version_id_key"), ["version_id", "key"])
        for name, target, gone in (
            ("version_id", "survey_versions", "CASCADE"), ("section_id", "survey_sections", "SET NULL")
        ):  # fmt: skip
            batch.create_foreign_key(
                op.f(f"fk_survey_questions_{name}_{target}"), target, [name], ["id"], ondelete=gone
            )
            batch.create_index(op.f(f"ix_survey_questions_{name}"), [name])


def _change_responses() -> None:
    with op.batch_alter_table("survey_responses") as batch:
        for name in LINKS:
            batch.add_column(sa.Column(name, sa.Integer()))
        mode = _word("surveymode", ("open", "anonymous", "identified"))
        batch.add_column(sa.Column("mode", mode, server_default="open", nullable=False))
        batch.add_column(sa.Column("way", _word("responseway", WAYS), server_default="qr", nullable=False))
        channel = _word("salechannel", ("store", "online", "wechat", "phone"))
        batch.add_column(sa.Column("channel", channel, server_default="store", nullable=False))
        batch.add_column(sa.Column("is_suspect", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch.add_column(sa.Column("gift_code", sa.String(12)))
        batch.add_column(sa.Column("gift_until_on", sa.Date()))
        batch.add_column(sa.Column("gift_used_at", sa.DateTime(timezone=True)))
    # An answer with somebody's name was not given anonymously, whatever its survey became since.
    op.execute("""
        UPDATE survey_responses SET
            version_id = (SELECT id FROM survey_versions WHERE survey_versions.survey_id = survey_responses.survey_id),
            store_id = (SELECT store_id FROM surveys WHERE surveys.id = survey_responses.survey_id),
            mode = CASE WHEN customer_id IS NULL AND contact_phone IS NULL AND contact_name = ''
                THEN (SELECT mode FROM surveys WHERE surveys.id = survey_responses.survey_id) ELSE 'open' END""")
    with op.batch_alter_table("survey_responses") as batch:
        batch.alter_column("version_id", existing_type=sa.Integer(), nullable=False)
        for name in ("mode", "way", "channel"):
            batch.alter_column(name, existing_type=sa.String(20), server_default=None)
        for name, (target, gone) in LINKS.items():
            batch.create_foreign_key(
                op.f(f"fk_survey_responses_{name}_{target}"), target, [name], ["id"], ondelete=gone
            )
        for name in ("version_id", "store_id"):
            batch.create_index(op.f(f"ix_survey_responses_{name}"), [name])
        for name in ("gift_code", "invitation_id"):
            batch.create_unique_constraint(op.f(f"uq_survey_responses_{name}"), [name])
        batch.create_check_constraint(op.f("ck_survey_responses_anonymous_is_nobody"), NOBODY)
        batch.create_check_constraint(
            op.f("ck_survey_responses_interview_has_its_interviewer"),
            "way NOT IN ('interview', 'observation') OR interviewer_id IS NOT NULL",
        )
    for name in RARE:
        given = sa.text(f"{name} IS NOT NULL")
        op.create_index(
            f"ix_survey_responses_{name}", "survey_responses", [name], sqlite_where=given, postgresql_where=given
        )


def _create_tables() -> None:
    op.create_table(
        "survey_places",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("survey_id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column(
            "way",
            sa.Enum(
                "qr",
                "kiosk",
                "web",
                "link",
                "interview",
                "observation",
                "api",
                name="responseway",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column(
            "channel",
            sa.Enum(
                "store",
                "online",
                "wechat",
                "phone",
                name="salechannel",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("store_id", sa.Integer(), nullable=True),
        sa.Column("staff_id", sa.Integer(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("slug <> ''", name=op.f("ck_survey_places_slug_given")),
        sa.CheckConstraint("way IN ('qr', 'kiosk', 'web')", name=op.f("ck_survey_places_way_of_a_place")),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_survey_places_staff_id_staff"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["store_id"], ["stores.id"], name=op.f("fk_survey_places_store_id_stores"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["survey_id"], ["surveys.id"], name=op.f("fk_survey_places_survey_id_surveys"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_places")),
        sa.UniqueConstraint("slug", name=op.f("uq_survey_places_slug")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_survey_places_staff_id"), "survey_places", ["staff_id"], unique=False)
    op.create_index(op.f("ix_survey_places_store_id"), "survey_places", ["store_id"], unique=False)
    op.create_index(op.f("ix_survey_places_survey_id"), "survey_places", ["survey_id"], unique=False)
    op.create_table(
        "survey_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("survey_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "published",
                "retired",
                name="versionstate",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("staff_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_survey_versions_staff_id_staff"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["survey_id"], ["surveys.id"], name=op.f("fk_survey_versions_survey_id_surveys"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_versions")),
        sa.UniqueConstraint("survey_id", "number", name=op.f("uq_survey_versions_survey_id_number")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_survey_versions_staff_id"), "survey_versions", ["staff_id"], unique=False)
    op.create_index(op.f("ix_survey_versions_survey_id"), "survey_versions", ["survey_id"], unique=False)
    op.create_index(
        "uq_survey_versions_survey_id_state",
        "survey_versions",
        ["survey_id", "state"],
        unique=True,
        sqlite_where=sa.text("state <> 'retired'"),
        postgresql_where=sa.text("state <> 'retired'"),
    )
    op.create_table(
        "survey_rules",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column(
            "match",
            sa.Enum("any", "all", name="logicmatch", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("conditions", sa.Text(), nullable=False),
        sa.Column(
            "deed",
            sa.Enum("show", "skip", "end", name="logicdeed", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("target", sa.String(length=50), nullable=False),
        sa.CheckConstraint("(deed = 'end') = (target = '')", name=op.f("ck_survey_rules_end_has_no_target")),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["survey_versions.id"],
            name=op.f("fk_survey_rules_version_id_survey_versions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_rules")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_survey_rules_version_id_position", "survey_rules", ["version_id", "position"], unique=False)
    op.create_table(
        "survey_sections",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=80), nullable=False),
        sa.Column("intro", sa.String(length=300), nullable=False),
        sa.Column("translations", sa.Text(), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["survey_versions.id"],
            name=op.f("fk_survey_sections_version_id_survey_versions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_sections")),
        sa.UniqueConstraint("version_id", "key", name=op.f("uq_survey_sections_version_id_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_survey_sections_version_id"), "survey_sections", ["version_id"], unique=False)
    op.create_table(
        "survey_waves",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("survey_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "planned", "open", "closed", name="wavestate", native_enum=False, create_constraint=True, length=20
            ),
            nullable=False,
        ),
        sa.Column(
            "audience",
            sa.Enum(
                "everyone",
                "members",
                "segment",
                name="waveaudience",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("tag_id", sa.Integer(), nullable=True),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("repeat_months", sa.Integer(), nullable=False),
        sa.Column("invited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "audience <> 'segment' OR tag_id IS NOT NULL", name=op.f("ck_survey_waves_segment_has_a_tag")
        ),
        sa.CheckConstraint("closes_at > opens_at", name=op.f("ck_survey_waves_ends_after_its_begin")),
        sa.CheckConstraint("repeat_months BETWEEN 0 AND 24", name=op.f("ck_survey_waves_repeat_in_range")),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_survey_waves_staff_id_staff"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["survey_id"], ["surveys.id"], name=op.f("fk_survey_waves_survey_id_surveys"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["tag_id"], ["tags.id"], name=op.f("fk_survey_waves_tag_id_tags"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_waves")),
        sa.UniqueConstraint("survey_id", "name", name=op.f("uq_survey_waves_survey_id_name")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_survey_waves_staff_id"), "survey_waves", ["staff_id"], unique=False)
    op.create_index("ix_survey_waves_state_opens_at", "survey_waves", ["state", "opens_at"], unique=False)
    op.create_index("ix_survey_waves_survey_id_opens_at", "survey_waves", ["survey_id", "opens_at"], unique=False)
    op.create_index(op.f("ix_survey_waves_tag_id"), "survey_waves", ["tag_id"], unique=False)
    op.create_index(
        "uq_survey_waves_open",
        "survey_waves",
        ["survey_id"],
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "improvements",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("survey_id", sa.Integer(), nullable=False),
        sa.Column("wave_id", sa.Integer(), nullable=True),
        sa.Column("store_id", sa.Integer(), nullable=True),
        sa.Column("dimension", sa.String(length=40), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("plan", sa.String(length=1000), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "open", "done", "dropped", name="improvementstate", native_enum=False, create_constraint=True, length=20
            ),
            nullable=False,
        ),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told", sa.String(length=300), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("state <> 'done' OR done_at IS NOT NULL", name=op.f("ck_improvements_done_has_its_time")),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["staff.id"], name=op.f("fk_improvements_owner_id_staff"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_improvements_staff_id_staff"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["store_id"], ["stores.id"], name=op.f("fk_improvements_store_id_stores"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["survey_id"], ["surveys.id"], name=op.f("fk_improvements_survey_id_surveys"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["wave_id"], ["survey_waves.id"], name=op.f("fk_improvements_wave_id_survey_waves"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_improvements")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_improvements_due_on_id", "improvements", ["due_on", "id"], unique=False)
    op.create_index(op.f("ix_improvements_owner_id"), "improvements", ["owner_id"], unique=False)
    op.create_index(op.f("ix_improvements_staff_id"), "improvements", ["staff_id"], unique=False)
    op.create_index("ix_improvements_state_due_on", "improvements", ["state", "due_on"], unique=False)
    op.create_index(op.f("ix_improvements_store_id"), "improvements", ["store_id"], unique=False)
    op.create_index(op.f("ix_improvements_survey_id"), "improvements", ["survey_id"], unique=False)
    op.create_index(op.f("ix_improvements_wave_id"), "improvements", ["wave_id"], unique=False)
    op.create_table(
        "survey_invitations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("survey_id", sa.Integer(), nullable=False),
        sa.Column("wave_id", sa.Integer(), nullable=True),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=True),
        sa.Column("submission_id", sa.String(length=64), nullable=False),
        sa.Column(
            "channel",
            sa.Enum(
                "sms", "wechat", "email", "phone", name="channel", native_enum=False, create_constraint=True, length=20
            ),
            nullable=True,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("staff_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_survey_invitations_customer_id_customers"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_survey_invitations_staff_id_staff"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["survey_id"], ["surveys.id"], name=op.f("fk_survey_invitations_survey_id_surveys"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["visit_id"], ["visits.id"], name=op.f("fk_survey_invitations_visit_id_visits"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["wave_id"],
            ["survey_waves.id"],
            name=op.f("fk_survey_invitations_wave_id_survey_waves"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_invitations")),
        sa.UniqueConstraint("submission_id", name=op.f("uq_survey_invitations_submission_id")),
        sa.UniqueConstraint("survey_id", "visit_id", name=op.f("uq_survey_invitations_survey_id_visit_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_survey_invitations_created_at_id", "survey_invitations", ["created_at", "id"], unique=False)
    op.create_index(
        "ix_survey_invitations_customer_id_created_at",
        "survey_invitations",
        ["customer_id", "created_at"],
        unique=False,
    )
    op.create_index(op.f("ix_survey_invitations_staff_id"), "survey_invitations", ["staff_id"], unique=False)
    op.create_index(op.f("ix_survey_invitations_survey_id"), "survey_invitations", ["survey_id"], unique=False)
    op.create_index(op.f("ix_survey_invitations_visit_id"), "survey_invitations", ["visit_id"], unique=False)
    op.create_index(
        "ix_survey_invitations_wave_id_customer_id", "survey_invitations", ["wave_id", "customer_id"], unique=False
    )
    op.create_table(
        "low_feedbacks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("response_id", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("store_id", sa.Integer(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("staff_id", sa.Integer(), nullable=True),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("improved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("improved_response_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_low_feedbacks_customer_id_customers"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["improved_response_id"],
            ["survey_responses.id"],
            name=op.f("fk_low_feedbacks_improved_response_id_survey_responses"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["response_id"],
            ["survey_responses.id"],
            name=op.f("fk_low_feedbacks_response_id_survey_responses"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_low_feedbacks_staff_id_staff"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["store_id"], ["stores.id"], name=op.f("fk_low_feedbacks_store_id_stores"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_low_feedbacks")),
        sa.UniqueConstraint("response_id", name=op.f("uq_low_feedbacks_response_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_low_feedbacks_customer_id_improved_at", "low_feedbacks", ["customer_id", "improved_at"], unique=False
    )
    op.create_index("ix_low_feedbacks_handled_at_due_at", "low_feedbacks", ["handled_at", "due_at"], unique=False)
    op.create_index(
        op.f("ix_low_feedbacks_improved_response_id"), "low_feedbacks", ["improved_response_id"], unique=False
    )
    op.create_index(op.f("ix_low_feedbacks_staff_id"), "low_feedbacks", ["staff_id"], unique=False)
    op.create_index(op.f("ix_low_feedbacks_store_id"), "low_feedbacks", ["store_id"], unique=False)


def downgrade() -> None:
    """Only the newest version of each survey, and the answers to it, have a place in the tables of before."""
    op.execute("DELETE FROM public_tokens WHERE purpose = 'survey'")
    op.drop_table("low_feedbacks")
    op.drop_table("improvements")
    _forget_what_has_no_place()
    with op.batch_alter_table("survey_answers") as batch:
        batch.drop_constraint(op.f("uq_survey_answers_response_id_question_id_statement"), type_="unique")
        batch.create_unique_constraint(
            op.f("uq_survey_answers_response_id_question_id"), ["response_id", "question_id"]
        )
        batch.drop_column("is_hidden")
        batch.drop_column("statement")
    _change_responses_back()
    _change_questions_back()
    for table in ("invitations", "places", "waves", "rules", "sections", "versions"):
        op.drop_table(f"survey_{table}")
    with op.batch_alter_table("surveys") as batch:
        for name in ("again_not_negative", "gift_days_not_negative", "surveyoccasion"):
            batch.drop_constraint(op.f(f"ck_surveys_{name}"), type_="check")
        for name in ("occasion", "again_after_days", "gift", "gift_days", "translations"):
            batch.drop_column(name)


def _forget_what_has_no_place() -> None:
    newest = "SELECT max(id) FROM survey_versions GROUP BY survey_id"
    older = f"SELECT id FROM survey_responses WHERE version_id NOT IN ({newest})"
    unknown = "SELECT id FROM survey_questions WHERE kind IN ('yes_no', 'matrix')"
    op.execute(f"UPDATE complaints SET response_id = NULL WHERE response_id IN ({older})")
    op.execute(f"DELETE FROM survey_answers WHERE response_id IN ({older}) OR question_id IN ({unknown})")
    op.execute(f"DELETE FROM survey_responses WHERE version_id NOT IN ({newest})")
    op.execute(f"DELETE FROM survey_questions WHERE version_id NOT IN ({newest}) OR id IN ({unknown})")


def _change_responses_back() -> None:
    for name in RARE:
        op.drop_index(f"ix_survey_responses_{name}", table_name="survey_responses")
    with op.batch_alter_table("survey_responses") as batch:
        for name in ("anonymous_is_nobody", "interview_has_its_interviewer"):
            batch.drop_constraint(op.f(f"ck_survey_responses_{name}"), type_="check")
        for name in ("surveymode", "responseway", "salechannel"):
            batch.drop_constraint(op.f(f"ck_survey_responses_{name}"), type_="check")
        for name in ("gift_code", "invitation_id"):
            batch.drop_constraint(op.f(f"uq_survey_responses_{name}"), type_="unique")
        for name in ("version_id", "store_id"):
            batch.drop_index(op.f(f"ix_survey_responses_{name}"))
        for name, (target, _) in LINKS.items():
            batch.drop_constraint(op.f(f"fk_survey_responses_{name}_{target}"), type_="foreignkey")
        for name in (*LINKS, "mode", "way", "channel", "is_suspect", "gift_code", "gift_until_on", "gift_used_at"):
            batch.drop_column(name)


def _change_questions_back() -> None:
    with op.batch_alter_table("survey_questions") as batch:
        batch.drop_constraint(op.f("ck_survey_questions_memberfield"), type_="check")
        batch.drop_constraint(op.f("uq_survey_questions_version_id_key"), type_="unique")
        batch.create_unique_constraint(op.f("uq_survey_questions_survey_id_key"), ["survey_id", "key"])
        for name, target in (("version_id", "survey_versions"), ("section_id", "survey_sections")):
            batch.drop_index(op.f(f"ix_survey_questions_{name}"))
            batch.drop_constraint(op.f(f"fk_survey_questions_{name}_{target}"), type_="foreignkey")
        for name in ("version_id", "section_id", "statements", "maps_to", "translations"):
            batch.drop_column(name)
    _set_kinds(KINDS)
