//! The token endpoint.

use crate::Engine;
use crate::api::{BackChannelCall, CallFault, EngineFault, JsonAnswer, RequestContext};

impl Engine {
    /// `POST /oauth2/token`.
    ///
    /// # Errors
    /// [`CallFault`].
    pub async fn token(
        &self,
        cx: &RequestContext,
        call: BackChannelCall<'_>,
    ) -> Result<JsonAnswer, CallFault> {
        let _ = (&self.ports, cx, call);
        Err(EngineFault::internal("not served by this build").into())
    }
}
