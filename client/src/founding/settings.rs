//! The configuration file of one node of a new mesh. It must only use keys that docs/configuration.md lists.

use std::path::PathBuf;

use driftless_statement::{MeshId, PublicKey};

use super::peer;

/// The socket's name in the node's directory.
pub const SOCKET: &str = "driftless.sock";

/// A node to be.
pub struct Node {
    pub name: String,
    pub key: PublicKey,
    pub port: u16,
    /// Its directory.
    pub home: PathBuf,
}

/// The text of `driftlessd.toml`. Paths are relative to the file, so the directory may be moved.
pub fn file(node: &Node, all: &[Node], mesh: MeshId, mesh_name: &str) -> String {
    let peers: Vec<String> = all
        .iter()
        .filter(|other| other.key != node.key)
        .map(|other| format!("  \"/ip4/127.0.0.1/tcp/{}/p2p/{}\",\n", other.port, peer::id(&other.key)))
        .collect();
    let peers = if peers.is_empty() { "[]".to_owned() } else { format!("[\n{}]", peers.concat()) };
    let (name, port) = (&node.name, node.port);
    // A name may hold any character but control characters; a comment ends at a line end only.
    format!(
        "# {name} of mesh {mesh_name}. docs/configuration.md lists every key.\n\
         \n\
         [node]\n\
         name = \"{name}\"\n\
         data_dir = \"data\"\n\
         key_file = \"node.key\"\n\
         bundle = \"../mesh.bundle\"\n\
         \n\
         [mesh]\n\
         id = \"{mesh}\"\n\
         \n\
         [p2p]\n\
         listen = [\"/ip4/127.0.0.1/tcp/{port}\", \"/ip4/127.0.0.1/udp/{port}/quic-v1\"]\n\
         peers = {peers}\n\
         \n\
         [http]\n\
         socket = \"{SOCKET}\"\n"
    )
}
