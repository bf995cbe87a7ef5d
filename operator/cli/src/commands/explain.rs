//! `realmwright explain`.

use anyhow::bail;
use realmwright_compiler::Code;
use serde_json::json;

use crate::Outcome;
use crate::arguments::{Explain, Format};
use crate::output::{BOLD, FAINT, Output};

pub(crate) fn run(command: &Explain, output: Output) -> anyhow::Result<Outcome> {
    if command.all {
        return all(output);
    }
    let text = command.code.as_deref().unwrap_or_default();
    let Some(code) = Code::find(&text.to_uppercase()) else {
        bail!("there is no diagnostic {text}; `realmwright explain --all` lists them");
    };
    let explanation = code.explanation();
    if output.format == Format::Json {
        output.json(&json!({
            "code": code.as_str(),
            "title": explanation.title,
            "text": explanation.text,
            "wrong": explanation.wrong,
            "right": explanation.right,
        }))?;
        return Ok(Outcome::Good);
    }
    output.line(format_args!(
        "{}  {}\n\n{}",
        output.paint(BOLD, code.as_str()),
        output.paint(BOLD, explanation.title),
        explanation.text
    ));
    for (word, example) in [("Wrong", explanation.wrong), ("Right", explanation.right)] {
        if !example.is_empty() {
            output.line(format_args!("\n{}\n", output.paint(FAINT, word)));
            for line in example.lines() {
                output.line(format_args!("    {line}"));
            }
        }
    }
    Ok(Outcome::Good)
}

fn all(output: Output) -> anyhow::Result<Outcome> {
    if output.format == Format::Json {
        let codes: Vec<_> = Code::ALL
            .iter()
            .map(|code| json!({"code": code.as_str(), "title": code.explanation().title}))
            .collect();
        output.json(&codes)?;
    } else {
        for code in Code::ALL {
            output.line(format_args!(
                "{}  {}",
                output.paint(BOLD, code.as_str()),
                code.explanation().title
            ));
        }
    }
    Ok(Outcome::Good)
}
