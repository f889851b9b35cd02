"""ledgers stay as written: no update, no delete

The one exception is a row the demo shop made: `rouge demo --wipe` takes it away again.
"""

from alembic import op

revision = "20261125"
down_revision = "20261124"
branch_labels = None
depends_on = None

LEDGERS = ("audit_entries", "complaint_events")


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in LEDGERS:
            op.execute(f"""
                CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table}
                BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END""")
            op.execute(f"""
                CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
                WHEN NOT EXISTS (SELECT 1 FROM demo_marks WHERE table_name = '{table}' AND row_id = OLD.id)
                BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END""")
        return
    op.execute("""
        CREATE FUNCTION rouge_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' AND EXISTS (
                SELECT 1 FROM demo_marks WHERE table_name = TG_TABLE_NAME AND row_id = OLD.id
            ) THEN RETURN OLD; END IF;
            RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
        END $$""")
    for table in LEDGERS:
        op.execute(f"""
            CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION rouge_append_only()""")
        op.execute(f"""
            CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION rouge_append_only()""")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in LEDGERS:
            op.execute(f"DROP TRIGGER {table}_no_update")
            op.execute(f"DROP TRIGGER {table}_no_delete")
        return
    for table in LEDGERS:
        op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
        op.execute(f"DROP TRIGGER {table}_no_truncate ON {table}")
    op.execute("DROP FUNCTION rouge_append_only()")
