"""what a recording was asked for, so that a crash loses no callback; where its sound is; what happened in it"""

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

TEXTS = (('callback_url', sa.Text()), ('callback_method', sa.String(8)), ('callback_events', sa.String(128)), ('kept', sa.String(8)))


def upgrade() -> None:
    with op.batch_alter_table('recordings') as batch:
        for name, kind in TEXTS:
            batch.add_column(sa.Column(name, kind, nullable=False, server_default=''))
        batch.add_column(sa.Column('is_trimmed', sa.Boolean(), nullable=False, server_default='0'))
        batch.add_column(sa.Column('samples', sa.BigInteger(), nullable=False, server_default='0'))
        batch.add_column(sa.Column('marks', sa.JSON(), nullable=False, server_default='[]'))
        batch.create_index('ix_recordings_status', ['status'])


def downgrade() -> None:
    with op.batch_alter_table('recordings') as batch:
        batch.drop_index('ix_recordings_status')
        for name in ('marks', 'samples', 'is_trimmed', *(name for name, _ in reversed(TEXTS))):
            batch.drop_column(name)
