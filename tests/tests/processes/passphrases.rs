//! Key files encrypted with a passphrase, with the real `age` on the other side, a real terminal where one is asked on, and a node that
//! refuses such a key.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path as FilePath, PathBuf};
use std::process::{Command, Stdio};

use crate::mesh::{Mesh, binary};
use crate::operator::{Ended, finish};

fn strict() -> bool {
    std::env::var_os("DRIFTLESS_STRICT").is_some_and(|value| value == "1")
}

/// Runs without a terminal.
fn driftless(home: &FilePath, arguments: &[&str]) -> Ended {
    let mut command = Command::new("setsid");
    command.arg("--wait").arg(binary("driftless")).args(arguments).current_dir(home).env_clear().env("HOME", home);
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(command, "")
}

/// Runs a command line on a terminal of its own, with what a person types.
fn typed(home: &FilePath, line: &str, keys: &str) -> String {
    let mut command = Command::new("script");
    command.args(["-qec", line, "/dev/null"]).current_dir(home).env_clear().env("HOME", home).env("SHELL", "/bin/sh");
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(keys.as_bytes()).unwrap();
    let ended = child.wait_with_output().unwrap();
    let shown = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(ended.status.success(), "{line}: {shown}");
    shown
}

fn private(path: PathBuf, text: &str) -> String {
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path.display().to_string()
}

#[test]
fn a_key_file_has_a_passphrase_that_is_set_changed_and_removed() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let (one, two) = (private(home.join("one"), "open sesame\n"), private(home.join("two"), "another one\n"));
    let key = driftless(home, &["keys", "new", "k", "--passphrase-file", &one]).good();
    assert_eq!(driftless(home, &["keys", "show", "k"]).good(), key, "the public key needs no passphrase");
    assert_eq!(driftless(home, &["keys", "show", "k", "--passphrase-file", &one]).good(), key);
    std::fs::remove_file(home.join("k.pub")).unwrap();
    driftless(home, &["keys", "show", "k"]).bad(2, "there is no terminal to ask on; give --passphrase-file");
    driftless(home, &["keys", "show", "k", "--passphrase-file", &two]).bad(7, "this is not its passphrase");
    let change = ["keys", "passphrase", "k", "--passphrase-file"];
    driftless(home, &[&change[..], &[&one, "--new-passphrase-file", &two]].concat()).good();
    driftless(home, &["keys", "show", "k", "--passphrase-file", &one]).bad(7, "this is not its passphrase");
    driftless(home, &[&change[..], &[&two, "--remove"]].concat()).good();
    assert!(std::fs::read_to_string(home.join("k")).unwrap().starts_with("# driftless secret key of "));
    assert_eq!(driftless(home, &["keys", "show", "k"]).good(), key);
    // Anew, through a descriptor.
    let line = format!(
        "{} keys passphrase k --new-passphrase-file /dev/fd/3 3< <(echo open sesame)",
        binary("driftless").display()
    );
    let set = Command::new("bash").args(["-c", &line]).current_dir(home).env("HOME", home).output().unwrap();
    assert!(set.status.success(), "{}", String::from_utf8_lossy(&set.stderr));
    std::fs::set_permissions(home.join("one"), std::fs::Permissions::from_mode(0o644)).unwrap();
    driftless(home, &["keys", "show", "k", "--passphrase-file", &one]).bad(7, "lets others than its owner at it");
}

#[test]
fn a_terminal_is_asked_without_echo_and_age_reads_and_writes_the_same_files() {
    let have = |program: &str| Command::new(program).arg("--version").output().is_ok();
    if !have("script") || !have("age") {
        assert!(!strict(), "script or age is not installed, and DRIFTLESS_STRICT forbids skipping");
        eprintln!("skipped: Debian's packages bsdutils (script) and age are needed");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let program = binary("driftless").display().to_string();
    let shown = typed(home, &format!("{program} keys new k --passphrase"), "open sesame\nopen sesame\n");
    let tail = shown.rsplit("the same again:").next().unwrap();
    assert!(!tail.contains("sesame"), "{shown}");
    let key = std::fs::read_to_string(home.join("k.pub")).unwrap();
    let wrong = typed(home, &format!("{program} keys passphrase k --remove"), "no\nno\nopen sesame\n");
    assert!(wrong.contains("this is not its passphrase; try again"), "{wrong}");
    let plain = std::fs::read_to_string(home.join("k")).unwrap();

    typed(home, "age -p -a -o by-age k", "open sesame\nopen sesame\n");
    std::fs::set_permissions(home.join("by-age"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let one = private(home.join("one"), "open sesame\n");
    assert_eq!(driftless(home, &["keys", "show", "by-age", "--passphrase-file", &one]).good(), key);
    driftless(home, &["keys", "passphrase", "k", "--new-passphrase-file", &one]).good();
    typed(home, "age -d -o from-us k", "open sesame\n");
    assert_eq!(std::fs::read_to_string(home.join("from-us")).unwrap(), plain);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_with_an_encrypted_key_says_what_to_do_and_a_key_signs_with_its_passphrase() {
    let mesh = Mesh::running(1).await;
    let home = mesh.home.path();
    let one = private(home.join("one"), "open sesame\n");
    let operator = mesh.made.operator_key.display().to_string();
    driftless(home, &["keys", "passphrase", &operator, "--new-passphrase-file", &one]).good();
    let endpoint = mesh.made.nodes[0].endpoint.as_str();
    let set = ["--endpoint", endpoint, "--key", &operator, "set", "shop/a", "1"];
    driftless(home, &set).bad(2, "a passphrase is needed");
    driftless(home, &[&set[..], &["--passphrase-file", &one]].concat()).good();
    mesh.wait_read(0, "shop/a", "1").await;
    let mut mesh = mesh;
    mesh.kill(0);
    let node = mesh.made.nodes[0].config.parent().unwrap().join("node.key").display().to_string();
    driftless(mesh.home.path(), &["keys", "passphrase", &node, "--new-passphrase-file", &one]).good();
    let refused = mesh.try_start(0, &[]);
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("is encrypted with a passphrase") && said.contains("LoadCredentialEncrypted="), "{said}");
}
