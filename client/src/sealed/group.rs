//! A group of recipients, as its entry `@mesh/recipients/GROUP` holds it: names, and for each the recipient and, when it is
//! a node's, the node's key.

use std::collections::BTreeMap;

use driftless_statement::{PublicKey, Value};

use super::{BadRecipient, RECIPIENTS, Recipient, Recipients, check_name, shorten};

/// One recipient of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Whom is sealed to.
    pub recipient: Recipient,
    /// The node whose it is.
    pub node: Option<PublicKey>,
}

/// A group, by names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group(pub BTreeMap<String, Member>);

/// Why an entry is no group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadGroup {
    /// Not an object of objects.
    #[error("must be an object of names, each with an object that has `age` and may have `node`")]
    Shape,
    /// A name is not one.
    #[error("a name {0}")]
    Name(String),
    /// Too many.
    #[error("has {0} recipients, at most {RECIPIENTS}; make two groups")]
    TooMany(usize),
    /// A field that nobody knows.
    #[error("{0}: field {1:?} is unknown; known are age and node")]
    Unknown(String, String),
    /// The recipient is missing or not one.
    #[error("{0}: field `age`: {1}")]
    Recipient(String, BadRecipient),
    /// The node is not a key.
    #[error("{0}: field `node` must hold a node's public key, 64 lowercase hexadecimal digits")]
    Node(String),
    /// Two names stand for one recipient: removing one would not keep it out.
    #[error("{0} and {1} have the same recipient; remove one of them")]
    Twice(String, String),
}

impl Group {
    /// Reads the entry's value.
    pub fn parse(value: &Value) -> Result<Self, BadGroup> {
        let Value::Map(rows) = value else { return Err(BadGroup::Shape) };
        if rows.len() > RECIPIENTS {
            return Err(BadGroup::TooMany(rows.len()));
        }
        let mut group = Self::default();
        for (name, row) in rows {
            check_name(name).map_err(BadGroup::Name)?;
            let member = read(name, row)?;
            if let Some(other) = group.holder(&member.recipient) {
                return Err(BadGroup::Twice(other.to_owned(), name.clone()));
            }
            group.0.insert(name.clone(), member);
        }
        Ok(group)
    }

    /// As the entry's value.
    pub fn to_value(&self) -> Value {
        let row = |member: &Member| {
            let mut fields = BTreeMap::from([("age".to_owned(), Value::Text(member.recipient.to_string().into()))]);
            fields.extend(member.node.iter().map(|node| ("node".to_owned(), Value::Text(node.to_string().into()))));
            Value::Map(fields)
        };
        Value::Map(self.0.iter().map(|(name, member)| (name.clone(), row(member))).collect())
    }

    /// Whom to seal to.
    pub fn recipients(&self) -> Recipients {
        self.0.iter().map(|(name, member)| (name.clone(), member.recipient.clone())).collect()
    }

    /// The name that a recipient has in it.
    pub fn holder(&self, recipient: &Recipient) -> Option<&str> {
        self.0.iter().find(|(_, member)| member.recipient == *recipient).map(|(name, _)| name.as_str())
    }
}

fn read(name: &str, row: &Value) -> Result<Member, BadGroup> {
    let Value::Map(fields) = row else { return Err(BadGroup::Shape) };
    if let Some(field) = fields.keys().find(|field| !["age", "node"].contains(&field.as_str())) {
        return Err(BadGroup::Unknown(name.to_owned(), shorten(field)));
    }
    let recipient = match fields.get("age") {
        Some(Value::Text(text)) => text.parse(),
        _ => Err(BadRecipient::Text),
    };
    let recipient = recipient.map_err(|bad| BadGroup::Recipient(name.to_owned(), bad))?;
    let node = match fields.get("node") {
        None => None,
        Some(Value::Text(text)) => Some(text.parse().map_err(|_| BadGroup::Node(name.to_owned()))?),
        Some(_) => return Err(BadGroup::Node(name.to_owned())),
    };
    Ok(Member { recipient, node })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use driftless_statement::json;

    use super::super::Identity;
    use super::*;

    #[test]
    fn a_group_comes_back_and_what_is_none_is_refused_by_field() {
        let (a, b) = (Identity::generate().recipient(), Identity::generate().recipient());
        let node = "1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e";
        let read = |text: &str| Group::parse(&json::parse(text.as_bytes()).unwrap());
        let group = read(&format!(r#"{{"a":{{"age":"{a}"}},"b":{{"age":"{b}","node":"{node}"}}}}"#)).unwrap();
        assert_eq!(Group::parse(&group.to_value()).unwrap(), group);
        assert_eq!((group.recipients().len(), group.holder(&b)), (2, Some("b")));
        assert!(read("{}").unwrap().0.is_empty());
        let crowd: Vec<String> = (0..65).map(|n| format!(r#""n{n}":{{"age":"{a}"}}"#)).collect();
        for (text, said) in [
            ("[]".to_owned(), "must be an object of names"),
            (r#"{"a":1}"#.to_owned(), "must be an object of names"),
            (r#"{"a b":{}}"#.to_owned(), "a name must be 1 to 64"),
            (r#"{"a":{}}"#.to_owned(), "a: field `age`: not an age recipient"),
            (format!(r#"{{"a":{{"age":"{a}","x":1}}}}"#), "a: field \"x\" is unknown"),
            (format!(r#"{{"a":{{"age":"{a}","node":"x"}}}}"#), "a: field `node` must hold"),
            (format!(r#"{{"a":{{"age":"{a}"}},"b":{{"age":"{a}"}}}}"#), "a and b have the same recipient"),
            (format!("{{{}}}", crowd.join(",")), "has 65 recipients, at most 64"),
        ] {
            let refused = read(&text).unwrap_err().to_string();
            assert!(refused.contains(said), "{refused:?} should say {said:?}");
        }
    }
}
