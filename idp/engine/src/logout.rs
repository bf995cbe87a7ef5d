//! RP-initiated logout, OpenID Connect RP-Initiated Logout 1.0.

use crate::Engine;
use crate::api::{Cookies, EngineFault, Reply, RequestContext};

/// What a person answered to the confirmation of a logout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoutAnswer {
    /// End the session.
    LogOut,
    /// Stay.
    Stay,
}

impl Engine {
    /// `GET` and `POST /oauth2/logout`: `parameters` is the raw query or form body.
    ///
    /// # Errors
    /// [`EngineFault`].
    pub async fn logout(
        &self,
        cx: &RequestContext,
        parameters: &str,
        cookies: &Cookies,
    ) -> Result<Reply, EngineFault> {
        let _ = (&self.ports, cx, parameters, cookies);
        Err(EngineFault::internal("not served by this build"))
    }

    /// The answer to [`crate::Step::ConfirmLogout`].
    ///
    /// # Errors
    /// [`EngineFault`].
    pub async fn confirm_logout(
        &self,
        cx: &RequestContext,
        sealed: &str,
        answer: LogoutAnswer,
        cookies: &Cookies,
    ) -> Result<Reply, EngineFault> {
        let _ = (&self.ports, cx, sealed, answer, cookies);
        Err(EngineFault::internal("not served by this build"))
    }
}
