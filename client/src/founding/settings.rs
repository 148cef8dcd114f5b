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

/// What a configuration says of its node. Addresses and the name must be checked: nothing is escaped.
pub struct Sheet<'a> {
    pub name: &'a str,
    pub mesh: MeshId,
    pub mesh_name: &'a str,
    /// Path of the bundle; none: the first statements come from peers.
    pub bundle: Option<&'a str>,
    /// None: the default of the node.
    pub listen: &'a [String],
    pub peers: &'a [String],
}

impl Sheet<'_> {
    /// The text of `driftlessd.toml`. Paths are relative to the file, so the directory may be moved.
    pub fn text(&self) -> String {
        let Self { name, mesh, .. } = self;
        // A name may hold any character but control characters; a comment ends at a line end only.
        let mesh_name: String = self.mesh_name.chars().filter(|letter| !letter.is_control()).collect();
        let bundle = self.bundle.map(|path| format!("bundle = \"{path}\"\n")).unwrap_or_default();
        let listen = match self.listen {
            [] => String::new(),
            listen => format!("listen = [\"{}\"]\n", listen.join("\", \"")),
        };
        let peers: String = self.peers.iter().map(|peer| format!("  \"{peer}\",\n")).collect();
        let peers = if peers.is_empty() { "[]".to_owned() } else { format!("[\n{peers}]") };
        format!(
            "# {name} of mesh {mesh_name}. docs/configuration.md lists every key.\n\
             \n\
             [node]\n\
             name = \"{name}\"\n\
             data_dir = \"data\"\n\
             key_file = \"node.key\"\n\
             {bundle}\
             \n\
             [mesh]\n\
             id = \"{mesh}\"\n\
             \n\
             [p2p]\n\
             {listen}\
             peers = {peers}\n\
             \n\
             [http]\n\
             socket = \"{SOCKET}\"\n"
        )
    }
}

/// The configuration of one node of a new mesh.
pub fn file(node: &Node, all: &[Node], mesh: MeshId, mesh_name: &str) -> String {
    let others = all.iter().filter(|other| other.key != node.key);
    let peers: Vec<String> =
        others.map(|other| format!("/ip4/127.0.0.1/tcp/{}/p2p/{}", other.port, peer::id(&other.key))).collect();
    let port = node.port;
    let listen = [format!("/ip4/127.0.0.1/tcp/{port}"), format!("/ip4/127.0.0.1/udp/{port}/quic-v1")];
    let bundle = Some("../mesh.bundle");
    Sheet { name: &node.name, mesh, mesh_name, bundle, listen: &listen, peers: &peers }.text()
}
