//! Field paths: how a fault names its place before the place is known in lines and columns.

use std::fmt;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Step {
    Field(String),
    Index(usize),
}

impl From<&str> for Step {
    fn from(field: &str) -> Self {
        Self::Field(field.to_owned())
    }
}

impl From<&String> for Step {
    fn from(field: &String) -> Self {
        Self::Field(field.clone())
    }
}

impl From<usize> for Step {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// A path from the root of an object, such as `spec.oidc.redirectUris[0]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FieldPath(Vec<Step>);

impl FieldPath {
    pub(crate) const fn root() -> Self {
        Self(Vec::new())
    }

    /// The path one step further.
    pub(crate) fn at(&self, step: impl Into<Step>) -> Self {
        let mut steps = self.0.clone();
        steps.push(step.into());
        Self(steps)
    }

    /// The path, and `below` from there.
    pub(crate) fn join(&self, below: &Self) -> Self {
        Self(self.0.iter().chain(&below.0).cloned().collect())
    }

    pub(crate) fn push(&mut self, step: impl Into<Step>) {
        self.0.push(step.into());
    }

    pub(crate) fn pop(&mut self) {
        self.0.pop();
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The path's first step only.
    pub(crate) fn first(&self) -> Self {
        Self(self.0.first().cloned().into_iter().collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of the two is the other or lies under it.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(a, b)| a == b)
    }

    /// Reads what [`fmt::Display`] writes, and what `kube-cel` says (`spec.list[0].field`).
    pub(crate) fn parse(text: &str) -> Self {
        let mut steps = Vec::new();
        for part in text.split('.').filter(|part| !part.is_empty()) {
            let mut pieces = part.split('[');
            if let Some(field) = pieces.next().filter(|field| !field.is_empty()) {
                steps.push(Step::from(field));
            }
            for index in pieces {
                let index = index.trim_end_matches(']');
                steps.push(
                    index
                        .parse()
                        .map_or_else(|_| Step::from(index.trim_matches('"')), Step::Index),
                );
            }
        }
        Self(steps)
    }
}

/// `field!("spec", "list", 0, "field")`.
macro_rules! field {
    ($($step:expr),* $(,)?) => {{
        let mut path = $crate::path::FieldPath::root();
        $(path.push($step);)*
        path
    }};
}
pub(crate) use field;

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Field(field) if position == 0 => f.write_str(field)?,
                Step::Field(field) => write!(f, ".{field}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for text in ["spec.oidc.redirectUris[0]", "spec.a[1].b[2][3]", "spec"] {
            assert_eq!(FieldPath::parse(text).to_string(), text);
        }
        assert_eq!(FieldPath::parse(".spec.x"), field!("spec", "x"));
    }

    #[test]
    fn overlap_is_mutual_and_by_whole_steps() {
        let (a, b, c) = (
            field!("spec", "a"),
            field!("spec", "a", 0),
            field!("spec", "ab"),
        );
        assert!(a.overlaps(&b) && b.overlaps(&a) && a.overlaps(&a));
        assert!(!a.overlaps(&c) && !c.overlaps(&b));
    }
}
