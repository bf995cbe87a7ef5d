//! Black-box scenarios on real parts.
