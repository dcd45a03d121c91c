//! What can go wrong in training: the user's input, or a tensor operation.

use std::fmt;

/// A fault of the input, or of a tensor operation.
#[derive(Debug)]
pub enum Error {
    /// Files, descriptions, data.
    Input(netetch::error::Error),
    /// Memory, or a device.
    Tensor(candle_core::Error),
}

/// The result of anything here that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A fault of the input: what was found and what was expected.
    pub fn input(message: impl Into<String>) -> Self {
        Error::Input(netetch::error::Error::input(message))
    }

    /// Says how to mend it.
    #[must_use]
    pub fn mend(self, mend: impl Into<String>) -> Self {
        match self {
            Error::Input(error) => Error::Input(error.mend(mend)),
            other => other,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Input(error) => error.fmt(out),
            Error::Tensor(error) => error.fmt(out),
        }
    }
}

impl std::error::Error for Error {}

impl From<netetch::error::Error> for Error {
    fn from(error: netetch::error::Error) -> Self {
        Error::Input(error)
    }
}

impl From<candle_core::Error> for Error {
    fn from(error: candle_core::Error) -> Self {
        Error::Tensor(error)
    }
}
