//! Token introspection, RFC 7662.

use crate::Engine;
use crate::api::{BackChannelCall, CallFault, EngineFault, JsonAnswer, RequestContext};

impl Engine {
    /// `POST /oauth2/introspect`.
    ///
    /// # Errors
    /// [`CallFault`].
    pub async fn introspect(
        &self,
        cx: &RequestContext,
        call: BackChannelCall<'_>,
    ) -> Result<JsonAnswer, CallFault> {
        let _ = (&self.ports, cx, call);
        Err(EngineFault::internal("not served by this build").into())
    }
}
