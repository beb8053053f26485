"""what was said in recordings, written down"""

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'transcriptions',
        sa.Column('sid', sa.String(34), nullable=False),
        sa.Column('account_sid', sa.String(34), nullable=False),
        sa.Column('recording_sid', sa.String(34), nullable=False),
        sa.Column('status', sa.String(16), nullable=False),
        sa.Column('text', sa.Text(), nullable=False),
        sa.Column('duration_s', sa.Integer(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('sid'),
    )
    op.create_index('transcriptions_by_start', 'transcriptions', ['account_sid', 'created_at'])
    op.create_index('ix_transcriptions_recording_sid', 'transcriptions', ['recording_sid'])
    op.create_index('ix_transcriptions_status', 'transcriptions', ['status'])


def downgrade() -> None:
    op.drop_table('transcriptions')
