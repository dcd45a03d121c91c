//! Activations by table: an intermediate format, and one entry for each of its values.

use crate::desc::types::{Activation, Output, TableInput};
use crate::error::{Error, Result};
use crate::fixed::Encoding;
use crate::ir::{Fact, Op};

use super::explicit::quantized;

/// A function looked up in a table.
pub(super) struct Table {
    function: fn(f64) -> f64,
    input: TableInput,
}

/// The table of an activation, if it takes one.
pub(super) fn of(activation: &Activation) -> Option<Table> {
    let usual = |exp: i32| TableInput { format: "s8".into(), exp };
    let table = match activation {
        Activation::Sigmoid => Table { function: sigmoid, input: usual(-4) },
        Activation::Tanh => Table { function: f64::tanh, input: usual(-5) },
        Activation::SigmoidOf(input) => Table { function: sigmoid, input: input.clone() },
        Activation::TanhOf(input) => Table { function: f64::tanh, input: input.clone() },
        Activation::None
        | Activation::Relu
        | Activation::Clip(_)
        | Activation::Leaky(_)
        | Activation::Prelu(_) => return None,
    };
    Some(table)
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

impl Table {
    /// The output that the accumulators are brought to first, with the scaling the user gave.
    pub fn input_of(&self, output: &Output) -> Output {
        Output {
            format: self.input.format.clone(),
            exp: Some(self.input.exp),
            scale: None,
            zero: 0,
            ..output.clone()
        }
    }

    /// The table over everything that `input` can be.
    pub fn op(&self, output: &Output, input: &Fact) -> Result<Op> {
        let encoding: Encoding = output.format.parse()?;
        let exp = output.derived_exp().ok_or_else(|| Error::input("found no unit of the table's result"))?;
        let scale = output.scale.unwrap_or(1.0);
        let unit = 2_f64.powi(input.format.exp);
        let range = encoding.range();
        let entry = |code: i64| -> Result<i64> {
            let value = (self.function)(code as f64 * unit);
            Ok((quantized(value / scale, exp, output.rounding)? + output.zero).clamp(range.min, range.max))
        };
        let entries = (input.range.min..=input.range.max).map(entry).collect::<Result<Vec<_>>>()?;
        Ok(Op::Table { entries, encoding, exp })
    }
}
