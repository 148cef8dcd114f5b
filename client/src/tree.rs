//! Trees as the HTTP interface writes them, read back with the names of their list elements. It must not know edits.

use driftless_statement::{ElementId, StatementId, Tree};

use crate::api::TreeJson;

/// Why an answer's tree is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTree {
    /// An element's name is not `STATEMENT:EDIT:ORDINAL`.
    #[error("{0:?} names no list element; it must be STATEMENT:EDIT:ORDINAL")]
    Name(String),
    /// A leaf holds a list or a map.
    #[error("a leaf holds a list or a map")]
    Leaf,
}

/// Writes a tree for the interface.
pub fn to_json(tree: &Tree) -> TreeJson {
    match tree {
        Tree::Leaf(value) => TreeJson::Leaf(value.clone()),
        Tree::Counter(sum) => TreeJson::Counter(*sum),
        Tree::List(items) => TreeJson::List(items.iter().map(|(id, item)| (element_name(id), to_json(item))).collect()),
        Tree::Map(entries) => TreeJson::Map(entries.iter().map(|(key, item)| (key.clone(), to_json(item))).collect()),
    }
}

/// Reads a tree of the interface. Its depth is that of the JSON reader before.
pub fn from_json(tree: &TreeJson) -> Result<Tree, BadTree> {
    Ok(match tree {
        TreeJson::Leaf(driftless_statement::Value::List(_) | driftless_statement::Value::Map(_)) => {
            return Err(BadTree::Leaf);
        }
        TreeJson::Leaf(value) => Tree::Leaf(value.clone()),
        TreeJson::Counter(sum) => Tree::Counter(*sum),
        TreeJson::List(items) => {
            let named = items.iter().map(|(name, item)| Ok((element(name)?, from_json(item)?)));
            Tree::List(named.collect::<Result<_, BadTree>>()?)
        }
        TreeJson::Map(entries) => {
            let read = entries.iter().map(|(key, item)| Ok((key.clone(), from_json(item)?)));
            Tree::Map(read.collect::<Result<_, BadTree>>()?)
        }
    })
}

/// An element's name as text.
pub fn element_name(id: &ElementId) -> String {
    format!("{}:{}:{}", id.statement, id.edit, id.ordinal)
}

fn element(name: &str) -> Result<ElementId, BadTree> {
    let bad = || BadTree::Name(name.to_owned());
    let mut parts = name.split(':');
    let (Some(statement), Some(edit), Some(ordinal), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(bad());
    };
    Ok(ElementId {
        statement: statement.parse::<StatementId>().map_err(|_| bad())?,
        edit: edit.parse().map_err(|_| bad())?,
        ordinal: ordinal.parse().map_err(|_| bad())?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use driftless_statement::tree::Naming;
    use driftless_statement::{StatementId, json};

    use super::*;

    #[test]
    fn comes_back_as_it_went() {
        let value = json::parse(br#"{"a":[1,[true,null],{"b":1.0}],"c":"x","d":18446744073709551615}"#).unwrap();
        let mut naming = Naming { statement: StatementId([3; 32]), edit: 4, next: 0 };
        let mut tree = Tree::build(&value, &mut naming);
        if let Tree::Map(entries) = &mut tree {
            entries.insert("n".into(), Tree::Counter(-7));
        }
        let text = serde_json::to_string(&to_json(&tree)).unwrap();
        let read: TreeJson = json::read(text.as_bytes()).unwrap();
        assert_eq!(from_json(&read).unwrap(), tree);
    }

    #[test]
    fn refuses_names_that_name_nothing() {
        let list = |name: &str| from_json(&TreeJson::List(vec![(name.into(), TreeJson::Counter(0))])).unwrap_err();
        for name in ["", "1:2:3", &format!("{}:1", "0".repeat(64)), &format!("{}:1:2:3", "0".repeat(64))] {
            assert_eq!(list(name), BadTree::Name(name.to_owned()));
        }
    }
}
