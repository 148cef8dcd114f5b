//! The flags of `driftlessd` that set configuration.

use std::path::PathBuf;

/// Flags that every command of `driftlessd` with a configuration takes. `--set` reaches every key; the others are
/// short forms of the common ones.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Flags {
    /// Configuration file (TOML); without one, defaults, environment and flags are all there is
    #[arg(long, value_name = "FILE", env = "DRIFTLESS_CONFIG")]
    pub config: Option<PathBuf>,
    /// Directory of the store (node.data_dir)
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<String>,
    /// The node's secret key (node.key_file)
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<String>,
    /// The mesh's genesis and first statements (node.bundle)
    #[arg(long, value_name = "FILE")]
    pub bundle: Option<String>,
    /// The mesh's id (mesh.id)
    #[arg(long, value_name = "HEX")]
    pub mesh: Option<String>,
    /// Where peers reach this node; may be repeated (p2p.listen)
    #[arg(long, value_name = "MULTIADDR")]
    pub listen: Vec<String>,
    /// A peer to stay connected to; may be repeated (p2p.peers)
    #[arg(long = "peer", value_name = "MULTIADDR")]
    pub peers: Vec<String>,
    /// Unix socket for services and operators (http.socket)
    #[arg(long, value_name = "PATH")]
    pub socket: Option<String>,
    /// Loopback TCP address in addition (http.listen)
    #[arg(long, value_name = "ADDRESS")]
    pub http_listen: Option<String>,
    /// What to log (log.level)
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// text or json (log.format)
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<String>,
    /// Any key: --set reconcile.interval=10s; may be repeated
    #[arg(long, value_name = "SECTION.KEY=VALUE")]
    pub set: Vec<String>,
}

impl Flags {
    /// The flags that set one key to one text: flag, key, text.
    pub(super) fn single(&self) -> impl Iterator<Item = (&'static str, &'static str, &String)> {
        [
            ("--data-dir", "node.data_dir", &self.data_dir),
            ("--key-file", "node.key_file", &self.key_file),
            ("--bundle", "node.bundle", &self.bundle),
            ("--mesh", "mesh.id", &self.mesh),
            ("--socket", "http.socket", &self.socket),
            ("--http-listen", "http.listen", &self.http_listen),
            ("--log-level", "log.level", &self.log_level),
            ("--log-format", "log.format", &self.log_format),
        ]
        .into_iter()
        .filter_map(|(flag, key, value)| Some((flag, key, value.as_ref()?)))
    }

    /// The flags that may be repeated: flag, key, texts.
    pub(super) fn repeated(&self) -> impl Iterator<Item = (&'static str, &'static str, &Vec<String>)> {
        [("--listen", "p2p.listen", &self.listen), ("--peer", "p2p.peers", &self.peers)]
            .into_iter()
            .filter(|(_, _, values)| !values.is_empty())
    }
}
