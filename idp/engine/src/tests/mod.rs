//! Use cases over SQLite, each from the outside: what a browser or an application would do.

mod actors;
mod fixture;

mod accounts;
mod assertions;
mod choice;
mod client_secrets;
mod denials;
mod first_submission;
mod flow;
mod login;
mod passwords;
mod refused_callers;
mod reuse;
mod second_factor;
mod sessions;
mod tokens;
mod transport;
