//! From gradients to new numbers.

use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A rule of descent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Rule {
    /// Stochastic gradient descent with Nesterov's momentum (Sutskever et al., 2013).
    Nesterov {
        /// The share of the velocity that is kept.
        momentum: f64,
    },
    /// AdaDelta (Zeiler, 2012), ρ = 0.95, ε = 10⁻⁶.
    AdaDelta,
    /// Adam (Kingma and Ba, 2015), β = 0.9 and 0.999, ε = 10⁻⁸.
    Adam,
}

impl std::str::FromStr for Rule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "nesterov" | "sgd" => Ok(Rule::Nesterov { momentum: 0.9 }),
            "adadelta" => Ok(Rule::AdaDelta),
            "adam" => Ok(Rule::Adam),
            _ => Err(Error::input(format!(
                "found the optimizer `{text}`; expected adam, nesterov or adadelta"
            ))),
        }
    }
}

/// A rule, and what it remembers of every parameter.
#[derive(Debug)]
pub struct Optimizer {
    rule: Rule,
    steps: u64,
    /// Two tensors like the parameter: velocity; squares of gradients and of changes; or first and second moment.
    memory: Vec<[Tensor; 2]>,
}

impl Optimizer {
    /// One that remembers nothing yet.
    ///
    /// # Errors
    /// When memory is short.
    pub fn new(rule: Rule, parameters: &[(String, &Var)]) -> Result<Self> {
        let zeros = |(_, var): &(String, &Var)| Ok([var.zeros_like()?.detach(), var.zeros_like()?.detach()]);
        Ok(Optimizer { rule, steps: 0, memory: parameters.iter().map(zeros).collect::<Result<_>>()? })
    }

    /// Moves every parameter that has a gradient, `rate` being the step size.
    ///
    /// # Errors
    /// When memory is short.
    pub fn step(&mut self, parameters: &[(String, &Var)], gradients: &GradStore, rate: f64) -> Result<()> {
        self.steps += 1;
        for ((_, var), memory) in parameters.iter().zip(&mut self.memory) {
            let Some(gradient) = gradients.get(var.as_tensor()) else { continue };
            let gradient = gradient.detach();
            let change = match self.rule {
                Rule::Nesterov { momentum } => {
                    memory[0] = ((&memory[0] * momentum)? + &gradient)?;
                    ((&gradient + (&memory[0] * momentum)?)? * rate)?
                }
                Rule::AdaDelta => {
                    const KEPT: f64 = 0.95;
                    const EPSILON: f64 = 1e-6;
                    memory[0] = ((&memory[0] * KEPT)? + (gradient.sqr()? * (1.0 - KEPT))?)?;
                    let factor = ((&memory[1] + EPSILON)? / (&memory[0] + EPSILON)?)?.sqrt()?;
                    let change = (factor * &gradient)?;
                    memory[1] = ((&memory[1] * KEPT)? + (change.sqr()? * (1.0 - KEPT))?)?;
                    (change * rate)?
                }
                Rule::Adam => {
                    let [first, second] = [0.9_f64, 0.999];
                    memory[0] = ((&memory[0] * first)? + (&gradient * (1.0 - first))?)?;
                    memory[1] = ((&memory[1] * second)? + (gradient.sqr()? * (1.0 - second))?)?;
                    let unbiased = |kept: f64| 1.0 / (1.0 - kept.powf(self.steps as f64));
                    let mean = (&memory[0] * unbiased(first))?;
                    let square = (&memory[1] * unbiased(second))?;
                    ((mean / (square.sqrt()? + 1e-8)?)? * rate)?
                }
            };
            var.set(&(var.as_tensor() - change)?.detach())?;
        }
        Ok(())
    }

    /// What it remembers, named after the parameters, and how many steps it made.
    pub fn memory(&self, parameters: &[(String, &Var)]) -> (Vec<(String, Tensor)>, u64) {
        let named = parameters.iter().zip(&self.memory).flat_map(|((name, _), memory)| {
            [(format!("{name}:0"), memory[0].clone()), (format!("{name}:1"), memory[1].clone())]
        });
        (named.collect(), self.steps)
    }

    /// Takes up what another one remembered.
    ///
    /// # Errors
    /// When something is missing.
    pub fn recall(
        &mut self,
        parameters: &[(String, &Var)],
        mut find: impl FnMut(&str) -> Result<Tensor>,
        steps: u64,
    ) -> Result<()> {
        for ((name, _), memory) in parameters.iter().zip(&mut self.memory) {
            *memory = [find(&format!("{name}:0"))?, find(&format!("{name}:1"))?];
        }
        self.steps = steps;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    /// Where each rule gets on (x − 3)² from 0 in so many steps.
    fn descend(rule: Rule, rate: f64, steps: usize) -> f64 {
        let var = Var::new(&[0.0_f64], &Device::Cpu).unwrap();
        let parameters = [("x".to_owned(), &var)];
        let mut optimizer = Optimizer::new(rule, &parameters).unwrap();
        for _ in 0..steps {
            let loss = (var.as_tensor() - 3.0).unwrap().sqr().unwrap().sum_all().unwrap();
            optimizer.step(&parameters, &loss.backward().unwrap(), rate).unwrap();
        }
        var.to_vec1::<f64>().unwrap()[0]
    }

    #[test]
    fn the_first_steps_are_those_of_the_papers() {
        // Gradient −6. Nesterov: 0.1 · 6 · 1.9; Adam: the rate itself; AdaDelta: √(ε/(0.05·36 + ε)) · 6.
        assert!((descend(Rule::Nesterov { momentum: 0.9 }, 0.1, 1) - 1.14).abs() < 1e-12);
        assert!((descend(Rule::Adam, 0.1, 1) - 0.1).abs() < 1e-6);
        let delta = (1e-6_f64 / (0.05 * 36.0 + 1e-6)).sqrt() * 6.0;
        assert!((descend(Rule::AdaDelta, 1.0, 1) - delta).abs() < 1e-12);
    }

    #[test]
    fn every_rule_descends() {
        for (rule, rate) in
            [(Rule::Nesterov { momentum: 0.9 }, 0.01), (Rule::Adam, 0.05), (Rule::AdaDelta, 30.0)]
        {
            assert!((descend(rule, rate, 600) - 3.0).abs() < 0.05, "{rule:?}");
        }
    }
}
