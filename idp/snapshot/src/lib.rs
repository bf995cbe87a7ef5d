//! Snapshot values, content-addressed parts, envelope, digest, encode and decode.
