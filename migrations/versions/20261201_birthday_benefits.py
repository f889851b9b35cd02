"""benefits: what is for the month of her birthday only"""

import sqlalchemy as sa
from alembic import op

revision = "20261201"
down_revision = "20261130"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "tier_benefits", sa.Column("in_birthday_month", sa.Boolean(), server_default=sa.false(), nullable=False)
    )


def downgrade() -> None:
    with op.batch_alter_table("tier_benefits") as batch:
        batch.drop_column("in_birthday_month")
