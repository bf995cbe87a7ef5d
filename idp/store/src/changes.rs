//! What a use case writes: a list of changes that happen together or not at all.

use std::time::Duration;

use jiff::Timestamp;
use realmwright_snapshot::{AttributeName, ClientId};

use crate::rows::{
    AccessTokenRow, AttemptKey, AttemptRow, AuthenticationRow, CodeRow, ConsentRow, CredentialId,
    CredentialRow, DenialRow, EventRow, GrantId, GrantRow, LoginId, LoginRow, LookupKey, OutboxRow,
    RefreshTokenRow, SessionClientRow, SessionId, SessionRow, StoredAttributes, SubjectId,
    SubjectRow, SubjectState, TokenHash,
};

/// One change. The comment of each says what refuses it. Beside that, a row whose person, session
/// or grant is not there (not yet: order the list; or no more) is refused as `Unknown`, and a new
/// row under a taken id as `Conflict`, so that nothing outlives what it hangs on.
#[derive(Clone, Debug)]
pub enum Change {
    /// New person with attributes and searchable values. `Conflict` on a taken store key or
    /// unique value.
    InsertSubject {
        /// The person.
        subject: SubjectRow,
        /// Stored attributes.
        attributes: StoredAttributes,
        /// Searchable values; `true` marks those of unique attributes.
        lookup: Vec<(LookupKey, bool)>,
    },
    /// Sets and removes attributes. `Stale` when `version` is not the stored one, `Unknown`
    /// without such a person, `Conflict` on a taken unique value.
    UpdateAttributes {
        /// The person.
        sub: SubjectId,
        /// Version that was read.
        version: i64,
        /// New values.
        set: StoredAttributes,
        /// Attributes to remove.
        remove: Vec<AttributeName>,
        /// Searchable values of the attributes in `set`; those of both lists are replaced.
        lookup: Vec<(LookupKey, bool)>,
        /// When.
        at: Timestamp,
    },
    /// Locks or unlocks. `Unknown` without such a person.
    SetSubjectState {
        /// The person.
        sub: SubjectId,
        /// New state.
        state: SubjectState,
        /// When.
        at: Timestamp,
    },
    /// Sets how many factors the person demands. `Unknown` without such a person.
    SetRequiredFactors {
        /// The person.
        sub: SubjectId,
        /// 0 to 2.
        required_factors: u8,
        /// When.
        at: Timestamp,
    },
    /// Replaces the roles held directly.
    SetRoles {
        /// The person.
        sub: SubjectId,
        /// `role` or `client:role`.
        roles: Vec<String>,
    },
    /// Replaces the groups.
    SetGroups {
        /// The person.
        sub: SubjectId,
        /// Full paths.
        groups: Vec<String>,
    },
    /// Deletes every row about a person, by the rules of [`crate::tables`]; the audit keeps its
    /// rows under the pseudonym with their fields emptied. What a later change of the same commit
    /// records or enqueues stays. `Unknown` without such a person.
    EraseSubject {
        /// The person.
        sub: SubjectId,
    },
    /// New credential.
    InsertCredential(CredentialRow),
    /// Changes secret, state, label or last use. `Stale` when the stored version is not
    /// `row.version`, or there is none any more; the stored one becomes one more.
    UpdateCredential(CredentialRow),
    /// Deletes one credential. `Unknown` without it.
    DeleteCredential {
        /// Whose.
        sub: SubjectId,
        /// Which.
        id: CredentialId,
    },
    /// Deletes all credentials of a kind.
    DeleteCredentials {
        /// Whose.
        sub: SubjectId,
        /// Kind.
        kind: String,
    },
    /// Stores a login. With version 0 it is new (`Conflict` when the id is taken); otherwise the
    /// stored version must be the same (`Stale`, or `Unknown` when gone). It becomes one more.
    SaveLogin(LoginRow),
    /// Consumes a login: `Stale` or `Unknown` as above.
    FinishLogin {
        /// Which.
        id: LoginId,
        /// Version that was read.
        version: i64,
    },
    /// New session.
    InsertSession {
        /// The session.
        session: SessionRow,
        /// What was passed.
        authentications: Vec<AuthenticationRow>,
    },
    /// Renews a session at a login to an application. `Unknown` when it has ended.
    TouchSession {
        /// The session.
        id: SessionId,
        /// New secret, when the session was strengthened.
        secret: Option<TokenHash>,
        /// Last use.
        at: Timestamp,
        /// New end without activity.
        idle_expires_at: Timestamp,
        /// Address of this login.
        address: Option<String>,
        /// Claims to add or replace.
        claims: serde_json::Map<String, serde_json::Value>,
        /// What was passed beside.
        authentications: Vec<AuthenticationRow>,
    },
    /// Ends a session and every grant that depends on it. Nothing happens when it has ended.
    EndSession {
        /// The session.
        id: SessionId,
        /// When.
        at: Timestamp,
    },
    /// Ends all sessions of a person but one, and the grants that depend on them.
    EndSessionsOf {
        /// The person.
        sub: SubjectId,
        /// The one to keep.
        except: Option<SessionId>,
        /// When.
        at: Timestamp,
    },
    /// Records that an application was entered; first entry stays.
    PutSessionClient(SessionClientRow),
    /// New grant. `Ended` when it depends on a session that has ended.
    InsertGrant(GrantRow),
    /// Ends a grant and all its tokens. Nothing happens when it has ended.
    EndGrant {
        /// Which.
        id: GrantId,
        /// When.
        at: Timestamp,
    },
    /// Ends all grants of a person for a client.
    EndGrantsOf {
        /// The person.
        sub: SubjectId,
        /// The application; all when none.
        client: Option<ClientId>,
        /// When.
        at: Timestamp,
    },
    /// New code.
    InsertCode(CodeRow),
    /// Redeems a code: `AlreadyUsed`, or `Unknown` when there is none or it has expired. A used
    /// one is kept until its grant expires.
    ConsumeCode {
        /// Which.
        hash: TokenHash,
        /// When.
        at: Timestamp,
    },
    /// New refresh token.
    InsertRefreshToken(RefreshTokenRow),
    /// Rotates a refresh token: `AlreadyUsed` or `Unknown` as above; `Ended` when its grant has
    /// ended. A used one is kept until its grant expires.
    ConsumeRefreshToken {
        /// Which.
        hash: TokenHash,
        /// When.
        at: Timestamp,
        /// The encrypted successor.
        successor: Vec<u8>,
    },
    /// New opaque access token.
    InsertAccessToken(AccessTokenRow),
    /// Deletes an opaque access token.
    DeleteAccessToken {
        /// Which.
        hash: TokenHash,
    },
    /// Marks the JWT with this `jti` revoked until it would have expired.
    RevokeJti {
        /// Which.
        jti: String,
        /// Its end.
        expires_at: Timestamp,
    },
    /// Uses something once: `AlreadyUsed` when it was used before and has not expired.
    UseOnce {
        /// What kind: `client_assertion`, `login_request`, ...
        kind: String,
        /// Its identifier.
        key: String,
        /// Forgotten at.
        expires_at: Timestamp,
    },
    /// Stores a consent; its scopes replace the stored ones.
    PutConsent(ConsentRow),
    /// Deletes a consent.
    DeleteConsent {
        /// Who.
        sub: SubjectId,
        /// To whom.
        client: ClientId,
    },
    /// Counts one attempt. `Barred` when the counter is barred or stands at `limit` already;
    /// otherwise it grows by one, and at `limit` it is barred for `bar` and then forgotten. With a
    /// `bar` of zero it stands at `limit` until its window ends. Read back through
    /// [`Committed::attempts`], in the order of the changes. Commits that count several keys do so
    /// in one order of purposes, so that they do not wait for each other in a circle.
    CountAttempt {
        /// Which counter.
        key: AttemptKey,
        /// Most attempts in a window.
        limit: u32,
        /// Length of a window, from its first attempt.
        window: Duration,
        /// How long it is barred at the limit.
        bar: Duration,
    },
    /// Forgets a counter, after a success.
    ResetAttempts {
        /// Which counter.
        key: AttemptKey,
    },
    /// Takes one attempt back, so that a success does not count against an address; lifts a bar.
    UncountAttempt {
        /// Which counter.
        key: AttemptKey,
    },
    /// An audit event.
    RecordEvent(EventRow),
    /// Why somebody was refused.
    RecordDenial(DenialRow),
    /// Something to deliver, due at once.
    Enqueue(OutboxRow),
}

/// What a commit came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All changes are in.
    Done(Committed),
    /// None is.
    Refused {
        /// Position of the change that was refused.
        index: usize,
        /// Why.
        reason: Refusal,
    },
}

/// What the changes of a commit answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// Counters after each [`Change::CountAttempt`], in order.
    pub attempts: Vec<AttemptRow>,
}

/// Why a change was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Consumed before.
    AlreadyUsed,
    /// Not there, or expired.
    Unknown,
    /// Changed since it was read.
    Stale,
    /// A unique value or id is taken; names the attribute when it is one.
    Conflict(Option<AttributeName>),
    /// The grant has ended.
    Ended,
    /// Too many attempts.
    Barred {
        /// Until when.
        until: Timestamp,
    },
}
