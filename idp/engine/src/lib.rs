//! Use cases: authorize, grants, logins, sessions, consent, accounts; I/O only through traits.
