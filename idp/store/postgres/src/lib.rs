//! The store in PostgreSQL, for every real installation.
