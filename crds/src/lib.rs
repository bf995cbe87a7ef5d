//! Resource types of `realmwright.dev/v1alpha1` and the schema that Kubernetes checks.
//!
//! What it is for: the one home of the shape of every kind, of the rules that need no second
//! object, and of the words of the reference. Kubernetes, the webhook and the compiler judge by
//! the same definitions: [`definitions`] has them as values, [`crds`] as YAML, [`json_schemas`] as
//! editors read them.
//!
//! What it must not know: what a resource means once it is compiled (snapshots, flows, tokens),
//! other objects, clusters, clocks, files.
//!
//! To add a field: add it with a documentation comment that says meaning, unit, default and
//! effect, bound it (`length`, `range`), give a list its type, add a rule where fields depend on
//! each other with a test that keeps it and one that breaks it, then run
//! `cargo run -p realmwright-crds --bin crdgen`. To add a kind: a module with its spec, a line in
//! [`definitions`].

#![expect(
    unreachable_pub,
    reason = "the schema derive copies each struct, with its visibility, into a function"
)]
#![expect(
    clippy::duplicated_attributes,
    reason = "each printer column has a type, and many have the same"
)]

pub mod attribute_store;
pub mod auth_flow;
pub mod auth_method;
pub mod claims;
pub mod client;
pub mod conditions;
mod definitions;
pub mod duration;
mod json_schema;
pub mod names;
pub mod realm;
pub mod realm_test;
pub mod reference;
pub mod reference_grant;
pub mod references;
pub mod region;
mod rules;
pub mod scope;
pub mod texts;
mod transform;

pub use attribute_store::{AttributeStore, AttributeStoreSpec};
pub use auth_flow::{AuthFlow, AuthFlowSpec};
pub use auth_method::{AuthMethod, AuthMethodSpec};
pub use client::{Client, ClientSpec};
pub use definitions::{DefinitionError, crds, definitions};
pub use duration::Duration;
pub use json_schema::json_schemas;
pub use realm::{Realm, RealmSpec};
pub use realm_test::{RealmTest, RealmTestSpec};
pub use reference_grant::{ReferenceGrant, ReferenceGrantSpec};
pub use references::{RealmRef, RoleRef, SecretKeyRef};
pub use region::{Region, RegionSpec};
pub use scope::{Scope, ScopeSpec};
pub use texts::{Json, Texts};

/// API group of every kind.
pub const GROUP: &str = "realmwright.dev";

/// Version of every kind.
pub const VERSION: &str = "v1alpha1";

/// `apiVersion` of every kind.
pub const API_VERSION: &str = "realmwright.dev/v1alpha1";
