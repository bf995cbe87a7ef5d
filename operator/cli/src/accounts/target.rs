//! Where the realm is and as whom to speak.

use std::path::Path;

use anyhow::{Context, bail};
use secrecy::SecretString;
use url::Url;

use crate::arguments::Target;
use crate::dev::state::{Running, State};

/// Whom to speak to, and as whom.
#[derive(Debug)]
pub(crate) struct Credentials {
    pub(crate) issuer: Url,
    pub(crate) client_id: String,
    pub(crate) secret: SecretString,
}

impl Target {
    /// From the arguments, or from the state of `realmwright dev`.
    /// `realm` is the one that is meant where a folder has several.
    pub(crate) fn credentials(&self, realm: Option<&str>) -> anyhow::Result<Credentials> {
        if let Some(folder) = &self.dev {
            return of_folder(folder, realm);
        }
        let (Some(issuer), Some(client_id), Some(file)) =
            (&self.issuer, &self.client_id, &self.client_secret_file)
        else {
            bail!(
                "which realm? Say --dev and the folder that `realmwright dev` serves, or --issuer, \
                 --client-id and --client-secret-file"
            );
        };
        let secret = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        Ok(Credentials {
            issuer: issuer.clone(),
            client_id: client_id.clone(),
            secret: SecretString::from(secret.trim().to_owned()),
        })
    }
}

fn of_folder(folder: &Path, realm: Option<&str>) -> anyhow::Result<Credentials> {
    let state = State::of(folder);
    let running: Running = state
        .running()
        .with_context(|| format!("is `realmwright dev {}` running?", folder.display()))?;
    let mut realms = running
        .realms
        .iter()
        .filter(|served| realm.is_none_or(|realm| realm == served.id));
    let served = match (realms.next(), realms.next()) {
        (Some(served), None) => served,
        (None, _) => bail!("no such realm is served from {}", folder.display()),
        (Some(_), Some(_)) => bail!("several realms are served: say --realm"),
    };
    let Some(client) = &served.accounts_client else {
        bail!(
            "realm {} has no client for this: one with the grant client_credentials, a secret and \
             the scope realmwright:accounts",
            served.id
        );
    };
    Ok(Credentials {
        issuer: served.issuer.clone(),
        client_id: client.clone(),
        secret: state.client_secret(&served.id, client)?,
    })
}
