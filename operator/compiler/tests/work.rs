//! Work that grows with the change and not with the realm (design section 1, promise 3): counted,
//! not timed, so that it holds on every machine.

mod large;

use large::{Clients, REALM};
use realmwright_compiler::{Colour, Compilation, CompileProfile, Compiler, Manifests, Work, human};

const CLIENTS: usize = 300;

struct Realm {
    compiler: Compiler,
    manifests: Manifests,
    clients: Clients,
}

impl Realm {
    /// Compiled once.
    fn new(per_file: usize) -> (Self, Work) {
        let clients = Clients {
            count: CLIENTS,
            per_file,
        };
        let mut manifests = Manifests::new();
        manifests.insert("realm.yaml", REALM.as_bytes());
        for file in clients.files() {
            let text = clients.text(file, 0, "");
            manifests.insert(Clients::name(file), text.into_bytes());
        }
        let mut realm = Self {
            compiler: Compiler::new(),
            manifests,
            clients,
        };
        let work = realm.compile().work;
        (realm, work)
    }

    fn compile(&mut self) -> Compilation {
        let profile = CompileProfile::Production;
        let compilation = self.compiler.compile(&self.manifests, &profile);
        let fresh = Compiler::new().compile(&self.manifests, &profile);
        let digests = |compilation: &Compilation| {
            let realms = compilation.realms.iter();
            realms.map(|realm| realm.sealed.digest).collect::<Vec<_>>()
        };
        assert_eq!(digests(&compilation), digests(&fresh), "memory shows");
        compilation
    }

    fn compile_well(&mut self) -> Work {
        let compilation = self.compile();
        let said = human(&compilation.diagnostics, Colour::None);
        assert_eq!(compilation.realms.len(), 1, "{said}");
        compilation.work
    }

    fn edit(&mut self, client: usize, edit: &str) {
        let file = client / self.clients.per_file;
        let text = self.clients.text(file, client, edit);
        self.manifests
            .insert(Clients::name(file), text.into_bytes());
    }

    fn replace(&mut self, from: &str, to: &str) {
        assert!(REALM.contains(from));
        let text = REALM.replace(from, to);
        self.manifests.insert("realm.yaml", text.into_bytes());
    }
}

const NOTHING: Work = Work {
    files: 0,
    documents: 0,
    clients: 0,
    flows: 0,
    parts: 0,
};

const ONE_CLIENT: Work = Work {
    files: 1,
    documents: 1,
    clients: 1,
    parts: 1,
    ..NOTHING
};

#[test]
fn a_first_compile_does_everything_and_a_second_one_nothing() {
    let (mut realm, first) = Realm::new(10);
    assert_eq!((first.files, first.documents), (31, CLIENTS + 5));
    assert_eq!((first.clients, first.flows), (CLIENTS, 1));
    assert!(first.parts > 100);
    assert_eq!(realm.compile_well(), NOTHING);
}

#[test]
fn an_edited_client_is_the_only_one_that_costs() {
    for per_file in [1, 10, CLIENTS] {
        let (mut realm, _) = Realm::new(per_file);
        realm.edit(7, " edited");
        assert_eq!(realm.compile_well(), ONE_CLIENT, "{per_file} a file");
        realm.edit(7, "");
        assert_eq!(realm.compile_well().documents, 1, "{per_file} a file");
        assert_eq!(realm.compile_well(), NOTHING);
    }
}

/// Files are read by content: the same bytes at another place are the same.
#[test]
fn a_moved_file_is_cut_and_not_parsed() {
    let (mut realm, _) = Realm::new(100);
    let moved = Clients::name(1);
    let bytes = realm.manifests.get(&moved).cloned().unwrap_or_default();
    realm.manifests.remove(&moved);
    realm.manifests.insert("elsewhere.yaml", bytes);
    assert_eq!(
        realm.compile_well(),
        Work {
            files: 1,
            ..NOTHING
        }
    );
}

/// What clients are lowered against has changed, so each is lowered again; what comes out the
/// same is not sealed again.
#[test]
fn an_edited_scope_lowers_clients_and_seals_none() {
    let (mut realm, _) = Realm::new(10);
    realm.replace(
        "spec: {realmRef: {name: main}}\n",
        "spec: {realmRef: {name: main}, displayName: {en: Open}}\n",
    );
    let work = realm.compile_well();
    let expected = Work {
        files: 1,
        documents: 1,
        clients: CLIENTS,
        flows: 1,
        parts: 0,
    };
    assert_eq!(work, expected);
}

/// A typing error for the length of one save costs nothing but itself.
#[test]
fn a_broken_document_makes_nobody_else_work() {
    let (mut realm, _) = Realm::new(10);
    let file = Clients::name(0);
    let good = realm.manifests.get(&file).cloned().unwrap_or_default();
    let broken = realm.clients.text(0, 3, ": not a text: {");
    realm.manifests.insert(file.as_str(), broken.into_bytes());
    let compilation = realm.compile();
    assert!(compilation.has_errors() && compilation.realms.is_empty());
    let expected = Work {
        files: 1,
        documents: 1,
        ..NOTHING
    };
    assert_eq!(compilation.work, expected);
    realm.manifests.insert(file.as_str(), good);
    let mended = Work {
        parts: 0,
        ..ONE_CLIENT
    };
    assert_eq!(realm.compile_well(), mended);

    realm.replace("kind: Realm\n", "kind: Relam\n");
    assert!(realm.compile().has_errors());
    realm.replace("kind: Realm\n", "kind: Realm\n");
    let work = realm.compile_well();
    assert_eq!((work.clients, work.flows, work.parts), (0, 0, 0));
}
