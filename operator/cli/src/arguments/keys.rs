//! What may be typed after `keys`.

use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{Args, Subcommand, ValueEnum};
use realmwright_keys::{KeyId, Purpose};
use realmwright_snapshot::RealmId;
use serde::{Deserialize, Serialize};

#[derive(Debug, Args)]
pub(crate) struct Keys {
    #[command(subcommand)]
    pub(crate) command: KeysCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Say of every key what it is for, what it does and until when. Never the key itself.
    #[command(after_help = "Example:
  realmwright keys list examples/quickstart")]
    List {
        /// Folder that `realmwright dev` serves, or served.
        folder: PathBuf,
        /// Realm, as namespace.name; all when left out.
        #[arg(long)]
        realm: Option<RealmId>,
    },
    /// Replace keys before their time.
    Rotate(KeysRotate),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Nobody notices a planned rotation: the new key is published at once and used after the realm's
publishAhead; what the former one signed is good to its end. A compromised key goes at once: every
token that it signed is refused, and applications refuse new ones until they fetch the JWKS again.

A `realmwright dev` that runs on the folder is asked to do it; without one the state is changed, and
the next `dev` serves it.

Examples:
  realmwright keys rotate examples/quickstart
  realmwright keys rotate config/ --realm identity.main --purpose seal
  realmwright keys rotate config/ --realm identity.main --key jZ8vK2... --compromised"
)]
pub(crate) struct KeysRotate {
    /// Folder that `realmwright dev` serves, or served.
    pub(crate) folder: PathBuf,

    /// Realm, as namespace.name, where there are several.
    #[arg(long)]
    pub(crate) realm: Option<RealmId>,

    /// What the keys are for: those in use are replaced, for `sign` one for each algorithm.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) purpose: PurposeName,

    /// This key alone, as `keys list` names it.
    #[arg(long, value_name = "KID", conflicts_with = "purpose", value_parser = key_id)]
    pub(crate) key: Option<KeyId>,

    /// Somebody else knows the key: it goes at once, with all that it signed.
    #[arg(long)]
    pub(crate) compromised: bool,
}

fn key_id(text: &str) -> Result<KeyId, std::convert::Infallible> {
    Ok(KeyId::new(text))
}

/// What a key is for, whatever its algorithm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
pub(crate) enum PurposeName {
    /// Signs tokens; a key for each algorithm.
    #[default]
    Sign,
    /// Decrypts what is encrypted to the realm.
    Encrypt,
    /// Seals what travels through a browser.
    Seal,
    /// Encrypts fields at rest.
    DataKey,
    /// Makes look-up values; replaced only by a migration.
    BlindIndex,
    /// Derives pairwise subjects; replaced only by a migration.
    Pairwise,
    /// Keys the hashes of secrets; replaced only by a migration.
    Pepper,
}

impl PurposeName {
    /// Whether a purpose has this name.
    pub(crate) const fn names(self, purpose: Purpose) -> bool {
        matches!(
            (self, purpose),
            (Self::Sign, Purpose::Sign { .. })
                | (Self::Encrypt, Purpose::Encrypt)
                | (Self::Seal, Purpose::Seal)
                | (Self::DataKey, Purpose::DataKey)
                | (Self::BlindIndex, Purpose::BlindIndex)
                | (Self::Pairwise, Purpose::Pairwise)
                | (Self::Pepper, Purpose::Pepper)
        )
    }
}

impl std::fmt::Display for PurposeName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", PossibleValue::get_name))
    }
}
