//! The step size over a training.

use serde::{Deserialize, Serialize};

/// How the step size falls.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Schedule {
    /// It stays.
    Constant,
    /// Half a cosine, down to 0 at the end.
    Cosine,
    /// Ten times less from 57 % and again from 86 % of the epochs on (wess2018: 200 and 300 of 350).
    Steps,
    /// Half when the held-out frames have shown no improvement for four epochs (shin2017).
    Plateau,
}

impl std::str::FromStr for Schedule {
    type Err = crate::error::Error;

    fn from_str(text: &str) -> crate::error::Result<Self> {
        match text {
            "constant" => Ok(Schedule::Constant),
            "cosine" => Ok(Schedule::Cosine),
            "steps" => Ok(Schedule::Steps),
            "plateau" => Ok(Schedule::Plateau),
            _ => Err(crate::error::Error::input(format!(
                "found the schedule `{text}`; expected cosine, constant, steps or plateau"
            ))),
        }
    }
}

/// Epochs without improvement before the step is halved.
const PATIENCE: u32 = 4;

/// What [`Schedule::Plateau`] has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plateau {
    best: usize,
    waited: u32,
    halvings: i32,
}

impl Plateau {
    /// Notes how many held-out frames were right.
    pub fn note(&mut self, correct: usize) {
        if correct > self.best {
            (self.best, self.waited) = (correct, 0);
        } else {
            self.waited += 1;
        }
        if self.waited >= PATIENCE {
            (self.waited, self.halvings) = (0, self.halvings + 1);
        }
    }
}

impl Schedule {
    /// The factor of the step size when `done` of all steps are made.
    pub fn factor(self, done: f64, plateau: Plateau) -> f64 {
        match self {
            Schedule::Constant => 1.0,
            Schedule::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * done).cos()),
            Schedule::Steps if done >= 300.0 / 350.0 => 0.01,
            Schedule::Steps if done >= 200.0 / 350.0 => 0.1,
            Schedule::Steps => 1.0,
            Schedule::Plateau => 0.5_f64.powi(plateau.halvings),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_fall_as_said() {
        let of = |schedule: Schedule, done| schedule.factor(done, Plateau::default());
        assert_eq!([0.0, 1.0].map(|done| of(Schedule::Cosine, done)), [1.0, 0.0]);
        assert_eq!([0.5, 0.6, 0.9].map(|done| of(Schedule::Steps, done)), [1.0, 0.1, 0.01]);
        let mut plateau = Plateau::default();
        [5, 5, 4, 5, 3, 6, 6].into_iter().for_each(|correct| plateau.note(correct));
        assert_eq!(Schedule::Plateau.factor(0.3, plateau), 0.5);
    }
}
