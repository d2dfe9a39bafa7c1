"""telemetry

Rules: a way back; name all constraints; no long locks (see env.py).
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "boots",
        sa.Column("frame_id", sa.String(length=38), nullable=False),
        sa.Column("boot", sa.String(length=16), nullable=False),
        sa.Column("floor", sa.BigInteger(), nullable=False),
        sa.Column("settled", sa.BigInteger(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["frame_id"], ["frames.id"], name=op.f("fk_boots_frame_id_frames")),
        sa.PrimaryKeyConstraint("frame_id", "boot", name=op.f("pk_boots")),
    )
    op.create_table(
        "messages",
        sa.Column("frame_id", sa.String(length=38), nullable=False),
        sa.Column("boot", sa.String(length=16), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("sent_at", sa.Double(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["frame_id"], ["frames.id"], name=op.f("fk_messages_frame_id_frames")),
        sa.PrimaryKeyConstraint("frame_id", "boot", "seq", name=op.f("pk_messages")),
    )
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.create_index("ix_messages_frame_id_received_at", ["frame_id", "received_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_messages_received_at"), ["received_at"], unique=False)

    op.create_table(
        "playbacks",
        sa.Column("frame_id", sa.String(length=38), nullable=False),
        sa.Column("boot", sa.String(length=16), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("playback_id", sa.String(length=36), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("model_id", sa.String(length=200), nullable=False),
        sa.Column("fill", sa.String(length=16), nullable=False),
        sa.Column("frames", sa.Integer(), nullable=False),
        sa.Column("shown", sa.Integer(), nullable=False),
        sa.Column("dropped", sa.Integer(), nullable=False),
        sa.Column("seconds_watched", sa.Double(), nullable=False),
        sa.Column("video_seconds", sa.Double(), nullable=False),
        sa.Column("fps", sa.Double(), nullable=False),
        sa.Column("completed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["frame_id", "boot", "seq"],
            ["messages.frame_id", "messages.boot", "messages.seq"],
            name=op.f("fk_playbacks_frame_id_boot_seq_messages"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("frame_id", "boot", "seq", name=op.f("pk_playbacks")),
    )
    with op.batch_alter_table("playbacks", schema=None) as batch_op:
        batch_op.create_index("ix_playbacks_received_at_completed", ["received_at", "completed"], unique=False)

    op.create_table(
        "update_steps",
        sa.Column("frame_id", sa.String(length=38), nullable=False),
        sa.Column("boot", sa.String(length=16), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("order_id", sa.String(length=36), nullable=False),
        sa.Column("release", sa.String(length=63), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["frame_id", "boot", "seq"],
            ["messages.frame_id", "messages.boot", "messages.seq"],
            name=op.f("fk_update_steps_frame_id_boot_seq_messages"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("frame_id", "boot", "seq", name=op.f("pk_update_steps")),
    )
    with op.batch_alter_table("update_steps", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_update_steps_order_id"), ["order_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_update_steps_received_at"), ["received_at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("update_steps", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_update_steps_received_at"))
        batch_op.drop_index(batch_op.f("ix_update_steps_order_id"))

    op.drop_table("update_steps")
    with op.batch_alter_table("playbacks", schema=None) as batch_op:
        batch_op.drop_index("ix_playbacks_received_at_completed")

    op.drop_table("playbacks")
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_messages_received_at"))
        batch_op.drop_index("ix_messages_frame_id_received_at")

    op.drop_table("messages")
    op.drop_table("boots")
