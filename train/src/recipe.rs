//! What a training does, phase after phase.

use netetch::desc::types::Quantizer;
use netetch::ir::Scheme;
use serde::{Deserialize, Serialize};

use crate::optimizer::Rule;
use crate::schedule::Schedule;

/// When the steps of the weights' codes are found anew (shin2017, section 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Adaptation {
    /// Once, of the weights before retraining: the conventional way.
    Conventional,
    /// Before every epoch.
    EveryEpoch,
    /// Before and after the first epoch, then no more.
    OneEpoch,
}

/// What is added to the loss: λ1 · QR + λ2 · WQR (wess2018, eq. 9–12).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Regularizer {
    /// λ1, of the distance to the nearest level.
    pub qr: Lambda,
    /// λ2, of that distance times the magnitude.
    pub wqr: Lambda,
}

/// A factor that is fixed or grows: fixed + growth · epoch, epochs counted from 1, and 0 before `start`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lambda {
    /// At all epochs.
    pub fixed: f64,
    /// With each epoch.
    pub growth: f64,
    /// The first epoch that it counts in.
    pub start: usize,
}

impl Lambda {
    /// At an epoch, counted from 0.
    pub fn at(&self, epoch: usize) -> f64 {
        if epoch < self.start { 0.0 } else { self.fixed + self.growth * (epoch + 1) as f64 }
    }
}

/// How weights come to their codes.
#[derive(Clone, Debug, PartialEq)]
pub enum Method {
    /// The forward pass has the codes; real weights behind them are moved (shin2017, figure 1).
    StraightThrough(Adaptation),
    /// The forward pass has real weights, which are drawn to the levels (wess2018, algorithm 2).
    Regularized(Regularizer),
}

/// Codes for every layer with weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// One for each layer with weights.
    pub schemes: Vec<Scheme>,
    /// How a step is found; the scheme's usual way when absent.
    pub quantizer: Option<Quantizer>,
    /// How weights come there.
    pub method: Method,
    /// Whether results are integers of the formats that calibration chose.
    pub activations: bool,
}

/// Some epochs of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// What a person calls it.
    pub name: String,
    /// How often every frame is seen.
    pub epochs: usize,
    /// The greatest step size.
    pub rate: f64,
    /// How it falls.
    pub schedule: Schedule,
    /// The rule of descent.
    pub rule: Rule,
    /// The share of each layer's weights, the least ones, that is made 0 at the beginning and stays so.
    pub prune: f64,
    /// Codes; none in real numbers.
    pub target: Option<Target>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lambda_is_fixed_grows_and_waits() {
        let both = Lambda { fixed: 10.0, growth: 0.5, start: 2 };
        assert_eq!([0, 1, 2, 3].map(|epoch| both.at(epoch)), [0.0, 0.0, 11.5, 12.0]);
        assert_eq!(Lambda::default().at(7), 0.0);
    }
}
