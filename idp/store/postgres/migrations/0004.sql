-- Why somebody was refused, for whoever helps them. `record` holds truth values and no value of
-- an attribute; `class` is the strictest class of what was read for them.
CREATE TABLE denials (
    realm      TEXT COLLATE "C" NOT NULL,
    id         TEXT COLLATE "C" NOT NULL,
    at         BIGINT NOT NULL,
    subject    TEXT COLLATE "C",
    client     TEXT COLLATE "C" NOT NULL,
    digest     TEXT NOT NULL,
    class      TEXT NOT NULL CHECK (class IN ('pseudonymous', 'personal', 'medical')),
    record     JSON NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (realm, id),
    FOREIGN KEY (realm, subject) REFERENCES subjects ON DELETE CASCADE
);
CREATE INDEX denials_subject ON denials (realm, subject) WHERE subject IS NOT NULL;
CREATE INDEX denials_expiry ON denials (expires_at);

UPDATE meta SET schema_version = 4, oldest_reader = 1;
