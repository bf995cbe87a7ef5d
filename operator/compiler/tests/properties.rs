//! Properties of the compiler over generated and permuted input.

#![expect(clippy::expect_used, reason = "a test may fail so")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use realmwright_compiler::{
    Colour, Compilation, CompileProfile, Compiler, Manifests, Severity, human, json,
};

fn full_case() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/full/in");
    let mut files: Vec<(String, String)> = fs::read_dir(folder)
        .expect("the full case")
        .map(|entry| {
            let path = entry.expect("entry").path();
            let name = path
                .file_name()
                .expect("name")
                .to_string_lossy()
                .into_owned();
            (name, fs::read_to_string(&path).expect("text"))
        })
        .collect();
    files.sort();
    files
}

fn documents() -> Vec<String> {
    full_case()
        .iter()
        .flat_map(|(_, text)| text.split("---\n").map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

fn compile(manifests: &Manifests) -> Compilation {
    Compiler::new().compile(manifests, &CompileProfile::Production)
}

fn essence(compilation: &Compilation) -> Vec<String> {
    compilation
        .realms
        .iter()
        .map(|realm| format!("{} {} {}", realm.id, realm.region, realm.sealed.digest))
        .collect()
}

/// The same document as JSON (which is YAML) with its keys in reverse order.
fn reversed(document: &str) -> String {
    fn write(value: &serde_json::Value, out: &mut String) {
        match value {
            serde_json::Value::Object(members) => {
                out.push('{');
                for (index, (key, value)) in members.iter().rev().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    let _ = write!(out, "{comma}{}: ", serde_json::json!(key));
                    write(value, out);
                }
                out.push('}');
            }
            serde_json::Value::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    write(item, out);
                }
                out.push(']');
            }
            scalar => {
                let _ = write!(out, "{scalar}");
            }
        }
    }
    let value: serde_json::Value = serde_saphyr::from_str(document).expect("YAML");
    let mut out = String::new();
    write(&value, &mut out);
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Files, objects and keys in any order give the same bytes and digest.
    #[test]
    fn order_has_no_meaning(
        order in Just(documents()).prop_shuffle(),
        files in 1..6_usize,
        flip in prop::collection::vec(any::<bool>(), 32),
    ) {
        let texts: Vec<String> = order
            .iter()
            .zip(flip.iter().cycle())
            .map(|(document, flip)| if *flip { reversed(document) } else { document.clone() })
            .collect();
        let size = texts.len().div_ceil(files);
        let manifests: Manifests = texts
            .chunks(size)
            .enumerate()
            .map(|(index, chunk)| (format!("{index}.yaml"), chunk.join("\n---\n").into_bytes()))
            .collect();
        let expected: Manifests = full_case()
            .into_iter()
            .map(|(name, text)| (name, text.into_bytes()))
            .collect();
        let permuted = compile(&manifests);
        let original = compile(&expected);
        prop_assert!(!original.realms.is_empty(), "{}", human(&original.diagnostics, Colour::None));
        let said = human(&permuted.diagnostics, Colour::None);
        prop_assert_eq!(essence(&permuted), essence(&original), "{}", said);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Whatever is written, the compiler answers, and can print what it says.
    #[test]
    fn arbitrary_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let manifests: Manifests = [("a.yaml", bytes)].into_iter().collect();
        let compilation = compile(&manifests);
        prop_assert!(compilation.realms.is_empty());
        let _ = human(&compilation.diagnostics, Colour::Ansi);
        json(&compilation.diagnostics).expect("JSON");
    }

    /// A good case with one place damaged is answered too, and with nothing of its Secrets.
    #[test]
    fn damaged_manifests_are_answered(
        at in any::<prop::sample::Index>(),
        damage in prop_oneof![
            Just(String::new()), Just(":".to_owned()), Just("{".to_owned()), Just("\n".to_owned()),
            Just("- ".to_owned()), Just("é".to_owned()), Just("\t".to_owned()), ".{1,4}",
        ],
        cut in 0..8_usize,
    ) {
        let manifests: Manifests = full_case()
            .into_iter()
            .map(|(name, text)| {
                let places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
                let place = *at.get(&places);
                let rest: String = text[place..].chars().skip(cut).collect();
                (name, format!("{}{damage}{rest}", &text[..place]).into_bytes())
            })
            .collect();
        let compilation = compile(&manifests);
        let text = human(&compilation.diagnostics, Colour::None)
            + &json(&compilation.diagnostics).expect("JSON");
        for secret in ["c2FsdHNhbHQ", "MDEyMzQ1Njc4OWFi", "0123456789abcdef", "ZmVkY2JhOTg3", "fedcba9876543210"] {
            prop_assert!(!text.contains(secret), "{text}");
        }
    }
}

/// Clients that quarrel about an identifier, and one that refers to others.
const MORE: [&str; 4] = [
    "spec: {realmRef: {name: main}, identifier: twin}",
    "spec: {realmRef: {name: main}, identifier: twin, disabled: true}",
    "spec: {realmRef: {name: main}, roleScope: {roles: [{client: twin, role: none}]}}",
    "spec: {realmRef: {name: main}, oidc: {authentication: {secret: {secretRef: {name: worker, \
     key: nothing}}}, grantTypes: [client_credentials]}}",
];

fn more_documents() -> Vec<String> {
    let more = MORE.iter().enumerate().map(|(number, spec)| {
        format!(
            "apiVersion: realmwright.dev/v1alpha1\nkind: Client\n\
             metadata: {{name: more-{number}, namespace: identity}}\n{spec}\n"
        )
    });
    documents().into_iter().chain(more).collect()
}

/// What a document is at some moment, and in which file.
#[derive(Clone, Copy, Debug)]
enum State {
    Absent,
    Good(usize),
    /// Other bytes that mean the same.
    Touched(usize),
    Broken(usize),
    Twice(usize, usize),
}

fn state() -> impl Strategy<Value = State> {
    let file = 0..4_usize;
    prop_oneof![
        1 => Just(State::Absent),
        12 => file.clone().prop_map(State::Good),
        2 => file.clone().prop_map(State::Touched),
        1 => file.clone().prop_map(State::Broken),
        1 => (file.clone(), file).prop_map(|(one, other)| State::Twice(one, other)),
    ]
}

fn folder(documents: &[String], states: &[State]) -> Manifests {
    let mut files = vec![String::new(); 4];
    for (document, state) in documents.iter().zip(states) {
        let places = match *state {
            State::Absent => vec![],
            State::Good(file) => vec![(file, document.clone())],
            State::Touched(file) => vec![(file, format!("# touched\n{document}"))],
            State::Broken(file) => vec![(file, format!("{document}\nnonsense: [\n"))],
            State::Twice(one, other) => vec![(one, document.clone()), (other, document.clone())],
        };
        for (file, text) in places {
            if let Some(file) = files.get_mut(file) {
                let _ = write!(file, "---\n{text}\n");
            }
        }
    }
    let files = files.into_iter().enumerate();
    files
        .map(|(number, text)| (format!("{number}.yaml"), text.into_bytes()))
        .collect()
}

fn everything(compilation: &Compilation) -> (Vec<String>, Vec<String>, Vec<String>) {
    let realms = compilation.realms.iter().map(|realm| {
        let needs: Vec<String> = realm
            .secrets
            .iter()
            .map(|need| format!("{need:?}"))
            .collect();
        format!(
            "{} {} {:?} {needs:?}",
            realm.id, realm.sealed.digest, realm.algorithms
        )
    });
    let keys = compilation.secrets.keys().map(|key| key.to_string());
    let said = compilation.diagnostics.iter();
    (
        realms.collect(),
        keys.collect(),
        said.map(|said| format!("{said:?}")).collect(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However a folder came to be what it is, it compiles to the same.
    #[test]
    fn memory_never_shows(
        histories in prop::collection::vec(prop::collection::vec(state(), 64), 2..6),
    ) {
        let documents = more_documents();
        prop_assert!(documents.len() <= 64);
        let mut compiler = Compiler::new();
        let good = vec![State::Good(0); documents.len() - MORE.len()];
        let moments = histories.iter().flat_map(|states| [states.as_slice(), &good]);
        for states in moments {
            let manifests = folder(&documents, states);
            let remembered = compiler.compile(&manifests, &CompileProfile::Production);
            prop_assert_eq!(everything(&remembered), everything(&compile(&manifests)));
        }
    }
}

/// design section 8: secrets are redacted by type.
#[test]
fn secret_values_are_at_hand_and_never_printed() {
    use secrecy::ExposeSecret as _;

    let manifests: Manifests = full_case()
        .into_iter()
        .map(|(name, text)| (name, text.into_bytes()))
        .collect();
    let compilation = compile(&manifests);
    let key = compilation
        .secrets
        .keys()
        .find(|key| key.name == "worker" && key.key == "value")
        .expect("the Secret");
    let value = compilation.secrets.get(&key).expect("its value");
    assert_eq!(value.expose_secret(), b"0123456789abcdef0123456789abcdef");
    let printed = format!("{compilation:?}");
    assert!(!printed.contains("0123456789abcdef"));
    assert!(!printed.contains("c2FsdHNhbHQ"));
    for realm in &compilation.realms {
        for part in realm.sealed.parts.values() {
            let bytes = zstd::decode_all(&**part).expect("a part");
            let text = String::from_utf8(bytes).expect("JSON");
            assert!(!text.contains("0123456789abcdef") && !text.contains("c2FsdHNhbHQ"));
        }
    }
    assert!(
        compilation
            .diagnostics
            .iter()
            .all(|diagnostic| diagnostic.severity != Severity::Error)
    );
}
