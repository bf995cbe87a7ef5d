//! `realmwright schemas`.

use anyhow::Context;

use crate::Outcome;
use crate::arguments::Schemas;
use crate::output::Output;

pub(crate) fn run(command: &Schemas, output: Output) -> anyhow::Result<Outcome> {
    let folder = &command.output;
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    for (name, schema) in realmwright_crds::json_schemas()? {
        let path = folder.join(format!("{name}.json"));
        let text = serde_json::to_string_pretty(&schema)? + "\n";
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        output.line(path.display());
    }
    Ok(Outcome::Good)
}
