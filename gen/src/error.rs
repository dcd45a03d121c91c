//! What went wrong, where, and how to mend it.

use std::fmt;
use std::path::{Path, PathBuf};

/// A place in a file that a user wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The file, as the user named it.
    pub file: Option<PathBuf>,
    /// Line and column, both from 1.
    pub position: Option<(usize, usize)>,
    /// The layer, or the part of the network, by its name.
    pub layer: Option<String>,
}

impl Place {
    /// A place that is a whole file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Place { file: Some(path.into()), ..Place::default() }
    }

    /// A place that is a layer, wherever it was described.
    pub fn layer(name: impl Into<String>) -> Self {
        Place { layer: Some(name.into()), ..Place::default() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if let Some(file) = &self.file {
            write!(out, "{}", file.display())?;
            if let Some((line, column)) = self.position {
                write!(out, ":{line}:{column}")?;
            }
            separator = ": ";
        }
        if let Some(layer) = &self.layer {
            write!(out, "{separator}layer `{layer}`")?;
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Input,
    Refusal,
    Tool,
    File,
    Mismatch,
}

/// One fault, or several found in one go.
#[derive(Clone, Debug)]
pub struct Error {
    faults: Vec<Fault>,
}

#[derive(Clone, Debug)]
struct Fault {
    kind: Kind,
    place: Place,
    message: String,
    mend: Option<String>,
}

/// The result of anything here that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    fn one(kind: Kind, message: impl Into<String>) -> Self {
        Error { faults: vec![Fault { kind, place: Place::default(), message: message.into(), mend: None }] }
    }

    /// A fault of the user's description, weights or vectors: what was found and what was expected.
    pub fn input(message: impl Into<String>) -> Self {
        Error::one(Kind::Input, message)
    }

    /// A circuit that the device asked for cannot hold.
    pub fn refusal(message: impl Into<String>) -> Self {
        Error::one(Kind::Refusal, message)
    }

    /// An outside program that is missing or failed.
    pub fn tool(message: impl Into<String>) -> Self {
        Error::one(Kind::Tool, message)
    }

    /// A file that cannot be read or written.
    pub fn io(path: &Path, doing: &str, source: &std::io::Error) -> Self {
        Error::one(Kind::File, format!("cannot {doing}: {source}")).at(Place::file(path))
    }

    /// The circuit, or a stored expectation, differs from the golden model.
    pub fn mismatch(message: impl Into<String>) -> Self {
        Error::one(Kind::Mismatch, message)
    }

    /// No fault of its own: it follows from one that was gathered before.
    pub(crate) fn reported() -> Self {
        Error { faults: Vec::new() }
    }

    /// Says where, for every fault that does not say it yet; an inner place wins, part by part.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        for fault in &mut self.faults {
            if fault.place.file.is_none() {
                fault.place.file.clone_from(&place.file);
                fault.place.position = fault.place.position.or(place.position);
            }
            if fault.place.layer.is_none() {
                fault.place.layer.clone_from(&place.layer);
            }
        }
        self
    }

    /// Says where the file at fault is named; the file itself goes into the message.
    #[must_use]
    pub fn named_at(mut self, place: &Place) -> Self {
        for fault in &mut self.faults {
            if let Some(file) = &fault.place.file {
                fault.message = format!("{}: {}", file.display(), fault.message);
            }
            fault.place.clone_from(place);
        }
        self
    }

    /// Says how to mend it.
    #[must_use]
    pub fn mend(mut self, mend: impl Into<String>) -> Self {
        if let Some(fault) = self.faults.last_mut() {
            fault.mend = Some(mend.into());
        }
        self
    }

    /// Says which part of the file or layer, before each fault's message.
    #[must_use]
    pub fn about(mut self, part: &str) -> Self {
        for fault in &mut self.faults {
            fault.message = format!("{part}: {}", fault.message);
        }
        self
    }

    /// Adds the faults of another error to this one's.
    #[must_use]
    pub fn and(mut self, other: Error) -> Self {
        self.faults.extend(other.faults);
        self
    }

    /// How many faults this error reports.
    pub fn count(&self) -> usize {
        self.faults.len()
    }

    /// Whether the fault is the circuit's or an expectation's, not the input's or a tool's.
    pub fn is_mismatch(&self) -> bool {
        self.faults.iter().any(|fault| fault.kind == Kind::Mismatch)
    }

    /// Whether a device refuses the circuit.
    pub fn is_refusal(&self) -> bool {
        self.faults.iter().any(|fault| fault.kind == Kind::Refusal)
    }

    /// The process exit code: 1 for bad input or files, 2 is clap's, 3 for a tool, 4 for a mismatch.
    pub fn exit_code(&self) -> u8 {
        let code = |fault: &Fault| match fault.kind {
            Kind::Input | Kind::Refusal | Kind::File => 1,
            Kind::Tool => 3,
            Kind::Mismatch => 4,
        };
        self.faults.iter().map(code).max().unwrap_or(1)
    }
}

/// Gathers faults, so that one report names them all.
#[derive(Debug, Default)]
pub struct Faults(Option<Error>);

impl Faults {
    /// Adds an error's faults.
    pub fn push(&mut self, error: Error) {
        self.0 = Some(match self.0.take() {
            Some(all) => all.and(error),
            None => error,
        });
    }

    /// Keeps a value, or gathers why there is none.
    pub fn keep<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    /// `value` when nothing was gathered, else everything that was, in the order of the places.
    pub fn or<T>(self, value: T) -> Result<T> {
        let Some(mut error) = self.0 else { return Ok(value) };
        error.faults.sort_by_key(|fault| (fault.place.position.is_none(), fault.place.position));
        Err(error)
    }

    /// As [`Faults::or`], of a value that may be missing because of a fault gathered before.
    pub(crate) fn or_missing<T>(self, value: Option<T>) -> Result<T> {
        self.or(())?;
        value.ok_or_else(Error::reported)
    }

    /// Whether nothing was gathered.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                writeln!(out)?;
            }
            let place = fault.place.to_string();
            if !place.is_empty() {
                write!(out, "{place}: ")?;
            }
            write!(out, "{}", fault.message)?;
            if let Some(mend) = &fault.mend {
                write!(out, "\n  help: {mend}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_every_fault_with_its_place_and_mend() {
        let mut faults = Faults::default();
        let place = Place { file: Some("net.yaml".into()), position: Some((3, 5)), layer: None };
        faults.push(Error::input("unknown key `pe`").mend("did you mean `pes`?").at(place));
        faults.push(Error::input("no bias").at(Place::layer("fc1")).at(Place::file("w.npz")));
        let error = faults.or(()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "net.yaml:3:5: unknown key `pe`\n  help: did you mean `pes`?\nw.npz: layer `fc1`: no bias"
        );
        assert_eq!((error.count(), error.exit_code()), (2, 1));
    }

    #[test]
    fn faults_come_in_the_order_of_their_places() {
        let at = |line, column| Place { position: Some((line, column)), ..Place::file("net.yaml") };
        let mut faults = Faults::default();
        faults.push(Error::input("c").at(at(7, 1)));
        faults.push(Error::input("a").at(at(2, 9)).and(Error::input("b").at(at(2, 10))));
        faults.push(Error::reported());
        let error = faults.or(()).unwrap_err();
        assert_eq!(error.to_string(), "net.yaml:2:9: a\nnet.yaml:2:10: b\nnet.yaml:7:1: c");
        assert!(Faults::default().or_missing(None::<()>).is_err_and(|error| error.count() == 0));
    }

    #[test]
    fn a_file_at_fault_is_named_in_the_message() {
        let error = Error::input("no archive").at(Place::file("w.npz")).named_at(&Place::layer("fc1"));
        assert_eq!(error.to_string(), "layer `fc1`: w.npz: no archive");
    }

    #[test]
    fn the_inner_place_wins() {
        let error = Error::input("x").at(Place::layer("inner")).at(Place::layer("outer"));
        assert_eq!(error.to_string(), "layer `inner`: x");
    }
}
