/// Whose fault an error is: what the log level and the status class follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The caller sent something wrong.
    Client,
    /// A system that we depend on did not answer.
    Upstream,
    /// We are wrong.
    Internal,
}
