//! Key files: written for the owner only, and every bad one refused in words that help and tell nothing secret.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use driftless_node::keys::{KeyError, generate, load, save};
use driftless_statement::SecretKey;

fn put(path: &Path, text: impl AsRef<[u8]>, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_saved_key_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("node.key");
    let key = generate().unwrap();
    save(&path, &key).unwrap();
    assert_eq!(load(&path).unwrap().expose(), key.expose());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left behind");
    assert_ne!(generate().unwrap().expose(), key.expose());
}

#[test]
fn a_key_is_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("node.key");
    let key = SecretKey::from_bytes([1; 32]);
    save(&path, &key).unwrap();
    let refused = save(&path, &SecretKey::from_bytes([2; 32])).unwrap_err();
    assert!(matches!(refused, KeyError::Exists(_)), "{refused}");
    assert_eq!(load(&path).unwrap().expose(), key.expose());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left behind");
}

#[test]
fn comments_and_a_missing_last_newline_are_fine() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    for text in [format!("{}\n", "ab".repeat(32)), "ab".repeat(32), format!("# mine\n\n{}\n# end\n", "ab".repeat(32))] {
        put(&path, text, 0o400);
        assert_eq!(load(&path).unwrap().expose(), &[0xab; 32]);
    }
}

#[test]
fn bad_files_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let secret = "c0ffee".repeat(10) + "c0ff";
    let other = SecretKey::from_bytes([3; 32]).public();
    let cases: Vec<(&str, Vec<u8>, u32, &str)> = vec![
        ("readable by the group", secret.clone().into(), 0o640, "mode 0640 lets others than its owner at it"),
        ("readable by all", secret.clone().into(), 0o604, "chmod 600"),
        ("writable by others", secret.clone().into(), 0o602, "mode 0602"),
        ("runnable by others", secret.clone().into(), 0o601, "mode 0601"),
        ("empty", vec![], 0o600, "one line of 64 lowercase hexadecimal digits"),
        ("comment only", b"# nothing\n".to_vec(), 0o600, "one line of 64"),
        ("one digit short", secret.as_bytes()[1..].to_vec(), 0o600, "one line of 64"),
        ("one digit long", format!("{secret}0").into(), 0o600, "one line of 64"),
        ("upper case", secret.to_uppercase().into(), 0o600, "one line of 64"),
        ("with spaces around", format!(" {secret} ").into(), 0o600, "one line of 64"),
        ("two keys", format!("{secret}\n{secret}\n").into(), 0o600, "one line of 64"),
        ("raw bytes", vec![0xff; 32], 0o600, "one line of 64"),
        ("a PEM file", b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw\n".to_vec(), 0o600, "one line of 64"),
        ("too large", vec![b'#'; 5000], 0o600, "5000 bytes, a key file has about 160"),
        (
            "another secret than named",
            format!("# driftless secret key of {other}\n{secret}\n").into(),
            0o600,
            "does not belong to the public key",
        ),
    ];
    for (name, text, mode, want) in cases {
        let path = dir.path().join("key");
        put(&path, text, mode);
        let said = load(&path).err().unwrap_or_else(|| panic!("{name}: accepted"));
        assert!(said.to_string().contains(want), "{name}: {said}");
        for shown in [said.to_string(), format!("{said:?}")] {
            assert!(!shown.to_lowercase().contains("c0ffee"), "{name}: tells the secret: {shown}");
        }
    }
}

#[test]
fn what_is_no_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let missing = load(&dir.path().join("none")).err().unwrap();
    assert!(missing.to_string().contains("not found; make one with"), "{missing}");
    let directory = load(dir.path()).err().unwrap();
    assert!(directory.to_string().contains("not a regular file"), "{directory}");
    let pipe = dir.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let refused = load(&pipe).err().unwrap();
    assert!(refused.to_string().contains("not a regular file"), "and without waiting for a writer: {refused}");
    let nowhere = save(&dir.path().join("no/such/key"), &SecretKey::from_bytes([1; 32])).unwrap_err();
    assert!(nowhere.to_string().contains("writing it failed"), "{nowhere}");
}
