-- Times are microseconds since the Unix epoch. Every key begins with the realm; there is no
-- foreign key to configuration. Rows about a person hang on `subjects`, tokens on `grants`.

CREATE TABLE meta (
    singleton      INTEGER PRIMARY KEY CHECK (singleton = 1),
    schema_version INTEGER NOT NULL,
    oldest_reader  INTEGER NOT NULL,
    region         TEXT,
    country        TEXT,
    instance       TEXT
) STRICT;

CREATE TABLE subjects (
    realm            TEXT    NOT NULL,
    sub              TEXT    NOT NULL,
    store            TEXT    NOT NULL,
    store_key        TEXT    NOT NULL,
    state            TEXT    NOT NULL CHECK (state IN ('active', 'locked')),
    required_factors INTEGER NOT NULL CHECK (required_factors BETWEEN 0 AND 2),
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    version          INTEGER NOT NULL,
    PRIMARY KEY (realm, sub),
    UNIQUE (realm, store, store_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE attributes (
    realm TEXT NOT NULL,
    sub   TEXT NOT NULL,
    name  TEXT NOT NULL,
    kind  TEXT NOT NULL CHECK (kind IN ('string', 'number', 'boolean', 'bytes', 'string_list')),
    value TEXT NOT NULL,
    PRIMARY KEY (realm, sub, name),
    FOREIGN KEY (realm, sub) REFERENCES subjects ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE lookup (
    realm     TEXT    NOT NULL,
    attribute TEXT    NOT NULL,
    value     TEXT    NOT NULL,
    sub       TEXT    NOT NULL,
    is_unique INTEGER NOT NULL CHECK (is_unique IN (0, 1)),
    PRIMARY KEY (realm, attribute, value, sub),
    FOREIGN KEY (realm, sub) REFERENCES subjects ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX lookup_unique ON lookup (realm, attribute, value) WHERE is_unique = 1;
CREATE INDEX lookup_sub ON lookup (realm, sub);

CREATE TABLE credentials (
    realm        TEXT    NOT NULL,
    sub          TEXT    NOT NULL,
    id           BLOB    NOT NULL,
    kind         TEXT    NOT NULL,
    label        TEXT    NOT NULL,
    secret       TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    version      INTEGER NOT NULL,
    PRIMARY KEY (realm, sub, id),
    FOREIGN KEY (realm, sub) REFERENCES subjects ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE subject_roles (
    realm TEXT NOT NULL,
    sub   TEXT NOT NULL,
    role  TEXT NOT NULL,
    PRIMARY KEY (realm, sub, role),
    FOREIGN KEY (realm, sub) REFERENCES subjects ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE subject_groups (
    realm TEXT NOT NULL,
    sub   TEXT NOT NULL,
    path  TEXT NOT NULL,
    PRIMARY KEY (realm, sub, path),
    FOREIGN KEY (realm, sub) REFERENCES subjects ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE logins (
    realm      TEXT    NOT NULL,
    id         BLOB    NOT NULL,
    sub        TEXT,
    state      TEXT    NOT NULL,
    revision   INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (realm, id),
    FOREIGN KEY (realm, sub) REFERENCES subjects ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX logins_sub ON logins (realm, sub) WHERE sub IS NOT NULL;
CREATE INDEX logins_expiry ON logins (expires_at);

CREATE TABLE sessions (
    realm           TEXT    NOT NULL,
    id              BLOB    NOT NULL,
    sub             TEXT    NOT NULL,
    secret          BLOB    NOT NULL,
    user_agent      TEXT,
    address         TEXT,
    claims          TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    last_used_at    INTEGER NOT NULL,
    idle_expires_at INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    PRIMARY KEY (realm, id),
    FOREIGN KEY (realm, sub) REFERENCES subjects ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_sub ON sessions (realm, sub);
CREATE INDEX sessions_expiry ON sessions (min(idle_expires_at, expires_at));

CREATE TABLE authentications (
    realm      TEXT    NOT NULL,
    session_id BLOB    NOT NULL,
    at         INTEGER NOT NULL,
    method     TEXT    NOT NULL,
    amr        TEXT    NOT NULL,
    factor     INTEGER NOT NULL,
    PRIMARY KEY (realm, session_id, at, method),
    FOREIGN KEY (realm, session_id) REFERENCES sessions ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE session_clients (
    realm      TEXT    NOT NULL,
    session_id BLOB    NOT NULL,
    client     TEXT    NOT NULL,
    protocol   TEXT    NOT NULL,
    reference  TEXT    NOT NULL,
    first_at   INTEGER NOT NULL,
    last_at    INTEGER NOT NULL,
    PRIMARY KEY (realm, session_id, client, protocol),
    FOREIGN KEY (realm, session_id) REFERENCES sessions ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- `session_id` is no foreign key: a grant outlives its session, ended, so that reuse is noticed.
CREATE TABLE grants (
    realm                 TEXT    NOT NULL,
    id                    BLOB    NOT NULL,
    sub                   TEXT,
    session_id            BLOB,
    client                TEXT    NOT NULL,
    scopes                TEXT    NOT NULL,
    resource              TEXT    NOT NULL,
    authorization_details TEXT    NOT NULL,
    claims                TEXT    NOT NULL,
    cnf                   TEXT,
    nonce                 TEXT,
    auth_time             INTEGER,
    acr                   TEXT,
    amr                   TEXT    NOT NULL,
    created_at            INTEGER NOT NULL,
    expires_at            INTEGER NOT NULL,
    ended_at              INTEGER,
    PRIMARY KEY (realm, id),
    FOREIGN KEY (realm, sub) REFERENCES subjects ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX grants_sub ON grants (realm, sub) WHERE sub IS NOT NULL;
CREATE INDEX grants_session ON grants (realm, session_id) WHERE session_id IS NOT NULL;
CREATE INDEX grants_expiry ON grants (expires_at);

CREATE TABLE codes (
    realm          TEXT    NOT NULL,
    hash           BLOB    NOT NULL,
    grant_id       BLOB    NOT NULL,
    redirect_uri   TEXT,
    code_challenge TEXT,
    expires_at     INTEGER NOT NULL,
    used_at        INTEGER,
    PRIMARY KEY (realm, hash),
    FOREIGN KEY (realm, grant_id) REFERENCES grants ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX codes_grant ON codes (realm, grant_id);
CREATE INDEX codes_expiry ON codes (expires_at);

CREATE TABLE refresh_tokens (
    realm      TEXT    NOT NULL,
    hash       BLOB    NOT NULL,
    grant_id   BLOB    NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER,
    successor  BLOB,
    PRIMARY KEY (realm, hash),
    FOREIGN KEY (realm, grant_id) REFERENCES grants ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_tokens_grant ON refresh_tokens (realm, grant_id);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);

CREATE TABLE access_tokens (
    realm      TEXT    NOT NULL,
    hash       BLOB    NOT NULL,
    grant_id   BLOB,
    client     TEXT    NOT NULL,
    claims     TEXT    NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (realm, hash),
    FOREIGN KEY (realm, grant_id) REFERENCES grants ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX access_tokens_grant ON access_tokens (realm, grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX access_tokens_expiry ON access_tokens (expires_at);

CREATE TABLE revoked (
    realm      TEXT    NOT NULL,
    jti        TEXT    NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (realm, jti)
) STRICT, WITHOUT ROWID;
CREATE INDEX revoked_expiry ON revoked (expires_at);

CREATE TABLE used_once (
    realm      TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (realm, kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX used_once_expiry ON used_once (expires_at);

CREATE TABLE consents (
    realm      TEXT    NOT NULL,
    sub        TEXT    NOT NULL,
    client     TEXT    NOT NULL,
    scopes     TEXT    NOT NULL,
    granted_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (realm, sub, client),
    FOREIGN KEY (realm, sub) REFERENCES subjects ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- `expires_at` is the end of the bar while there is one, else the end of the window.
CREATE TABLE attempts (
    realm        TEXT    NOT NULL,
    purpose      TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    count        INTEGER NOT NULL,
    window_until INTEGER NOT NULL,
    locked_until INTEGER,
    expires_at   INTEGER NOT NULL,
    PRIMARY KEY (realm, purpose, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_expiry ON attempts (expires_at);

CREATE TABLE events (
    realm   TEXT    NOT NULL,
    id      BLOB    NOT NULL,
    at      INTEGER NOT NULL,
    kind    TEXT    NOT NULL,
    subject TEXT,
    client  TEXT,
    fields  TEXT    NOT NULL,
    PRIMARY KEY (realm, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX events_subject ON events (realm, subject, id) WHERE subject IS NOT NULL;

-- Due again at `due_at`, which a lease pushes ahead; dead letters have none.
CREATE TABLE outbox (
    realm      TEXT    NOT NULL,
    id         BLOB    NOT NULL,
    target     TEXT    NOT NULL,
    subject    TEXT,
    payload    TEXT    NOT NULL,
    attempts   INTEGER NOT NULL,
    due_at     INTEGER,
    last_error TEXT,
    PRIMARY KEY (realm, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_due ON outbox (realm, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX outbox_subject ON outbox (realm, subject) WHERE subject IS NOT NULL;

INSERT INTO meta (singleton, schema_version, oldest_reader) VALUES (1, 1, 1);
