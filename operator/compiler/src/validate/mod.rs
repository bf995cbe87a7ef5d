//! What one object cannot know of another: places and hosts, admission, Secrets, flows.

pub(crate) mod flows;
pub(crate) mod placements;
pub(crate) mod retention;
pub(crate) mod secrets;
