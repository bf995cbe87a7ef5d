//! The one table of codes. A code never changes its meaning and is never used again.

/// What `explain` says about a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// A few words.
    pub title: &'static str,
    /// Why it is refused and what to do.
    pub text: &'static str,
    /// An example that gives the code.
    pub wrong: &'static str,
    /// The same put right.
    pub right: &'static str,
}

macro_rules! catalogue {
    ($($variant:ident $code:literal $title:literal $text:literal $wrong:literal $right:literal)*) => {
        /// A stable code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $title] $variant,)*
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// `RW` and four digits.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)*
                }
            }

            /// What it means.
            #[must_use]
            pub const fn explanation(self) -> Explanation {
                match self {
                    $(Self::$variant => Explanation {
                        title: $title,
                        text: $text,
                        wrong: $wrong,
                        right: $right,
                    },)*
                }
            }
        }
    };
}

impl Code {
    /// The code of this text, in either case.
    #[must_use]
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.as_str().eq_ignore_ascii_case(text.trim()))
    }
}

catalogue! {
    Syntax "RW0101"
        "not YAML"
        "The text cannot be read as YAML 1.2. Nothing of this document is used; the other \
         documents of the file are."
        "spec: [openid, profile"
        "spec: [openid, profile]"
    NotUtf8 "RW0102"
        "not UTF-8"
        "Manifests are UTF-8 text. Save the file in that encoding."
        "a file in UTF-16 or Windows-1251"
        "the same file in UTF-8"
    LimitExceeded "RW0103"
        "larger than any manifest"
        "A file, a document's depth or its number of nodes (aliases expanded) is beyond what \
         a real manifest needs. Split the file, or write out what the aliases abbreviate."
        "a: &a [*b, *b, *b, ...]"
        "a: [...]"
    DuplicateKey "RW0104"
        "duplicate key"
        "A key stands twice in one mapping, so that one of the two values would silently be \
         lost."
        "spec:\n  id: a.one\n  id: a.two"
        "spec:\n  id: a.one"
    BadKey "RW0105"
        "key is not a scalar"
        "Keys are plain names. Lists, mappings and null cannot be keys."
        "? [a, b]\n: 1"
        "a: 1"
    UnsupportedYaml "RW0106"
        "unsupported YAML"
        "Custom tags and self-referring aliases have no meaning in a manifest."
        "secret: !vault path"
        "secretRef: {name: path, key: value}"
    NotAnObject "RW0201"
        "not a resource"
        "Each document is a Kubernetes object: a mapping with `apiVersion`, `kind`, \
         `metadata` and `spec`."
        "realm: quickstart"
        "apiVersion: realmwright.dev/v1alpha1\nkind: Realm\nmetadata: {name: quickstart, namespace: identity}\nspec: {...}"
    UnknownKind "RW0202"
        "unknown kind"
        "The group `realmwright.dev` has no such kind. `realmwright crds` lists those that \
         exist."
        "kind: Aplication"
        "kind: Client"
    UnknownVersion "RW0203"
        "unknown version"
        "This build knows `realmwright.dev/v1alpha1`."
        "apiVersion: realmwright.dev/v2"
        "apiVersion: realmwright.dev/v1alpha1"
    ForeignObject "RW0204"
        "object of another group"
        "Only `realmwright.dev` resources and `v1` Secrets are read; everything else in the \
         folder is left to whoever it belongs to."
        "kind: Deployment"
        "kind: Client"
    DuplicateObject "RW0205"
        "duplicate object"
        "Two documents declare the same kind, namespace and name. Rename one, or remove it."
        "two `Client identity/demo`"
        "`Client identity/demo` and `Client identity/demo-two`"
    BadMetadata "RW0206"
        "bad metadata"
        "Every object has a `metadata.name`, and every namespaced one a `metadata.namespace`, \
         both DNS labels in lower case (names may have dots). `Region` is cluster-scoped and \
         has no namespace."
        "metadata: {name: My Realm}"
        "metadata: {name: my-realm, namespace: identity}"
    UnknownField "RW0207"
        "unknown field"
        "The schema of the kind has no such field. A mistyped field would otherwise be a \
         setting that silently does nothing."
        "spec:\n  displayname: {en: Demo}"
        "spec:\n  displayName: {en: Demo}"
    MissingField "RW0208"
        "missing field"
        "A required field is absent. Its documentation is in `realmwright crds`."
        "spec: {displayName: {en: Demo}}"
        "spec: {realmRef: {name: main}, displayName: {en: Demo}}"
    WrongType "RW0209"
        "wrong type"
        "The value has another type than the schema demands. Texts that look like numbers or \
         booleans must be quoted."
        "attributes: {phone: 380441234567}"
        "attributes: {phone: \"380441234567\"}"
    InvalidValue "RW0210"
        "value out of range"
        "The value is not one of those allowed, or outside the range, length or pattern of \
         its field."
        "requiredFactors: 3"
        "requiredFactors: 2"
    RuleViolated "RW0211"
        "value that a rule refuses"
        "The value is of the right type and form, and still cannot be: it contradicts another \
         one, or a standard; the message says which. The rules are in the \
         CustomResourceDefinitions (`realmwright crds`), and the API server applies the same \
         ones."
        "issuer: http://id.example.com"
        "issuer: https://id.example.com"
    BadVariant "RW0212"
        "not exactly one alternative"
        "The field is a choice: exactly one of its alternatives must be set."
        "authentication: {none: {}, secret: {...}}"
        "authentication: {none: {}}"
    MalformedSecret "RW0213"
        "malformed Secret"
        "`data` of a Secret holds base64 texts, `stringData` plain ones."
        "data: {password: hunter2!}"
        "stringData: {password: hunter2!}"
    DuplicateEntry "RW0214"
        "duplicate list entry"
        "Entries of this list are told apart by a key, and two share one."
        "attributes: [{name: email}, {name: email}]"
        "attributes: [{name: email}, {name: work_email}]"
    FieldOutOfPlace "RW0215"
        "field out of place"
        "The field has no meaning where another one is set, or is left out, or has the value \
         that it has; the message says which. Remove it, or change the other one. The API \
         server refuses the same."
        "expect: {result: Denied, claims: {idToken: {sub: anna}}}"
        "expect: {result: Allowed, claims: {idToken: {sub: anna}}}"
    FieldNeeded "RW0216"
        "field needed beside another"
        "What the object says elsewhere needs this field too; the message says what. Add it, or \
         take the other one away."
        "oidc: {grantTypes: [authorization_code], authentication: {none: {}}}"
        "oidc: {grantTypes: [authorization_code], authentication: {none: {}}, redirectUris: [https://app.example.com/callback]}"
    NameTaken "RW0217"
        "named twice"
        "Two parts of the object have one name, or are one thing, where each is told apart by \
         it. Rename one, or remove it."
        "deny: [{name: office, ...}]\nentry: [{name: office, ...}]"
        "deny: [{name: outside-office, ...}]\nentry: [{name: office, ...}]"
    RealmNotFound "RW0301"
        "realm not found"
        "`spec.realmRef` names a Realm that does not exist; without `namespace` the object's \
         own namespace is meant. The object is left out."
        "realmRef: {name: quikstart}"
        "realmRef: {name: quickstart}"
    AttachmentRefused "RW0302"
        "not admitted by the realm"
        "An object of another namespace joins a realm only when `Realm.spec.attach` admits \
         its kind, its namespace and the scopes it uses. Only Clients can be attached. The \
         object is left out; the realm goes on."
        "realmRef: {name: main, namespace: identity}   # from team-a"
        "# in the Realm:\nattach: [{kinds: [Client], namespaces: [team-a], scopes: [openid]}]"
    RegionNotFound "RW0303"
        "region not found"
        "A placement names a Region that does not exist."
        "placements: [{region: au, ...}]"
        "placements: [{region: ua, ...}]"
    InstanceNotFound "RW0304"
        "instance not found"
        "A placement names an instance that its Region does not list. A Region that lists \
         none has `default`."
        "instance: big"
        "instance: default"
    ScopeNotFound "RW0305"
        "scope not found"
        "The realm has no Scope with this token (`spec.scope`, else its name)."
        "scopes: {default: [profil]}"
        "scopes: {default: [profile]}"
    FlowNotFound "RW0306"
        "flow not found"
        "The realm has no AuthFlow of this name."
        "flow: two-factor"
        "flow: two-factors"
    MethodNotFound "RW0307"
        "method not found"
        "The realm has no AuthMethod of this name."
        "methods: [pasword]"
        "methods: [password]"
    AttributeNotFound "RW0308"
        "attribute not declared"
        "The realm's `spec.attributes` declare no such attribute. `sub` is built in."
        "from: {attribute: mail}"
        "from: {attribute: email}"
    RoleNotFound "RW0309"
        "role not found"
        "Neither the realm (`Realm.spec.roles`) nor, where `client` is set, that client \
         (`Client.spec.roles`) declares this role. A text that an expression compares \
         `person.roles` with is looked up as well."
        "defaultRoles: [usr]"
        "defaultRoles: [user]"
    ClientNotFound "RW0310"
        "client not found"
        "The realm has no Client of this name in the namespace of the reference."
        "roles: [{client: demoo, role: admin}]"
        "roles: [{client: demo, role: admin}]"
    SecretNotGranted "RW0311"
        "no grant for the Secret"
        "A reference to a Secret of another namespace needs a ReferenceGrant in that \
         namespace (Gateway API semantics)."
        "secretRef: {name: demo, key: value, namespace: vaulted}"
        "kind: ReferenceGrant\nmetadata: {name: demo, namespace: vaulted}\nspec:\n  from: [{kind: Client, namespace: identity}]\n  to: [{kind: Secret, name: demo}]"
    SecretMissing "RW0312"
        "Secret is not among the manifests"
        "The Secret may be supplied by others at run time; until it is, the realm is not \
         published."
        "secretRef: {name: demo, key: value}"
        "apiVersion: v1\nkind: Secret\nmetadata: {name: demo, namespace: identity}\nstringData: {value: ...}"
    SecretKeyMissing "RW0313"
        "Secret has no such key"
        "The Secret is among the manifests but has no such key."
        "secretRef: {name: demo, key: vaule}"
        "secretRef: {name: demo, key: value}"
    SessionClaimNotDeclared "RW0314"
        "session claim not declared"
        "Flows put only those claims into sessions, and clients read only those, that \
         `Realm.spec.sessionClaims` lists (OIDC-63)."
        "from: {sessionClaim: grps}"
        "# in the Realm:\nsessionClaims: [grps]"
    MethodDisabled "RW0315"
        "method is disabled"
        "The flow names a method that is switched off, so the login could not go on there."
        "methods: [totp]   # AuthMethod totp has disabled: true"
        "methods: [password]"
    WeakSecret "RW0316"
        "client secret is too short"
        "Client secrets have at least 128 bits: 16 bytes, and random. Leave `secretRef` out \
         to have one generated."
        "stringData: {value: secret}"
        "stringData: {value: <32 random characters>}"
    UnusablePasswordHash "RW0317"
        "password hash cannot be used"
        "The Secret of a bootstrap account holds a password hash, not a password: PHC text of \
         Argon2, scrypt or PBKDF2, or bcrypt text, of a cost that a check may have. Nobody could \
         log in with anything else."
        "stringData: {passwordHash: $argon9$v=19$m=19456,t=2,p=1$...}"
        "stringData: {passwordHash: $argon2id$v=19$m=19456,t=2,p=1$...}"
    RealmIdNamespace "RW0401"
        "realm id of another namespace"
        "`spec.id` begins with the realm's own `<namespace>.`, unless `Region.spec.adopt` of \
         a region that it is placed in names this id, namespace and realm."
        "metadata: {namespace: identity}\nspec: {id: legacy.main}"
        "metadata: {namespace: identity}\nspec: {id: identity.main}"
    DuplicateRealmId "RW0402"
        "two realms with one id"
        "The id is the key of every table; two realms cannot share it."
        "two Realms with id: identity.main"
        "identity.main and identity.staff"
    IssuerNotHttps "RW0403"
        "address is not https"
        "Issuers (OIDC Discovery section 3) and back-end addresses are https. Write the \
         address that production will have: `realmwright dev` serves it at its own origin."
        "backendUrl: http://id.internal"
        "backendUrl: https://id.internal"
    BadIssuer "RW0404"
        "malformed issuer"
        "An issuer is scheme, host, optional port and path: no query, fragment, user, or \
         trailing slash."
        "issuer: https://id.example.com/main/?x=1"
        "issuer: https://id.example.com/main"
    DuplicateIssuer "RW0405"
        "two placements with one issuer"
        "Tokens are told apart by issuer; each placement has its own."
        "two placements with issuer https://id.example.com"
        "https://id.example.com/a and https://id.example.com/b"
    HostConflict "RW0406"
        "host belongs to another placement"
        "A host belongs to one namespace, region and instance. The first by namespace and \
         name keeps it here; in a cluster the incumbent does."
        "https://id.example.com/a in namespace one, /b in namespace two"
        "https://one.example.com and https://two.example.com"
    OverlappingIssuers "RW0407"
        "issuer paths overlap"
        "Realms of one namespace share a host only by disjoint issuer paths: neither is a \
         prefix of the other at a segment boundary."
        "https://id.example.com/a and https://id.example.com/a/b"
        "https://id.example.com/a and https://id.example.com/b"
    HostNotAllowed "RW0408"
        "host is not allowed to the namespace"
        "`Region.spec.hosts` lists which namespaces may use which hosts."
        "hosts: [{pattern: id.example.com, namespaces: [other]}]"
        "hosts: [{pattern: id.example.com, namespaces: [identity]}]"
    UnsupportedLocale "RW0411"
        "text in a language the realm does not offer"
        "The text is never shown, because its locale is not in `locales.supported`."
        "displayName: {de: Demo}   # supported: [en]"
        "displayName: {en: Demo}"
    RoleCycle "RW0413"
        "roles include each other"
        "A role that comes with another one cannot come with it in turn (KC-ROLE-05)."
        "roles:\n- {name: a, includes: [{role: b}]}\n- {name: b, includes: [{role: a}]}"
        "roles:\n- {name: a, includes: [{role: b}]}\n- {name: b}"
    BadPattern "RW0414"
        "not a regular expression"
        "Patterns are written in the syntax of the Rust `regex` crate: no look-around and no \
         back-references, so that matching takes linear time."
        "match: '(?=a)'"
        "match: '^a'"
    AttributeNotSearchable "RW0415"
        "attribute is not searchable"
        "People are found only by attributes that are `searchable` or `unique`."
        "match: [{all: [{attribute: nickname, equals: login}]}]"
        "attributes: [{name: nickname, searchable: true}]"
    AttributeUnfit "RW0416"
        "attribute does not fit its part"
        "The attribute has a type, or is computed, where its part demands another: e-mail \
         addresses and phones are stored texts, and what people are found by is stored."
        "purposes: {emails: [age]}   # a Number"
        "purposes: {emails: [email]}"
    InconsistentPeriods "RW0417"
        "lengths of time contradict each other"
        "One length of time must not exceed another: an idle time the whole life, a lead the \
         interval it leads."
        "sessions: {idle: 12h, lifetime: 10h}"
        "sessions: {idle: 30m, lifetime: 10h}"
    SeveralStores "RW0418"
        "several attribute stores"
        "A realm has exactly one internal store; it is there without being declared."
        "two AttributeStores of one realm"
        "one AttributeStore"
    BootstrapAccountUnfit "RW0419"
        "bootstrap account does not fit the schema"
        "The account gives an attribute of another type, one that is computed, or leaves out \
         a required one."
        "attributes: {age: old}   # a Number"
        "attributes: {age: 40}"
    RetentionOutOfBounds "RW0420"
        "kept shorter or longer than the region's law has it"
        "`Region.spec.retention` says how long records are kept there at least and at most, and \
         the realm keeps them shorter or longer (CONF-STORE-03). A realm that says nothing keeps \
         audit events without end, and why people were refused for 720h."
        "# in the Region:\nretention: {auditEvents: {min: 8760h, max: 43800h}}\n# in the Realm:\nretention: {auditEvents: 720h}"
        "retention: {auditEvents: 8760h}"
    DuplicateClientIdentifier "RW0501"
        "two clients with one identifier"
        "An identifier names one application in all protocols of its realm (APP-01)."
        "two Clients with identifier: demo"
        "demo and demo-two"
    BadRedirectUri "RW0503"
        "redirect address not allowed"
        "Redirect addresses are absolute: https; http on loopback only; or a custom scheme \
         that is a reversed domain (it contains a dot). No fragment, no user, no wildcard \
         host (OIDC-13, KC-CL-11, RFC 8252), and no parameter that the answer adds, such as \
         `code` or `state`: the application could take either value."
        "redirectUris: [\"myapp://cb\", \"https://*.example.com\"]"
        "redirectUris: [\"com.example.app:/cb\", \"https://app.example.com/cb\"]"
    BadWebOrigin "RW0504"
        "not an origin"
        "A web origin is scheme, host and port: no path, no trailing slash, no `*`. `+` \
         stands for the origins of the redirect addresses."
        "webOrigins: [\"https://app.example.com/\"]"
        "webOrigins: [\"+\", \"https://app.example.com\"]"
    OpenIdScopeMissing "RW0505"
        "the scope `openid` does not exist"
        "A client with authorization_code needs a Scope with the token `openid`: without it \
         no id token is ever issued (OpenID Connect Core section 3.1.2.1)."
        "a realm without a Scope `openid`"
        "kind: Scope\nmetadata: {name: openid, namespace: identity}\nspec: {realmRef: {name: main}}"
    SystemScopeUnusable "RW0506"
        "system scope can never be granted"
        "A system scope is granted to `client_credentials` only, and this client does not \
         have that grant."
        "grantTypes: [authorization_code]\nscopes: {optional: [\"realmwright:accounts\"]}"
        "grantTypes: [client_credentials]\nscopes: {optional: [\"realmwright:accounts\"]}"
    DuplicateScope "RW0507"
        "two scopes with one token"
        "A scope token is declared once in a realm."
        "two Scopes with scope: email"
        "email and work_email"
    GrantUnusable "RW0508"
        "grant cannot be used"
        "Refresh tokens are issued with `authorization_code` only, never to \
         `client_credentials` (RFC 6749 section 4.4.3)."
        "grantTypes: [client_credentials, refresh_token]"
        "grantTypes: [authorization_code, refresh_token]"
    BadJwks "RW0510"
        "not a set of public keys"
        "`jwks` is a JWK set (RFC 7517): an object with `keys`, each with `kty` and without \
         private members."
        "jwks: {keys: [{kty: EC, d: ...}]}"
        "jwks: {keys: [{kty: EC, crv: P-256, x: ..., y: ...}]}"
    ClaimBeyondDataClass "RW0601"
        "claim would carry an attribute beyond its data class"
        "Medical data reaches a token only through a Scope that the realm's own namespace \
         declares, that asks for consent, and whose claim reads the attribute by name; never \
         through a client's own claims, an expression, a computed attribute or a session \
         claim (REGION-RES-01). Session claims and client tags carry no medical data either."
        "claims: [{name: blood, from: {expression: person.blood_group}}]"
        "kind: Scope\nspec:\n  consent: {ask: true}\n  claims: [{name: blood, from: {attribute: blood_group}, targets: [UserInfo]}]"
    ReservedClaim "RW0602"
        "claim that the protocol owns"
        "Issuer, audience, times, subject and the like are set by the protocol and cannot be \
         overwritten."
        "claims: [{name: iss, from: {constant: x}}]"
        "claims: [{name: tenant, from: {constant: x}}]"
    DataClassLowered "RW0603"
        "computed attribute lowers a data class"
        "A computed attribute is at least as sensitive as what it reads."
        "- {name: label, dataClass: Pseudonymous, computed: person.email}"
        "- {name: label, dataClass: Personal, computed: person.email}"
    DuplicateClaim "RW0604"
        "one claim inside another"
        "Dots in a claim's name make nested objects. A claim cannot be a value and an object \
         at the same time."
        "claims: [{name: address, ...}, {name: address.country, ...}]"
        "claims: [{name: address.text, ...}, {name: address.country, ...}]"
    BadExpression "RW0701"
        "expression cannot be used"
        "Expressions are a closed subset of CEL, checked against the realm's attributes. The \
         marker shows where it fails."
        "when: person.emial == 'a'"
        "when: has(person.email) && person.email == 'a'"
    FlowDeniesEverybody "RW0801"
        "flow denies everybody"
        "Under every assignment of its conditions the flow ends in a denial."
        "deny: [{name: all, when: 'true', ...}]"
        "deny: [{name: blocked, when: person.blocked, ...}]"
    FlowDeadEnd "RW0802"
        "flow has a dead end"
        "For some person and some values of its conditions the flow ends neither in `enough` \
         nor in a denial that the author wrote: no method is left and no enrolment is \
         offered. The note shows the path. An intended exclusion is written as `deny` with a \
         message."
        "then: {more: {methods: [totp]}}   # enrolment: Off"
        "then: {more: {methods: [password, totp]}}"
    FlowWithoutFactor "RW0803"
        "flow lets people in without a factor"
        "`enough` is reachable although no factor was passed, in this login or in the \
         session."
        "entry: [{name: open, then: {enough: {}}}]"
        "entry: [{name: sso, when: session.exists, then: {enough: {}}}]"
    FlowTooComplex "RW0804"
        "flow has too many conditions"
        "The check of flows looks at every combination of conditions, so their number is \
         bounded. Merge conditions, or split the flow."
        "more than a dozen different conditions"
        "fewer conditions"
    NoMethod "RW0807"
        "realm has no way to log in"
        "A realm whose clients log people in needs an AuthMethod of the first factor that is \
         switched on."
        "a Realm without AuthMethod"
        "kind: AuthMethod\nspec: {realmRef: {name: main}, password: {...}}"
    TestFailed "RW0901"
        "config test failed"
        "The realm does not do what the RealmTest expects. The note shows what was expected \
         and what happened."
        "expect: {result: Allowed}"
        "expect: {result: Denied, denial: blocked}"
    BadTest "RW0902"
        "config test cannot run"
        "The case names something that the realm does not have."
        "client: demoo"
        "client: demo"
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_explained() {
        let texts: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
        for code in Code::ALL {
            let text = code.as_str();
            assert!(text.len() == 6 && text.starts_with("RW"), "{text}");
            let explanation = code.explanation();
            assert!(explanation.text.len() > 30, "{text} has no explanation");
            assert!(!explanation.wrong.is_empty() && !explanation.right.is_empty());
            assert_eq!(Code::find(&text.to_lowercase()), Some(*code));
        }
        assert_eq!(Code::find("RW9999"), None);
    }
}
