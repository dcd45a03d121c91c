//! Checks a tree against the JSON Schema of the types and gathers every fault, each with its place.
//!
//! Knows the part of JSON Schema that the derived schema of [`super::types`] uses.

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Map, Value as Json};

use crate::error::{Error, Faults, Place};

use super::doubts::Doubts;
use super::tree::{Key, Position, Tree, Value};

/// Every way in which `tree`, of the file at `path`, departs from `schema`.
pub(super) fn check(schema: &Json, tree: &Tree, path: &Path) -> (Faults, Doubts) {
    let (faults, doubts) = (Faults::default(), Doubts::default());
    let mut checker = Checker { root: schema, path, faults, doubts, layer: None };
    checker.value(schema, tree, "the description");
    (checker.faults, checker.doubts)
}

struct Checker<'a> {
    root: &'a Json,
    path: &'a Path,
    faults: Faults,
    doubts: Doubts,
    layer: Option<String>,
}

impl<'a> Checker<'a> {
    /// A value that is wrong, or a mapping that lacks a key.
    fn fault(&mut self, position: Position, error: Error) {
        self.doubts.values.insert(position);
        self.push(position, error);
    }

    /// A key that should not be there, and which one it may stand for.
    fn key_fault(&mut self, key: &Key, meant: Option<&str>, error: Error) {
        self.doubts.keys.insert(key.position, meant.map(str::to_owned));
        self.push(key.position, error);
    }

    fn push(&mut self, position: Position, error: Error) {
        let file = Some(self.path.to_owned());
        self.faults.push(error.at(Place { file, position: Some(position), layer: self.layer.clone() }));
    }

    fn mismatch(&mut self, schemas: &[&Json], tree: &Tree, what: &str) {
        let expected = self.expected_of(schemas);
        let error = Error::input(format!("found {} as {what}; expected {expected}", tree.value));
        // A wrong digit in a name such as `u17` is no slip of spelling.
        let digits = tree.text().is_some_and(|text| text.contains(|letter: char| letter.is_ascii_digit()));
        let spelt = |schema: &&&Json| !digits || schema.get("x-expected").is_none();
        let names: Vec<&str> = schemas.iter().filter(spelt).flat_map(|schema| names(schema)).collect();
        let error = match tree.text().and_then(|text| nearest(text, names.iter().copied())) {
            Some(name) => error.mend(format!("did you mean `{name}`?")),
            None => error,
        };
        self.fault(tree.position, error);
    }

    fn resolve(&self, schema: &'a Json) -> &'a Json {
        let target = schema.get("$ref").and_then(Json::as_str).and_then(|path| path.strip_prefix('#'));
        target.and_then(|path| self.root.pointer(path)).unwrap_or(schema)
    }

    /// The schemas of which one must hold, none of them a choice itself.
    fn alternatives(&self, schema: &'a Json) -> Vec<&'a Json> {
        let schema = self.resolve(schema);
        match schema.get("anyOf").or(schema.get("oneOf")).and_then(Json::as_array) {
            Some(choices) => choices.iter().flat_map(|choice| self.alternatives(choice)).collect(),
            None => vec![schema],
        }
    }

    fn value(&mut self, schema: &'a Json, tree: &Tree, what: &str) {
        let all = self.alternatives(schema);
        let fitting: Vec<&'a Json> =
            all.iter().copied().filter(|schema| kind_fits(schema, &tree.value)).collect();
        match (&fitting[..], &tree.value) {
            ([], _) => self.mismatch(&all, tree, what),
            (&[schema], _) => self.one(schema, tree, what),
            (_, Value::Map(_)) => self.choose(&fitting, tree, what),
            (_, Value::Text(text)) => {
                if !fitting.iter().any(|schema| text_fits(schema, text)) {
                    self.mismatch(&all, tree, what);
                }
            }
            (schemas, _) => self.one(schemas[0], tree, what),
        }
    }

    /// One of several mappings: by the value of their constant key, or by the key they have in common.
    fn choose(&mut self, schemas: &[&'a Json], tree: &Tree, what: &str) {
        let tag = schemas.iter().find_map(|schema| constant(schema)).map(|(key, _)| key);
        let chosen = match tag {
            Some(tag) => {
                let Some(found) = tree.get(tag) else {
                    let error = Error::input(format!("found no key `{tag}` in {what}"));
                    let names: Vec<String> = schemas
                        .iter()
                        .filter_map(|schema| constant(schema))
                        .map(|(_, name)| format!("`{name}`"))
                        .collect();
                    return self.fault(tree.position, error.mend(format!("add `{tag}`: {}", either(&names))));
                };
                schemas.iter().copied().find(|schema| constant(schema).map(|(_, name)| name) == found.text())
            }
            None => schemas.iter().copied().find(|schema| {
                properties(schema).is_some_and(|known| known.keys().any(|key| tree.get(key).is_some()))
            }),
        };
        match (chosen, tag) {
            (Some(schema), _) => self.one(schema, tree, what),
            (None, Some(tag)) => {
                let values: Vec<&Json> = schemas
                    .iter()
                    .filter_map(|schema| properties(schema).and_then(|known| known.get(tag)))
                    .collect();
                if let Some(found) = tree.get(tag) {
                    self.mismatch(&values, found, &format!("`{tag}`"));
                }
            }
            (None, None) => {
                let known: Vec<&str> = schemas
                    .iter()
                    .filter_map(|schema| properties(schema))
                    .flat_map(|p| p.keys().map(String::as_str))
                    .collect();
                self.unknown_keys(&known, tree, what);
                let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
                if matches!(&tree.value, Value::Map(entries) if entries.is_empty()) {
                    self.fault(
                        tree.position,
                        Error::input(format!("found an empty {what}; expected {}", either(&names))),
                    );
                }
            }
        }
    }

    fn one(&mut self, schema: &'a Json, tree: &Tree, what: &str) {
        match &tree.value {
            Value::Map(_) => self.mapping(schema, tree, what),
            Value::List(items) => self.list(schema, tree, items, what),
            Value::Integer(value) => self.number(schema, tree, *value as f64, what),
            Value::Real(value) => self.number(schema, tree, *value, what),
            Value::Text(text) if !text_fits(schema, text) => self.mismatch(&[schema], tree, what),
            Value::Null | Value::Bool(_) | Value::Text(_) => {}
        }
    }

    fn number(&mut self, schema: &'a Json, tree: &Tree, value: f64, what: &str) {
        let limit = |name: &str| schema.get(name).and_then(Json::as_f64);
        let low = limit("minimum").is_some_and(|least| value < least);
        let high = limit("maximum").is_some_and(|greatest| value > greatest);
        if low || high || !value.is_finite() {
            self.mismatch(&[schema], tree, what);
        }
    }

    fn list(&mut self, schema: &'a Json, tree: &Tree, items: &[Tree], what: &str) {
        let limit = |name: &str| schema.get(name).and_then(Json::as_u64);
        let count = items.len() as u64;
        if limit("minItems").is_some_and(|least| count < least)
            || limit("maxItems").is_some_and(|greatest| count > greatest)
        {
            self.mismatch(&[schema], tree, what);
            return;
        }
        let Some(item_schema) = schema.get("items") else { return };
        for (index, item) in items.iter().enumerate() {
            if what == "`layers`" {
                self.layer = item.get("name").and_then(Tree::text).map(str::to_owned);
                self.value(item_schema, item, &format!("layer {}", index + 1));
                self.layer = None;
            } else {
                self.value(item_schema, item, &format!("entry {} of {what}", index + 1));
            }
        }
    }

    fn mapping(&mut self, schema: &'a Json, tree: &Tree, what: &str) {
        let Value::Map(entries) = &tree.value else { return };
        let empty = Map::new();
        let known = properties(schema).unwrap_or(&empty);
        self.repeated_keys(entries);
        if let Some(each @ Json::Object(_)) = schema.get("additionalProperties") {
            for (key, value) in entries {
                self.value(each, value, &format!("`{}`", key.name));
            }
            return;
        }
        let names: Vec<&str> = known.keys().map(String::as_str).collect();
        self.unknown_keys(&names, tree, what);
        for (key, value) in entries {
            if let Some((_, inner)) = properties(schema).and_then(|all| all.get_key_value(&key.name)) {
                self.value(inner, value, &format!("`{}`", key.name));
            }
        }
        let required = schema.get("required").and_then(Json::as_array);
        for name in required.into_iter().flatten().filter_map(Json::as_str) {
            if tree.get(name).is_none() {
                let expected = properties(schema)
                    .and_then(|known| known.get(name))
                    .map(|inner| self.expected_of(&self.alternatives(inner)));
                let error = Error::input(format!("found no key `{name}` in {what}"));
                let error = match expected {
                    Some(expected) => error.mend(format!("add `{name}`: {expected}")),
                    None => error,
                };
                self.fault(tree.position, error);
                self.doubts.missing.insert((tree.position, name.to_owned()));
            }
        }
    }

    /// Of a key that is there twice it is uncertain which one is meant.
    fn repeated_keys(&mut self, entries: &[(Key, Tree)]) {
        let mut seen = HashMap::new();
        for (key, value) in entries {
            if let Some(first) = seen.insert(&key.name, value) {
                let error = Error::input(format!("found the key `{}` twice", key.name));
                self.key_fault(key, Some(&key.name), error.mend("keep one of the two"));
                self.doubts.values.insert(first.position);
            }
        }
    }

    fn unknown_keys(&mut self, known: &[&str], tree: &Tree, what: &str) {
        let Value::Map(entries) = &tree.value else { return };
        for (key, _) in entries.iter().filter(|(key, _)| !known.contains(&key.name.as_str())) {
            let error = Error::input(format!("found the unknown key `{}` in {what}", key.name));
            let free = known.iter().copied().filter(|name| tree.get(name).is_none());
            let meant = nearest(&key.name, free);
            let mend = match meant {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!(
                    "expected {}",
                    either(&known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>())
                ),
            };
            self.key_fault(key, meant, error.mend(mend));
        }
    }

    /// What one of several schemas allows, as part of a sentence.
    fn expected_of(&self, schemas: &[&Json]) -> String {
        let (mappings, others): (Vec<&Json>, Vec<&Json>) =
            schemas.iter().copied().partition(|schema| properties(schema).is_some());
        let mut expected: Vec<String> = others.iter().filter_map(|schema| self.expected(schema)).collect();
        match mappings[..] {
            [] => {}
            [only] => expected.extend(self.expected(only)),
            [first, ..] => expected.push(match constant(first) {
                Some((key, _)) => format!("a mapping with the key `{key}`"),
                None => {
                    let keys = mappings.iter().filter_map(|schema| properties(schema)).flat_map(Map::keys);
                    format!(
                        "a mapping with {}",
                        either(&keys.map(|key| format!("`{key}`")).collect::<Vec<_>>())
                    )
                }
            }),
        }
        either(&expected)
    }

    /// What a schema allows, as part of a sentence.
    fn expected(&self, schema: &Json) -> Option<String> {
        if let Some(text) = schema.get("x-expected").and_then(Json::as_str) {
            return Some(text.into());
        }
        let names = names(schema);
        if !names.is_empty() {
            return Some(either(&names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>()));
        }
        let limits = limits(schema);
        if let Some(only) = limits.strip_prefix(": ") {
            return Some(only.into());
        }
        match kinds(schema).find(|&kind| kind != "null")? {
            "integer" => Some(format!("a whole number{limits}")),
            "number" => Some(format!("a number{limits}")),
            "string" => Some("a text".into()),
            "boolean" => Some("`true` or `false`".into()),
            "array" => Some(expected_list(schema)),
            "object" => {
                let Some(known) = properties(schema) else { return Some("a mapping".into()) };
                let keys: Vec<String> = known.keys().map(|key| format!("`{key}`")).collect();
                Some(format!("a mapping with {}", keys.join(", ")))
            }
            _ => None,
        }
    }
}

fn expected_list(schema: &Json) -> String {
    let limit = |name: &str| schema.get(name).and_then(Json::as_u64);
    let count = match (limit("minItems"), limit("maxItems")) {
        (Some(least), Some(greatest)) if least == greatest => format!(" of {least}"),
        (Some(least), Some(greatest)) => format!(" of {least} to {greatest}"),
        (Some(least), None) => format!(" of at least {least}"),
        _ => String::new(),
    };
    let items = schema.get("items");
    let whole = items.is_some_and(|items| kinds(items).any(|kind| kind == "integer"));
    let number = items.is_some_and(|items| kinds(items).any(|kind| kind == "number"));
    let of = match (whole, number) {
        (true, _) => " whole numbers",
        (_, true) => " numbers",
        _ => "",
    };
    let range = items.map(limits).unwrap_or_default();
    match (count.is_empty(), of.is_empty()) {
        (true, false) => format!("a list of{of}{range}"),
        _ => format!("a list{count}{of}{range}"),
    }
}

fn limits(schema: &Json) -> String {
    let limit = |name: &str| schema.get(name).and_then(Json::as_f64);
    match (limit("minimum"), limit("maximum")) {
        (Some(least), Some(greatest)) if least == greatest => format!(": {least}"),
        (Some(least), Some(greatest)) => format!(" from {} to {}", short(least), short(greatest)),
        (Some(least), None) => format!(" of at least {least}"),
        (None, Some(greatest)) => format!(" of at most {greatest}"),
        (None, None) => String::new(),
    }
}

/// A number without a row of noughts.
fn short(value: f64) -> String {
    if value != 0.0 && !(1e-6..1e15).contains(&value.abs()) {
        format!("{value:e}")
    } else {
        value.to_string()
    }
}

fn kinds(schema: &Json) -> impl Iterator<Item = &str> {
    let kind = schema.get("type");
    let one = kind.and_then(Json::as_str);
    let several = kind.and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
    one.into_iter().chain(several)
}

fn kind_fits(schema: &Json, value: &Value) -> bool {
    kinds(schema).any(|kind| match value {
        Value::Null => kind == "null",
        Value::Bool(_) => kind == "boolean",
        Value::Integer(_) => kind == "integer" || kind == "number",
        Value::Real(_) => kind == "number",
        Value::Text(_) => kind == "string",
        Value::List(_) => kind == "array",
        Value::Map(_) => kind == "object",
    })
}

fn text_fits(schema: &Json, text: &str) -> bool {
    let names = names(schema);
    kinds(schema).any(|kind| kind == "string") && (names.is_empty() || names.contains(&text))
}

fn names(schema: &Json) -> Vec<&str> {
    let constant = schema.get("const").and_then(Json::as_str);
    let listed = schema.get("enum").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
    constant.into_iter().chain(listed).collect()
}

fn properties(schema: &Json) -> Option<&Map<String, Json>> {
    schema.get("properties").and_then(Json::as_object)
}

/// The key whose value tells this mapping from the others, and that value.
fn constant(schema: &Json) -> Option<(&str, &str)> {
    properties(schema)?.iter().find_map(|(key, inner)| Some((key.as_str(), inner.get("const")?.as_str()?)))
}

fn either(choices: &[String]) -> String {
    match choices {
        [] => "something else".into(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
    }
}

/// The name most like `found`, if any is like it.
pub(super) fn nearest<'n>(found: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let likeness = |name: &str| strsim::jaro_winkler(&found.to_lowercase(), &name.to_lowercase());
    names
        .map(|name| (likeness(name), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}
