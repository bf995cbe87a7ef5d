-- Times are microseconds since the Unix epoch. Every key begins with the realm; there is no
-- foreign key to configuration. Rows about a person hang on `subjects`, tokens on `grants`.
-- Keys are ordered by their bytes, as in SQLite. JSON is stored as written: JSONB refuses \u0000.

-- The database clock, shifted for tests.
CREATE FUNCTION clock_micros(shift BIGINT) RETURNS BIGINT LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT (extract(epoch FROM statement_timestamp()) * 1000000)::bigint + shift $$;

CREATE TABLE meta (
    singleton      BIGINT PRIMARY KEY CHECK (singleton = 1),
    schema_version BIGINT NOT NULL,
    oldest_reader  BIGINT NOT NULL,
    region         TEXT,
    country        TEXT,
    instance       TEXT
);

CREATE TABLE subjects (
    realm            TEXT COLLATE "C" NOT NULL,
    sub              TEXT COLLATE "C" NOT NULL,
    store            TEXT COLLATE "C" NOT NULL,
    store_key        TEXT COLLATE "C" NOT NULL,
    state            TEXT NOT NULL CHECK (state IN ('active', 'locked')),
    required_factors BIGINT NOT NULL CHECK (required_factors BETWEEN 0 AND 2),
    created_at       BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL,
    version          BIGINT NOT NULL,
    PRIMARY KEY (realm, sub),
    UNIQUE (realm, store, store_key)
);

CREATE TABLE attributes (
    realm TEXT COLLATE "C" NOT NULL,
    sub   TEXT COLLATE "C" NOT NULL,
    name  TEXT COLLATE "C" NOT NULL,
    kind  TEXT NOT NULL CHECK (kind IN ('string', 'number', 'boolean', 'bytes', 'string_list')),
    value JSON NOT NULL,
    PRIMARY KEY (realm, sub, name),
    FOREIGN KEY (realm, sub) REFERENCES subjects ON DELETE CASCADE
);

CREATE TABLE lookup (
    realm     TEXT COLLATE "C" NOT NULL,
    attribute TEXT COLLATE "C" NOT NULL,
    value     TEXT COLLATE "C" NOT NULL,
    sub       TEXT COLLATE "C" NOT NULL,
    is_unique BOOLEAN NOT NULL,
    PRIMARY KEY (realm, attribute, value, sub),
    FOREIGN KEY (realm, sub) REFERENCES subjects ON DELETE CASCADE
);
CREATE UNIQUE INDEX lookup_unique ON lookup (realm, attribute, value) WHERE is_unique;
CREATE INDEX lookup_sub ON lookup (realm, sub);

CREATE TABLE credentials (
    realm        TEXT COLLATE "C" NOT NULL,
    sub          TEXT COLLATE "C" NOT NULL,
    id           UUID NOT NULL,
    kind         TEXT COLLATE "C" NOT NULL,
    label        TEXT NOT NULL,
    secret       TEXT NOT NULL,
    state        JSON NOT NULL,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT,
    version      BIGINT NOT NULL,
    PRIMARY KEY (realm, sub, id),
    FOREIGN KEY (realm, sub) REFERENCES subjects ON DELETE CASCADE
);

CREATE TABLE subject_roles (
    realm TEXT COLLATE "C" NOT NULL,
    sub   TEXT COLLATE "C" NOT NULL,
    role  TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (realm, sub, role),
    FOREIGN KEY (realm, sub) REFERENCES subjects ON DELETE CASCADE
);

CREATE TABLE subject_groups (
    realm TEXT COLLATE "C" NOT NULL,
    sub   TEXT COLLATE "C" NOT NULL,
    path  TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (realm, sub, path),
    FOREIGN KEY (realm, sub) REFERENCES subjects ON DELETE CASCADE
);

CREATE TABLE logins (
    realm      TEXT COLLATE "C" NOT NULL,
    id         UUID NOT NULL,
    sub        TEXT COLLATE "C",
    state      JSON NOT NULL,
    revision   BIGINT NOT NULL,
    version    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (realm, id),
    FOREIGN KEY (realm, sub) REFERENCES subjects ON DELETE CASCADE
);
CREATE INDEX logins_sub ON logins (realm, sub) WHERE sub IS NOT NULL;
CREATE INDEX logins_expiry ON logins (expires_at);

CREATE TABLE sessions (
    realm           TEXT COLLATE "C" NOT NULL,
    id              UUID NOT NULL,
    sub             TEXT COLLATE "C" NOT NULL,
    secret          BYTEA NOT NULL,
    user_agent      TEXT,
    address         TEXT,
    claims          JSON NOT NULL,
    created_at      BIGINT NOT NULL,
    last_used_at    BIGINT NOT NULL,
    idle_expires_at BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    PRIMARY KEY (realm, id),
    FOREIGN KEY (realm, sub) REFERENCES subjects ON DELETE CASCADE
);
CREATE INDEX sessions_sub ON sessions (realm, sub);
CREATE INDEX sessions_expiry ON sessions (least(idle_expires_at, expires_at));

CREATE TABLE authentications (
    realm      TEXT COLLATE "C" NOT NULL,
    session_id UUID NOT NULL,
    at         BIGINT NOT NULL,
    method     TEXT COLLATE "C" NOT NULL,
    amr        TEXT NOT NULL,
    factor     BIGINT NOT NULL,
    PRIMARY KEY (realm, session_id, at, method),
    FOREIGN KEY (realm, session_id) REFERENCES sessions ON DELETE CASCADE
);

CREATE TABLE session_clients (
    realm      TEXT COLLATE "C" NOT NULL,
    session_id UUID NOT NULL,
    client     TEXT COLLATE "C" NOT NULL,
    protocol   TEXT COLLATE "C" NOT NULL,
    reference  TEXT NOT NULL,
    first_at   BIGINT NOT NULL,
    last_at    BIGINT NOT NULL,
    PRIMARY KEY (realm, session_id, client, protocol),
    FOREIGN KEY (realm, session_id) REFERENCES sessions ON DELETE CASCADE
);

-- `session_id` is no foreign key: a grant outlives its session, ended, so that reuse is noticed.
CREATE TABLE grants (
    realm                 TEXT COLLATE "C" NOT NULL,
    id                    UUID NOT NULL,
    sub                   TEXT COLLATE "C",
    session_id            UUID ,
    client                TEXT COLLATE "C" NOT NULL,
    scopes                JSON NOT NULL,
    resource              JSON NOT NULL,
    authorization_details JSON NOT NULL,
    claims                JSON NOT NULL,
    cnf                   JSON,
    nonce                 TEXT,
    auth_time             BIGINT,
    acr                   TEXT,
    amr                   JSON NOT NULL,
    created_at            BIGINT NOT NULL,
    expires_at            BIGINT NOT NULL,
    ended_at              BIGINT,
    PRIMARY KEY (realm, id),
    FOREIGN KEY (realm, sub) REFERENCES subjects ON DELETE CASCADE
);
CREATE INDEX grants_sub ON grants (realm, sub) WHERE sub IS NOT NULL;
CREATE INDEX grants_session ON grants (realm, session_id) WHERE session_id IS NOT NULL;
CREATE INDEX grants_expiry ON grants (expires_at);

CREATE TABLE codes (
    realm          TEXT COLLATE "C" NOT NULL,
    hash           BYTEA NOT NULL,
    grant_id       UUID NOT NULL,
    redirect_uri   TEXT,
    code_challenge TEXT,
    expires_at     BIGINT NOT NULL,
    used_at        BIGINT,
    PRIMARY KEY (realm, hash),
    FOREIGN KEY (realm, grant_id) REFERENCES grants ON DELETE CASCADE
);
CREATE INDEX codes_grant ON codes (realm, grant_id);
CREATE INDEX codes_expiry ON codes (expires_at);

CREATE TABLE refresh_tokens (
    realm      TEXT COLLATE "C" NOT NULL,
    hash       BYTEA NOT NULL,
    grant_id   UUID NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT,
    successor  BYTEA,
    PRIMARY KEY (realm, hash),
    FOREIGN KEY (realm, grant_id) REFERENCES grants ON DELETE CASCADE
);
CREATE INDEX refresh_tokens_grant ON refresh_tokens (realm, grant_id);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);

CREATE TABLE access_tokens (
    realm      TEXT COLLATE "C" NOT NULL,
    hash       BYTEA NOT NULL,
    grant_id   UUID ,
    client     TEXT COLLATE "C" NOT NULL,
    claims     JSON NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (realm, hash),
    FOREIGN KEY (realm, grant_id) REFERENCES grants ON DELETE CASCADE
);
CREATE INDEX access_tokens_grant ON access_tokens (realm, grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX access_tokens_expiry ON access_tokens (expires_at);

CREATE TABLE revoked (
    realm      TEXT COLLATE "C" NOT NULL,
    jti        TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (realm, jti)
);
CREATE INDEX revoked_expiry ON revoked (expires_at);

-- `key` is what foreign clients chose, of any characters.
CREATE TABLE used_once (
    realm      TEXT COLLATE "C" NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL,
    key        BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (realm, kind, key)
);
CREATE INDEX used_once_expiry ON used_once (expires_at);

CREATE TABLE consents (
    realm      TEXT COLLATE "C" NOT NULL,
    sub        TEXT COLLATE "C" NOT NULL,
    client     TEXT COLLATE "C" NOT NULL,
    scopes     JSON NOT NULL,
    granted_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (realm, sub, client),
    FOREIGN KEY (realm, sub) REFERENCES subjects ON DELETE CASCADE
);

-- `expires_at` is the end of the bar while there is one, else the end of the window.
CREATE TABLE attempts (
    realm        TEXT COLLATE "C" NOT NULL,
    purpose      TEXT COLLATE "C" NOT NULL,
    key          TEXT COLLATE "C" NOT NULL,
    count        BIGINT NOT NULL,
    window_until BIGINT NOT NULL,
    locked_until BIGINT,
    expires_at   BIGINT NOT NULL,
    PRIMARY KEY (realm, purpose, key)
);
CREATE INDEX attempts_expiry ON attempts (expires_at);

CREATE TABLE events (
    realm   TEXT COLLATE "C" NOT NULL,
    id      UUID NOT NULL,
    at      BIGINT NOT NULL,
    kind    TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C",
    client  TEXT COLLATE "C",
    fields  JSON NOT NULL,
    PRIMARY KEY (realm, id)
);
CREATE INDEX events_subject ON events (realm, subject, id) WHERE subject IS NOT NULL;

-- Due again at `due_at`, which a lease pushes ahead; dead letters have none.
CREATE TABLE outbox (
    realm      TEXT COLLATE "C" NOT NULL,
    id         UUID NOT NULL,
    target     TEXT NOT NULL,
    subject    TEXT COLLATE "C",
    payload    JSON NOT NULL,
    attempts   BIGINT NOT NULL,
    due_at     BIGINT,
    last_error TEXT,
    PRIMARY KEY (realm, id)
);
CREATE INDEX outbox_due ON outbox (realm, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX outbox_subject ON outbox (realm, subject) WHERE subject IS NOT NULL;

INSERT INTO meta (singleton, schema_version, oldest_reader) VALUES (1, 1, 1);
