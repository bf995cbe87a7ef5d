//! Writes `crds/yaml/*.yaml`, `crds/json/*.json` and `docs/reference/resources.md` from the resource types. A test
//! refuses a checkout in which they are not current.

use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = package.join("yaml");
    fs::create_dir_all(&folder)?;
    for (name, yaml) in realmwright_crds::crds()? {
        fs::write(folder.join(format!("{name}.yaml")), yaml)?;
    }
    let folder = package.join("json");
    fs::create_dir_all(&folder)?;
    for (name, schema) in realmwright_crds::json_schemas()? {
        let text = serde_json::to_string_pretty(&schema)? + "\n";
        fs::write(folder.join(format!("{name}.json")), text)?;
    }
    let reference = package.join("../docs/reference");
    fs::create_dir_all(&reference)?;
    fs::write(
        reference.join("resources.md"),
        realmwright_crds::reference::markdown(),
    )?;
    Ok(())
}
