//! From artefacts to pods: the objects that hold them ([`objects`]), and the store that reads and
//! writes these ([`store`]).

pub mod objects;
pub mod store;
