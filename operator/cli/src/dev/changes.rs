//! What an edit does, in the words of the plan, told once it is live. A plan may look for people for
//! seconds: it is made beside the edits and never in their way.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use realmwright_compiler::plan::{Plan, RealmPlan, brief, plan};
use realmwright_snapshot::{Digest, RealmId, RealmSnapshot};

use crate::arguments::Format;
use crate::output::Output;

/// A realm that was served and is served otherwise now.
#[derive(Debug)]
pub(crate) struct Edited {
    pub(crate) realm: RealmId,
    pub(crate) digest: Digest,
    pub(crate) former: Arc<RealmSnapshot>,
    pub(crate) now: Arc<RealmSnapshot>,
}

/// Tells what edits do, one after the other, in a thread that ends with its last sender.
pub(crate) fn teller(output: Output) -> Sender<Edited> {
    let (sender, edits) = channel::<Edited>();
    std::thread::spawn(move || {
        for edited in edits {
            match plan(&[Arc::clone(&edited.former)], &[Arc::clone(&edited.now)]) {
                Ok(plan) => tell(&edited, &plan, output),
                Err(fault) => output.failure(&fault.into()),
            }
        }
    });
    sender
}

fn tell(edited: &Edited, plan: &Plan, output: Output) {
    if output.format != Format::Json {
        return output.text(brief(plan, output.colour));
    }
    let changes = plan.realms.iter().flat_map(RealmPlan::shown);
    let changes: Vec<_> = changes
        .map(|change| serde_json::json!({"text": change.words(), "risk": change.risk}))
        .collect();
    // What nobody notices has no words but its name.
    let objects = plan.realms.iter().filter(|_| changes.is_empty());
    let objects: Vec<_> = objects.flat_map(RealmPlan::objects).collect();
    let told = serde_json::json!({"changed": {
        "realm": edited.realm,
        "digest": edited.digest,
        "verdict": plan.verdict(),
        "changes": changes,
        "objects": objects,
    }});
    output.line(told);
}
