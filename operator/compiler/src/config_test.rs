//! Config tests: `RealmTest` cases on the decision crate that also serves.

use realmwright_crds::RealmTestSpec;
use realmwright_snapshot::RealmSnapshot;

use crate::compiler::TestResult;
use crate::fault::Report;
use crate::index::Typed;
use crate::lower::Context;

pub(crate) fn run(
    _context: &Context<'_>,
    _snapshot: &RealmSnapshot,
    _tests: &[Typed<'_, RealmTestSpec>],
    _report: &mut Report,
) -> Vec<TestResult> {
    Vec::new()
}
