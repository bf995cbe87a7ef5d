//! How long records are kept, against the bounds of every region that a realm is placed in
//! (CONF-STORE-03).

use std::collections::BTreeMap;

use realmwright_crds::region::{PeriodBounds, RetentionBounds};
use realmwright_crds::{Duration, RealmSpec, RegionSpec};

use crate::diagnostics::Code;
use crate::fault::Fault;
use crate::path::field;

/// Compares what a realm declares with the bounds of these regions, by name.
pub(crate) fn check(
    realm: &RealmSpec,
    regions: &BTreeMap<&str, &RegionSpec>,
    faults: &mut Vec<Fault>,
) {
    let declared = realm.retention.and_then(|retention| retention.audit_events);
    let bounds: Vec<(&str, PeriodBounds)> = regions
        .iter()
        .filter_map(|(name, region)| {
            let RetentionBounds { audit_events } = region.retention?;
            Some((*name, audit_events?))
        })
        .collect();
    let fix = fix(bounds.iter().map(|(_, bounds)| *bounds));
    for (region, bounds) in bounds {
        if let Some(demand) = unmet(declared, bounds) {
            let kept = declared.map_or_else(|| "without end".to_owned(), |kept| kept.to_string());
            faults.push(
                Fault::error(
                    Code::RetentionOutOfBounds,
                    field!("spec", "retention", "auditEvents"),
                    format!("audit events are kept {kept}; region `{region}` demands {demand}"),
                )
                .fix(fix.clone()),
            );
        }
    }
}

/// What a region demands and is not given; no length of time is the longest.
fn unmet(declared: Option<Duration>, bounds: PeriodBounds) -> Option<String> {
    let PeriodBounds { min, max } = bounds;
    let too_short = min.filter(|min| declared.is_some_and(|kept| kept < *min));
    let too_long = max.filter(|max| declared.is_none_or(|kept| kept > *max));
    too_short
        .map(|min| format!("{min} or longer"))
        .or_else(|| too_long.map(|max| format!("{max} or shorter")))
}

/// What suits all regions.
fn fix(bounds: impl Iterator<Item = PeriodBounds> + Clone) -> Option<String> {
    let min = bounds.clone().filter_map(|bounds| bounds.min).max();
    let max = bounds.filter_map(|bounds| bounds.max).min();
    Some(match (min, max) {
        (Some(min), Some(max)) if min > max => {
            "no length of time suits all regions of the realm: make a realm for each".to_owned()
        }
        (Some(min), Some(max)) => {
            format!("set `retention.auditEvents` to `{min}` or longer, up to `{max}`")
        }
        (Some(min), None) => format!("set `retention.auditEvents` to `{min}` or longer"),
        (None, Some(max)) => format!("set `retention.auditEvents` to `{max}` or shorter"),
        (None, None) => return None,
    })
}
