//! Tokens: minted from a grant, and read back (KC D.4.1, RFC 9068, RFC 7662).

use std::collections::BTreeSet;

use jiff::Timestamp;
use realmwright_decision::access::AccessDecision;
use realmwright_decision::claims::Target;
use realmwright_decision::facts::{Application, Facts, Login, Person, Request, Session};
use realmwright_decision::flow::Situation;
use realmwright_decision::scopes::{OPENID, scope_text};
use realmwright_decision::why::Why;
use realmwright_protocol::jose::TokenType;
use realmwright_protocol::oauth2::access_token::{self, AccessTokenClaims, SCOPE_POSITIONS};
use realmwright_protocol::oidc::id_token::IdTokenClaims;
use realmwright_protocol::secret::RandomToken;
use realmwright_snapshot::{ClientId, ScopeName, TokenFormat};
use realmwright_store::{
    AccessTokenRow, Change, GrantId, GrantRow, Presented, Standing, SubjectId,
};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::Engine;
use crate::api::EngineFault;
use crate::client_source::FoundClient;
use crate::crypto::{token, token_hash, uuid};
use crate::runtime_realm::RuntimeRealm;
use crate::sessions::{LiveSession, later, remaining};
use crate::spans;
use crate::subject;

/// A grant with everything that its tokens say, all of it alive.
#[derive(Debug)]
pub(crate) struct LiveGrant {
    pub(crate) grant: GrantRow,
    pub(crate) sub: SubjectId,
    pub(crate) person: Person,
    /// None for grants that outlive sessions.
    pub(crate) session: Option<LiveSession>,
}

/// An access token that was minted.
pub(crate) struct MintedToken {
    pub(crate) token: String,
    pub(crate) expires_in: u64,
    /// The row of an opaque one.
    pub(crate) change: Option<Change>,
}

/// Which scopes and resources tokens are for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenScope<'a> {
    pub(crate) scopes: &'a [ScopeName],
    pub(crate) resource: &'a [String],
}

/// An access token that was presented and lives.
#[derive(Debug)]
pub(crate) struct PresentedToken {
    pub(crate) claims: Map<String, Value>,
    pub(crate) client: ClientId,
    pub(crate) expires_at: Timestamp,
    pub(crate) opaque: bool,
    /// None for a client's own.
    pub(crate) standing: Option<Standing>,
}

impl PresentedToken {
    /// Scopes that the token names.
    pub(crate) fn has_scope(&self, wanted: &str) -> bool {
        self.claims
            .get("scope")
            .and_then(Value::as_str)
            .is_some_and(|scope| scope.split(' ').any(|scope| scope == wanted))
    }

    /// Whether the token is for this audience, RFC 9068 section 4.
    pub(crate) fn is_for(&self, audience: &str) -> bool {
        match self.claims.get("aud") {
            Some(Value::String(one)) => one == audience,
            Some(Value::Array(many)) => many.iter().any(|one| one == audience),
            _ => false,
        }
    }

    /// Granted scopes of this token: those that it was narrowed to, or else those that it names
    /// and those that tokens never name.
    pub(crate) fn scopes(&self, realm: &RuntimeRealm) -> Vec<ScopeName> {
        let Some(grant) = self.standing.as_ref().map(|standing| &standing.grant) else {
            return Vec::new();
        };
        let left = self.claims.get(SCOPE_POSITIONS);
        let is_left = |position: usize| {
            left.is_none_or(|left| {
                let mut left = left.as_array().into_iter().flatten();
                left.any(|left| *left == position)
            })
        };
        let silent = |name: &ScopeName| {
            realm
                .snapshot
                .scopes
                .get(name)
                .is_some_and(|scope| !scope.in_token)
        };
        let granted = grant.scopes.iter().enumerate();
        granted
            .filter(|(position, _)| is_left(*position))
            .map(|(_, name)| name)
            .filter(|name| realm.snapshot.scopes.contains_key(*name))
            .filter(|name| silent(name) || self.has_scope(name.as_str()))
            .cloned()
            .collect()
    }
}

/// Positions of the scopes that are left of the granted ones; none where all are.
fn positions(granted: &[ScopeName], left: &[ScopeName]) -> Option<Vec<usize>> {
    let positions: Vec<usize> = granted
        .iter()
        .enumerate()
        .filter(|(_, name)| left.contains(name))
        .map(|(position, _)| position)
        .collect();
    (positions.len() < granted.len()).then_some(positions)
}

impl LiveGrant {
    fn session_facts(&self) -> Option<Session> {
        self.session.as_ref().map(LiveSession::facts)
    }

    /// The request as rules see it where the person is not there: the address of the last login,
    /// and nothing that is no longer known.
    fn request(&self, scopes: &[ScopeName]) -> Request {
        let address = self.session.as_ref().and_then(|s| s.row.address.as_ref());
        Request {
            scopes: scopes.to_vec(),
            ip: address.and_then(|address| address.parse().ok()),
            ..Request::default()
        }
    }

    fn login(&self, session: Option<&Session>) -> Login {
        Login {
            factors: session.map(Session::factors).unwrap_or_default(),
            methods: session
                .map(|session| {
                    let passed = session.authentications.iter();
                    passed.map(|passed| passed.method.clone()).collect()
                })
                .unwrap_or_default(),
            available_methods: Vec::new(),
            typed: None,
        }
    }
}

impl Engine {
    /// The grant with all that its tokens say; none when the grant, its session or its person is
    /// gone, ended, expired or locked.
    pub(crate) fn live(&self, realm: &RuntimeRealm, standing: Standing) -> Option<LiveGrant> {
        let now = self.ports.clock.now();
        let Standing {
            grant,
            session,
            person,
        } = standing;
        if grant.ended_at.is_some() || grant.expires_at <= now {
            return None;
        }
        let session = session
            .map(LiveSession::from)
            .filter(|session| session.lives(now));
        if grant.session.is_some() && session.is_none() {
            return None;
        }
        let sub = grant.sub.clone()?;
        let person = realm.person(person?, now);
        (!person.locked).then_some(LiveGrant {
            grant,
            sub,
            person,
            session,
        })
    }

    /// Why deny rules or access rules refuse now what they once allowed; none where they do not.
    pub(crate) fn denial_of(
        &self,
        realm: &RuntimeRealm,
        client: &FoundClient,
        live: &LiveGrant,
    ) -> Result<Option<Why>, EngineFault> {
        let now = self.ports.clock.now();
        let application = Application::from(&**client.snapshot());
        let request = live.request(&live.grant.scopes);
        let session = live.session_facts();
        let machine = realm.machine(client.snapshot())?;
        let situation = Situation {
            person: Some(&live.person),
            client: &application,
            request: &request,
            session: session.as_ref(),
            typed: None,
            now,
        };
        if let Some(denial) = spans::decide("flow", || machine.denied(&situation)) {
            return Ok(Some(denial.why));
        }
        let login = live.login(session.as_ref());
        let rules = &client.client.decisions(realm)?.access;
        let facts = Facts {
            person: Some(&live.person),
            client: &application,
            request: &request,
            session: session.as_ref(),
            login: &login,
            now,
        };
        let access = spans::decide("access", || rules.decide(&facts));
        Ok(match access {
            AccessDecision::Allowed { .. } => None,
            AccessDecision::Denied { why, .. } => Some(why),
        })
    }

    /// Claims that scopes and client release into one answer.
    pub(crate) fn released(
        &self,
        realm: &RuntimeRealm,
        client: &FoundClient,
        live: Option<&LiveGrant>,
        scopes: &[ScopeName],
        target: Target,
    ) -> Result<Map<String, Value>, EngineFault> {
        let snapshot = client.snapshot();
        let decisions = client.client.decisions(realm)?;
        let granted = scopes
            .iter()
            .filter_map(|scope| realm.snapshot.scopes.get(scope));
        let session = live.and_then(LiveGrant::session_facts);
        let person = live.map(|live| &live.person);
        let visible = person
            .map(|person| {
                realm
                    .roles
                    .visible(&person.roles, &snapshot.role_scope, granted)
            })
            .unwrap_or_default();
        let request = live
            .map(|live| live.request(scopes))
            .unwrap_or_else(|| Request {
                scopes: scopes.to_vec(),
                ..Request::default()
            });
        let login = live
            .map(|live| live.login(session.as_ref()))
            .unwrap_or_default();
        let facts = Facts {
            person,
            client: &Application::from(&**snapshot),
            request: &request,
            session: session.as_ref(),
            login: &login,
            now: self.ports.clock.now(),
        };
        let program = realm.program();
        Ok(spans::decide("claims", || {
            program.claims(decisions, scopes, target, &facts, &visible)
        }))
    }

    /// An access token of a grant, or of a client for itself.
    pub(crate) fn mint_access_token(
        &self,
        realm: &RuntimeRealm,
        client: &FoundClient,
        live: Option<&LiveGrant>,
        wanted: TokenScope<'_>,
    ) -> Result<MintedToken, EngineFault> {
        let now = self.ports.clock.now();
        let snapshot = client.snapshot();
        let oidc = snapshot
            .oidc
            .as_ref()
            .ok_or_else(|| EngineFault::internal("the client has no protocol"))?;
        let grant = live.map(|live| &live.grant);
        let mut expires_at = later(now, oidc.access_token_lifetime);
        if let Some(grant) = grant {
            expires_at = expires_at.min(grant.expires_at);
        }
        let audiences: BTreeSet<String> = if wanted.resource.is_empty() {
            realm.audiences_of(oidc, wanted.scopes)
        } else {
            wanted.resource.iter().cloned().collect()
        };
        let audiences: Vec<String> = audiences.into_iter().collect();
        let subject = self.released_subject(realm, client, live)?;
        let sid = self.released_session(realm, client, live)?;
        let released = self.released(realm, client, live, wanted.scopes, Target::AccessToken)?;
        let jti = uuid(&*self.ports.random).to_string();
        let grant_id = grant.map(|grant| grant.id.to_string());
        let positions = grant.and_then(|grant| positions(&grant.scopes, wanted.scopes));
        let scope = scope_text(&realm.snapshot.scopes, wanted.scopes);
        let members = AccessTokenClaims {
            issuer: realm.issuer(),
            subject: &subject,
            audiences: &audiences,
            client_id: snapshot.id.as_str(),
            scope: &scope,
            jti: &jti,
            issued_at: now,
            expires_at,
            auth_time: grant.and_then(|grant| grant.auth_time),
            acr: grant.and_then(|grant| grant.acr.as_deref()),
            amr: grant.map(|grant| grant.amr.as_slice()).unwrap_or_default(),
            sid: sid.as_deref(),
            grant_id: grant_id.as_deref(),
            scope_positions: positions.as_deref(),
            cnf: grant.and_then(|grant| grant.cnf.as_ref()),
            released: &released,
        }
        .members();
        let expires_in = remaining(now, expires_at).as_secs();
        match oidc.access_token_format {
            TokenFormat::Jwt => {
                let key = realm.signing_key(oidc.signing_algorithm)?;
                let signed = spans::sign(key.alg(), || key.sign(TokenType::AccessToken, &members));
                Ok(MintedToken {
                    token: signed.map_err(EngineFault::internal)?,
                    expires_in,
                    change: None,
                })
            }
            TokenFormat::Opaque => {
                let token = token(&*self.ports.random);
                let change = Change::InsertAccessToken(AccessTokenRow {
                    hash: token_hash(token.expose()),
                    grant: grant.map(|grant| grant.id),
                    client: snapshot.id.clone(),
                    claims: members,
                    expires_at,
                });
                Ok(MintedToken {
                    token: token.expose().to_owned(),
                    expires_in,
                    change: Some(change),
                })
            }
        }
    }

    /// The id token beside an access token; none unless `openid` was granted (KC-TK-03).
    pub(crate) fn mint_id_token(
        &self,
        realm: &RuntimeRealm,
        client: &FoundClient,
        live: &LiveGrant,
        wanted: TokenScope<'_>,
        (access_token, nonce): (&str, Option<&str>),
    ) -> Result<Option<String>, EngineFault> {
        if !wanted.scopes.iter().any(|scope| scope.as_str() == OPENID) {
            return Ok(None);
        }
        let now = self.ports.clock.now();
        let snapshot = client.snapshot();
        let oidc = snapshot
            .oidc
            .as_ref()
            .ok_or_else(|| EngineFault::internal("the client has no protocol"))?;
        let subject = self.released_subject(realm, client, Some(live))?;
        let sid = self.released_session(realm, client, Some(live))?;
        let released = self.released(realm, client, Some(live), wanted.scopes, Target::IdToken)?;
        let jti = uuid(&*self.ports.random).to_string();
        let key = realm.signing_key(oidc.signing_algorithm)?;
        let members = IdTokenClaims {
            issuer: realm.issuer(),
            subject: &subject,
            client_id: snapshot.id.as_str(),
            issued_at: now,
            expires_at: later(now, oidc.id_token_lifetime),
            jti: &jti,
            nonce,
            auth_time: live.grant.auth_time,
            acr: live.grant.acr.as_deref(),
            amr: &live.grant.amr,
            sid: sid.as_deref(),
            access_token: Some(access_token),
            released: &released,
        }
        .members(key.alg());
        spans::sign(key.alg(), || key.sign(TokenType::IdToken, &members))
            .map(Some)
            .map_err(EngineFault::internal)
    }

    /// The person as the client sees them, or the client itself.
    pub(crate) fn released_subject(
        &self,
        realm: &RuntimeRealm,
        client: &FoundClient,
        live: Option<&LiveGrant>,
    ) -> Result<String, EngineFault> {
        match live {
            None => Ok(client.snapshot().id.to_string()),
            Some(live) => subject::release(&realm.keyring, &live.sub, client.snapshot())
                .map(|released| released.to_string()),
        }
    }

    fn released_session(
        &self,
        realm: &RuntimeRealm,
        client: &FoundClient,
        live: Option<&LiveGrant>,
    ) -> Result<Option<String>, EngineFault> {
        live.and_then(|live| live.grant.session)
            .map(|session| {
                subject::session_reference(&realm.keyring, &session, &client.snapshot().id)
            })
            .transpose()
    }

    /// Reads an access token of either format; none when it is not ours, over, revoked, or its
    /// grant has ended.
    pub(crate) async fn presented_token(
        &self,
        realm: &RuntimeRealm,
        text: &str,
    ) -> Result<Option<PresentedToken>, EngineFault> {
        let now = self.ports.clock.now();
        let presented = if text.contains('.') {
            self.presented_jwt(realm, text, now).await?
        } else {
            self.presented_reference(realm, text, now).await?
        };
        Ok(presented.filter(|presented| {
            let mut standing = presented.standing.iter();
            standing.all(|it| it.grant.ended_at.is_none() && now < it.grant.expires_at)
        }))
    }

    async fn presented_jwt(
        &self,
        realm: &RuntimeRealm,
        text: &str,
        now: Timestamp,
    ) -> Result<Option<PresentedToken>, EngineFault> {
        let keys = &realm.keys.verification;
        let Ok(claims) =
            access_token::verify(keys, &self.seen_signatures, text, realm.issuer(), now)
        else {
            return Ok(None);
        };
        let (Some(jti), Some(client)) = (claims.text("jti"), claims.text("client_id")) else {
            return Ok(None);
        };
        let store = &self.ports.store;
        let standing = match claims.text("grant_id").map(Uuid::parse_str) {
            None if store.is_revoked(realm.id(), jti).await? => return Ok(None),
            None => None,
            Some(Err(_)) => return Ok(None),
            Some(Ok(id)) => match store.presented(realm.id(), &GrantId(id), jti).await? {
                Presented {
                    revoked: false,
                    standing: Some(standing),
                } => Some(standing),
                _ => return Ok(None),
            },
        };
        Ok(Some(PresentedToken {
            client: ClientId::from(client),
            expires_at: claims.instant("exp").unwrap_or(now),
            opaque: false,
            standing,
            claims: claims.into_members(),
        }))
    }

    async fn presented_reference(
        &self,
        realm: &RuntimeRealm,
        text: &str,
        now: Timestamp,
    ) -> Result<Option<PresentedToken>, EngineFault> {
        let Some(token) = RandomToken::parse(text) else {
            return Ok(None);
        };
        let hash = token_hash(token.expose());
        let store = &self.ports.store;
        let row = store.access_token(realm.id(), &hash).await?;
        let Some(row) = row.filter(|row| now < row.expires_at) else {
            return Ok(None);
        };
        let standing = match &row.grant {
            None => None,
            Some(id) => match store.standing(realm.id(), id).await? {
                Some(standing) => Some(standing),
                None => return Ok(None),
            },
        };
        Ok(Some(PresentedToken {
            claims: row.claims,
            client: row.client,
            expires_at: row.expires_at,
            opaque: true,
            standing,
        }))
    }
}
