//! Routers, extractors, errors, pages and texts.
