//! What a sealed value is, and the laws of sealing.
#![allow(clippy::unwrap_used)]

use driftless_statement::json as exact;
use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use super::*;
use crate::keys::KeyError;

/// As the node's answers are read.
fn read(value: &Json) -> Result<Sealed, BadSealed> {
    let value = exact::parse(value.to_string().as_bytes()).unwrap();
    assert_eq!(Sealed::is_meant(&value), !matches!(Sealed::parse(&value), Err(BadSealed::NotSealed)));
    Sealed::parse(&value)
}

/// Names with an identity each.
fn people(count: usize) -> Vec<(String, Identity)> {
    (0..count).map(|number| (format!("n{number}"), Identity::generate())).collect()
}

fn recipients(people: &[(String, Identity)]) -> Recipients {
    people.iter().map(|(name, identity)| (name.clone(), identity.recipient())).collect()
}

fn identity(person: &(String, Identity)) -> Vec<Identity> {
    vec![person.1.clone()]
}

#[test]
fn a_sealed_value_opens_for_its_recipients_and_for_nobody_else() {
    let people = people(3);
    let sealed = seal(b"canary", "web", recipients(&people[..2]), Recipients::new()).unwrap();
    for person in &people[..2] {
        assert_eq!(&**sealed.open(&identity(person)).unwrap(), b"canary");
    }
    let refused = sealed.open(&identity(&people[2])).unwrap_err();
    assert!(matches!(refused, OpenError::NotARecipient { .. }), "{refused}");
    assert!(sealed.open(&[]).is_err());
    let both = [people[2].1.clone(), people[0].1.clone()];
    assert_eq!(&**sealed.open(&both).unwrap(), b"canary");
    let value = sealed.to_value();
    assert!(
        Sealed::is_meant(&value)
            && !exact::to_string(&value).contains("canary")
            && !format!("{sealed:?}").contains("canary")
    );
    assert_eq!(Sealed::parse(&value).unwrap(), sealed);
}

#[test]
fn the_bounds_hold_and_the_largest_fits() {
    let people = people(RECIPIENTS + 1);
    let most = recipients(&people[..RECIPIENTS]);
    let sealed = seal(&[7; SECRET_BYTES], "web", most.clone(), most.clone()).unwrap();
    assert!(sealed.armored().len() <= ARMORED_BYTES, "{}", sealed.armored().len());
    assert_eq!(Sealed::parse(&sealed.to_value()).unwrap(), sealed);
    let bytes = exact::to_string(&sealed.to_value()).len();
    assert!(bytes < driftless_statement::limits::STATEMENT_BYTES / 2, "{bytes}");
    let none = Recipients::new;
    assert!(matches!(seal(&[7; SECRET_BYTES + 1], "web", most.clone(), none()), Err(SealError::TooLarge { .. })));
    assert!(matches!(seal(b"x", "web", none(), none()), Err(SealError::NoRecipients(_))));
    assert!(matches!(seal(b"x", "web", recipients(&people), none()), Err(SealError::TooMany { .. })));
    assert!(matches!(seal(b"x", "web", most.clone(), recipients(&people)), Err(SealError::TooMany { .. })));
    assert!(matches!(seal(b"x", "a/b", most, none()), Err(SealError::Group(_))));
}

#[test]
fn whatever_is_not_quite_a_sealed_value_is_refused_and_the_field_is_named() {
    let people = people(1);
    let good = seal(b"canary", "web", recipients(&people), Recipients::new()).unwrap();
    let good: Json = serde_json::from_str(&exact::to_string(&good.to_value())).unwrap();
    let with = |pointer: &str, value: Json| {
        let mut altered = good.clone();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        altered.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(field.to_owned(), value);
        read(&altered).unwrap_err().to_string()
    };
    let without = |field: &str| {
        let mut altered = good.clone();
        altered[MEMBER].as_object_mut().unwrap().remove(field).unwrap();
        read(&altered).unwrap_err().to_string()
    };
    let long = format!("-----BEGIN AGE ENCRYPTED FILE-----\n{}", "A".repeat(ARMORED_BYTES));
    let crowd: Map<String, Json> = (0..65).map(|n| (n.to_string(), json!(people[0].1.recipient().as_str()))).collect();
    for (said, field) in [
        (with("/beside", json!(1)), "beside `@sealed`"),
        (with("/@sealed", json!([])), "`@sealed` must be an object"),
        (with("/@sealed/extra", json!(1)), "\"extra\" is unknown"),
        (with("/@sealed/age", json!(1)), "`age` must hold text"),
        (with("/@sealed/age", json!("age")), "`age` must be an armored"),
        (with("/@sealed/age", json!(long)), "`age` has 65571 bytes, at most 65536"),
        (with("/@sealed/group", json!("a/b")), "`group`: a name must be"),
        (with("/@sealed/recipients", json!({})), "`recipients` is empty"),
        (with("/@sealed/recipients", json!([])), "`recipients` must be an object"),
        (with("/@sealed/recipients", json!(crowd)), "`recipients` names 65, at most 64"),
        (with("/@sealed/recipients/a b", json!("age1x")), "`recipients`: a name must be"),
        (with("/@sealed/recipients/b", json!("age1x")), "`recipients`: b: not an age recipient"),
        (with("/@sealed/recipients/b", json!(1)), "`recipients` must hold text"),
        (with("/@sealed/known_to", json!({"x": "age1x"})), "`known_to`: x: not an age recipient"),
        (without("age"), "`age` is missing"),
        (without("group"), "`group` is missing"),
        (without("recipients"), "`recipients` is missing"),
    ] {
        assert!(said.contains(field), "{said:?} should say {field:?}");
    }
    for other in [json!(null), json!({}), json!("x"), json!([MEMBER]), json!({"a": {"@sealed": {}}})] {
        assert_eq!(read(&other).unwrap_err(), BadSealed::NotSealed);
    }
}

#[test]
fn a_recipient_is_x25519_and_nothing_that_everybody_could_open() {
    let own = Identity::generate();
    assert_eq!(own.recipient().as_str().parse::<Recipient>().unwrap(), own.recipient());
    let secret = age::secrecy::ExposeSecret::expose_secret(&own.0.to_string()).to_owned();
    for given in [&secret, &secret.to_lowercase()] {
        let refused = given.parse::<Recipient>().unwrap_err();
        assert_eq!(refused, BadRecipient::Identity);
        assert!(!refused.to_string().contains(given.as_str()));
    }
    let upper = own.recipient().as_str().to_uppercase();
    for (text, bad) in [
        ("", BadRecipient::Text),
        ("age1", BadRecipient::Text),
        (upper.as_str(), BadRecipient::Text),
        (" age1x", BadRecipient::Text),
        ("ssh-ed25519 AAAA", BadRecipient::Kind),
        ("age1pq1xyz", BadRecipient::Kind),
    ] {
        assert_eq!(text.parse::<Recipient>().unwrap_err(), bad, "{text}");
    }
    // All-zero, one, p - 1, p, p + 1: what is agreed with them is zero, whoever agrees.
    let mut points = vec![[0u8; 32]; 5];
    points[1][0] = 1;
    for (point, low) in points[2..].iter_mut().zip([0xec, 0xed, 0xee]) {
        *point = [0xff; 32];
        point[0] = low;
        point[31] = 0x7f;
    }
    for point in points {
        let text = bech32::encode::<bech32::Bech32>(bech32::Hrp::parse("age").unwrap(), &point).unwrap();
        assert_eq!(text.parse::<Recipient>().unwrap_err(), BadRecipient::SmallOrder, "{point:?}");
    }
}

#[test]
fn an_identity_file_comes_back_is_never_overwritten_and_never_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secrets.key");
    let own = Identity::generate();
    own.save(&path).unwrap();
    let loaded = Identity::load(&path).unwrap();
    assert_eq!((loaded.len(), loaded[0].recipient()), (1, own.recipient()));
    assert!(matches!(own.save(&path), Err(IdentityError::File(KeyError::Exists(_)))));
    let text = std::fs::read_to_string(&path).unwrap();
    let write = |text: &str| std::fs::write(&path, text).unwrap();
    let two = format!("{text}\n{text}");
    write(&two);
    assert_eq!(Identity::load(&path).unwrap().len(), 2);
    let secret: String = text.lines().last().unwrap().chars().take(30).collect();
    let cut: String = text.chars().take(text.len() - 8).collect();
    for bad in ["", "# nothing\n", &cut, &format!("{text}more\n"), &text.replace("KEY-1", "KEY-2")] {
        write(bad);
        let said = Identity::load(&path).err().unwrap();
        assert!(matches!(said, IdentityError::Malformed(_)), "{said}");
        assert!(!said.to_string().contains(secret.as_str()) && !format!("{said:?}").contains(secret.as_str()));
    }
    write(&text);
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
    assert!(matches!(Identity::load(&path), Err(IdentityError::File(KeyError::Open { .. }))));
    assert!(matches!(Identity::load(&dir.path().join("no")), Err(IdentityError::Missing(_))));
}

#[test]
fn a_key_that_replaces_another_of_its_name_does_not_hide_it() {
    let keys: Vec<Recipient> = (0..4).map(|_| Identity::generate().recipient()).collect();
    let one = |key: &Recipient| Recipients::from([("a".to_owned(), key.clone())]);
    let mut sealed = seal(b"x", "web", one(&keys[0]), Recipients::new()).unwrap();
    for key in &keys[1..] {
        let known = sealed.known_after(&one(key));
        sealed = seal(b"x", "web", one(key), known).unwrap();
    }
    let names: Vec<&String> = sealed.known_to().keys().collect();
    assert_eq!(names, ["a", "a~2", "a~3"]);
    assert_eq!(sealed.known_after(&one(&keys[0])).len(), 3, "who comes back is no longer an earlier one");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// What is sealed comes back, whatever it is.
    #[test]
    fn what_is_sealed_comes_back(secret in prop::collection::vec(any::<u8>(), 0..3000), count in 1..5usize, who in any::<prop::sample::Index>()) {
        let people = people(count);
        let sealed = seal(&secret, "web", recipients(&people), Recipients::new()).unwrap();
        let same = Sealed::parse(&sealed.to_value()).unwrap();
        prop_assert_eq!(&**same.open(&identity(&people[who.index(count)])).unwrap(), &secret[..]);
    }

    /// No alteration gives another secret: it opens to the same, or says why not.
    #[test]
    fn an_altered_value_never_gives_another_secret(at in any::<prop::sample::Index>(), with in any::<char>(), cut in any::<bool>()) {
        let people = people(2);
        let secret = b"correct horse battery staple".repeat(20);
        let sealed = seal(&secret, "web", recipients(&people), Recipients::new()).unwrap();
        let mut chars: Vec<char> = sealed.age.chars().collect();
        let at = at.index(chars.len());
        if cut { chars.truncate(at) } else { chars[at] = with }
        let altered = Sealed { age: chars.into_iter().collect(), ..sealed };
        if let Ok(opened) = altered.open(&identity(&people[0])) {
            prop_assert_eq!(&**opened, &secret[..]);
        }
    }

    /// Nobody who could ever read a secret is forgotten until it is rotated.
    #[test]
    fn nobody_who_could_read_it_is_forgotten(steps in prop::collection::vec(prop::collection::btree_map(0..3usize, 0..6usize, 1..4), 1..6)) {
        let keys: Vec<Recipient> = (0..6).map(|_| Identity::generate().recipient()).collect();
        let mut sealed: Option<Sealed> = None;
        let mut ever = std::collections::BTreeSet::new();
        for step in steps {
            let next: Recipients = step.iter().map(|(name, key)| (format!("n{name}"), keys[*key].clone())).collect();
            let known = sealed.as_ref().map(|sealed| sealed.known_after(&next)).unwrap_or_default();
            let new = seal(b"x", "web", next, known).unwrap();
            ever.extend(new.recipients().values().map(|key| key.as_str().to_owned()));
            let told: std::collections::BTreeSet<String> =
                new.recipients().values().chain(new.known_to().values()).map(|key| key.as_str().to_owned()).collect();
            prop_assert_eq!(&told, &ever);
            prop_assert!(new.known_to().values().all(|known| new.recipients().values().all(|now| now != known)));
            sealed = Some(new);
        }
    }

    /// Reading is total.
    #[test]
    fn reading_is_total(text in ".*", name in ".*", number in any::<i64>()) {
        let forms = [json!({"@sealed": {"age": text, "group": name, "recipients": {"a": text}}}), json!({"@sealed": {name: number}})];
        for form in forms {
            prop_assert!(read(&form).is_err());
        }
        prop_assert!(Identity::parse_all(&text).is_none());
        prop_assert!(text.parse::<Recipient>().is_err());
    }
}
