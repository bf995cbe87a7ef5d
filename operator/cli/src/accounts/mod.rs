//! `realmwright accounts`: people's accounts through the REST API.

pub(crate) mod api;
mod import;
pub(crate) mod living;
mod rules;
mod show;
mod target;

use std::io::{BufRead, IsTerminal, Write};

use anyhow::{Context, bail};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::Outcome;
use crate::arguments::{Accounts, AccountsCommand, Assignment, Format};
use crate::output::{BOLD, GOOD, Output};
use api::Api;

pub(crate) fn run(command: Accounts, output: Output) -> anyhow::Result<Outcome> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let mut api = Api::connect(&command.target, command.realm.as_deref()).await?;
            execute(&mut api, command.command, output).await
        })
}

async fn execute(
    api: &mut Api,
    command: AccountsCommand,
    output: Output,
) -> anyhow::Result<Outcome> {
    match command {
        AccountsCommand::Create {
            attributes,
            roles,
            groups,
            password_stdin,
            must_change,
        } => {
            let mut account = json!({
                "attributes": values(&attributes),
                "roles": roles,
                "groups": groups,
            });
            if password_stdin && let Some(account) = account.as_object_mut() {
                account.insert(
                    "password".to_owned(),
                    json!({"value": read_password()?, "mustChange": must_change}),
                );
            }
            let created = api.send(Method::POST, &[], Some(&account)).await?;
            show::account(&created, output)?;
        }
        AccountsCommand::Find { attributes, limit } => {
            return find(api, &attributes, limit, output).await;
        }
        AccountsCommand::Show { sub } => {
            let Some(account) = api.find(&[&sub]).await? else {
                return absent(&sub, output);
            };
            show::account(&account, output)?;
        }
        AccountsCommand::Set { sub, attributes } => {
            let change = json!({"attributes": values(&attributes)});
            let Some(account) = api.change(Method::PATCH, &[&sub], Some(&change)).await? else {
                return absent(&sub, output);
            };
            show::account(&account, output)?;
        }
        AccountsCommand::Password { sub, must_change } => {
            let password = json!({"value": read_password()?, "mustChange": must_change});
            let path = [sub.as_str(), "password"];
            return done(
                api,
                Method::PUT,
                &path,
                Some(&password),
                "password set",
                output,
            )
            .await;
        }
        AccountsCommand::Import {
            file,
            keep_going,
            restart,
        } => {
            let settings = import::Settings {
                file: &file,
                on_refusal: if keep_going {
                    import::OnRefusal::GoOn
                } else {
                    import::OnRefusal::Stop
                },
                begin: if restart {
                    import::Begin::AtFirst
                } else {
                    import::Begin::WhereStopped
                },
            };
            return import::run(api, &settings, output).await;
        }
        AccountsCommand::Lock { sub } => return state(api, &sub, "locked", output).await,
        AccountsCommand::Unlock { sub } => return state(api, &sub, "active", output).await,
        AccountsCommand::Sessions { sub } => {
            let Some(sessions) = api.find(&[&sub, "sessions"]).await? else {
                return absent(&sub, output);
            };
            show::sessions(&sessions, output)?;
        }
        AccountsCommand::EndSession { sub, session } => {
            if session.is_none() && !has_sessions(api, &sub).await? {
                return nothing_there(&sub, "has no session", output);
            }
            let mut path = vec![sub.as_str(), "sessions"];
            path.extend(session.as_deref());
            return done(api, Method::DELETE, &path, None, "ended", output).await;
        }
        AccountsCommand::ResetFactor { sub, kind } => {
            if has_credential(api, &sub, &kind).await? == Some(false) {
                return nothing_there(&sub, &format!("has no {kind}"), output);
            }
            let path = [sub.as_str(), "credentials", kind.as_str()];
            return done(api, Method::DELETE, &path, None, "removed", output).await;
        }
        AccountsCommand::Erase { sub, yes } => {
            if !yes {
                confirm(&sub)?;
            }
            return done(api, Method::DELETE, &[&sub], None, "erased", output).await;
        }
        AccountsCommand::Export { sub } => {
            let Some(export) = api.find(&[&sub, "export"]).await? else {
                return absent(&sub, output);
            };
            output.json(&export)?;
        }
    }
    Ok(Outcome::Good)
}

async fn find(
    api: &mut Api,
    attributes: &[Assignment],
    limit: u32,
    output: Output,
) -> anyhow::Result<Outcome> {
    let page = api.search(attributes, limit).await?;
    let items = page
        .get("items")
        .and_then(Value::as_array)
        .context("the answer holds no list of accounts")?;
    if output.format == Format::Json {
        output.json(&items)?;
    } else {
        for account in items {
            show::row(account, output);
        }
        let more = if page.get("next").is_some_and(|next| !next.is_null()) {
            ", and more"
        } else {
            ""
        };
        output.line(format_args!("{} found{more}", items.len()));
    }
    Ok(if items.is_empty() {
        Outcome::Wrong
    } else {
        Outcome::Good
    })
}

async fn state(api: &mut Api, sub: &str, state: &str, output: Output) -> anyhow::Result<Outcome> {
    let change = json!({"state": state});
    done(api, Method::PATCH, &[sub], Some(&change), state, output).await
}

async fn done(
    api: &mut Api,
    method: Method,
    path: &[&str],
    body: Option<&Value>,
    word: &str,
    output: Output,
) -> anyhow::Result<Outcome> {
    let sub = path.first().copied().unwrap_or_default();
    if api.change(method, path, body).await?.is_none() {
        return absent(sub, output);
    }
    if output.format == Format::Json {
        output.json(&json!({"sub": sub, "done": word}))?;
    } else {
        output.line(format_args!(
            "{} {}",
            output.paint(BOLD, sub),
            output.paint(GOOD, word)
        ));
    }
    Ok(Outcome::Good)
}

/// Whether somebody is logged in; also yes of nobody, whom the API then does not find.
async fn has_sessions(api: &mut Api, sub: &str) -> anyhow::Result<bool> {
    let sessions = api.find(&[sub, "sessions"]).await?;
    let items = sessions
        .as_ref()
        .and_then(|sessions| sessions.get("items"))
        .and_then(Value::as_array);
    Ok(items.is_none_or(|items| !items.is_empty()))
}

/// Whether an account has a credential of a kind; none when there is no account.
async fn has_credential(api: &mut Api, sub: &str, kind: &str) -> anyhow::Result<Option<bool>> {
    let Some(account) = api.find(&[sub]).await? else {
        return Ok(None);
    };
    let credentials = account.get("credentials").and_then(Value::as_array);
    let mut kinds = credentials
        .into_iter()
        .flatten()
        .filter_map(|credential| credential.get("kind")?.as_str());
    Ok(Some(kinds.any(|found| found == kind)))
}

/// The account is there, but not what was to be taken away.
fn nothing_there(sub: &str, what: &str, output: Output) -> anyhow::Result<Outcome> {
    if output.format == Format::Json {
        output.json(&json!({"error": what, "sub": sub}))?;
    } else {
        output.line(format_args!("{} {what}", output.paint(BOLD, sub)));
    }
    Ok(Outcome::Wrong)
}

fn absent(sub: &str, output: Output) -> anyhow::Result<Outcome> {
    if output.format == Format::Json {
        output.json(&json!({"error": "not found", "sub": sub}))?;
    } else {
        output.line(format_args!(
            "there is no account, or no such part of it: {sub}"
        ));
    }
    Ok(Outcome::Wrong)
}

/// Attributes as JSON: a name that is repeated gives a list, an empty value null. Text that is a
/// whole number or a boolean stays text; the server converts by the realm's schema.
fn values(assignments: &[Assignment]) -> Map<String, Value> {
    let mut map = Map::new();
    for Assignment { name, value } in assignments {
        let value = if value.is_empty() {
            Value::Null
        } else {
            Value::from(value.as_str())
        };
        match map.get_mut(name) {
            None => {
                map.insert(name.clone(), value);
            }
            Some(Value::Array(list)) => list.push(value),
            Some(first) => *first = json!([first.take(), value]),
        }
    }
    map
}

/// One line from standard input, or from the terminal without showing it; never from the arguments,
/// which every process can read.
fn read_password() -> anyhow::Result<String> {
    let stdin = std::io::stdin();
    let line = if stdin.is_terminal() {
        rpassword::prompt_password("Password (not shown): ")?
    } else {
        let mut line = String::new();
        stdin.lock().read_line(&mut line)?;
        line
    };
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        bail!("no password was given");
    }
    Ok(password.to_owned())
}

fn confirm(sub: &str) -> anyhow::Result<()> {
    if !std::io::stdin().is_terminal() {
        bail!("erasing has no way back: say --yes");
    }
    eprint!("Erase {sub} and everything about it? Type the identifier again: ");
    std::io::stderr().flush()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    if line.trim() != sub {
        bail!("nothing was erased");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(texts: &[&str]) -> Value {
        let assignments: Vec<Assignment> = texts.iter().map(|text| text.parse().unwrap()).collect();
        Value::Object(values(&assignments))
    }

    #[test]
    fn assignments_become_attributes() {
        assert_eq!(
            parse(&["email=a@b", "tag=x", "tag=y", "tag=z", "phone="]),
            json!({"email": "a@b", "tag": ["x", "y", "z"], "phone": null})
        );
    }
}
