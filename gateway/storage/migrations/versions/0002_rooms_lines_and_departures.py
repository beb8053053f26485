"""rooms, lines and departures; more of notifications and recordings; keys that rise over restarts"""

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ('events', 'outbox'):
        with op.batch_alter_table(table) as batch:
            batch.alter_column('id', existing_type=sa.Integer(), type_=sa.BigInteger(), existing_nullable=False)
    with op.batch_alter_table('calls') as batch:
        batch.create_index('calls_by_to', ['account_sid', 'to', 'created_at'])
        batch.create_index('calls_by_from', ['account_sid', 'from', 'created_at'])
    with op.batch_alter_table('notifications') as batch:
        for name in ('request_variables', 'response_headers', 'response_body'):
            batch.add_column(sa.Column(name, sa.Text(), nullable=False, server_default=''))
    with op.batch_alter_table('recordings') as batch:
        batch.add_column(sa.Column('deleted_at', sa.DateTime(timezone=True), nullable=True))
        batch.create_index('recordings_by_start', ['account_sid', 'started_at'])
    op.create_table(
        'conferences',
        sa.Column('sid', sa.String(34), nullable=False),
        sa.Column('account_sid', sa.String(34), nullable=False),
        sa.Column('friendly_name', sa.String(256), nullable=False),
        sa.Column('status', sa.String(16), nullable=False),
        sa.Column('reason_ended', sa.String(64), nullable=False),
        sa.Column('call_sid_ending', sa.String(34), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('sid'),
    )
    op.create_index('conferences_by_name', 'conferences', ['account_sid', 'friendly_name'])
    op.create_index('ix_conferences_status', 'conferences', ['status'])
    op.create_index('ix_conferences_created_at', 'conferences', ['created_at'])
    op.create_table(
        'queues',
        sa.Column('sid', sa.String(34), nullable=False),
        sa.Column('account_sid', sa.String(34), nullable=False),
        sa.Column('friendly_name', sa.String(64), nullable=False),
        sa.Column('max_size', sa.Integer(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('sid'),
    )
    op.create_index('ix_queues_friendly_name', 'queues', ['friendly_name'])
    op.create_table(
        'departures',
        sa.Column('id', sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column('call_sid', sa.String(34), nullable=False),
        sa.Column('request', sa.JSON(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('id'),
    )
    op.create_index('ix_departures_call_sid', 'departures', ['call_sid'])


def downgrade() -> None:
    for table in ('departures', 'queues', 'conferences'):
        op.drop_table(table)
    with op.batch_alter_table('recordings') as batch:
        batch.drop_index('recordings_by_start')
        batch.drop_column('deleted_at')
    with op.batch_alter_table('notifications') as batch:
        for name in ('request_variables', 'response_headers', 'response_body'):
            batch.drop_column(name)
    with op.batch_alter_table('calls') as batch:
        batch.drop_index('calls_by_from')
        batch.drop_index('calls_by_to')
    for table in ('events', 'outbox'):
        with op.batch_alter_table(table) as batch:
            batch.alter_column('id', existing_type=sa.BigInteger(), type_=sa.Integer(), existing_nullable=False)
