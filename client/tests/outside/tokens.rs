//! `driftless token`, and files of tokens that are none: what is refused says where and why, and never quotes a token.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use driftless_client::tokens::{Token, load};

use super::process::driftless;

const HASH: &str = "0404040404040404040404040404040404040404040404040404040404040404";

/// A row of a file, with something else in the place of a good part.
fn with(good: &str, bad: &str) -> String {
    let row = format!(
        "{{\"name\": \"n\", \"hash\": \"{HASH}\", \"created\": \"2026-11-26T13:00:00Z\", \"expires\": \"2027-11-26T13:00:00Z\", \
         \"read\": [\"shop\"], \"submit\": true}}"
    );
    assert!(row.contains(good), "{good}");
    format!("{{\"tokens\": [{}]}}", row.replacen(good, bad, 1))
}

fn put(path: &Path, text: impl AsRef<[u8]>, mode: u32) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn bad_files_of_tokens_are_refused_and_never_quoted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tokens.json");
    let token = Token::generate().unwrap();
    let secret = token.expose().trim_start_matches("dlt_").to_owned();
    let row = |text: &str| text.trim_start_matches("{\"tokens\": [").trim_end_matches("]}").to_owned();
    let two = |one: &str, other: &str| format!("{{\"tokens\": [{}, {}]}}", row(one), row(other));
    let good = with("\"n\"", "\"n\"");
    let many: Vec<String> = (0..=1000).map(|n| row(&with("\"n\"", &format!("\"n{n}\"")))).collect();
    let cases: Vec<(&str, Vec<u8>, u32, &str)> = vec![
        ("tokens that the group may read", good.clone().into(), 0o640, "mode 0640"),
        ("tokens that others may write", good.clone().into(), 0o602, "chmod 600"),
        ("tokens that are no text", vec![0xff; 8], 0o600, "is not UTF-8"),
        ("tokens of nothing", vec![], 0o600, "not JSON"),
        ("tokens cut off", good.as_bytes()[..40].to_vec(), 0o600, "not JSON"),
        ("tokens with something behind", format!("{good}x").into(), 0o600, "not JSON"),
        ("tokens as a list", b"[]".to_vec(), 0o600, "a field is missing, unknown, twice or of the wrong kind"),
        ("tokens with an unknown field", with("\"submit\"", "\"sumbit\"").into(), 0o600, "unknown"),
        ("tokens with a field twice", with("\"submit\"", "\"name\": \"n\", \"submit\"").into(), 0o600, "twice"),
        ("tokens without an end", with("\"expires\": \"2027-11-26T13:00:00Z\",", "").into(), 0o600, "missing"),
        ("token with a number for a name", with("\"n\"", "7").into(), 0o600, "wrong kind"),
        ("token without a name", with("\"n\"", "\"\"").into(), 0o600, "token 1: name: must be 1 to 64"),
        ("token with a space in its name", with("\"n\"", "\"a b\"").into(), 0o600, "name: must be 1 to 64"),
        ("token itself for its hash", with(HASH, token.expose()).into(), 0o600, "hash: must be 64 lowercase"),
        ("hash in upper case", with(HASH, &"AB".repeat(32)).into(), 0o600, "hash: must be 64 lowercase"),
        ("token in the place of the list", format!("{{\"tokens\": \"{}\"}}", token.expose()).into(), 0o600, "kind"),
        ("token as a field", with("\"submit\"", &format!("\"{}\"", token.expose())).into(), 0o600, "unknown"),
        ("end that is no time", with("2027-11-26T13:00:00Z", "soon").into(), 0o600, "expires: must be a UTC time"),
        ("end in another zone", with("2027-11-26T13:00:00Z", "2027-11-26T13:00:00+01:00").into(), 0o600, "UTC time"),
        ("beginning that is no time", with("2026-11-26T13:00:00Z", "2026").into(), 0o600, "created: must be a UTC"),
        ("prefix that walks in a token", with("\"shop\"", "\"shop/..\"").into(), 0o600, "read: "),
        ("empty prefix in a token", with("\"shop\"", "\"\"").into(), 0o600, "write `/` for everything"),
        ("two tokens of one name", two(&good, &with(HASH, &"05".repeat(32))).into(), 0o600, "token 2: has the name"),
        ("two tokens of one hash", two(&good, &with("\"n\"", "\"m\"")).into(), 0o600, "the hash of token 1"),
        ("a thousand tokens and one", format!("{{\"tokens\": [{}]}}", many.join(",")).into(), 0o600, "at most 1000"),
        ("tokens of two megabytes", vec![b' '; 2 << 20], 0o600, "2097152 bytes, at most 1048576"),
    ];
    put(&path, &good, 0o600);
    assert_eq!(load(&path).unwrap().len(), 1);
    for (name, text, mode, want) in cases {
        put(&path, text, mode);
        let error = load(&path).err().unwrap_or_else(|| panic!("{name}: accepted"));
        assert!(error.to_string().contains(want), "{name}: {error}");
        assert!(!format!("{error} {error:?}").contains(&secret), "{name}: {error}");
    }
}

#[test]
fn a_token_is_made_listed_and_revoked() {
    let dir = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let all = [arguments, &["--tokens", "tokens.json"]].concat();
        driftless(dir.path(), &all, "")
    };
    let made = run(&["token", "new", "ci", "--read", "/", "--write", "shop/flags", "--submit", "--expires", "30d"]);
    assert_eq!(made.code, 0, "{made:?}");
    let token = Token::parse(made.out.trim_end()).unwrap();
    assert!(!made.err.contains(token.expose()));
    let held = load(&dir.path().join("tokens.json")).unwrap();
    assert_eq!((held.len(), held[0].hash), (1, token.hash()));
    assert_eq!(held[0].expires_ms / 1000 - held[0].created_ms / 1000, 30 * 86_400);
    let text = std::fs::read_to_string(dir.path().join("tokens.json")).unwrap();
    assert!(!text.contains(token.expose().trim_start_matches("dlt_")), "the token itself is on disk");

    let json = run(&["token", "new", "scraper", "--observe", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert!(Token::parse(json["token"].as_str().unwrap()).is_ok() && json["observe"] == true, "{json}");
    let again = run(&["token", "new", "ci", "--observe"]);
    assert_eq!((again.code, again.out.as_str()), (3, ""), "{again:?}");
    let listed = run(&["token", "list"]);
    assert!(
        listed.out.contains("ci") && listed.out.contains("shop/flags") && listed.out.contains("submit"),
        "{listed:?}"
    );
    assert!(!listed.out.contains("dlt_"), "{listed:?}");
    assert_eq!(run(&["token", "revoke", "nobody"]).code, 4);
    assert_eq!(run(&["token", "revoke", "ci"]).code, 0);
    let listed = run(&["token", "list", "-o", "json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed.out).unwrap();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["name"]), (1, &"scraper".into()));
    assert_eq!(listed[0].get("token"), None);
}
