//! Joining: the directory of one more node of a mesh that runs – its key and a ready-to-run configuration. What the node
//! may do is for grants to say; that is not known here.

use std::path::Path as FilePath;

use driftless_statement::{MeshId, SecretKey};

use super::settings::{SOCKET, Sheet};
use super::{FoundingError, MadeNode, file_error, make_directory, peer, write};
use crate::keys;

/// Bytes of a node's name, as driftlessd takes it.
const NAME_BYTES: usize = 64;

/// What the new node is told.
#[derive(Debug, Clone)]
pub struct Joining {
    /// Its name.
    pub name: String,
    /// The mesh.
    pub mesh: MeshId,
    /// The mesh's name, for people.
    pub mesh_name: String,
    /// Addresses to listen on; none: the default of the node.
    pub listen: Vec<String>,
    /// Addresses of running nodes, each with its peer id: before it knows the mesh, it can let in no others.
    pub peers: Vec<String>,
}

/// Makes the directory, which must not exist or be empty, with the key and the configuration in it.
pub fn join(directory: &FilePath, key: &SecretKey, joining: &Joining) -> Result<MadeNode, FoundingError> {
    check(joining)?;
    let home = std::path::absolute(directory).map_err(|error| file_error(directory, error))?;
    make_directory(&home, SOCKET)?;
    keys::save(&home.join("node.key"), key)?;
    let Joining { name, mesh, mesh_name, listen, peers } = joining;
    let sheet = Sheet { name, mesh: *mesh, mesh_name, bundle: None, listen, peers };
    let config = home.join("driftlessd.toml");
    write(&config, sheet.text().as_bytes())?;
    Ok(MadeNode {
        name: name.clone(),
        key: key.public(),
        peer_id: peer::id(&key.public()),
        config,
        endpoint: format!("unix:{}", home.join(SOCKET).display()),
    })
}

/// Whether the plan can be carried out. Nothing is made.
pub fn check(joining: &Joining) -> Result<(), FoundingError> {
    let name = &joining.name;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || name.len() > NAME_BYTES || !name.chars().all(fits) {
        let text = format!("node name {name:?}: from 1 to {NAME_BYTES} of A-Z a-z 0-9 . _ -");
        return Err(FoundingError::Plan(text));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "/.:-_%".contains(c);
    let address = |address: &&String| address.starts_with('/') && address.chars().all(plain);
    if let Some(bad) = joining.listen.iter().chain(&joining.peers).find(|text| !address(text)) {
        let text = format!("{bad:?} is no multiaddress; write one like /ip4/192.0.2.1/tcp/7474");
        return Err(FoundingError::Plan(text));
    }
    if let Some(bad) = joining.peers.iter().find(|peer| !peer.contains("/p2p/")) {
        let text = format!(
            "peer {bad} lacks the node's key at its end (/p2p/12D3Koo...), and a node that knows no mesh yet trusts no \
             other; `driftless keys show FILE -o json` and the peers of another node's configuration have it"
        );
        return Err(FoundingError::Plan(text));
    }
    if joining.peers.is_empty() {
        return Err(FoundingError::Plan("no peer to learn the mesh from; give --peer, or --like".to_owned()));
    }
    Ok(())
}
