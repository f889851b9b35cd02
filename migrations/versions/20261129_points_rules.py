"""points: files whose sales give points, the year in which points of every two years end, lots that still hold something"""

import sqlalchemy as sa
from alembic import op

revision = "20261129"
down_revision = "20261128"
branch_labels = None
depends_on = None

_HOLDS = sa.text("remaining > 0")


def upgrade() -> None:
    op.add_column("import_batches", sa.Column("earns", sa.Boolean(), server_default=sa.false(), nullable=False))
    with op.batch_alter_table("earning_rules") as batch:
        batch.add_column(sa.Column("expiry_year", sa.Integer(), nullable=True))
        batch.create_check_constraint(
            op.f("ck_earning_rules_expiry_year_in_range"), "expiry_year BETWEEN 2000 AND 2200"
        )
    # Every night asks for lots that are over: those that hold nothing any more would be most of them in a few years.
    op.drop_index("ix_points_lots_expires_on", table_name="points_lots")
    op.create_index(
        "ix_points_lots_expires_on", "points_lots", ["expires_on"], sqlite_where=_HOLDS, postgresql_where=_HOLDS
    )


def downgrade() -> None:
    op.drop_index("ix_points_lots_expires_on", table_name="points_lots")
    op.create_index("ix_points_lots_expires_on", "points_lots", ["expires_on"])
    with op.batch_alter_table("earning_rules") as batch:
        batch.drop_constraint(op.f("ck_earning_rules_expiry_year_in_range"), type_="check")
        batch.drop_column("expiry_year")
    op.drop_column("import_batches", "earns")
