"""devices

Rules: a way back; name all constraints; no long locks (see env.py).
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "claim_codes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code_hmac", sa.String(length=64), nullable=False),
        sa.Column("hint", sa.String(length=4), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("serial", sa.String(length=40), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim_codes")),
        sa.UniqueConstraint("code_hmac", name=op.f("uq_claim_codes_code_hmac")),
    )
    op.create_table(
        "frames",
        sa.Column("id", sa.String(length=38), nullable=False),
        sa.Column("serial", sa.String(length=40), nullable=False),
        sa.Column("claim_code_id", sa.Integer(), nullable=False),
        sa.Column("hardware", sa.String(length=200), nullable=False),
        sa.Column("timezone", sa.String(length=200), nullable=False),
        sa.Column("public_key_pem", sa.Text(), nullable=False),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_reason", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(
            ["claim_code_id"], ["claim_codes.id"], name=op.f("fk_frames_claim_code_id_claim_codes")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_frames")),
        sa.UniqueConstraint("claim_code_id", name=op.f("uq_frames_claim_code_id")),
        sa.UniqueConstraint("serial", name=op.f("uq_frames_serial")),
    )
    with op.batch_alter_table("frames", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_frames_enrolled_at"), ["enrolled_at"], unique=False)

    op.create_table(
        "certificates",
        sa.Column("serial_hex", sa.String(length=40), nullable=False),
        sa.Column("frame_id", sa.String(length=38), nullable=False),
        sa.Column("pem", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["frame_id"], ["frames.id"], name=op.f("fk_certificates_frame_id_frames")),
        sa.PrimaryKeyConstraint("serial_hex", name=op.f("pk_certificates")),
    )
    with op.batch_alter_table("certificates", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_certificates_frame_id"), ["frame_id"], unique=False)

    op.create_table(
        "frame_conditions",
        sa.Column("frame_id", sa.String(length=38), nullable=False),
        sa.Column("online", sa.Boolean(), nullable=False),
        sa.Column("boot", sa.String(length=16), nullable=True),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("model_id", sa.String(length=200), nullable=False),
        sa.Column("weights_sha256", sa.String(length=64), nullable=True),
        sa.Column("agent_version", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["frame_id"], ["frames.id"], name=op.f("fk_frame_conditions_frame_id_frames")),
        sa.PrimaryKeyConstraint("frame_id", name=op.f("pk_frame_conditions")),
    )
    with op.batch_alter_table("frame_conditions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_frame_conditions_online"), ["online"], unique=False)

    op.create_table(
        "pending_commands",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("frame_id", sa.String(length=38), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["frame_id"], ["frames.id"], name=op.f("fk_pending_commands_frame_id_frames")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pending_commands")),
    )


def downgrade() -> None:
    op.drop_table("pending_commands")
    with op.batch_alter_table("frame_conditions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_frame_conditions_online"))

    op.drop_table("frame_conditions")
    with op.batch_alter_table("certificates", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_certificates_frame_id"))

    op.drop_table("certificates")
    with op.batch_alter_table("frames", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_frames_enrolled_at"))

    op.drop_table("frames")
    op.drop_table("claim_codes")
