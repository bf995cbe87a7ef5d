//! The attribute schema: classes are worked out here, so that nothing lowers one by computing it
//! (REGION-RES-01).

use std::collections::BTreeSet;

use realmwright_crds::realm::{AttributeSpec, Input, Purposes, ValueKind as SpecKind};
use realmwright_crds::region::DataClass as SpecClass;
use realmwright_decision::expression::{Environment, Scope, Type};
use realmwright_snapshot::{
    AttributeName, AttributeSnapshot, DataClass, Expression, LocalizedText,
    Purposes as PurposesSnapshot, Transform, ValueKind,
};

use super::{Context, attribute_name, expression, pattern, unknown_attribute};
use crate::diagnostics::Code;
use crate::fault::Fault;
use crate::path::{FieldPath, field};

pub(crate) const fn data_class(class: SpecClass) -> DataClass {
    match class {
        SpecClass::Pseudonymous => DataClass::Pseudonymous,
        SpecClass::Personal => DataClass::Personal,
        SpecClass::Medical => DataClass::Medical,
    }
}

const fn value_kind(kind: Option<SpecKind>) -> ValueKind {
    match kind {
        None | Some(SpecKind::String) => ValueKind::String,
        Some(SpecKind::Number) => ValueKind::Number,
        Some(SpecKind::Boolean) => ValueKind::Boolean,
        Some(SpecKind::Bytes) => ValueKind::Bytes,
        Some(SpecKind::StringList) => ValueKind::StringList,
    }
}

/// The schema; display names are filled in by [`display_names`], once the locales are known.
pub(crate) fn schema(specs: &[AttributeSpec], faults: &mut Vec<Fault>) -> Vec<AttributeSnapshot> {
    let mut schema: Vec<AttributeSnapshot> = specs
        .iter()
        .enumerate()
        .map(|(index, spec)| stored(spec, &field!("spec", "attributes", index), faults))
        .collect();
    let environment = Environment::new(Scope::Computed, &schema, &BTreeSet::new());
    for (index, (spec, attribute)) in specs.iter().zip(&mut schema).enumerate() {
        let Some(source) = &spec.computed else {
            continue;
        };
        let path = field!("spec", "attributes", index);
        let wanted = Type::from(attribute.kind);
        let (_, compiled) = expression(
            source,
            &environment,
            Some(&wanted),
            &path.at("computed"),
            faults,
        );
        let Some(read) = compiled.map(|compiled| compiled.reads().data_class) else {
            continue;
        };
        if spec.data_class.is_none() {
            attribute.data_class = read.max(DataClass::Personal);
        } else if attribute.data_class < read {
            faults.push(
                Fault::error(
                    Code::DataClassLowered,
                    path.at("dataClass"),
                    format!(
                        "`{}` is {:?} but is computed from {read:?} data",
                        attribute.name, attribute.data_class
                    ),
                )
                .fix(format!("write `dataClass: {read:?}`")),
            );
        }
    }
    schema
}

fn stored(spec: &AttributeSpec, path: &FieldPath, faults: &mut Vec<Fault>) -> AttributeSnapshot {
    let AttributeSpec {
        name,
        display_name: _,
        kind,
        data_class: class,
        searchable,
        required,
        unique,
        case_insensitive,
        computed,
        input,
    } = spec;
    AttributeSnapshot {
        name: attribute_name(name),
        display_name: LocalizedText::default(),
        kind: value_kind(*kind),
        data_class: class.map_or(DataClass::Personal, data_class),
        searchable: searchable.unwrap_or(false) || unique.unwrap_or(false),
        required: required.unwrap_or(false),
        unique: unique.unwrap_or(false),
        case_insensitive: case_insensitive.unwrap_or(false),
        computed: computed
            .as_ref()
            .map(|source| Expression::from(source.as_str())),
        input: input
            .as_ref()
            .map(|input| transform(input, &path.at("input"), faults)),
    }
}

fn transform(input: &Input, path: &FieldPath, faults: &mut Vec<Fault>) -> Transform {
    let Input {
        pattern: source,
        format,
    } = input;
    Transform {
        pattern: pattern(source, path.at("match"), faults),
        format: format.clone().unwrap_or_else(|| "${0}".to_owned()),
    }
}

/// The schema with its labels.
pub(crate) fn display_names(
    context: &Context<'_>,
    faults: &mut Vec<Fault>,
) -> Vec<AttributeSnapshot> {
    context
        .realm
        .attributes
        .iter()
        .zip(&context.schema)
        .enumerate()
        .map(|(index, (spec, attribute))| AttributeSnapshot {
            display_name: context.texts(
                spec.display_name.as_ref(),
                Some(attribute.name.as_str()),
                &field!("spec", "attributes", index, "displayName"),
                faults,
            ),
            ..attribute.clone()
        })
        .collect()
}

/// Which attributes play which part (ATTR-PURP).
pub(crate) fn purposes(
    context: &Context<'_>,
    purposes: Option<&Purposes>,
    faults: &mut Vec<Fault>,
) -> PurposesSnapshot {
    let Some(Purposes {
        display_name,
        display_identifier,
        emails,
        phones,
    }) = purposes
    else {
        return PurposesSnapshot::default();
    };
    let path = field!("spec", "purposes");
    PurposesSnapshot {
        display_name: display_name
            .as_ref()
            .map(|source| shown(context, source, &path.at("displayName"), faults)),
        display_identifier: display_identifier
            .as_ref()
            .map(|source| shown(context, source, &path.at("displayIdentifier"), faults)),
        emails: addresses(context, emails, &path.at("emails"), faults),
        phones: addresses(context, phones, &path.at("phones"), faults),
    }
}

/// A text that stands on pages and in apps, where medical data has no place.
pub(crate) fn shown(
    context: &Context<'_>,
    source: &str,
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) -> Expression {
    let environment = context.environment(Scope::Person);
    let (source, compiled) = expression(source, &environment, Some(&Type::String), path, faults);
    if compiled.is_some_and(|compiled| context.class_of(&compiled) == DataClass::Medical) {
        faults.push(Fault::error(
            Code::ClaimBeyondDataClass,
            path.clone(),
            "reads medical data, which has no place where people are named",
        ));
    }
    source
}

fn addresses(
    context: &Context<'_>,
    names: &[realmwright_crds::names::AttributeName],
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) -> Vec<AttributeName> {
    for (index, name) in names.iter().enumerate() {
        let path = path.at(index);
        match context.attribute(name) {
            None => faults.push(unknown_attribute(&context.schema, name, path)),
            Some(attribute) if attribute.kind != ValueKind::String => {
                faults.push(Fault::error(
                    Code::AttributeUnfit,
                    path,
                    format!(
                        "`{name}` is of type {:?}, an address is a String",
                        attribute.kind
                    ),
                ));
            }
            Some(attribute) if attribute.data_class == DataClass::Medical => {
                faults.push(Fault::error(
                    Code::AttributeUnfit,
                    path,
                    format!("`{name}` is Medical and cannot be an address to write to"),
                ));
            }
            Some(_) => {}
        }
    }
    names.iter().map(attribute_name).collect()
}
