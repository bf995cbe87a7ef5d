//! Files to parsed documents, with memory: a file that is the same is not looked at again, and of
//! a file that changed only the documents that did.

use std::collections::HashSet;
use std::sync::Arc;

use rayon::prelude::*;
use realmwright_snapshot::Digest;

use crate::diagnostics::Code;
use crate::manifests::{Document, Manifests, documents};
use crate::object::{ObjectId, Placed};
use crate::parse::{Content, Parsed, parse};
use crate::stage::Known;

/// A larger file is refused.
const MAX_FILE_BYTES: usize = 64 * 1024 * 1024;

/// A document and what it says.
#[derive(Debug)]
pub(crate) struct ReadDocument {
    /// The reading of a file that it comes from.
    reading: u64,
    pub(crate) document: Document,
    pub(crate) parsed: Arc<Parsed>,
    /// The resource, where it is a good one.
    pub(crate) placed: Option<Placed>,
}

/// A file that cannot be cut into documents.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) code: Code,
    pub(crate) message: String,
}

/// A file and what it holds.
#[derive(Debug)]
pub(crate) struct ReadFile {
    reading: u64,
    pub(crate) path: Arc<str>,
    bytes: Arc<[u8]>,
    pub(crate) documents: Result<Vec<Arc<ReadDocument>>, Unreadable>,
    /// Whether it holds good resources and nothing else.
    pub(crate) is_plain: bool,
}

/// How much was not remembered.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ReadWork {
    pub(crate) files: usize,
    pub(crate) documents: usize,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// By path.
    files: Vec<Arc<ReadFile>>,
    /// The documents that are good resources, in the order of [`order`].
    objects: Vec<Arc<ReadDocument>>,
    documents: Known<Digest, Parsed>,
    readings: u64,
}

/// By id; what has the same id by file and line.
fn order(document: &ReadDocument) -> Option<(&ObjectId, &Arc<str>, u32)> {
    let placed = document.placed.as_ref()?;
    let Document {
        file, first_line, ..
    } = &placed.document;
    Some((&placed.object.id, file, *first_line))
}

impl Reader {
    /// All files, by path.
    pub(crate) fn files(&self) -> &[Arc<ReadFile>] {
        &self.files
    }

    /// All good resources, by id; what has the same id by file and line.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &Placed> {
        self.objects
            .iter()
            .filter_map(|document| document.placed.as_ref())
    }

    /// Reads what is not remembered.
    pub(crate) fn read(&mut self, manifests: &Manifests) -> ReadWork {
        let mut gone = HashSet::new();
        let mut former = std::mem::take(&mut self.files).into_iter().peekable();
        let known: Vec<Option<Arc<ReadFile>>> = manifests
            .iter()
            .map(|(path, bytes)| {
                while let Some(file) = former.next_if(|file| file.path < *path) {
                    gone.insert(file.reading);
                }
                let file = former.next_if(|file| file.path == *path)?;
                let is_same = Arc::ptr_eq(&file.bytes, bytes) || file.bytes == *bytes;
                if !is_same {
                    gone.insert(file.reading);
                }
                is_same.then_some(file)
            })
            .collect();
        gone.extend(former.map(|file| file.reading));
        let changed: Vec<(&Arc<str>, &Arc<[u8]>)> = manifests
            .iter()
            .zip(&known)
            .filter(|(_, known)| known.is_none())
            .map(|(file, _)| file)
            .collect();
        let (fresh, work) = self.read_files(&changed);
        self.file(&gone, &fresh);
        let mut fresh = fresh.into_iter();
        self.files = known
            .into_iter()
            .filter_map(|known| known.or_else(|| fresh.next()))
            .collect();
        work
    }

    fn read_files(&mut self, files: &[(&Arc<str>, &Arc<[u8]>)]) -> (Vec<Arc<ReadFile>>, ReadWork) {
        let cut: Vec<Result<Vec<Document>, Unreadable>> = files
            .par_iter()
            .map(|(path, bytes)| cut(path, bytes))
            .collect();
        let tasks: Vec<(Digest, &Document)> = cut
            .iter()
            .flatten()
            .flatten()
            .map(|document| (document.digest, document))
            .collect();
        let parsed = self.documents.all(&tasks, |document| parse(document));
        let work = ReadWork {
            files: files.len(),
            documents: parsed.made,
        };
        let mut parsed = parsed.values.into_iter();
        let read = files.iter().zip(cut).map(|((path, bytes), documents)| {
            self.readings += 1;
            let reading = self.readings;
            let documents = documents.map(|documents| {
                let documents = documents.into_iter().zip(&mut parsed);
                documents
                    .map(|(document, parsed)| {
                        Arc::new(ReadDocument::new(reading, document, parsed))
                    })
                    .collect::<Vec<_>>()
            });
            Arc::new(ReadFile {
                reading,
                path: Arc::clone(path),
                bytes: Arc::clone(bytes),
                is_plain: documents
                    .as_ref()
                    .is_ok_and(|documents| documents.iter().all(|document| document.is_plain())),
                documents,
            })
        });
        (read.collect(), work)
    }

    /// Keeps the objects in order: takes away those of the readings that are `gone`, and puts in
    /// those of `fresh`.
    fn file(&mut self, gone: &HashSet<u64>, fresh: &[Arc<ReadFile>]) {
        if !gone.is_empty() {
            self.objects
                .retain(|document| !gone.contains(&document.reading));
        }
        let mut fresh: Vec<Arc<ReadDocument>> = fresh
            .iter()
            .flat_map(|file| file.documents.iter().flatten())
            .filter(|document| document.placed.is_some())
            .map(Arc::clone)
            .collect();
        if fresh.is_empty() {
            return;
        }
        fresh.sort_by(|a, b| order(a).cmp(&order(b)));
        let former = std::mem::take(&mut self.objects);
        let places: Vec<usize> = fresh
            .iter()
            .map(|new| former.partition_point(|document| order(document) < order(new)))
            .collect();
        let mut former = former.into_iter();
        let mut taken = 0;
        for (place, new) in places.into_iter().zip(fresh) {
            self.objects.extend(former.by_ref().take(place - taken));
            self.objects.push(new);
            taken = place;
        }
        self.objects.extend(former);
    }
}

impl ReadDocument {
    fn new(reading: u64, document: Document, parsed: Arc<Parsed>) -> Self {
        let placed = match &parsed.content {
            Content::Object(object) => Some(Placed {
                object: Arc::clone(object),
                document: document.clone(),
            }),
            _ => None,
        };
        Self {
            reading,
            document,
            parsed,
            placed,
        }
    }

    fn is_plain(&self) -> bool {
        self.placed.is_some() && self.parsed.faults.is_empty()
    }
}

fn cut(path: &Arc<str>, bytes: &[u8]) -> Result<Vec<Document>, Unreadable> {
    if bytes.len() > MAX_FILE_BYTES {
        return Err(Unreadable {
            code: Code::LimitExceeded,
            message: format!("the file is larger than {MAX_FILE_BYTES} bytes"),
        });
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(documents(path, text).collect()),
        Err(fault) => Err(Unreadable {
            code: Code::NotUtf8,
            message: format!("byte {} is not UTF-8", fault.valid_up_to()),
        }),
    }
}
