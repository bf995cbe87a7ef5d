//! How long records are kept, against the bounds of every region that a realm is placed in
//! (CONF-STORE-03).

use std::collections::BTreeMap;
use std::time::Duration;

use realmwright_crds::region::{PeriodBounds, RetentionBounds};
use realmwright_crds::{RealmSpec, RegionSpec};
use realmwright_snapshot::Retention;

use crate::diagnostics::Code;
use crate::fault::Fault;
use crate::path::field;

/// One kind of records of a realm.
struct Records {
    /// Field of `retention`.
    field: &'static str,
    /// What they are, and that they are kept.
    what: &'static str,
    /// How long; none without end.
    kept: Option<Duration>,
    /// The same as it is written.
    written: String,
}

/// Compares what a realm declares with the bounds of these regions, by name.
pub(crate) fn check(
    realm: &RealmSpec,
    regions: &BTreeMap<&str, &RegionSpec>,
    faults: &mut Vec<Fault>,
) {
    let declared = realm.retention.unwrap_or_default();
    let events = Records {
        field: "auditEvents",
        what: "audit events are kept",
        kept: declared.audit_events.map(Into::into),
        written: declared
            .audit_events
            .map_or_else(|| "without end".to_owned(), |kept| kept.to_string()),
    };
    let usual = Duration::from(Retention::default().denials);
    let denials = Records {
        field: "denials",
        what: "why people were refused is kept",
        kept: Some(declared.denials.map_or(usual, Into::into)),
        written: declared.denials.map_or_else(
            || format!("{}h, as nothing else is said", usual.as_secs() / 3600),
            |kept| kept.to_string(),
        ),
    };
    let bounds = |of: fn(RetentionBounds) -> Option<PeriodBounds>| -> Vec<(&str, PeriodBounds)> {
        let regions = regions.iter();
        regions
            .filter_map(|(name, region)| Some((*name, of(region.retention?)?)))
            .collect()
    };
    events.check(&bounds(|of| of.audit_events), faults);
    denials.check(&bounds(|of| of.denials), faults);
}

impl Records {
    fn check(&self, bounds: &[(&str, PeriodBounds)], faults: &mut Vec<Fault>) {
        let Self {
            field,
            what,
            kept,
            written,
        } = self;
        let fix = fix(field, bounds.iter().map(|(_, bounds)| *bounds));
        for (region, bounds) in bounds {
            if let Some(demand) = unmet(*kept, *bounds) {
                faults.push(
                    Fault::error(
                        Code::RetentionOutOfBounds,
                        field!("spec", "retention", *field),
                        format!("{what} {written}; region `{region}` demands {demand}"),
                    )
                    .fix(fix.clone()),
                );
            }
        }
    }
}

/// What a region demands and is not given; no length of time is the longest.
fn unmet(kept: Option<Duration>, bounds: PeriodBounds) -> Option<String> {
    let PeriodBounds { min, max } = bounds;
    let too_short = min.filter(|min| kept.is_some_and(|kept| kept < min.get()));
    let too_long = max.filter(|max| kept.is_none_or(|kept| kept > max.get()));
    too_short
        .map(|min| format!("{min} or longer"))
        .or_else(|| too_long.map(|max| format!("{max} or shorter")))
}

/// What suits all regions.
fn fix(field: &str, bounds: impl Iterator<Item = PeriodBounds> + Clone) -> Option<String> {
    let min = bounds.clone().filter_map(|bounds| bounds.min).max();
    let max = bounds.filter_map(|bounds| bounds.max).min();
    Some(match (min, max) {
        (Some(min), Some(max)) if min > max => {
            "no length of time suits all regions of the realm: make a realm for each".to_owned()
        }
        (Some(min), Some(max)) => {
            format!("set `retention.{field}` to `{min}` or longer, up to `{max}`")
        }
        (Some(min), None) => format!("set `retention.{field}` to `{min}` or longer"),
        (None, Some(max)) => format!("set `retention.{field}` to `{max}` or shorter"),
        (None, None) => return None,
    })
}
