//! The authorization endpoint.

use crate::Engine;
use crate::api::{Cookies, EngineFault, Reply, RequestContext};

impl Engine {
    /// `GET` and `POST /oauth2/authorize`: `parameters` is the raw query or form body.
    ///
    /// # Errors
    /// [`EngineFault`]; everything wrong with the request is an answer.
    pub async fn authorize(
        &self,
        cx: &RequestContext,
        parameters: &str,
        cookies: &Cookies,
    ) -> Result<Reply, EngineFault> {
        let _ = (&self.ports, cx, parameters, cookies);
        Err(EngineFault::internal("not served by this build"))
    }
}
