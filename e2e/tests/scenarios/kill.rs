//! SIGKILL between any two requests of a login: nothing that was acknowledged is lost (design.md
//! promise 7), on either database.

use url::Url;

use crate::journey::{Site, a_lockout_holds, a_login_goes_on};
use crate::support::dev::Dev;
use crate::support::network::Network;
use crate::support::pods::Pods;

/// Dies before every request.
struct Killed<S>(S);

impl Site for Killed<Dev> {
    fn issuer(&self) -> Url {
        self.0.issuer.clone()
    }

    fn network(&self) -> Network {
        Network::default()
    }

    fn disturb(&mut self) {
        self.0.kill_and_restart();
    }
}

impl Site for Killed<Pods> {
    fn issuer(&self) -> Url {
        self.0.issuer().clone()
    }

    fn network(&self) -> Network {
        self.0.network()
    }

    fn disturb(&mut self) {
        self.0.kill_and_restart();
    }
}

#[tokio::test]
async fn a_login_survives_kills_over_sqlite() {
    a_login_goes_on(&mut Killed(Dev::start())).await;
}

#[tokio::test]
async fn a_login_survives_kills_over_postgresql() {
    a_login_goes_on(&mut Killed(Pods::start(1))).await;
}

#[tokio::test]
async fn a_lockout_survives_kills_over_sqlite() {
    a_lockout_holds(&mut Killed(Dev::start())).await;
}

#[tokio::test]
async fn a_lockout_survives_kills_over_postgresql() {
    a_lockout_holds(&mut Killed(Pods::start(1))).await;
}
