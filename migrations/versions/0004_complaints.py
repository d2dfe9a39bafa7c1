"""complaints

Rules: a way back; name all constraints; no long locks (see env.py).
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "complaints",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("frame_id", sa.String(length=38), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("text", sa.String(length=2000), nullable=False),
        sa.Column("consent", sa.Boolean(), nullable=False),
        sa.Column("sent_at", sa.Double(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("model_id", sa.String(length=200), nullable=False),
        sa.Column("weights_sha256", sa.String(length=64), nullable=False),
        sa.Column("clip_sha256", sa.String(length=64), nullable=True),
        sa.Column("voice_sha256", sa.String(length=64), nullable=True),
        sa.Column("decided_by", sa.String(length=100), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=2000), nullable=False),
        sa.Column("release", sa.String(length=63), nullable=True),
        sa.Column("fixed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["frame_id"], ["frames.id"], name=op.f("fk_complaints_frame_id_frames")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaints")),
    )
    with op.batch_alter_table("complaints", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_complaints_frame_id"), ["frame_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_complaints_release"), ["release"], unique=False)
        batch_op.create_index("ix_complaints_state_received_at", ["state", "received_at"], unique=False)

    op.create_table(
        "complaint_files",
        sa.Column("complaint_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["complaint_id"],
            ["complaints.id"],
            name=op.f("fk_complaint_files_complaint_id_complaints"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("complaint_id", "kind", name=op.f("pk_complaint_files")),
    )
    with op.batch_alter_table("complaint_files", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_complaint_files_sha256"), ["sha256"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("complaint_files", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_complaint_files_sha256"))

    op.drop_table("complaint_files")
    with op.batch_alter_table("complaints", schema=None) as batch_op:
        batch_op.drop_index("ix_complaints_state_received_at")
        batch_op.drop_index(batch_op.f("ix_complaints_release"))
        batch_op.drop_index(batch_op.f("ix_complaints_frame_id"))

    op.drop_table("complaints")
