//! Sealed values and Debian's `age`, both ways. Where age is not installed that is said and nothing is claimed; with
//! DRIFTLESS_STRICT=1 that is a failure.
#![cfg(feature = "sealed")]
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use driftless_client::sealed::{Identity, MEMBER, OpenError, Recipient, Recipients, Sealed, seal};
use serde_json::json;

/// Whether the programs are there.
fn has_age() -> bool {
    let found = ["age", "age-keygen"].iter().all(|tool| Command::new(tool).arg("--version").output().is_ok());
    let strict = std::env::var("DRIFTLESS_STRICT").is_ok_and(|strict| strict != "0");
    assert!(
        found || !strict,
        "age and age-keygen are not installed (Debian: `apt install age`), and DRIFTLESS_STRICT forbids skipping"
    );
    if !found {
        eprintln!("SKIPPED: age is not installed (Debian: `apt install age`)");
    }
    found
}

fn run(program: &str, args: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(program);
    let child = command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap();
    // A program that refuses does not read.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn works(program: &str, args: &[&str], input: &[u8]) -> Vec<u8> {
    let output = run(program, args, input);
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// An identity of age's own making: its file and its recipient.
fn keygen(dir: &Path, name: &str) -> (String, Recipient) {
    let file = dir.join(name).to_str().unwrap().to_owned();
    works("age-keygen", &["-o", &file], b"");
    let recipient = String::from_utf8(works("age-keygen", &["-y", &file], b"")).unwrap();
    (file, recipient.trim().parse().unwrap())
}

#[test]
fn age_opens_what_we_seal_with_our_identities_and_its_own() {
    if !has_age() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (theirs, their_key) = keygen(dir.path(), "theirs");
    let (stranger, _) = keygen(dir.path(), "stranger");
    let ours = dir.path().join("ours").to_str().unwrap().to_owned();
    let identity = Identity::generate();
    identity.save(Path::new(&ours)).unwrap();
    // age-keygen reads our file, and finds the same recipient.
    let said = String::from_utf8(works("age-keygen", &["-y", &ours], b"")).unwrap();
    assert_eq!(said.trim(), identity.recipient().as_str());
    let to = Recipients::from([("a".to_owned(), their_key), ("b".to_owned(), identity.recipient())]);
    for size in [0, 1, 100, 32 * 1024] {
        let secret: Vec<u8> = (0..=255).cycle().take(size).collect();
        let sealed = seal(&secret, "web", to.clone(), Recipients::new()).unwrap();
        for file in [&theirs, &ours] {
            assert_eq!(works("age", &["-d", "-i", file], sealed.armored().as_bytes()), secret, "{size} bytes");
        }
        assert!(!run("age", &["-d", "-i", &stranger], sealed.armored().as_bytes()).status.success());
    }
}

#[test]
fn we_open_what_age_seals_with_our_identities_and_its_own() {
    if !has_age() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (theirs, their_key) = keygen(dir.path(), "theirs");
    let theirs = Identity::load(Path::new(&theirs)).unwrap();
    assert_eq!(theirs[0].recipient(), their_key);
    let ours = Identity::generate();
    let our_key = ours.recipient();
    let args = ["-a", "-r", their_key.as_str(), "-r", our_key.as_str()];
    for size in [0, 1, 100, 32 * 1024] {
        let secret: Vec<u8> = (0..=255).cycle().take(size).collect();
        let armored = String::from_utf8(works("age", &args, &secret)).unwrap();
        let value = json!({MEMBER: {"age": armored, "group": "web", "recipients": {"a": their_key.as_str(), "b": our_key.as_str()}}});
        let value = driftless_statement::json::parse(value.to_string().as_bytes()).unwrap();
        let sealed = Sealed::parse(&value).unwrap();
        assert_eq!(**sealed.open(&theirs).unwrap(), secret);
        assert_eq!(**sealed.open(std::slice::from_ref(&ours)).unwrap(), secret);
        let stranger = sealed.open(&[Identity::generate()]).unwrap_err();
        assert!(matches!(stranger, OpenError::NotARecipient { .. }), "{stranger}");
    }
}
