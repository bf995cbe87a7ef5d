//! `realmwright why-denied`: a recorded refusal of a served realm, at the place where its rule is
//! written.

mod show;

use anyhow::Context;
use realmwright_compiler::why::{ExplainedRule, explain};
use realmwright_compiler::{CompileProfile, Location};
use realmwright_decision::why::RefusalRecord;
use realmwright_snapshot::{ClientId, Digest, Locale, RealmId, RealmSnapshot, RegionName, Sealer};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::Outcome;
use crate::accounts::api::Api;
use crate::arguments::{Format, Target, WhyDenied};
use crate::output::Output;
use crate::reports::Place;
use crate::sides::{self, Side};

/// What the realm has recorded, as far as it is looked at here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Denial {
    pub(crate) id: String,
    pub(crate) at: jiff::Timestamp,
    pub(crate) realm: RealmId,
    pub(crate) region: RegionName,
    pub(crate) client: ClientId,
    pub(crate) sub: Option<String>,
    pub(crate) digest: String,
    pub(crate) class: String,
    #[serde(flatten)]
    pub(crate) record: RefusalRecord,
}

/// How a configuration relates to the one that refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Compared {
    /// None was named.
    Nothing,
    /// The very same.
    Same,
    /// The realm is not in it, or does not compile.
    NoRealm,
    /// Another one, of this digest.
    Other(String),
}

/// A rule, and where it is written.
pub(crate) struct Found {
    pub(crate) rule: ExplainedRule,
    pub(crate) place: Option<Place>,
}

/// Everything that is known of a refusal.
pub(crate) struct Finding<'a> {
    pub(crate) denial: &'a Denial,
    /// The configuration, as it was named.
    pub(crate) name: &'a str,
    pub(crate) compared: Compared,
    pub(crate) rules: Vec<Found>,
    /// The realm's own language.
    pub(crate) locale: Locale,
}

pub(crate) fn run(command: &WhyDenied, output: Output) -> anyhow::Result<Outcome> {
    let asked = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let mut api = Api::connect(&command.target, command.realm.as_deref()).await?;
            let found = api.denial(&command.id).await?;
            anyhow::Ok(found.map(|answer| (answer, api.issuer().clone())))
        })?;
    let Some((answer, issuer)) = asked else {
        return unknown(&command.id, output);
    };
    let denial: Denial = serde_json::from_value(answer.clone())
        .context("the realm answers in another form: is it of another version?")?;
    let of_dev = command.target.dev.as_ref();
    let of_dev = of_dev.map(|folder| folder.to_string_lossy().into_owned());
    let name = command.configuration.clone().or(of_dev);
    let side = name
        .as_deref()
        .map(|name| sides::served(name, &profile(&command.target, &issuer)?))
        .transpose()?;
    let finding = find(&denial, name.as_deref().unwrap_or_default(), side.as_ref())?;
    if output.format == Format::Json {
        output.json(&as_json(&answer, &finding))?;
    } else {
        output.text(show::human(&finding, output));
    }
    Ok(Outcome::Good)
}

fn unknown(id: &str, output: Output) -> anyhow::Result<Outcome> {
    if output.format == Format::Json {
        output.json(&json!({"error": "not found", "id": id}))?;
    } else {
        output.line(format_args!(
            "this realm has no refusal {id}: it may be misread, of another realm, or no longer \
             kept; the log of the pod has its line under error.id"
        ));
    }
    Ok(Outcome::Wrong)
}

/// As what the realm was compiled, so that the digests can be compared.
fn profile(target: &Target, issuer: &Url) -> anyhow::Result<CompileProfile> {
    if target.dev.is_none() && issuer.scheme() == "https" {
        return Ok(CompileProfile::Production);
    }
    let origin = issuer.origin().ascii_serialization();
    Ok(CompileProfile::Dev {
        origin: Url::parse(&origin)?,
    })
}

fn find<'a>(denial: &'a Denial, name: &'a str, side: Option<&Side>) -> anyhow::Result<Finding<'a>> {
    let why = &denial.record.why;
    let realm = side.and_then(|side| realm_of(denial, side));
    let compared = match (side, realm) {
        (None, _) => Compared::Nothing,
        (Some(_), None) => Compared::NoRealm,
        (Some(_), Some(realm)) => {
            let digest = digest(realm)?.to_string();
            if digest == denial.digest {
                Compared::Same
            } else {
                Compared::Other(digest)
            }
        }
    };
    let rules = explain(why, &denial.client, realm);
    let found = rules.into_iter().map(|rule| Found {
        place: side.and_then(|side| place(denial, side, &rule)),
        rule,
    });
    Ok(Finding {
        denial,
        name,
        compared,
        rules: found.collect(),
        locale: realm.map_or_else(
            || Locale::from("en"),
            |realm| realm.core.locales.default.clone(),
        ),
    })
}

fn realm_of<'a>(denial: &Denial, side: &'a Side) -> Option<&'a RealmSnapshot> {
    let mut realms = side.snapshots.iter().map(AsRef::as_ref);
    realms.find(|realm: &&RealmSnapshot| {
        realm.core.id == denial.realm && realm.core.region == denial.region
    })
}

fn digest(realm: &RealmSnapshot) -> anyhow::Result<Digest> {
    let sealed = Sealer::default().seal(realm);
    Ok(sealed.context("the realm cannot be sealed")?.digest)
}

fn place(denial: &Denial, side: &Side, rule: &ExplainedRule) -> Option<Place> {
    let compiled = side.compiled.as_ref()?;
    let mut realms = compiled.compilation.realms.iter();
    let realm = realms.find(|one| one.id == denial.realm && one.region == denial.region)?;
    let why = &denial.record.why;
    let location: Location = compiled
        .compiler
        .place_of_rule(realm, why, &denial.client, rule)?;
    Some(Place::new(&compiled.root, &location))
}

/// What the realm answered, and beside it what the configuration says.
fn as_json(answer: &Value, finding: &Finding<'_>) -> Value {
    let (compared, digest) = match &finding.compared {
        Compared::Nothing => ("none", None),
        Compared::Same => ("same", Some(&finding.denial.digest)),
        Compared::NoRealm => ("withoutRealm", None),
        Compared::Other(digest) => ("other", Some(digest)),
    };
    let rules = finding.rules.iter().map(|found| {
        let mut rule = json!(found.rule);
        if let (Some(rule), Some(place)) = (rule.as_object_mut(), &found.place) {
            rule.insert("file".to_owned(), json!(place.file));
            rule.insert("line".to_owned(), json!(place.line));
        }
        rule
    });
    json!({
        "denial": answer,
        "configuration": {"compared": compared, "digest": digest},
        "rules": rules.collect::<Vec<_>>(),
    })
}
