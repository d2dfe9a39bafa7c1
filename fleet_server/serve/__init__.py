"""Everything on one machine: broker, ingest and both web servers under one supervisor."""
