//! The client from outside: the snapshot against a scripted node, and the command line as a process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "outside/bad_input.rs"]
mod bad_input;
#[path = "outside/client_calls.rs"]
mod client_calls;
#[path = "outside/config_follow.rs"]
mod config_follow;
#[path = "outside/export.rs"]
mod export;
#[path = "outside/init.rs"]
mod init;
#[path = "outside/page.rs"]
mod page;
#[path = "outside/process.rs"]
mod process;
#[path = "outside/scripted.rs"]
mod scripted;
#[path = "outside/tokens.rs"]
mod tokens;
