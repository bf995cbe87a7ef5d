-- When a delivery was given up. A build of the former schema leaves it empty: the purge fills it in.
ALTER TABLE outbox ADD COLUMN dead_at INTEGER;
CREATE INDEX outbox_dead ON outbox (realm, dead_at) WHERE due_at IS NULL;

UPDATE meta SET schema_version = 2, oldest_reader = 1;
