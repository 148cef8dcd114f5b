//! One module for each command; here they are only told apart.

mod apply;
mod approve;
mod audit;
mod context;
mod edit;
mod get;
mod grant;
mod init;
mod keys;
mod look;
mod node;
mod revoke;
pub mod role;
mod rotate;
pub mod secret;
mod set;
mod submit;
mod token;
mod trust;
mod wait;

use clap::CommandFactory;

use crate::args::{Arguments, Command, NodeCommand};
use crate::exit::Failure;
use crate::out::Out;
use crate::session::Session;

/// Runs a command.
pub async fn run(arguments: Arguments, out: Out) -> Result<(), Failure> {
    // These need no context, and must work while the contexts file is broken.
    let command = match arguments.command {
        Command::Completion { shell } => return completion(shell, out),
        Command::Init(init) => return init::run(&init, out),
        Command::Context(command) => return context::run(command, &arguments.global, out),
        Command::Token(command) => return token::run(command, out),
        other => other,
    };
    let session = Session::open(arguments.global, out)?;
    match command {
        Command::Completion { .. } | Command::Init(_) | Command::Context(_) | Command::Token(_) => Ok(()),
        Command::Keys(command) => keys::run(command, &session).await,
        Command::Node(NodeCommand::Add(node)) => node::add(&session, &node).await,
        Command::Grant(grant) => grant::run(grant, &session).await,
        Command::Revoke(revoke) => revoke::run(revoke, &session).await,
        Command::Approve { id, signing } => approve::approve(&session, id, &signing).await,
        Command::Submit { files } => submit::submit(&session, &files).await,
        Command::Inspect { files, from, mesh } => submit::inspect(&session, &files, &from, mesh),
        Command::Pending { prefix, limit } => approve::pending(&session, &prefix, limit).await,
        Command::Role(command) => role::run(command, &session).await,
        Command::Apply { input, dry_run, signing } => apply::apply(&session, &input, dry_run, &signing).await,
        Command::Diff(input) => apply::diff(&session, &input).await,
        Command::Get { target, watch } => get::run(&session, &target, watch).await,
        Command::Set { path, value, at, text, if_match, signing } => {
            let part = set::Part { value, at, text, if_match };
            set::set(&session, &path, part, &signing).await
        }
        Command::Edit { path, signing } => edit::run(&session, &path, &signing).await,
        Command::Delete { paths, if_match, signing } => set::delete(&session, paths, if_match, &signing).await,
        Command::History { path, page } => look::history(&session, &path, &page).await,
        Command::Explain { path } => look::explain(&session, &path).await,
        Command::Conflicts { prefix, limit } => look::conflicts(&session, &prefix, limit).await,
        Command::Status => look::status(&session).await,
        Command::Wait { id, goal } => wait::run(&session, &id, goal).await,
        Command::Log { scope, export: Some(file), .. } => look::export(&session, scope.as_ref(), &file).await,
        Command::Log { scope, export: None, page } => look::log(&session, scope.as_ref(), &page).await,
        Command::Audit(arguments) => audit::run(arguments, &session).await,
        Command::Trust(command) => trust::run(command, &session).await,
        Command::Secret(command) => secret::run(command, &session).await,
        Command::Version => look::version(&session).await,
    }
}

fn completion(shell: clap_complete::Shell, out: Out) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "driftless", &mut script);
    out.print(&String::from_utf8_lossy(&script))
}
