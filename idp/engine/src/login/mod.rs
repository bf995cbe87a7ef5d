//! Logins under way.

use realmwright_store::LoginId;

use crate::Engine;
use crate::api::{Answer, Cookies, EngineFault, Reply, RequestContext};

impl Engine {
    /// `POST /login`: the first answer, to a page whose request travelled sealed.
    ///
    /// # Errors
    /// [`EngineFault`]; a wrong answer shows the step again.
    pub async fn begin_login(
        &self,
        cx: &RequestContext,
        sealed: &str,
        answer: Answer,
        cookies: &Cookies,
    ) -> Result<Reply, EngineFault> {
        let _ = (&self.ports, cx, sealed, answer, cookies);
        Err(EngineFault::internal("not served by this build"))
    }

    /// `GET /login/{id}`: the current step.
    ///
    /// # Errors
    /// [`EngineFault`].
    pub async fn show_login(
        &self,
        cx: &RequestContext,
        login: LoginId,
        cookies: &Cookies,
    ) -> Result<Reply, EngineFault> {
        let _ = (&self.ports, cx, login, cookies);
        Err(EngineFault::internal("not served by this build"))
    }

    /// `POST /login/{id}`: an answer to the step with this version. An answer to another step
    /// shows the current one.
    ///
    /// # Errors
    /// [`EngineFault`]; a wrong answer shows the step again.
    pub async fn submit_login(
        &self,
        cx: &RequestContext,
        login: LoginId,
        version: i64,
        answer: Answer,
        cookies: &Cookies,
    ) -> Result<Reply, EngineFault> {
        let _ = (&self.ports, cx, login, version, answer, cookies);
        Err(EngineFault::internal("not served by this build"))
    }
}
