//! `node add`: one more node for a mesh that runs. It makes the node's directory and grants it to be a member.

use std::path::Path as FilePath;

use driftless_client::api::Grants;
use driftless_client::founding::joining::{self, Joining};
use driftless_client::founding::{MadeNode, peer};
use driftless_client::{Signer, clock, keys};
use driftless_statement::{Grant, MeshId, Prefix, PublicKey, StatementId, Terms, Verb, Verbs, Verified};
use serde::Serialize;

use super::init::{failure, quoted};
use crate::args::NodeArgs;
use crate::exit::Failure;
use crate::session::{Session, note};

/// A node for programs.
#[derive(Debug, Serialize)]
struct Added {
    #[serde(flatten)]
    node: MadeNode,
    mesh: MeshId,
    grants: Vec<StatementId>,
}

pub async fn add(session: &Session, arguments: &NodeArgs) -> Result<(), Failure> {
    let (source, signer) = (session.source(&arguments.signing, false)?, session.signer()?);
    let (mesh, mesh_name) = source.mesh().await?;
    let joining = plan(arguments, mesh, mesh_name)?;
    joining::check(&joining).map_err(failure)?;
    let grants = source.grants(&signer.public()).await?;
    let key = keys::generate()?;
    let signed = sign(&signer, arguments, &grants, mesh, key.public())?;
    // The key is on disk before the mesh hears of it: a member whose key is lost could only be revoked.
    let node = joining::join(&arguments.out, &key, &joining).map_err(failure)?;
    let ids = match session.hand_over(&source, &arguments.signing, &signed).await {
        Ok(ids) => ids,
        Err(failure) => {
            session.out.say(&unfinished(arguments, &node));
            return Err(failure);
        }
    };
    session.out.say(&next_steps(&node, &joining, &grants, &signer));
    let added = Added { node, mesh, grants: ids };
    session.out.show(&added, |_| format!("{}\n", added.node.key))
}

fn plan(arguments: &NodeArgs, mesh: MeshId, mesh_name: String) -> Result<Joining, Failure> {
    if let Some(prefix) = arguments.node_write.iter().find(|prefix| prefix.as_str().starts_with('@')) {
        return Err(Failure::Usage(format!("--node-write {}: nodes do not write in @mesh", prefix.as_str())));
    }
    let mut peers = arguments.peers.clone();
    for file in &arguments.like {
        peers.extend(peers_of(file, mesh)?);
    }
    let mut seen = std::collections::BTreeSet::new();
    peers.retain(|peer| seen.insert(peer.clone()));
    Ok(Joining { name: arguments.name.clone(), mesh, mesh_name, listen: arguments.listen.clone(), peers })
}

/// The peers that a node's configuration names, if it is one of this mesh.
fn peers_of(file: &FilePath, mesh: MeshId) -> Result<Vec<String>, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| Failure::file(file, error))?;
    let wrong = |what: String| Failure::Usage(format!("{}: {what}", file.display()));
    let table: toml::Table = text.parse().map_err(|error| wrong(format!("is no configuration: {error}")))?;
    let at = |section: &str, key: &str| table.get(section).and_then(|section| section.get(key)).cloned();
    let id = at("mesh", "id");
    if id.as_ref().and_then(toml::Value::as_str) != Some(mesh.to_string().as_str()) {
        return Err(wrong(format!("is not of the mesh that the node called serves, {mesh}; give another --like")));
    }
    let peers = at("p2p", "peers").and_then(|peers| peers.try_into::<Vec<String>>().ok()).unwrap_or_default();
    Ok(peers)
}

/// The grants, each following the one before: to be a member, and to write.
fn sign(
    signer: &Signer,
    arguments: &NodeArgs,
    grants: &Grants,
    mesh: MeshId,
    key: PublicKey,
) -> Result<Vec<Verified>, Failure> {
    let mut scopes = arguments.scopes.clone();
    scopes.sort();
    scopes.dedup();
    let give = |verb: Verb, prefix: Prefix, scopes| Grant {
        key,
        verbs: Verbs::from_iter([verb]),
        prefix,
        scopes,
        terms: Terms::default(),
    };
    let mut wanted = vec![give(Verb::Member, Prefix::all(), scopes)];
    wanted.extend(arguments.node_write.iter().map(|prefix| give(Verb::Write, prefix.clone(), Vec::new())));
    let mut signed: Vec<Verified> = Vec::new();
    for grant in wanted {
        let mut frame = signer.grant_frame(mesh, grants, &grant, clock::now_ms())?;
        if let Some(last) = signed.last() {
            (frame.prev, frame.after) = (vec![last.id()], last.statement().hlc);
        }
        signed.push(signer.grant(&frame, grant, &[], note(&arguments.signing), clock::now_ms())?);
    }
    Ok(signed)
}

fn next_steps(node: &MadeNode, joining: &Joining, grants: &Grants, signer: &Signer) -> String {
    let home = node.config.parent().unwrap_or(FilePath::new("."));
    let counts = match grants.roots.contains(&signer.public()) && grants.threshold > 1 {
        true => {
            format!("\nIt is a member once {} root keys have approved the grants; yours is one.\n", grants.threshold)
        }
        false => String::new(),
    };
    format!(
        "Made {} ({}) in {}, and granted it to be a member.\n{counts}\n\
         Copy the directory to its machine, or start it here:\n  \
         driftlessd run --config {} &\n\n\
         It learns the mesh from {}. Let other nodes dial it too by adding to their p2p.peers\n  \
         .../p2p/{}",
        node.name,
        node.key.short(),
        home.display(),
        quoted(&node.config),
        if joining.peers.len() == 1 { "its peer".to_owned() } else { format!("its {} peers", joining.peers.len()) },
        peer::id(&node.key),
    )
}

/// What is left to do when the directory is there and the grants are not.
fn unfinished(arguments: &NodeArgs, node: &MadeNode) -> String {
    let scopes: Vec<&str> = arguments.scopes.iter().map(|scope| scope.as_str()).collect();
    let scopes = if scopes.is_empty() { String::new() } else { format!(" --scopes {}", scopes.join(",")) };
    let writes =
        arguments.node_write.iter().map(|prefix| format!("\n  driftless grant {} write {}", node.key, prefix.as_str()));
    format!(
        "{} was made, but the node may not be a member yet. Look with `driftless grant`, and give what is missing:\n  \
         driftless grant {} member /{scopes}{}",
        node.config.parent().unwrap_or(FilePath::new(".")).display(),
        node.key,
        writes.collect::<String>(),
    )
}
