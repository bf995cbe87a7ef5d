//! Regions, instances, issuers and hosts of all realms (design section 4, "Hosts and attachment").

use std::collections::{BTreeMap, BTreeSet};

use realmwright_crds::{RealmSpec, RegionSpec};
use realmwright_snapshot::RealmId;
use url::Url;

use crate::diagnostics::Code;
use crate::doubts::Absent;
use crate::fault::{Fault, Report};
use crate::index::{Index, Typed};
use crate::lower::core::ResolvedPlacement;
use crate::lower::{defaults, https_url};
use crate::object::{Kind, Placed, RealmKey};
use crate::path::{FieldPath, field};
use crate::validate::retention;

/// A realm's id and its placements, where they are good.
#[derive(Debug)]
pub(crate) struct Located<'a> {
    pub(crate) id: RealmId,
    pub(crate) placements: Vec<ResolvedPlacement<'a>>,
}

/// Resolves every realm; conflicts between realms are decided by namespace and name, so that the
/// outcome does not depend on the order of files.
pub(crate) fn resolve<'a>(
    index: &Index<'a>,
    report: &mut Report,
) -> BTreeMap<RealmKey, Located<'a>> {
    let mut located = BTreeMap::new();
    let mut ids: BTreeMap<String, (&RealmKey, &Typed<'_, RealmSpec>)> = BTreeMap::new();
    let mut taken: Vec<Taken<'_>> = Vec::new();
    for (key, realm) in &index.realms {
        let mut faults = Vec::new();
        let id = realm.spec.id.as_ref().map_or_else(
            || format!("{}.{}", key.namespace, key.name),
            ToString::to_string,
        );
        realm_id(index, key, realm, &id, &mut faults);
        if let Some((holder, other)) = ids.get(&id) {
            let fault = Fault::error(
                Code::DuplicateRealmId,
                field!("spec", "id"),
                format!(
                    "id `{id}` is that of Realm {}/{}",
                    holder.namespace, holder.name
                ),
            );
            faults.push(report.with_other(fault, other.placed, &id_path(other.spec)));
        } else {
            ids.insert(id.clone(), (key, realm));
        }
        let mut placements: Vec<ResolvedPlacement<'a>> = Vec::new();
        for (position, spec) in realm.spec.placements.iter().enumerate() {
            let path = field!("spec", "placements", position);
            let Some(placement) = placement(index, key, spec, &path, &mut faults) else {
                continue;
            };
            let path = path.at("issuer");
            if let Some((fault, other)) = conflict(&taken, key, &placement, &path) {
                faults.push(report.with_other(fault, other.placed, &other.path));
                continue;
            }
            taken.push(Taken {
                key,
                placed: realm.placed,
                path,
                region: placement.region,
                instance: placement.instance,
                issuer: placement.issuer.clone(),
            });
            placements.push(placement);
        }
        let regions = realm
            .spec
            .placements
            .iter()
            .filter_map(|placement| index.regions.get_key_value(placement.region.as_str()))
            .map(|(name, region)| (*name, region.spec))
            .collect();
        retention::check(realm.spec, &regions, &mut faults);
        for fault in faults {
            report.add(realm.placed, fault);
        }
        located.insert(
            key.clone(),
            Located {
                id: RealmId::new(id),
                placements,
            },
        );
    }
    located
}

/// Where a realm's id stands: in the spec, or it comes of the name.
fn id_path(spec: &RealmSpec) -> FieldPath {
    if spec.id.is_some() {
        field!("spec", "id")
    } else {
        field!("metadata", "name")
    }
}

/// An id of another namespace is admitted only by the cluster-scoped Region.
fn realm_id(
    index: &Index<'_>,
    key: &RealmKey,
    realm: &Typed<'_, RealmSpec>,
    id: &str,
    faults: &mut Vec<Fault>,
) {
    let own = id
        .strip_prefix(key.namespace.as_str())
        .is_some_and(|rest| rest.starts_with('.'));
    if own {
        return;
    }
    let adopted = realm
        .spec
        .placements
        .iter()
        .filter_map(|placement| index.regions.get(placement.region.as_str()))
        .flat_map(|region| &region.spec.adopt)
        .any(|adoption| {
            adoption.id.as_str() == id
                && adoption.namespace.as_str() == key.namespace
                && adoption.name.as_str() == key.name
        });
    if !adopted {
        let regions = realm.spec.placements.iter();
        let unknown = regions
            .map(|placement| placement.region.as_str())
            .filter(|region| !index.regions.contains_key(region))
            .map(|region| Absent::object(Kind::Region, "", region));
        let fault = Fault::error(
            Code::RealmIdNamespace,
            field!("spec", "id"),
            format!("id `{id}` does not begin with `{}.`", key.namespace),
        )
        .fix(format!(
            "write `{}.{}`, or leave it out",
            key.namespace, key.name
        ))
        .note("a foreign id needs an entry in `Region.spec.adopt`");
        faults.push(unknown.fold(fault, Fault::lacking));
    }
}

fn placement<'a>(
    index: &Index<'a>,
    key: &RealmKey,
    spec: &'a realmwright_crds::realm::Placement,
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) -> Option<ResolvedPlacement<'a>> {
    let realmwright_crds::realm::Placement {
        region: region_name,
        instance,
        issuer,
        backend_url,
    } = spec;
    let issuer = issuer_url(issuer, &path.at("issuer"), faults);
    let backend_url = backend_url
        .as_ref()
        .and_then(|url| https_url(url, path.at("backendUrl"), faults));
    let Some(region) = index.regions.get(region_name.as_str()) else {
        faults.push(
            Fault::not_found(
                Code::RegionNotFound,
                path.at("region"),
                "region",
                region_name,
                index.regions.keys().copied(),
            )
            .lacking(Absent::object(Kind::Region, "", region_name)),
        );
        return None;
    };
    let instance = instance
        .as_ref()
        .map_or(defaults::INSTANCE, |name| name.as_str());
    let instances: BTreeSet<&str> = if region.spec.instances.is_empty() {
        [defaults::INSTANCE].into()
    } else {
        region
            .spec
            .instances
            .iter()
            .map(|instance| instance.name.as_str())
            .collect()
    };
    if !instances.contains(instance) {
        faults.push(Fault::not_found(
            Code::InstanceNotFound,
            path.at("instance"),
            "instance",
            instance,
            instances.iter().copied(),
        ));
    }
    let issuer = issuer?;
    host_allowed(
        region.spec,
        region_name,
        key,
        &issuer,
        &path.at("issuer"),
        faults,
    );
    Some(ResolvedPlacement {
        region: region_name,
        country: &region.spec.country,
        instance,
        issuer,
        backend_url,
    })
}

/// OpenID Connect Discovery section 3; the schema sees to scheme, query, fragment and slash.
fn issuer_url(text: &str, path: &FieldPath, faults: &mut Vec<Fault>) -> Option<Url> {
    let url = https_url(text, path.clone(), faults)?;
    let mut normal = url.to_string();
    if url.path() == "/" {
        normal.truncate(normal.trim_end_matches('/').len());
    }
    if normal == text && url.username().is_empty() && url.password().is_none() {
        return Some(url);
    }
    faults.push(
        Fault::error(
            Code::BadIssuer,
            path.clone(),
            format!("`{text}` is not an issuer in its normal form"),
        )
        .fix(
            (url.username().is_empty() && url.password().is_none())
                .then(|| format!("write `{normal}`")),
        ),
    );
    None
}

fn host_allowed(
    region: &RegionSpec,
    region_name: &str,
    key: &RealmKey,
    issuer: &Url,
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) {
    let host = issuer.host_str().unwrap_or_default();
    let allowed = region.hosts.iter().any(|grant| {
        matches_host(&grant.pattern, host)
            && grant
                .namespaces
                .iter()
                .any(|namespace| namespace.as_str() == key.namespace)
    });
    if !allowed {
        faults.push(
            Fault::error(
                Code::HostNotAllowed,
                path.clone(),
                format!(
                    "region `{region_name}` does not allow host `{host}` to namespace `{}`",
                    key.namespace
                ),
            )
            .fix(format!(
                "add `{{pattern: {host}, namespaces: [{}]}}` to the Region's `spec.hosts`",
                key.namespace
            )),
        );
    }
}

/// `*.` stands for one label.
fn matches_host(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(suffix) => host
            .strip_suffix(suffix)
            .and_then(|rest| rest.strip_suffix('.'))
            .is_some_and(|label| !label.is_empty() && !label.contains('.')),
        None => pattern == host,
    }
}

struct Taken<'a> {
    key: &'a RealmKey,
    placed: &'a Placed,
    /// Of the issuer.
    path: FieldPath,
    region: &'a str,
    instance: &'a str,
    issuer: Url,
}

fn conflict<'t, 'a>(
    taken: &'t [Taken<'a>],
    key: &RealmKey,
    placement: &ResolvedPlacement<'_>,
    path: &FieldPath,
) -> Option<(Fault, &'t Taken<'a>)> {
    let host = |url: &Url| url.host_str().map(str::to_owned);
    let other = taken
        .iter()
        .filter(|other| host(&other.issuer) == host(&placement.issuer))
        .find_map(|other| {
            let whose = format!("Realm {}/{}", other.key.namespace, other.key.name);
            if other.issuer == placement.issuer {
                return Some((
                    other,
                    Code::DuplicateIssuer,
                    format!("`{}` is the issuer of a placement of {whose}", other.issuer),
                ));
            }
            let elsewhere = other.key.namespace != key.namespace
                || other.region != placement.region
                || other.instance != placement.instance;
            if elsewhere {
                return Some((
                    other,
                    Code::HostConflict,
                    format!(
                        "host `{}` belongs to {whose} in region `{}`, instance `{}`",
                        host(&other.issuer).unwrap_or_default(),
                        other.region,
                        other.instance
                    ),
                ));
            }
            (other.issuer.port_or_known_default() == placement.issuer.port_or_known_default()
                && overlap(&other.issuer, &placement.issuer))
            .then(|| {
                (
                    other,
                    Code::OverlappingIssuers,
                    format!("the path overlaps with `{}` of {whose}", other.issuer),
                )
            })
        });
    other.map(|(other, code, message)| (Fault::error(code, path.clone(), message), other))
}

/// Whether one path is the other or lies under it.
fn overlap(a: &Url, b: &Url) -> bool {
    let segments = |url: &Url| -> Vec<String> {
        url.path()
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(str::to_owned)
            .collect()
    };
    segments(a).iter().zip(&segments(b)).all(|(a, b)| a == b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_patterns_stand_for_one_label() {
        for (pattern, host, holds) in [
            ("id.example.com", "id.example.com", true),
            ("id.example.com", "x.id.example.com", false),
            ("*.example.com", "id.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "a.b.example.com", false),
            ("*.example.com", "badexample.com", false),
        ] {
            assert_eq!(matches_host(pattern, host), holds, "{pattern} {host}");
        }
    }

    #[test]
    fn paths_overlap_at_segment_boundaries_only() {
        let url = |path: &str| {
            let text = format!("https://id.example.com{path}");
            text.parse::<Url>().expect("a URL")
        };
        for (a, b, overlaps) in [
            ("", "/a", true),
            ("/a", "/a/b", true),
            ("/a", "/ab", false),
            ("/a/b", "/a/c", false),
        ] {
            assert_eq!(overlap(&url(a), &url(b)), overlaps, "{a} {b}");
            assert_eq!(overlap(&url(b), &url(a)), overlaps, "{b} {a}");
        }
    }
}
