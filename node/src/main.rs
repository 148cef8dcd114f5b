//! `driftlessd`: runs one node, or shows a whole mesh on this machine. Data goes to standard output, messages to standard error.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use driftless_node::config::{Config, Environment, Flags};
use driftless_node::{assemble, config, demo, logging, secrets, systemd};

/// The Driftless node: replicates signed configuration with its peers and serves it to the services beside it.
#[derive(Parser)]
#[command(name = "driftlessd", version, about, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 ended cleanly; 1 could not start or failed; 2 bad usage or configuration.";

#[derive(Subcommand)]
enum Command {
    /// Run a node until SIGTERM or SIGINT
    Run {
        #[command(flatten)]
        flags: Box<Flags>,
        /// When the store cannot be opened because it is damaged: put it aside, start a new one, refetch from peers
        #[arg(long)]
        rebuild_store: bool,
    },
    /// Show a three-node mesh on this machine: a change travels, the network is cut and heals
    Demo(demo::Options),
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Check a file and say everything that is wrong with it
    Check {
        /// The file
        file: std::path::PathBuf,
    },
    /// Print the configuration in force and where each value comes from
    Show {
        #[command(flatten)]
        flags: Box<Flags>,
    },
    /// Print every key with its meaning and default
    Keys,
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Run { flags, rebuild_store } => run(&flags, rebuild_store),
        Command::Demo(options) => in_runtime(demo::run(options)),
        Command::Config(command) => look_at_config(&command),
    }
}

fn in_runtime(work: impl Future<Output = Result<(), String>>) -> ExitCode {
    let ended = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => Err(format!("cannot start the runtime: {error}")),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => complain(&message, 1),
    }
}

fn complain(message: &str, code: u8) -> ExitCode {
    use std::io::Write;
    // When standard error is gone there is nobody left to tell.
    let _ = writeln!(std::io::stderr(), "driftlessd: {message}");
    ExitCode::from(code)
}

fn say(text: &str) -> ExitCode {
    use std::io::Write;
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error.to_string(), 1),
    }
}

fn look_at_config(command: &ConfigCommand) -> ExitCode {
    let environment = Environment::of_process();
    match command {
        ConfigCommand::Check { file } => match Config::check_file(file, &environment) {
            Ok(_) => say(&format!("{}: good\n", file.display())),
            Err(error) => complain(&error.to_string(), 2),
        },
        ConfigCommand::Show { flags } => match Config::load(flags, &environment) {
            Ok(config) => say(&config.show()),
            Err(error) => complain(&error.to_string(), 2),
        },
        ConfigCommand::Keys => say(&config::page()),
    }
}

fn run(flags: &Flags, rebuild_store: bool) -> ExitCode {
    // Before anything secret is read.
    let refused = secrets::keep_to_itself();
    let config = match Config::load(flags, &Environment::of_process()) {
        Ok(config) => config,
        Err(error) => return complain(&error.to_string(), 2),
    };
    if let Err(error) = logging::start(&config.log) {
        return complain(&error.to_string(), 2);
    }
    for why in refused {
        tracing::warn!("{why}; a dump of this process would hold its keys and secrets");
    }
    if rebuild_store && let Err(error) = assemble::rebuild_damaged(&config) {
        return complain(&error.to_string(), 1);
    }
    in_runtime(serve(config))
}

/// Runs until told to end.
async fn serve(config: Config) -> Result<(), String> {
    let node = assemble::start(&config).await.map_err(|error| error.to_string())?;
    let _ = systemd::ready();
    tracing::info!(socket = ?config.http.socket, tcp = ?node.tcp, "ready");
    let mut watchdog = Watchdog::new();
    let ended = shutdown_signal();
    tokio::pin!(ended);
    loop {
        tokio::select! {
            signal = &mut ended => {
                tracing::info!(signal, "ending");
                break;
            }
            () = watchdog.pause() => watchdog.look(node.heartbeat()),
        }
    }
    let _ = systemd::stopping();
    node.stop().await;
    tracing::info!("ended");
    Ok(())
}

/// Tells systemd that the node lives, as long as its driver does.
struct Watchdog {
    every: Duration,
    seen: u64,
}

impl Watchdog {
    fn new() -> Self {
        Self { every: systemd::watchdog_interval().unwrap_or(Duration::from_secs(3600)), seen: u64::MAX }
    }

    async fn pause(&self) {
        tokio::time::sleep(self.every).await;
    }

    fn look(&mut self, heartbeat: u64) {
        if heartbeat != self.seen {
            self.seen = heartbeat;
            let _ = systemd::alive();
        }
    }
}

async fn shutdown_signal() -> &'static str {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => "SIGTERM",
        _ = int.recv() => "SIGINT",
    }
}
