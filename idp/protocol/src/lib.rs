//! OAuth 2.0 and OpenID Connect as parse, validate, respond without I/O; JOSE.
