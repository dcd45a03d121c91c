//! A YAML document as a tree in which every key and value knows its place.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{DuplicateKeyPolicy, Location, NonFiniteFloatPolicy, Spanned};

use crate::error::{Error, Place, Result};

/// Line and column, both from 1.
pub(super) type Position = (usize, usize);

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tree {
    pub position: Position,
    pub value: Value,
}

/// What a YAML node is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Integer(i128),
    Real(f64),
    Text(String),
    List(Vec<Tree>),
    Map(Vec<(Key, Tree)>),
}

/// A key of a mapping and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    pub position: Position,
    pub name: String,
}

/// Reads `text`; a key that occurs twice is kept twice.
///
/// # Errors
/// The first place where the text is not YAML, or exceeds the limits of a description.
pub(super) fn parse(text: &str) -> Result<Tree> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_depth: 32,
            max_nodes: 200_000,
            max_events: 500_000,
            max_aliases: 1000,
            max_anchors: 1000,
            max_recorded_anchor_events: 20_000,
        },
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| as_fault(&error))
}

fn as_fault(error: &serde_saphyr::Error) -> Error {
    use serde_saphyr::Error as Yaml;
    let mut error = error.without_snippet();
    while let Yaml::AliasError { error: inner, .. } = error {
        error = inner.without_snippet();
    }
    let position = error.location().map(position);
    let fault = match error {
        Yaml::Budget { breach, .. } => Error::input(beyond(breach)),
        Yaml::AliasReplayLimitExceeded { .. } | Yaml::AliasReplayStackDepthExceeded { .. } => {
            Error::input("found aliases that unfold to more than any network needs")
        }
        other => Error::input(format!("not a description: {}", unlocated(&other.to_string(), position))),
    };
    fault.at(Place { position, ..Place::default() })
}

/// A message without the place that the fault names anyway.
fn unlocated(message: &str, position: Option<Position>) -> String {
    let suffix = position.map(|(line, column)| format!(" at line {line}, column {column}"));
    suffix.map_or_else(|| message.to_owned(), |suffix| message.replace(&suffix, ""))
}

fn beyond(breach: &BudgetBreach) -> &'static str {
    match breach {
        BudgetBreach::Depth { .. } => "found lists and mappings nested more than 32 deep",
        BudgetBreach::Nodes { .. } | BudgetBreach::Events { .. } => {
            "found more than 200000 values; long lists of numbers belong in the weight file"
        }
        _ => "found more anchors and aliases than any network needs",
    }
}

fn position(location: Location) -> Position {
    (location.line() as usize, location.column() as usize)
}

impl Tree {
    /// The value of a key, in a mapping.
    pub fn get(&self, name: &str) -> Option<&Tree> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|(key, _)| key.name == name).map(|(_, tree)| tree),
            _ => None,
        }
    }

    /// Where a key stands, in a mapping.
    pub fn key_position(&self, name: &str) -> Option<Position> {
        match &self.value {
            Value::Map(entries) => {
                entries.iter().find(|(key, _)| key.name == name).map(|(key, _)| key.position)
            }
            _ => None,
        }
    }

    /// The value of an index, in a list.
    pub fn item(&self, index: usize) -> Option<&Tree> {
        match &self.value {
            Value::List(items) => items.get(index),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A tree that stands nowhere.
    pub fn of_json(json: &serde_json::Value) -> Tree {
        let value = match json {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(value) => Value::Bool(*value),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(value) => Value::Integer(value.into()),
                None => Value::Real(number.as_f64().unwrap_or(f64::NAN)),
            },
            serde_json::Value::String(text) => Value::Text(text.clone()),
            serde_json::Value::Array(items) => Value::List(items.iter().map(Tree::of_json).collect()),
            serde_json::Value::Object(entries) => Value::Map(
                entries
                    .iter()
                    .map(|(name, value)| (Key { position: (0, 0), name: name.clone() }, Tree::of_json(value)))
                    .collect(),
            ),
        };
        Tree { position: (0, 0), value }
    }

    /// The same without places.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Integer(value) => i64::try_from(*value)
                .map(serde_json::Value::from)
                .or_else(|_| u64::try_from(*value).map(serde_json::Value::from))
                .unwrap_or_else(|_| (*value as f64).into()),
            Value::Real(value) => (*value).into(),
            Value::Text(text) => text.as_str().into(),
            Value::List(items) => items.iter().map(Tree::to_json).collect(),
            Value::Map(entries) => serde_json::Value::Object(
                entries.iter().map(|(key, tree)| (key.name.clone(), tree.to_json())).collect(),
            ),
        }
    }
}

impl fmt::Display for Value {
    /// Says what was found, as part of a sentence.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => out.write_str("nothing"),
            Value::Bool(value) => write!(out, "`{value}`"),
            Value::Integer(value) => write!(out, "the number {value}"),
            Value::Real(value) => write!(out, "the number {value:?}"),
            Value::Text(text) if text.chars().count() > 60 => {
                write!(out, "the text `{}…`", text.chars().take(60).collect::<String>())
            }
            Value::Text(text) => write!(out, "the text `{text}`"),
            Value::List(items) => write!(out, "a list of {}", items.len()),
            Value::Map(_) => out.write_str("a mapping"),
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Tree { position: position(spanned.referenced), value: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<String>::deserialize(deserializer)?;
        Ok(Key { position: position(spanned.referenced), name: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Value, E> {
        Ok(i128::try_from(value).map_or(Value::Real(value as f64), Value::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Real(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Value::Map(entries))
    }
}
