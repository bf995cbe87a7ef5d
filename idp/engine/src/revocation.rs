//! Token revocation, RFC 7009.

use crate::Engine;
use crate::api::{BackChannelCall, CallFault, EngineFault, JsonAnswer, RequestContext};

impl Engine {
    /// `POST /oauth2/revoke`.
    ///
    /// # Errors
    /// [`CallFault`].
    pub async fn revoke(
        &self,
        cx: &RequestContext,
        call: BackChannelCall<'_>,
    ) -> Result<JsonAnswer, CallFault> {
        let _ = (&self.ports, cx, call);
        Err(EngineFault::internal("not served by this build").into())
    }
}
