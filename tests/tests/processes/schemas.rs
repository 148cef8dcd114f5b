//! The example of `docs/schemas.md`, as an operator and a service would do it.

use std::process::Command;

use crate::mesh::{Mesh, binary};

const PAGE: &str = include_str!("../../../docs/schemas.md");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_is_applied_from_a_file_and_kept_on_every_node() {
    let mesh = Mesh::running(2).await;
    let (_, example) = PAGE.split_once("```yaml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let file = mesh.home.path().join("limits.yaml");
    std::fs::write(&file, example).unwrap();
    let operator = mesh.made.operator_key.display().to_string();
    let driftless = |arguments: &[&str], node: usize| {
        let mut command = Command::new(binary("driftless"));
        command.env_clear().env("HOME", mesh.home.path()).env("NO_COLOR", "1");
        command.args(["--endpoint", &mesh.made.nodes[node].endpoint, "--key", &operator]).args(arguments);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, out, said) = driftless(&["apply", "-f", file.to_str().unwrap(), "-m", "limits have a shape"], 0);
    assert_eq!(code, Some(0), "{said}");
    let id = out.lines().find(|line| line.len() == 64).unwrap_or_else(|| panic!("no id: {out}{said}")).to_owned();
    let (code, _, said) = driftless(&["wait", &id, "--timeout", "240s"], 0);
    assert_eq!(code, Some(0), "{said}");
    let refusal = "shop/checkout/limits: schema @mesh/schemas/shop/limits: /max_items must be at least 1, is 0";
    let (code, _, said) = driftless(&["set", "shop/checkout/limits", r#"{"max_items": 0}"#], 1);
    assert_eq!((code, said.contains(refusal)), (Some(3), true), "{said}");
    let said = mesh.put(1, "shop/checkout/limits", r#"{"max_items":0}"#).await.unwrap_err();
    assert!(said.contains("schema @mesh/schemas/shop/limits: /max_items must be at least 1, is 0"), "{said}");
    mesh.put(1, "shop/checkout/limits", r#"{"max_items":5}"#).await.unwrap();
    let bad = driftless(&["set", "@mesh/schemas/shop/more", r#"{"governs":"shop","schema":{"pattern":"x"}}"#], 0);
    assert_eq!(bad.0, Some(3), "{}", bad.2);
    assert!(bad.2.contains("/schema/pattern is no keyword of this fold version"), "{}", bad.2);
    mesh.wait_equal().await;
}
