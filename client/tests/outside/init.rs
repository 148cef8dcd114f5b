//! `init` and what it leaves on disk: keys, genesis, grants and configurations that belong together.

use std::os::unix::fs::PermissionsExt;

use driftless_client::{bundle, keys};
use driftless_statement::{Body, MeshId, Signed, Verb};

use super::process::driftless;

#[test]
fn a_new_mesh_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["init", "m", "--nodes", "2", "--name", "Demo", "--scopes", "web,shop", "--node-write", "shop/x"];
    let ended = driftless(dir.path(), &args, "");
    assert_eq!(ended.code, 0, "{}", ended.err);
    let mesh: MeshId = ended.out.trim().parse().unwrap();
    let home = dir.path().join("m");
    let bytes = std::fs::read(home.join("mesh.bundle")).unwrap();
    let statements: Vec<_> =
        bundle::decode(&bytes).unwrap().iter().map(|wire| Signed::decode(wire).unwrap().verify().unwrap()).collect();
    let Body::Genesis(genesis) = &statements[0].statement().body else { panic!("genesis comes first") };
    assert_eq!(MeshId::from(statements[0].id()), mesh);
    assert_eq!((genesis.name.as_str(), genesis.threshold), ("Demo", 1));
    assert_eq!(genesis.keys, [keys::load(&home.join("root.key")).unwrap().public()]);
    for (before, after) in statements.iter().zip(&statements[1..]) {
        assert!(after.statement().names().contains(&before.id()), "each follows the one before");
        after.statement().check_named(before.id(), before.statement()).unwrap();
    }
    let grants: Vec<_> = statements[1..]
        .iter()
        .map(|statement| match &statement.statement().body {
            Body::Grant(grant) => grant.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(grants.len(), 5, "the operator, and for each node to be a member and to write");
    assert_eq!(grants[0].key, keys::load(&home.join("operator.key")).unwrap().public());
    assert!(grants[0].verbs.contains(&Verb::Operate) && !grants[0].verbs.contains(&Verb::Member));
    let scopes: Vec<&str> = grants[1].scopes.iter().map(|scope| scope.as_str()).collect();
    assert_eq!(scopes, ["shop", "web"]);
    assert_eq!(grants[2].prefix.as_str(), "shop/x");
    for file in ["root.key", "operator.key", "node-1/node.key", "node-2/node.key"] {
        let mode = std::fs::metadata(home.join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let config = std::fs::read_to_string(home.join("node-2/driftlessd.toml")).unwrap();
    let config: toml::Table = config.parse().unwrap();
    assert_eq!(config["mesh"]["id"].as_str(), Some(mesh.to_string().as_str()));
    let peer = config["p2p"]["peers"][0].as_str().unwrap();
    assert!(peer.starts_with("/ip4/127.0.0.1/tcp/7480/p2p/12D3KooW"), "{peer}");
}

#[test]
fn nothing_is_ever_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(driftless(dir.path(), &["init", "m"], "").code, 0);
    let before = std::fs::read(dir.path().join("m/root.key")).unwrap();
    let again = driftless(dir.path(), &["init", "m"], "");
    assert_eq!(again.code, 7);
    assert!(again.err.contains("not empty"), "{}", again.err);
    assert_eq!(std::fs::read(dir.path().join("m/root.key")).unwrap(), before);
    let key = driftless(dir.path(), &["keys", "new", "m/root.key"], "");
    assert_eq!(key.code, 7);
    assert_eq!(std::fs::read(dir.path().join("m/root.key")).unwrap(), before);
}

#[test]
fn a_mesh_name_cannot_reach_into_the_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let ended = driftless(dir.path(), &["init", "m", "--name", "a\" \\ #] = 'x'"], "");
    assert_eq!(ended.code, 0, "{}", ended.err);
    let text = std::fs::read_to_string(dir.path().join("m/node-1/driftlessd.toml")).unwrap();
    let config: toml::Table = text.parse().unwrap();
    assert_eq!(config["node"]["name"].as_str(), Some("node-1"));
    assert_eq!(driftless(dir.path(), &["init", "n", "--name", "a\nb"], "").code, 2);
}
