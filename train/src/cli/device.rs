//! Where tensors live.

use candle_core::Device;
use clap::ValueEnum;
use netetch_train::error::{Error, Result};

/// A processor.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum DeviceName {
    /// The processor; the same bits every time.
    #[default]
    Cpu,
    /// The first GPU by NVIDIA, of a program that was built with `--features cuda`.
    Cuda,
}

impl DeviceName {
    /// Opens it.
    ///
    /// # Errors
    /// When it is not there, or the program was built without it.
    pub fn open(self) -> Result<Device> {
        match self {
            DeviceName::Cpu => Ok(Device::Cpu),
            DeviceName::Cuda if cfg!(feature = "cuda") => Ok(Device::new_cuda(0)?),
            DeviceName::Cuda => Err(Error::input("found no support for CUDA in this program")
                .mend("build it with `cargo build --release -p netetch-train --features cuda`")),
        }
    }
}
