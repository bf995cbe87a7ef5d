//! What `keys` prints, and `dev` where keys were replaced.

use anyhow::Result;
use jiff::Timestamp;
use realmwright_keys::{KeyStanding, Keyring, Rotation, Standing};
use serde::Serialize;

use super::replace::{Cause, Replaced, ReplacedKey};
use crate::arguments::Format;
use crate::output::{BAD, BOLD, FAINT, GOOD, Output};

#[derive(Serialize)]
struct Row<'k> {
    realm: &'k str,
    #[serde(flatten)]
    key: KeyStanding,
}

pub(super) fn keyrings(keyrings: &[Keyring], now: Timestamp, output: Output) -> Result<()> {
    if output.format == Format::Json {
        let rows: Vec<Row<'_>> = keyrings
            .iter()
            .flat_map(|keyring| {
                let realm = keyring.realm.as_str();
                let keys = keyring.standings(now).into_iter();
                keys.map(move |key| Row { realm, key })
            })
            .collect();
        return output.json(&rows);
    }
    for keyring in keyrings {
        output.line(output.paint(BOLD, &keyring.realm));
        let mut keys = keyring.standings(now);
        keys.sort_by_key(|key| key.purpose);
        let width = |text: fn(&KeyStanding) -> String| {
            let lengths = keys.iter().map(|key| text(key).len());
            lengths.max().unwrap_or_default()
        };
        let purposes = width(|key| key.purpose.to_string());
        let kids = width(|key| key.kid.to_string());
        for key in &keys {
            output.line(format_args!(
                "  {:purposes$}  {:kids$}  {}",
                key.purpose.to_string(),
                key.kid.to_string(),
                doing(key, output),
            ));
        }
    }
    Ok(())
}

fn doing(key: &KeyStanding, output: Output) -> String {
    let from = |word: &str, at: Option<Timestamp>| {
        at.map_or_else(String::new, |at| format!(" {word} {at:.0}"))
    };
    match key.standing {
        Standing::Upcoming if key.used_from.is_none() => {
            format!("published {:.0}, not in use yet", key.published_at)
        }
        Standing::Upcoming => format!(
            "published {:.0}{}",
            key.published_at,
            from("and in use from", key.used_from)
        ),
        Standing::InUse => {
            let since = from("since", key.used_from);
            format!("{}{since}", output.paint(GOOD, "in use"))
        }
        Standing::Former => {
            let until = from("until", key.accepted_until);
            output.paint(FAINT, format_args!("accepted{until}, used no more"))
        }
    }
}

/// What the command says that asked for it.
pub(super) fn replaced(replaced: &Replaced, output: Output) -> Result<()> {
    if output.format == Format::Json {
        return output.json(replaced);
    }
    lines(replaced, output);
    Ok(())
}

/// What the `dev` says that was asked.
pub(crate) fn told(replaced: &Replaced, output: Output) {
    if output.format == Format::Json {
        output.line(serde_json::json!({"keysReplaced": replaced}));
    } else {
        lines(replaced, output);
    }
}

fn lines(replaced: &Replaced, output: Output) {
    for key in &replaced.keys {
        line(replaced, key, output);
    }
}

fn line(replaced: &Replaced, key: &ReplacedKey, output: Output) {
    let realm = output.paint(BOLD, &replaced.realm);
    let (purpose, former) = (key.purpose, &key.former);
    let successor = key.successor.as_ref().map_or_else(String::new, |kid| {
        match (replaced.cause, key.used_from) {
            (Cause::Compromised, _) => format!("; {kid} is used at once"),
            (Cause::Planned, Some(at)) if purpose.rotation() == Rotation::Published => {
                format!("; {kid} is published, and used from {at:.0}")
            }
            (Cause::Planned, Some(at)) => format!("; {kid} is used from {at:.0}"),
            (Cause::Planned, None) => {
                format!("; {kid} waits until `realmwright dev` serves the folder")
            }
        }
    });
    let word = match replaced.cause {
        Cause::Planned => output.paint(GOOD, "rotating"),
        Cause::Compromised => output.paint(BAD, "compromised"),
    };
    output.line(format_args!(
        "{word} {realm}  {purpose} {former}{successor}"
    ));
    if replaced.cause == Cause::Compromised {
        output.line(format_args!("  {}", key.ends()));
    }
}
