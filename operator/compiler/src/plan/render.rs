//! A plan as text: for a terminal, and as Markdown for a pull request.

use std::fmt::Write as _;

use realmwright_snapshot::ClientId;

use super::changes::{Change, Evidence, subject};
use super::fields::FieldChange;
use super::witness::Witness;
use super::{Plan, RealmPlan, Standing, Verdict};
use crate::diagnostics::{Colour, Painter};

const BOLD: &str = "\u{1b}[1m";
const RED: &str = "\u{1b}[1;31m";
const FAINT: &str = "\u{1b}[2m";

/// A longer value of a field is cut.
const LONGEST_VALUE: usize = 200;

/// So many changes are told in brief; the rest is counted.
const MOST_BRIEF: usize = 20;

/// So many objects that nobody notices are named; the rest is counted.
const MOST_NAMED: usize = 5;

/// So many fields are listed; the rest is counted.
const MOST_FIELDS: usize = 100;

/// The plan for a terminal.
#[must_use]
pub fn human(plan: &Plan, colour: Colour) -> String {
    let painter = Painter::new(colour);
    let mut out = String::new();
    for realm in &plan.realms {
        let title = format!("{} in {}", realm.realm, realm.region);
        let standing = standing(realm.standing);
        let _ = writeln!(out, "{}{standing}\n", painter.paint(BOLD, &title));
        for change in realm.shown() {
            human_change(&mut out, change, &painter);
        }
        for line in unfound(realm) {
            let _ = writeln!(out, "{}", painter.paint(FAINT, &format!("  ?      {line}")));
        }
        if realm.changes.is_empty() {
            out.push_str("  nothing that people or applications notice\n");
        }
        if !realm.fields.is_empty() {
            out.push('\n');
        }
        for field in realm.fields.iter().take(MOST_FIELDS) {
            let _ = writeln!(
                out,
                "{}",
                painter.paint(FAINT, &format!("  {}", field_line(field)))
            );
        }
        if let Some(more) = more_fields(realm) {
            let _ = writeln!(out, "{}", painter.paint(FAINT, &format!("  {more}")));
        }
        out.push('\n');
    }
    let _ = writeln!(out, "{}", verdict_line(plan));
    out
}

/// What a plan says in one line for each change, for whoever watches edits; the rest is counted.
#[must_use]
pub fn brief(plan: &Plan, colour: Colour) -> String {
    let painter = Painter::new(colour);
    let mut out = String::new();
    let changes: Vec<&Change> = plan.realms.iter().flat_map(RealmPlan::shown).collect();
    for change in changes.iter().take(MOST_BRIEF) {
        change_line(&mut out, change, &painter);
    }
    let more = changes.len().saturating_sub(MOST_BRIEF);
    let unfound = plan.realms.iter().flat_map(|realm| &realm.changes).count() - changes.len();
    let rest = match (changes.len(), more, unfound) {
        (0, _, 0) => unnoticed(plan),
        (_, 0, 0) => return out,
        (_, 0, unfound) => format!("{unfound} more may differ; nobody was found for whom they do"),
        (_, more, unfound) => format!("and {} more; `realmwright plan` says all", more + unfound),
    };
    let _ = writeln!(out, "  {}", painter.paint(FAINT, &format!("       {rest}")));
    out
}

fn unnoticed(plan: &Plan) -> String {
    let objects: Vec<String> = plan.realms.iter().flat_map(RealmPlan::objects).collect();
    let named: Vec<&str> = objects
        .iter()
        .take(MOST_NAMED)
        .map(String::as_str)
        .collect();
    let named = named.join(", ");
    let nothing = "nothing that people or applications notice";
    match objects.len().saturating_sub(MOST_NAMED) {
        0 if objects.is_empty() => nothing.to_owned(),
        0 => format!("{nothing}: {named}"),
        more => format!("{nothing}: {named} and {more} more"),
    }
}

fn change_line(out: &mut String, change: &Change, painter: &Painter) {
    let mark = if change.risk.is_some() {
        painter.paint(RED, "risky")
    } else {
        "     ".to_owned()
    };
    let subject = subject(&change.applications);
    let _ = write!(
        out,
        "  {mark}  {}{}",
        painter.paint(BOLD, &subject),
        change.text
    );
    if let (Some(before), Some(after)) = (&change.before, &change.after) {
        let _ = write!(out, "  {before} -> {after}");
    }
    out.push('\n');
}

fn human_change(out: &mut String, change: &Change, painter: &Painter) {
    change_line(out, change, painter);
    if let Some(risk) = change.risk {
        let _ = writeln!(out, "         {risk}");
    }
    if let Some(Evidence::Witness(witness)) = &change.evidence {
        for line in witness_lines(witness, change) {
            let _ = writeln!(out, "{}", painter.paint(FAINT, &format!("         {line}")));
        }
    }
}

fn witness_lines(witness: &Witness, change: &Change) -> [String; 3] {
    let application = if change.applications.len() > 1 {
        format!(" at {}", witness.application)
    } else {
        String::new()
    };
    let person = witness.person.as_deref();
    let who = person.unwrap_or("a token in its own name");
    [
        format!("for {who}{application}; {}", witness.request),
        format!("before: {}", witness.before),
        format!("after:  {}", witness.after),
    ]
}

/// The plan as Markdown, for a comment on a pull request.
#[must_use]
pub fn markdown(plan: &Plan) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "### Realmwright plan: {}\n", verdict_line(plan));
    for realm in &plan.realms {
        let _ = writeln!(
            out,
            "#### `{}` in `{}`{}\n",
            realm.realm,
            realm.region,
            standing(realm.standing)
        );
        for change in realm.shown() {
            markdown_change(&mut out, change);
        }
        for line in unfound(realm) {
            let _ = writeln!(out, "- _{}_", escape(&line));
        }
        if realm.changes.is_empty() {
            out.push_str("Nothing that people or applications notice.\n");
        }
        if !realm.fields.is_empty() {
            out.push_str("\n<details><summary>Fields</summary>\n\n```diff\n");
            for field in realm.fields.iter().take(MOST_FIELDS) {
                out.push_str(&field_diff(field));
            }
            out.push_str("```\n");
            if let Some(more) = more_fields(realm) {
                let _ = writeln!(out, "\n{more}");
            }
            out.push_str("</details>\n");
        }
        out.push('\n');
    }
    out
}

fn markdown_change(out: &mut String, change: &Change) {
    let mark = if change.risk.is_some() { "⚠️ " } else { "" };
    let subject = escape(&subject(&change.applications));
    let subject = subject.trim_end();
    let strong = if subject.is_empty() {
        String::new()
    } else {
        format!("**{subject}** ")
    };
    let _ = write!(out, "- {mark}{strong}{}", escape(&change.text));
    if let (Some(before), Some(after)) = (&change.before, &change.after) {
        let _ = write!(out, ": {} → {}", escape(before), escape(after));
    }
    if let Some(risk) = change.risk {
        let _ = write!(out, " — {risk}");
    }
    out.push('\n');
    if let Some(Evidence::Witness(witness)) = &change.evidence {
        for line in witness_lines(witness, change) {
            let _ = writeln!(out, "  - {}", escape(&line));
        }
    }
}

/// What a reviewer wrote into YAML must not become markup of the comment. Backquotes are ours.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '*' | '_' | '[' | ']' | '|' | '\\' | '#' | '@' => {
                escaped.push('\\');
                escaped.push(c);
            }
            '\n' | '\r' => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

const fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Added => "  (new)",
        Standing::Removed => "  (removed)",
        Standing::Kept => "",
    }
}

/// What may differ but was not seen to, in one line for the applications that it may differ for.
fn unfound(realm: &RealmPlan) -> Vec<String> {
    let mut lines: Vec<(&[ClientId], usize, Vec<&str>)> = Vec::new();
    for change in &realm.changes {
        let Some(Evidence::NoneFound { samples }) = change.evidence else {
            continue;
        };
        if change.risk.is_some() {
            continue;
        }
        let known = lines.iter_mut().find(|(applications, tried, _)| {
            **applications == *change.applications && *tried == samples
        });
        match known {
            Some((_, _, texts)) => texts.push(&change.text),
            None => lines.push((&change.applications, samples, vec![&change.text])),
        }
    }
    lines
        .into_iter()
        .map(|(applications, samples, texts)| {
            let found = if samples == 0 {
                "not searched".to_owned()
            } else {
                format!("nobody found in {samples} logins")
            };
            format!("{}{} ({found})", subject(applications), texts.join("; "))
        })
        .collect()
}

fn verdict_line(plan: &Plan) -> String {
    let changes = || plan.realms.iter().flat_map(|realm| &realm.changes);
    let risky = changes().filter(|change| change.risk.is_some()).count();
    let counted = match changes().count() {
        1 => "1 change".to_owned(),
        number => format!("{number} changes"),
    };
    match plan.verdict() {
        Verdict::Unchanged => "no changes".to_owned(),
        Verdict::Changed => format!("{counted}, none of them risky"),
        Verdict::Risky => format!("{counted}, {risky} risky"),
    }
}

fn field_name(field: &FieldChange) -> String {
    match field.field.as_str() {
        "" => field.object.clone(),
        name => format!("{}: {name}", field.object),
    }
}

fn value_text(value: Option<&serde_json::Value>) -> String {
    let text = value.map_or_else(|| "(nothing)".to_owned(), ToString::to_string);
    if text.chars().count() <= LONGEST_VALUE {
        return text;
    }
    let cut: String = text.chars().take(LONGEST_VALUE).collect();
    format!("{cut}…")
}

fn field_line(field: &FieldChange) -> String {
    let (before, after) = (
        value_text(field.before.as_ref()),
        value_text(field.after.as_ref()),
    );
    format!("{}  {before} -> {after}", field_name(field))
}

fn field_diff(field: &FieldChange) -> String {
    let name = field_name(field);
    let line = |mark: char, value: Option<&serde_json::Value>| {
        value.map_or_else(String::new, |value| {
            format!(
                "{mark} {name}: {}\n",
                value_text(Some(value)).replace("```", "'''")
            )
        })
    };
    line('-', field.before.as_ref()) + &line('+', field.after.as_ref())
}

fn more_fields(realm: &RealmPlan) -> Option<String> {
    let more = realm.fields.len().checked_sub(MOST_FIELDS + 1)? + 1;
    Some(format!("and {more} more fields; `--format json` lists all"))
}
