//! Which parts of a description have a mistake, and what is left without them.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value as Json};

use super::tree::{Key, Position, Tree, Value};

/// Where the tree departs from the schema.
#[derive(Clone, Debug, Default)]
pub(super) struct Doubts {
    /// Values of the wrong kind, and mappings that lack a key.
    pub values: HashSet<Position>,
    /// Keys that should not be there, and which one each may stand for; any, if it is like none.
    pub keys: HashMap<Position, Option<String>>,
    /// Keys that should be in the mapping at the position, and are not.
    pub missing: HashSet<(Position, String)>,
}

impl Doubts {
    /// Whether there is no mistake anywhere in `tree`.
    pub fn is_sound(&self, tree: &Tree) -> bool {
        let inner = match &tree.value {
            Value::Map(entries) => entries
                .iter()
                .all(|(key, value)| !self.keys.contains_key(&key.position) && self.is_sound(value)),
            Value::List(items) => items.iter().all(|item| self.is_sound(item)),
            Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Real(_) | Value::Text(_) => true,
        };
        inner && !self.values.contains(&tree.position)
    }

    /// Whether there is no doubt what a mapping says of `key`, or that it says nothing of it.
    pub fn is_certain(&self, mapping: &Tree, key: &str) -> bool {
        let may_stand_for = |(other, _): &(Key, Tree)| match self.keys.get(&other.position) {
            Some(Some(meant)) => meant == key,
            Some(None) => true,
            None => false,
        };
        match (mapping.get(key), &mapping.value) {
            (Some(value), _) => self.is_sound(value),
            (None, Value::Map(entries)) => {
                !self.missing.contains(&(mapping.position, key.to_owned()))
                    && !entries.iter().any(may_stand_for)
            }
            (None, _) => false,
        }
    }

    /// The tree without the parts that have a mistake; every layer keeps its place.
    pub fn sound_parts(&self, tree: &Tree) -> Map<String, Json> {
        let Value::Map(entries) = &tree.value else { return Map::new() };
        let part = |(key, value): &(Key, Tree)| {
            let part = match (&key.name[..], &value.value) {
                _ if self.keys.contains_key(&key.position) => return None,
                _ if self.is_sound(value) => value.to_json(),
                ("layers", Value::List(items)) => items.iter().map(|item| self.layer(item)).collect(),
                ("hardware" | "folding", _) => self.sound_parts(value).into(),
                _ => return None,
            };
            Some((key.name.clone(), part))
        };
        entries.iter().filter_map(part).collect()
    }

    fn layer(&self, tree: &Tree) -> Json {
        let mut parts = self.sound_parts(tree);
        parts.entry("op").or_insert_with(|| "unknown".into());
        parts.into()
    }
}
