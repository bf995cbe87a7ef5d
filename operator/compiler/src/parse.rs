//! One document to one typed resource, with every fault of its text, structure and own rules.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use realmwright_crds::{API_VERSION, GROUP};
use secrecy::SecretSlice;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::diagnostics::{Code, did_you_mean};
use crate::doubts::Unread;
use crate::fault::Fault;
use crate::kinds;
use crate::manifests::Document;
use crate::object::{Kind, Object, ObjectId, RealmKey, Resource, SecretData};
use crate::path::{FieldPath, Step, field};
use crate::rules::{RuleClass, Violation};
use crate::structure::StructureFault;
use crate::yaml::{self, Node, Value, YamlFaultKind};

/// What a document is.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) content: Content,
    /// Faults in order of discovery; without an error there is no `Broken`.
    pub(crate) faults: Vec<Fault>,
}

/// See [`Parsed`].
#[derive(Debug)]
pub(crate) enum Content {
    /// Nothing: comments, or an object that is not ours.
    Nothing,
    /// A resource that has faults of its own: it exists, but is not compiled.
    Broken {
        id: ObjectId,
        /// Where its `realmRef` could be read.
        realm: Option<RealmKey>,
        /// What others call it, where that could be read.
        called: Option<String>,
    },
    /// Something with faults that does not even say what it is.
    Unnamed {
        /// What it seems to be.
        unread: Unread,
    },
    /// A resource.
    Object(Arc<Object>),
}

impl Parsed {
    fn unnamed(document: &Document, faults: Vec<Fault>) -> Self {
        let content = if faults.iter().any(Fault::is_error) {
            Content::Unnamed {
                unread: Unread::of(&document.text),
            }
        } else {
            Content::Nothing
        };
        Self { content, faults }
    }
}

/// Parses a document.
pub(crate) fn parse(document: &Document) -> Parsed {
    let (tree, faults) = yaml::read(&document.text);
    let mut faults: Vec<Fault> = faults.into_iter().map(yaml_fault).collect();
    let Some(tree) = tree.filter(|tree| tree.value != Value::Null) else {
        return Parsed::unnamed(document, faults);
    };
    if !matches!(tree.value, Value::Mapping(_)) {
        faults.push(not_an_object("a resource is a mapping", &tree));
        return Parsed::unnamed(document, faults);
    }
    let text = |key: &str| tree.get(key).and_then(|entry| entry.value.as_str());
    let (Some(api_version), Some(kind_name)) = (text("apiVersion"), text("kind")) else {
        let absent = ["apiVersion", "kind"]
            .into_iter()
            .filter(|key| text(key).is_none())
            .collect::<Vec<_>>()
            .join(" and ");
        faults.push(not_an_object(&format!("{absent} missing"), &tree));
        return Parsed::unnamed(document, faults);
    };
    let kind = match kind_of(api_version, kind_name) {
        Ok(kind) => kind,
        Err(fault) => {
            faults.push(*fault);
            return Parsed::unnamed(document, faults);
        }
    };
    resource(document, &tree, kind, faults)
}

fn not_an_object(message: &str, tree: &Node) -> Fault {
    Fault::error(Code::NotAnObject, FieldPath::root(), message)
        .at_span(tree.span)
        .fix(format!(
            "begin with `apiVersion: {API_VERSION}` and `kind: ...`"
        ))
}

fn yaml_fault(fault: yaml::YamlFault) -> Fault {
    let (code, message) = match fault.kind {
        YamlFaultKind::Syntax(message) => (Code::Syntax, message),
        YamlFaultKind::TooLarge(message) => (Code::LimitExceeded, message),
        YamlFaultKind::DuplicateKey { key, first } => (
            Code::DuplicateKey,
            match fault.span.line.saturating_sub(first) {
                0 => format!("duplicate key `{key}`, first on the same line"),
                1 => format!("duplicate key `{key}`, first one line above"),
                lines => format!("duplicate key `{key}`, first {lines} lines above"),
            },
        ),
        YamlFaultKind::Key => (
            Code::BadKey,
            "a key is a text, a number or a boolean".to_owned(),
        ),
        YamlFaultKind::Unsupported(what) => {
            (Code::UnsupportedYaml, format!("{what} has no meaning here"))
        }
    };
    Fault::error(code, FieldPath::root(), message).at_span(fault.span)
}

fn kind_of(api_version: &str, kind: &str) -> Result<Kind, Box<Fault>> {
    let (group, _) = api_version.split_once('/').unwrap_or(("", api_version));
    if group == GROUP {
        if api_version != API_VERSION {
            return Err(Box::new(
                Fault::error(
                    Code::UnknownVersion,
                    field!("apiVersion"),
                    format!("version `{api_version}` is not known"),
                )
                .fix(format!("write `{API_VERSION}`")),
            ));
        }
        return Kind::OURS
            .into_iter()
            .find(|ours| ours.as_str() == kind)
            .ok_or_else(|| {
                let names = Kind::OURS.map(Kind::as_str);
                Box::new(
                    Fault::error(
                        Code::UnknownKind,
                        field!("kind"),
                        format!("{GROUP} has no kind `{kind}`"),
                    )
                    .fix(
                        did_you_mean(kind, names)
                            .unwrap_or_else(|| format!("the kinds are {}", names.join(", "))),
                    ),
                )
            });
    }
    if api_version == "v1" && kind == "Secret" {
        return Ok(Kind::Secret);
    }
    let near = did_you_mean(group, [GROUP]).is_some();
    if near {
        return Err(Box::new(
            Fault::error(
                Code::UnknownVersion,
                field!("apiVersion"),
                format!("`{api_version}` is not our group"),
            )
            .fix(format!("did you mean `{API_VERSION}`?")),
        ));
    }
    Err(Box::new(Fault::note_only(
        Code::ForeignObject,
        field!("kind"),
        format!("`{kind}` of `{api_version}` is not read"),
    )))
}

fn resource(document: &Document, tree: &Node, kind: Kind, mut faults: Vec<Fault>) -> Parsed {
    let Some(schema) = kinds::schema(kind) else {
        return Parsed::unnamed(document, faults);
    };
    let structure = schema.shape.check(tree, FieldPath::root());
    let structure_holds = structure.is_empty();
    let mut json = tree.to_json();
    if let Some(object) = json.as_object_mut() {
        object.remove("status");
    }
    let places: Vec<FieldPath> = structure.iter().map(|fault| fault.path.clone()).collect();
    faults.extend(structure.into_iter().map(structure_fault));
    let rules = schema.rules.iter();
    for violation in rules.flat_map(|rules| rules.violations(&json, structure_holds)) {
        let said = places
            .iter()
            .any(|place| place.overlaps(&violation.path) && !place.is_empty());
        if !said {
            faults.push(rule_fault(violation));
        }
    }

    let meta = |key: &str| {
        tree.get("metadata")
            .and_then(|entry| entry.value.get(key))
            .and_then(|entry| entry.value.as_str())
    };
    let namespace = meta("namespace").filter(|_| kind.is_namespaced());
    let (Some(name), true) = (meta("name"), namespace.is_some() || !kind.is_namespaced()) else {
        return Parsed {
            content: Content::Unnamed {
                unread: Unread {
                    namespace: namespace.map(str::to_owned),
                    kind: Some(kind),
                    name: meta("name").map(str::to_owned),
                },
            },
            faults,
        };
    };
    let id = ObjectId {
        kind,
        namespace: namespace.unwrap_or_default().to_owned(),
        name: name.to_owned(),
    };
    let content = if faults.iter().any(Fault::is_error) {
        None
    } else {
        match typed(kind, json) {
            Ok(resource) => {
                let object = Object::new(id.clone(), document.digest, resource);
                Some(Content::Object(Arc::new(object)))
            }
            Err(fault) => {
                faults.push(*fault);
                None
            }
        }
    };
    Parsed {
        content: content.unwrap_or_else(|| Content::Broken {
            realm: realm_of(tree, &id),
            called: called(tree, &id),
            id,
        }),
        faults,
    }
}

fn rule_fault(violation: Violation) -> Fault {
    let Violation {
        path,
        message,
        class,
    } = violation;
    let field = path.steps().iter().rev().find_map(|step| match step {
        Step::Field(name) => Some(name.clone()),
        Step::Index(_) => None,
    });
    let (code, fix) = match class {
        RuleClass::Invalid => (Code::RuleViolated, None),
        RuleClass::Forbidden => (
            Code::FieldOutOfPlace,
            field.map(|it| format!("remove `{it}`")),
        ),
        RuleClass::Required => (Code::FieldNeeded, field.map(|it| format!("add `{it}`"))),
        RuleClass::Duplicate => (
            Code::NameTaken,
            Some("remove one of the two, or rename it".to_owned()),
        ),
    };
    Fault::error(code, path, message).fix(fix)
}

fn structure_fault(fault: StructureFault) -> Fault {
    let StructureFault {
        code,
        path,
        span,
        message,
        fix,
    } = fault;
    let of_metadata = path.overlaps(&field!("metadata")) && !path.is_empty();
    let code = match code {
        Code::MissingField | Code::InvalidValue | Code::WrongType if of_metadata => {
            Code::BadMetadata
        }
        other => other,
    };
    Fault::error(code, path, message).at_span(span).fix(fix)
}

/// The realm that a faulty object belongs to, as far as it can be read.
fn realm_of(tree: &Node, id: &ObjectId) -> Option<RealmKey> {
    let reference = &tree.get("spec")?.value.get("realmRef")?.value;
    let text = |key| reference.get(key).and_then(|entry| entry.value.as_str());
    Some(RealmKey {
        namespace: text("namespace").unwrap_or(&id.namespace).to_owned(),
        name: text("name")?.to_owned(),
    })
}

/// What others call a faulty object: Clients by their identifier and Scopes by their token, which
/// are the name unless the spec says otherwise.
fn called(tree: &Node, id: &ObjectId) -> Option<String> {
    let key = match id.kind {
        Kind::Client => "identifier",
        Kind::Scope => "scope",
        _ => return Some(id.name.clone()),
    };
    let said = tree.get("spec").and_then(|entry| entry.value.get(key));
    said.map_or(Some(id.name.as_str()), |entry| entry.value.as_str())
        .map(str::to_owned)
}

fn typed(kind: Kind, mut json: Json) -> Result<Resource, Box<Fault>> {
    if kind == Kind::Secret {
        return secret(&json).map(Resource::Secret);
    }
    let spec = json.get_mut("spec").map(Json::take).unwrap_or_default();
    fn read<T: DeserializeOwned>(spec: Json) -> Result<Box<T>, Box<Fault>> {
        // The schema has been held against it; what is left are texts that only the type reads.
        serde_json::from_value(spec).map(Box::new).map_err(|fault| {
            Box::new(Fault::error(
                Code::InvalidValue,
                field!("spec"),
                fault.to_string(),
            ))
        })
    }
    Ok(match kind {
        Kind::Region => Resource::Region(read(spec)?),
        Kind::Realm => Resource::Realm(read(spec)?),
        Kind::Client => Resource::Client(read(spec)?),
        Kind::Scope => Resource::Scope(read(spec)?),
        Kind::AttributeStore => Resource::AttributeStore(read(spec)?),
        Kind::AuthMethod => Resource::AuthMethod(read(spec)?),
        Kind::AuthFlow => Resource::AuthFlow(read(spec)?),
        Kind::RealmTest => Resource::RealmTest(read(spec)?),
        Kind::ReferenceGrant => Resource::ReferenceGrant(read(spec)?),
        Kind::Secret => Resource::Secret(SecretData::new()),
    })
}

/// No value is ever part of a message.
fn secret(json: &Json) -> Result<SecretData, Box<Fault>> {
    let members = |key: &str| {
        json.get(key)
            .and_then(Json::as_object)
            .into_iter()
            .flatten()
    };
    let mut values = SecretData::new();
    for (key, value) in members("data") {
        let text = value.as_str().unwrap_or_default();
        let packed: String = text.split_ascii_whitespace().collect();
        let bytes = STANDARD.decode(packed).map_err(|_| {
            Box::new(
                Fault::error(
                    Code::MalformedSecret,
                    field!("data", key),
                    // A value may have become a key, by a comma or a bracket in the wrong place.
                    "a value of `data` is not base64",
                )
                .fix("write plain texts under `stringData`".to_owned()),
            )
        })?;
        values.insert(key.clone(), SecretSlice::from(bytes));
    }
    for (key, value) in members("stringData") {
        let text = value.as_str().unwrap_or_default();
        values.insert(key.clone(), SecretSlice::from(text.as_bytes().to_vec()));
    }
    Ok(values)
}
