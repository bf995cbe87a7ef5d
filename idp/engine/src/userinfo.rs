//! The userinfo endpoint, OpenID Connect Core 1.0 section 5.3.

use crate::Engine;
use crate::api::{BackChannelCall, CallFault, EngineFault, JsonAnswer, RequestContext};

impl Engine {
    /// `GET and POST /oauth2/userinfo`.
    ///
    /// # Errors
    /// [`CallFault`].
    pub async fn userinfo(
        &self,
        cx: &RequestContext,
        call: BackChannelCall<'_>,
    ) -> Result<JsonAnswer, CallFault> {
        let _ = (&self.ports, cx, call);
        Err(EngineFault::internal("not served by this build").into())
    }
}
