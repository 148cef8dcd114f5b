//! An auditor who trusts no node: three nodes, writes, an attempt that is refused, a revocation; the export of one node is
//! judged when no node runs any more, and what is altered in it is named by its line.

use std::path::Path as FilePath;

use driftless_client::{clock, keys};
use driftless_statement::{Body, Edit, Hlc, Note, Op, Path, Statement, StatementId, Touch, Value, Verified, Write};

use crate::mesh::{Mesh, wait};
use crate::operator::{Ended, command, finish, run};

fn job(mesh: &Mesh, arguments: &[&str]) -> Ended {
    finish(command(mesh, 0, &mesh.home.path().join("job.key"), arguments), "")
}

/// A write that the command line would not sign: it lies outside of the grant that it relies on.
async fn outside(mesh: &Mesh, grant: &str) -> Verified {
    let key = keys::load(&mesh.home.path().join("job.key")).unwrap();
    let path = Path::parse("web/motd").unwrap();
    let statement = Statement {
        mesh: mesh.client(0).status().await.unwrap().mesh,
        scope: path.scope(),
        author: key.public(),
        grant: grant.parse::<StatementId>().unwrap(),
        prev: vec![],
        touches: vec![Touch { path, bases: vec![] }],
        hlc: Hlc::from_millis(clock::now_ms() + 10),
        body: Body::Write(Write { edits: vec![vec![Edit { at: vec![], op: Op::Put(Value::Null) }]] }),
        note: Note::default(),
        unknown: vec![],
    };
    Verified::sign(statement, &key).unwrap()
}

/// A mesh in which a key wrote, tried more than it may, and was revoked with what it said after a time.
async fn told() -> (Mesh, String) {
    let mesh = Mesh::running(3).await;
    let key = run(&mesh, &["keys", "new", "job.key"], "").good().trim().to_owned();
    let grant = run(&mesh, &["grant", &key, "write", "shop", "-m", "for the job"], "").good().trim().to_owned();
    run(&mesh, &["set", "shop/limits", "10", "-m", "first limits"], "").good();
    job(&mesh, &["set", "shop/good", "1"]).good();
    let refused = mesh.client(0).submit(&[outside(&mesh, &grant).await]).await.unwrap();
    assert_eq!(refused.results[0].reason.as_deref(), Some("outside"), "{refused:?}");
    let before = clock::rfc3339(clock::now_ms() + 1_000);
    wait("the second to pass", || async { clock::rfc3339(clock::now_ms()) > before }).await;
    job(&mesh, &["set", "shop/planted", "true"]).good();
    run(&mesh, &["revoke", &key, "shop", "--accept-up-to", &before, "-m", "stolen"], "").good();
    wait("what was planted to go", || async { mesh.read(0, "shop/planted").await.is_none() }).await;
    mesh.wait_equal().await;
    (mesh, key)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_is_judged_when_no_node_runs_and_what_is_altered_is_named() {
    let (mut mesh, key) = told().await;
    let id = mesh.client(0).status().await.unwrap().mesh.to_string();
    let listed = run(&mesh, &["audit", "shop"], "").good();
    for part in ["shop/planted: put the whole value true", "void", "first limits", "grant write on shop to"] {
        assert!(listed.contains(part), "{part} in\n{listed}");
    }
    let refused = run(&mesh, &["audit", "--author", &key, "--outcome", "refused", "-o", "jsonl"], "").good();
    assert!(refused.lines().count() == 1 && refused.contains(r#""rule":"outside""#), "{refused}");
    assert!(refused.contains(r#""signature":"good""#), "{refused}");
    let void = run(&mesh, &["audit", "--outcome", "void", "--author", &key, "-o", "jsonl"], "").good();
    assert!(void.lines().count() == 1 && void.contains("shop/planted"), "{void}");
    assert!(run(&mesh, &["audit"], "").good().contains("write in web/motd"));
    let full = || run(&mesh, &["audit", "shop/limits", "--long"], "").good();
    wait("all nodes to tell that they have it", || async { full().contains("on 3 of 3 nodes") }).await;
    assert!(full().contains("relies on "), "{}", full());
    assert_eq!(run(&mesh, &["audit", "--since", "1ms", "-o", "jsonl"], "").good(), "");
    let written = run(&mesh, &["audit", "export", "all.jsonl"], "");
    assert!(written.err.contains("and 1 refused attempt to all.jsonl"), "{}", written.err);
    written.good();
    run(&mesh, &["audit", "export", "shop.jsonl", "--scope", "shop"], "").good();
    let online = run(&mesh, &["trust", "show"], "").good();
    (0..3).for_each(|node| mesh.kill(node));

    for file in ["all.jsonl", "shop.jsonl"] {
        let good = run(&mesh, &["audit", "verify", file, "--mesh", &id], "");
        assert!(!good.err.contains("nothing vouches"), "{}", good.err);
        assert!(good.good().starts_with("verified "));
    }
    let unvouched = run(&mesh, &["audit", "verify", "all.jsonl"], "");
    assert!(unvouched.err.contains(&format!("nothing vouches for mesh {id}")), "{}", unvouched.err);
    run(&mesh, &["audit", "verify", "all.jsonl", "--mesh", &"1".repeat(64)], "")
        .bad(1, "line 1: the export is of mesh");
    run(&mesh, &["audit", "verify", "none.jsonl"], "").bad(7, "none.jsonl");
    assert_eq!(run(&mesh, &["trust", "show", "--from", "all.jsonl"], "").good(), online);
    assert!(online.contains("struck on shop by ") && online.contains("accepting 1; strikes "), "{online}");
    let operator = run(&mesh, &["keys", "show"], "").good().trim().to_owned();
    let check = |key: &str, verb: &str, target: &str| {
        run(&mesh, &["trust", "check", key, verb, target, "--from", "all.jsonl", "--mesh", &id], "")
    };
    let yes = check(&operator, "write", "shop/limits").good();
    assert!(yes.starts_with("yes: ") && yes.contains(" → "), "{yes}");
    let no = check(&key, "write", "shop/limits");
    assert!(no.code == Some(1) && no.out.contains("struck: "), "{}{}", no.out, no.err);
    assert!(check(&key, "write", "web/motd").out.contains("outside: "));
    altered(&mesh, &mesh.home.path().join("all.jsonl"));
}

/// Each alteration is found in its line.
fn altered(mesh: &Mesh, file: &FilePath) {
    let text = std::fs::read_to_string(file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let place = |part: &str| lines.iter().position(|line| line.contains(part)).unwrap();
    let limits = place("first limits");
    let with = |at: usize, line: Option<String>| {
        let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        lines.splice(at..=at, line);
        std::fs::write(mesh.home.path().join("altered.jsonl"), lines.join("\n") + "\n").unwrap();
        run(mesh, &["audit", "verify", "altered.jsonl"], "")
    };
    let said = lines[limits].replace("first limits", "last limits");
    with(limits, Some(said)).bad(1, &format!("line {}, statement ", limits + 1));
    let value = lines[limits].replace("put the whole value 10", "put the whole value 11");
    with(limits, Some(value)).bad(1, "edits: not what the signed bytes say");
    let planted = place("shop/planted");
    let fit = lines[planted].replace(r#""fate":"void""#, r#""fate":"fit""#);
    with(planted, Some(fit)).bad(1, &format!("line {}, statement ", planted + 1));
    let wire = lines[limits].rfind("\"}}").unwrap();
    let mut signed = lines[limits].to_owned();
    let other = if signed.get(wire - 8..wire - 7) == Some("A") { "B" } else { "A" };
    signed.replace_range(wire - 8..wire - 7, other);
    with(limits, Some(signed)).bad(1, "signature: does not verify");
    // The grants hang on it: whatever comes first and names it is named.
    with(1, None).bad(1, "line 2, statement ");
    with(limits, None).bad(1, "not verified: line ");
    with(lines.len() - 1, None).bad(1, "it was cut off");
    let json = run(mesh, &["audit", "verify", "altered.jsonl", "-o", "json"], "");
    assert!(json.code == Some(1) && json.out.contains("\"verified\": false"), "{}", json.out);
}
