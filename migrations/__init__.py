"""Schema migrations (Alembic); only env.py imports the server."""
