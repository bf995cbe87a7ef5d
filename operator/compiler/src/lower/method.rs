//! Authentication methods.

use realmwright_crds::AuthMethodSpec;
use realmwright_crds::auth_method::{
    CharacterGroup as SpecGroup, Enrolment, Hashing, Lockout, MatchCondition as SpecCondition,
    MatchRule as SpecRule, Method, OtpAlgorithm as SpecAlgorithm, PasswordMethod as SpecPassword,
    PasswordPolicy as SpecPolicy, PolicyCheck as SpecCheck, PolicyCheckMode as SpecMode,
    TotpMethod as SpecTotp,
};
use realmwright_decision::expression::{Scope, Type};
use realmwright_snapshot::{
    CharacterGroup, Expression, MatchCondition, MatchRule, MethodKind, MethodName, MethodSnapshot,
    OtpAlgorithm, PasswordHashing, PasswordLockout, PasswordMethod, PasswordPolicy, PolicyCheck,
    PolicyCheckMode, TotpMethod, ValueKind,
};

use super::attributes::shown;
use super::{
    Context, MethodFacts, SUB, attribute_name, count, defaults, expression, pattern, period,
    unknown_attribute,
};
use crate::diagnostics::Code;
use crate::fault::Fault;
use crate::index::Typed;
use crate::path::{FieldPath, field};

/// What flows must know of it.
pub(crate) fn facts(spec: &AuthMethodSpec) -> MethodFacts {
    MethodFacts {
        disabled: spec.disabled.unwrap_or(false),
    }
}

/// None where the schema's rule of exactly one method is broken, which is reported there.
pub(crate) fn lower(
    context: &Context<'_>,
    method: &Typed<'_, AuthMethodSpec>,
    faults: &mut Vec<Fault>,
) -> Option<MethodSnapshot> {
    let AuthMethodSpec {
        realm_ref: _,
        display_name,
        disabled: _,
        password: _,
        totp: _,
    } = method.spec;
    let kind = match method.spec.method()? {
        Method::Password(spec) => MethodKind::Password(password(context, spec, faults)),
        Method::Totp(spec) => MethodKind::Totp(totp(context, spec, faults)),
    };
    Some(MethodSnapshot {
        name: MethodName::from(method.name()),
        display_name: context.texts(
            display_name.as_ref(),
            None,
            &field!("spec", "displayName"),
            faults,
        ),
        kind,
    })
}

fn password(context: &Context<'_>, spec: &SpecPassword, faults: &mut Vec<Fault>) -> PasswordMethod {
    let SpecPassword {
        matching,
        policy,
        policy_check,
        lockout,
        hashing,
    } = spec;
    let path = field!("spec", "password");
    let SpecCheck { mode, allow_skip } = policy_check.unwrap_or_default();
    let Lockout { failures, duration } = lockout.unwrap_or_default();
    let Hashing {
        memory_kib,
        iterations,
        parallelism,
    } = hashing.unwrap_or_default();
    PasswordMethod {
        matching: matching
            .iter()
            .enumerate()
            .map(|(index, rule)| match_rule(context, rule, &path.at("match").at(index), faults))
            .collect(),
        policy: password_policy(
            &policy.clone().unwrap_or_default(),
            &path.at("policy"),
            faults,
        ),
        policy_check: PolicyCheck {
            mode: match mode {
                Some(SpecMode::Always) => PolicyCheckMode::Always,
                Some(SpecMode::Never) | None => PolicyCheckMode::Never,
            },
            allow_skip: allow_skip.unwrap_or(false),
        },
        lockout: PasswordLockout {
            failures: count(failures, defaults::LOCKOUT_FAILURES),
            duration: period(duration, defaults::LOCKOUT_DURATION),
        },
        hashing: PasswordHashing {
            memory_kib: count(memory_kib, defaults::HASHING.memory_kib),
            iterations: count(iterations, defaults::HASHING.iterations),
            parallelism: count(parallelism, defaults::HASHING.parallelism),
        },
    }
}

fn match_rule(
    context: &Context<'_>,
    rule: &SpecRule,
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) -> MatchRule {
    let SpecRule { all } = rule;
    MatchRule {
        all: all
            .iter()
            .enumerate()
            .map(|(index, condition)| {
                match_condition(context, condition, &path.at("all").at(index), faults)
            })
            .collect(),
    }
}

/// AUTH-MATCH-01: what people are found by is stored, searchable text.
fn match_condition(
    context: &Context<'_>,
    condition: &SpecCondition,
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) -> MatchCondition {
    let SpecCondition { attribute, equals } = condition;
    let place = path.at("attribute");
    match context.attribute(attribute) {
        None if attribute.as_str() == SUB => {}
        None => faults.push(unknown_attribute(&context.schema, attribute, place)),
        Some(found) if found.computed.is_some() => faults.push(Fault::error(
            Code::AttributeUnfit,
            place,
            format!("`{attribute}` is computed, and people are found by what is stored"),
        )),
        Some(found) if !found.searchable => faults.push(
            Fault::error(
                Code::AttributeNotSearchable,
                place,
                format!("`{attribute}` is not searchable"),
            )
            .fix("add `searchable: true` to the attribute in the Realm".to_owned()),
        ),
        Some(found) if found.kind != ValueKind::String => faults.push(Fault::error(
            Code::AttributeUnfit,
            place,
            format!(
                "`{attribute}` is of type {:?}, a login is a text",
                found.kind
            ),
        )),
        Some(_) => {}
    }
    let environment = context.environment(Scope::Match);
    let (equals, _) = expression(
        equals,
        &environment,
        Some(&Type::String),
        &path.at("equals"),
        faults,
    );
    MatchCondition {
        attribute: attribute_name(attribute),
        equals,
    }
}

fn password_policy(
    policy: &SpecPolicy,
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) -> PasswordPolicy {
    let SpecPolicy {
        min_length,
        max_length,
        min_groups,
        groups,
        dictionary,
        forbid_login,
        history,
        min_age,
        max_age,
        min_differing,
    } = policy;
    let groups = groups
        .as_ref()
        .map_or_else(defaults::character_groups, |groups| {
            groups
                .iter()
                .enumerate()
                .map(|(index, group)| character_group(group, &path.at("groups").at(index), faults))
                .collect()
        });
    PasswordPolicy {
        min_length: count(*min_length, defaults::MIN_LENGTH),
        max_length: count(*max_length, defaults::MAX_LENGTH),
        min_groups: count(*min_groups, 0),
        groups,
        dictionary: dictionary.iter().map(|word| word.to_lowercase()).collect(),
        forbid_login: forbid_login.unwrap_or(true),
        history: count(*history, 0),
        min_age: min_age.map(|age| age.get().into()),
        max_age: max_age.map(|age| age.get().into()),
        min_differing: min_differing.map(|differing| count(Some(differing), 1)),
    }
}

fn character_group(group: &SpecGroup, path: &FieldPath, faults: &mut Vec<Fault>) -> CharacterGroup {
    let SpecGroup {
        name,
        characters,
        min,
    } = group;
    CharacterGroup {
        name: name.to_string(),
        characters: pattern(characters, path.at("characters"), faults),
        min: count(*min, 1),
    }
}

fn totp(context: &Context<'_>, spec: &SpecTotp, faults: &mut Vec<Fault>) -> TotpMethod {
    let SpecTotp {
        algorithm,
        digits,
        period: step,
        forward,
        backward,
        total_attempts,
        lock,
        issuer,
        account_label,
        enrolment,
        recovery_codes,
    } = spec;
    let realm_name = || {
        context
            .realm
            .display_name
            .as_ref()
            .and_then(|texts| {
                texts
                    .get(context.locales.default.as_str())
                    .or_else(|| texts.values().next())
            })
            .cloned()
            .unwrap_or_else(|| context.key.name.clone())
    };
    let inherited_label = context
        .realm
        .purposes
        .as_ref()
        .and_then(|purposes| purposes.display_name.as_ref())
        .map_or(defaults::ACCOUNT_LABEL, |source| source.as_str());
    TotpMethod {
        algorithm: match algorithm {
            Some(SpecAlgorithm::Sha1) | None => OtpAlgorithm::Sha1,
            Some(SpecAlgorithm::Sha256) => OtpAlgorithm::Sha256,
            Some(SpecAlgorithm::Sha512) => OtpAlgorithm::Sha512,
        },
        digits: count(*digits, defaults::OTP_DIGITS),
        period: period(*step, defaults::OTP_PERIOD),
        forward: count(*forward, defaults::OTP_WINDOW),
        backward: count(*backward, defaults::OTP_WINDOW),
        total_attempts: count(*total_attempts, defaults::OTP_ATTEMPTS),
        lock: period(*lock, defaults::OTP_LOCK),
        issuer: issuer.as_ref().map_or_else(realm_name, ToString::to_string),
        account_label: account_label.as_ref().map_or_else(
            || Expression::from(inherited_label),
            |source| {
                shown(
                    context,
                    source,
                    &field!("spec", "totp", "accountLabel"),
                    faults,
                )
            },
        ),
        enrol_at_login: match enrolment {
            Some(Enrolment::AtLogin) | None => true,
            Some(Enrolment::Off) => false,
        },
        recovery_codes: count(*recovery_codes, defaults::RECOVERY_CODES),
    }
}

#[cfg(test)]
mod tests {
    use realmwright_crds::definitions;
    use realmwright_decision::password_hash::cost;
    use serde_json::Value;

    use super::defaults;

    /// The schema repeats the bounds of a hash, as it cannot refer to them: what it admits can be
    /// checked, and what could be checked it admits.
    #[test]
    fn the_schema_admits_the_costs_that_can_be_checked() {
        let definitions = serde_json::to_value(definitions()).unwrap();
        let schema = definitions
            .as_array()
            .unwrap()
            .iter()
            .find(|definition| definition["spec"]["names"]["kind"] == "AuthMethod")
            .unwrap();
        let hashing = &schema["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
            ["properties"]["password"]["properties"]["hashing"];
        let most = |field: &str| hashing["properties"][field]["maximum"].as_f64().unwrap();
        assert_eq!(most("memoryKiB"), f64::from(cost::MAX_ARGON2_MEMORY_KIB));
        assert_eq!(most("iterations"), f64::from(cost::MAX_ARGON2_PASSES));
        assert_eq!(most("parallelism"), f64::from(cost::MAX_ARGON2_LANES));
        let rules: Vec<&Value> = hashing["x-kubernetes-validations"]
            .as_array()
            .unwrap()
            .iter()
            .collect();
        let [rule] = rules.as_slice() else {
            panic!("{rules:?}");
        };
        assert_eq!(
            rule["rule"],
            format!(
                "(has(self.memoryKiB) ? self.memoryKiB : {}) * (has(self.iterations) ? \
                 self.iterations : {}) <= {}",
                defaults::HASHING.memory_kib,
                defaults::HASHING.iterations,
                cost::MAX_ARGON2_WORK
            )
        );
        assert!(cost::admits(defaults::HASHING));
    }
}
