"""releases and rollouts

Rules: a way back; name all constraints; no long locks (see env.py).
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "releases",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("line", sa.String(length=16), nullable=False),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("base_weights_sha256", sa.String(length=64), nullable=True),
        sa.Column("result_weights_sha256", sa.String(length=64), nullable=True),
        sa.Column("manifest", sa.Text(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_by", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_releases")),
        sa.UniqueConstraint("line", "counter", name=op.f("uq_releases_line_counter")),
        sa.UniqueConstraint("name", name=op.f("uq_releases_name")),
    )
    op.create_table(
        "artefacts",
        sa.Column("release_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["release_id"], ["releases.id"], name=op.f("fk_artefacts_release_id_releases")),
        sa.PrimaryKeyConstraint("release_id", "path", name=op.f("pk_artefacts")),
    )
    op.create_table(
        "rollouts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=36), nullable=False),
        sa.Column("release_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("stages", sa.JSON(), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("halt_rule", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["release_id"], ["releases.id"], name=op.f("fk_rollouts_release_id_releases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rollouts")),
        sa.UniqueConstraint("key", name=op.f("uq_rollouts_key")),
    )
    with op.batch_alter_table("rollouts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rollouts_release_id"), ["release_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_rollouts_state"), ["state"], unique=False)

    op.create_table(
        "frame_updates",
        sa.Column("rollout_id", sa.Integer(), nullable=False),
        sa.Column("frame_id", sa.String(length=38), nullable=False),
        sa.Column("order_id", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("weights_sha256", sa.String(length=64), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["frame_id"], ["frames.id"], name=op.f("fk_frame_updates_frame_id_frames")),
        sa.ForeignKeyConstraint(["rollout_id"], ["rollouts.id"], name=op.f("fk_frame_updates_rollout_id_rollouts")),
        sa.PrimaryKeyConstraint("rollout_id", "frame_id", name=op.f("pk_frame_updates")),
        sa.UniqueConstraint("order_id", name=op.f("uq_frame_updates_order_id")),
    )
    with op.batch_alter_table("frame_updates", schema=None) as batch_op:
        batch_op.create_index("ix_frame_updates_frame_id_state", ["frame_id", "state"], unique=False)
        batch_op.create_index("ix_frame_updates_rollout_id_state", ["rollout_id", "state"], unique=False)

    op.create_table(
        "update_reports",
        sa.Column("order_id", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.Double(), nullable=False),
        sa.Column("boot", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("weights_sha256", sa.String(length=64), nullable=True),
        sa.Column("health", sa.JSON(), nullable=False),
        sa.Column("signature", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["frame_updates.order_id"], name=op.f("fk_update_reports_order_id_frame_updates")
        ),
        sa.PrimaryKeyConstraint("order_id", "state", name=op.f("pk_update_reports")),
    )


def downgrade() -> None:
    op.drop_table("update_reports")
    with op.batch_alter_table("frame_updates", schema=None) as batch_op:
        batch_op.drop_index("ix_frame_updates_rollout_id_state")
        batch_op.drop_index("ix_frame_updates_frame_id_state")

    op.drop_table("frame_updates")
    with op.batch_alter_table("rollouts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_rollouts_state"))
        batch_op.drop_index(batch_op.f("ix_rollouts_release_id"))

    op.drop_table("rollouts")
    op.drop_table("artefacts")
    op.drop_table("releases")
