//! The userinfo endpoint, OpenID Connect Core 1.0 section 5.3, and who holds a bearer token.

use realmwright_decision::claims::Target;
use realmwright_decision::scopes::OPENID;
use realmwright_protocol::Parameters;
use realmwright_protocol::oidc::userinfo::{BearerError, BearerToken, answer};
use serde_json::Value;

use crate::Engine;
use crate::accounts::{ACCOUNTS_SCOPE, AccountsCaller, AccountsError};
use crate::api::{BackChannelCall, CallFault, JsonAnswer, OAuthError, RequestContext};
use crate::client_authentication::invalid_request;
use crate::runtime_realm::RuntimeRealm;
use crate::tokens::PresentedToken;

/// A refusal of a bearer token, RFC 6750 section 3.
fn refused(realm: &RuntimeRealm, error: &BearerError) -> OAuthError {
    OAuthError {
        status: error.status(),
        error: error.code().map_or("", |code| code.as_str()),
        description: error.code().map(|_| error.to_string()),
        challenge: Some(error.www_authenticate(realm.issuer())),
        client: None,
    }
}

impl Engine {
    /// `GET` and `POST /oauth2/userinfo`.
    ///
    /// # Errors
    /// [`CallFault`].
    pub async fn userinfo(
        &self,
        cx: &RequestContext,
        call: BackChannelCall<'_>,
    ) -> Result<JsonAnswer, CallFault> {
        let realm = &cx.realm;
        let form = Parameters::parse(call.form.as_bytes())
            .map_err(|fault| invalid_request(fault.to_string()))?;
        let fail = |error: BearerError| CallFault::OAuth(refused(realm, &error));
        let presented = self
            .bearer(realm, call.authorization, Some(&form))
            .await?
            .map_err(fail)?;
        let client_id = presented.client.clone();
        let scopes = presented.scopes(realm);
        let Some(standing) = presented.standing else {
            return Err(fail(BearerError::Scope(OPENID)));
        };
        if !scopes.iter().any(|scope| scope.as_str() == OPENID) {
            return Err(fail(BearerError::Scope(OPENID)));
        }
        let invalid = || fail(BearerError::Invalid);
        let client = self.clients.find(realm, client_id.as_str()).await?;
        let client = client.ok_or_else(invalid)?;
        let live = self.live(realm, standing).ok_or_else(invalid)?;
        let released = self.released(realm, &client, Some(&live), &scopes, Target::UserInfo)?;
        let subject = self.released_subject(realm, &client, Some(&live))?;
        Ok(JsonAnswer {
            body: Value::Object(answer(&subject, released)),
            client: Some(client_id),
        })
    }

    /// The token of a request, as long as it lives.
    async fn bearer(
        &self,
        realm: &RuntimeRealm,
        authorization: Option<&str>,
        form: Option<&Parameters>,
    ) -> Result<Result<PresentedToken, BearerError>, crate::EngineFault> {
        let token = match BearerToken::parse(authorization.map(str::as_bytes), form) {
            Ok(token) => token,
            Err(error) => return Ok(Err(error)),
        };
        let presented = self.presented_token(realm, token.expose()).await?;
        Ok(presented.ok_or(BearerError::Invalid))
    }

    /// Who calls the accounts API: the bearer token of the `Authorization` header.
    ///
    /// # Errors
    /// [`AccountsError::Token`] without a live token of a client that has [`ACCOUNTS_SCOPE`] in
    /// its own name, in the token and in the configuration of now.
    pub async fn accounts_caller(
        &self,
        cx: &RequestContext,
        authorization: Option<&str>,
    ) -> Result<AccountsCaller, AccountsError> {
        let realm = &cx.realm;
        let fail = |error: BearerError| AccountsError::Token(refused(realm, &error));
        let presented = self
            .bearer(realm, authorization, None)
            .await?
            .map_err(fail)?;
        let scope = || fail(BearerError::Scope(ACCOUNTS_SCOPE));
        if presented.standing.is_some() || !presented.has_scope(ACCOUNTS_SCOPE) {
            return Err(scope());
        }
        // A token that was narrowed to another API does not come back to this one.
        if !presented.is_for(realm.issuer()) {
            return Err(fail(BearerError::Invalid));
        }
        let client = self.clients.find(realm, presented.client.as_str()).await?;
        let client = client.ok_or_else(|| fail(BearerError::Invalid))?;
        let allowed = client
            .snapshot()
            .oidc
            .as_ref()
            .is_some_and(|oidc| oidc.scopes.allowed.contains(ACCOUNTS_SCOPE));
        if !allowed {
            return Err(scope());
        }
        Ok(AccountsCaller {
            client: Some(presented.client),
        })
    }
}
