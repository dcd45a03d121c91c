//! Arrays and numbers as the description names them, layer after layer.

use std::collections::HashSet;
use std::path::PathBuf;

use crate::desc::types::Parameter;
use crate::desc::{Description, Tensor, WeightFiles};
use crate::error::{Error, Faults, Place, Result};

/// Reads arrays for one layer after the other; every error says where the array is named. A file that cannot be
/// read is reported once.
pub(crate) struct Sources<'a> {
    pub description: &'a Description,
    /// The layer at work, by its index.
    pub layer: usize,
    files: WeightFiles,
    refused: HashSet<PathBuf>,
}

impl<'a> Sources<'a> {
    pub fn new(description: &'a Description) -> Self {
        Sources { description, layer: 0, files: WeightFiles::default(), refused: HashSet::new() }
    }

    /// The place of a part of the layer at work.
    pub fn place(&self, keys: &[&str]) -> Place {
        self.description.place_in_layer(self.layer, keys)
    }

    /// The array `key`, named at `keys`, of its own file or the network's.
    pub fn read<T>(
        &mut self,
        keys: &[&str],
        file: Option<&String>,
        key: &str,
        convert: impl FnOnce(&Tensor) -> Result<T>,
    ) -> Result<T> {
        if let Some(tensor) = self.description.array(key) {
            let error = |error: Error| error.about(&format!("array `{key}`")).at(self.place(keys));
            return convert(tensor).map_err(error);
        }
        let path = self.open(keys, file)?;
        let array = |error: Error| error.about(&format!("array `{key}`")).at(Place::file(&path));
        let tensor = self.files.read(&path, key);
        tensor
            .and_then(|tensor| convert(&tensor).map_err(array))
            .map_err(|error| error.named_at(&self.place(keys)))
    }

    fn open(&mut self, keys: &[&str], file: Option<&String>) -> Result<PathBuf> {
        let named = file.or(self.description.network.weights.as_ref());
        let path = named.map(|file| self.description.relative(file)).unwrap_or_default();
        if self.refused.contains(&path) {
            return Err(Error::reported());
        }
        let opened = match named {
            None if !self.description.is_certain("weights") => Err(Error::reported()),
            None => Err(Error::input("found no weight file for it")
                .mend("add `weights: FILE` at the top, or `file: FILE` here")
                .at(self.place(keys))),
            Some(named) if !path.exists() => Err(Error::input(format!("found no file `{named}`"))
                .mend("weight files are relative to the description")
                .at(self.place_of_file(keys, file))),
            Some(_) => {
                self.files.open(&path).map_err(|error| error.named_at(&self.place_of_file(keys, file)))
            }
        };
        match opened {
            Ok(()) => Ok(path),
            Err(error) => {
                self.refused.insert(path);
                Err(error)
            }
        }
    }

    fn place_of_file(&self, keys: &[&str], file: Option<&String>) -> Place {
        match (file, keys) {
            (Some(_), [part, ..]) => self.place(&[part, "file"]),
            _ => self.description.place(&["weights"]),
        }
    }

    /// Shifts or exponents named at `keys`, one for all channels or one for each.
    pub fn exponents(
        &mut self,
        keys: &[&str],
        file: Option<&String>,
        parameter: &Parameter<i32>,
        channels: Option<usize>,
    ) -> Result<Vec<i32>> {
        let exponent = |value| {
            i32::try_from(value).ok().filter(|value| value.abs() <= 1024).ok_or_else(|| {
                Error::input(format!("found {value}; expected a shift or exponent from -1024 to 1024"))
            })
        };
        self.integers(keys, file, parameter, channels, exponent)
    }

    /// Multipliers named at `keys`, one for all channels or one for each.
    pub fn multipliers(
        &mut self,
        keys: &[&str],
        file: Option<&String>,
        parameter: &Parameter<u32>,
        channels: Option<usize>,
    ) -> Result<Vec<u32>> {
        let multiplier = |value| {
            u32::try_from(value).map_err(|_| {
                Error::input(format!("found the multiplier {value}; expected 0 to {}", u32::MAX))
            })
        };
        self.integers(keys, file, parameter, channels, multiplier)
    }

    fn integers<P: Copy + Into<i64>, T>(
        &mut self,
        keys: &[&str],
        file: Option<&String>,
        parameter: &Parameter<P>,
        channels: Option<usize>,
        convert: impl Fn(i64) -> Result<T>,
    ) -> Result<Vec<T>> {
        let given = |values: &[P]| {
            let converted = values.iter().map(|&value| convert(value.into())).collect();
            both(count(values.len(), channels), converted)
        };
        match parameter {
            Parameter::One(value) => given(&[*value]).map_err(|error| error.at(self.place(keys))),
            Parameter::Each(values) => given(values).map_err(|error| error.at(self.place(keys))),
            Parameter::Key(key) => self.read(keys, file, key, |tensor| {
                let integers = tensor.integers();
                let values = integers.and_then(|integers| integers.into_iter().map(convert).collect());
                both(count(tensor.len(), channels), values)
            }),
        }
    }

    /// Real numbers named at `keys`, one for all channels or one for each.
    pub fn reals(
        &mut self,
        keys: &[&str],
        file: Option<&String>,
        parameter: &Parameter<f64>,
        channels: Option<usize>,
    ) -> Result<Vec<f64>> {
        match parameter {
            Parameter::One(value) => Ok(vec![*value]),
            Parameter::Each(values) => both(count(values.len(), channels), Ok(values.clone()))
                .map_err(|error| error.at(self.place(keys))),
            Parameter::Key(key) => {
                self.read(keys, file, key, |tensor| both(count(tensor.len(), channels), tensor.numbers()))
            }
        }
    }
}

/// The values, or what is wrong with how many there are and with them.
pub(super) fn both<T>(shape: Result<()>, values: Result<T>) -> Result<T> {
    let mut faults = Faults::default();
    faults.keep(shape);
    let values = faults.keep(values);
    faults.or_missing(values)
}

/// Whether there is one value, or one for each channel, if it is known how many those are.
pub(super) fn count(found: usize, channels: Option<usize>) -> Result<()> {
    match channels {
        Some(channels) if found != 1 && found != channels => Err(Error::input(format!(
            "found {found} values; expected 1, or one for each of {channels} channels"
        ))),
        _ => Ok(()),
    }
}
