-- The data class of a value, as the realm had declared it when the value was written. Values of
-- before, and those that a build of a former schema writes, are personal until they are written
-- again: the class of every attribute that does not say otherwise.
ALTER TABLE attributes ADD COLUMN class TEXT NOT NULL DEFAULT 'personal'
    CHECK (class IN ('pseudonymous', 'personal', 'medical'));

UPDATE meta SET schema_version = 3, oldest_reader = 1;
