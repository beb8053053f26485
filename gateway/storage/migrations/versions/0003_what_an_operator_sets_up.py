"""accounts, keys, applications, numbers, caller IDs, SIP domains and their lists"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

TABLES = (
    'accounts', 'keys', 'applications', 'numbers', 'caller_ids', 'domains', 'credential_lists', 'credentials',
    'access_lists', 'addresses', 'mappings',
)  # fmt: skip


def upgrade() -> None:
    resource('accounts', text('status', 16), text('auth_token', 64))
    resource('keys', text('secret', 64))
    resource('applications', *voiced())
    resource('numbers', *voiced(), text('number', 32), text('application_sid', 34))
    op.create_index('ix_numbers_number', 'numbers', ['number'])
    resource('caller_ids', text('number', 32))
    registration: sa.Column[bool] = sa.Column('sip_registration', sa.Boolean(), nullable=False)
    resource('domains', *voiced(), text('domain_name', 90), registration)
    resource('credential_lists')
    resource('credentials', text('list_sid', 34), text('username', 128), text('password', 256))
    op.create_index('ix_credentials_list_sid', 'credentials', ['list_sid'])
    resource('access_lists')
    length = sa.Column('prefix_length', sa.Integer(), nullable=False)
    resource('addresses', text('list_sid', 34), text('ip_address', 45), length)
    op.create_index('ix_addresses_list_sid', 'addresses', ['list_sid'])
    op.create_table(
        'mappings',
        text('domain_sid', 34),
        text('use', 16),
        text('list_sid', 34),
        text('account_sid', 34),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('domain_sid', 'use', 'list_sid'),
    )


def text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False)


def voiced() -> Sequence[sa.Column[str]]:
    return (
        sa.Column('voice_url', sa.Text(), nullable=False),
        text('voice_method', 8),
        sa.Column('voice_fallback_url', sa.Text(), nullable=False),
        text('voice_fallback_method', 8),
        sa.Column('status_callback', sa.Text(), nullable=False),
        text('status_callback_method', 8),
        sa.Column('more', sa.JSON(), nullable=False),
    )


def resource(name: str, *columns: Any) -> None:
    op.create_table(
        name,
        text('sid', 34),
        text('account_sid', 34),
        text('friendly_name', 256),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
        *columns,
        sa.PrimaryKeyConstraint('sid'),
    )
    op.create_index(f'ix_{name}_account_sid', name, ['account_sid'])


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
