//! Which schema a build can work with, and whose database it is: one rule for both databases.

use crate::{Owner, Result, StoreError};

/// Versions that a build knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Build {
    /// The schema it writes.
    pub version: i64,
    /// The oldest schema it can work with: migrations expand first and contract later.
    pub oldest_usable: i64,
}

/// What a database says of its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its version; 0 when it is empty.
    pub version: i64,
    /// The oldest build that may still use it.
    pub oldest_reader: i64,
}

impl Build {
    /// Whether this build may serve from a database.
    ///
    /// # Errors
    /// `Refused` when the schema is too old for the build, or admits only newer builds.
    pub fn admit(self, stored: Stored) -> Result<()> {
        self.not_too_new(stored)?;
        if stored.version == 0 {
            return Err(StoreError::Refused(
                "it has no schema yet; run `realmwright-idp migrate` on it".to_owned(),
            ));
        }
        if stored.version < self.oldest_usable {
            return Err(StoreError::Refused(format!(
                "its schema {} is older than {}, which this build needs; run `realmwright-idp \
                 migrate` of this build on it",
                stored.version, self.oldest_usable
            )));
        }
        Ok(())
    }

    /// Whether this build may migrate a database. One that is newer but admits this build is
    /// left as it is.
    ///
    /// # Errors
    /// `Refused` when the schema admits only newer builds.
    pub fn not_too_new(self, stored: Stored) -> Result<()> {
        if stored.oldest_reader > self.version {
            return Err(StoreError::Refused(format!(
                "its schema {} admits builds of schema {} or newer, and this one is of {}; use a \
                 newer build",
                stored.version, stored.oldest_reader, self.version
            )));
        }
        Ok(())
    }
}

/// Whether a database that says it belongs to `stored` may serve `owner`.
///
/// # Errors
/// `Refused` when it belongs to another region, country or instance.
pub fn same_owner(stored: &Owner, owner: &Owner) -> Result<()> {
    if stored == owner {
        return Ok(());
    }
    Err(StoreError::Refused(format!(
        "it belongs to {}, and what is to be served from it to {}; name the database of that one",
        described(stored),
        described(owner)
    )))
}

fn described(owner: &Owner) -> String {
    let instance = owner
        .instance
        .as_ref()
        .map(|name| format!(", instance {name}"))
        .unwrap_or_default();
    format!("region {} in {}{instance}", owner.region, owner.country)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUILD: Build = Build {
        version: 5,
        oldest_usable: 4,
    };

    const fn stored(version: i64, oldest_reader: i64) -> Stored {
        Stored {
            version,
            oldest_reader,
        }
    }

    #[test]
    fn a_build_serves_what_is_near_enough() {
        for (stored, serves, migrates) in [
            (stored(0, 0), false, true),
            (stored(3, 1), false, true),
            (stored(4, 3), true, true),
            (stored(5, 4), true, true),
            (stored(6, 5), true, true),
            (stored(7, 6), false, false),
        ] {
            assert_eq!(BUILD.admit(stored).is_ok(), serves, "{stored:?}");
            assert_eq!(BUILD.not_too_new(stored).is_ok(), migrates, "{stored:?}");
        }
    }
}
