//! Sums and differences, of two tensors or of one and a constant.

use netetch_schemas::tflite::{ActivationFunctionType, BuiltinOperator, BuiltinOptionsRef};
use serde_json::{Value as Json, json};

use crate::error::{Error, Result};
use crate::fixed::Rounding;
use crate::import::layers::output::{Grid, exponent};

use super::arithmetic::{damaged, options_missing};
use super::file::Operator;
use super::multiplier::{Kernel, Multiplier};
use super::{Builder, limits};

/// How an operand is brought to the unit of the sum.
enum Way {
    /// A left shift, then a multiplier.
    Multiplier(u32, Multiplier),
    /// Divided by a power of two.
    Shift(i32),
}

impl Way {
    /// What it makes of an integer, its zero taken off.
    fn apply(&self, value: i64) -> i64 {
        let value = i128::from(value);
        (match self {
            Way::Multiplier(left, Multiplier { mult, shift }) => {
                Rounding::TfliteDouble.shift((value << left) * i128::from(*mult), *shift)
            }
            Way::Shift(shift) => Rounding::HalfAway.shift(value, *shift),
        }) as i64
    }

    /// An operand of a description's sum.
    fn operand(&self, from: &str, zero: i64) -> Json {
        match self {
            Way::Multiplier(left, Multiplier { mult, shift }) => json!({
                "from": from, "bias": -zero, "left": left, "mult": mult, "shift": shift,
                "rounding": Kernel::Double.rounding(),
            }),
            Way::Shift(shift) => {
                json!({ "from": from, "bias": -zero, "shift": shift, "rounding": "half_away" })
            }
        }
    }
}

impl Builder<'_> {
    /// ADD and SUB: both operands brought to twice the larger scale, 20 bits finer (8-bit tensors) or 15 (16-bit ones).
    pub(super) fn sum(&mut self, operator: &Operator<'_>) -> Result<()> {
        let (activation, powers_of_two) = match &operator.options {
            Some(BuiltinOptionsRef::AddOptions(options)) => {
                (options.fused_activation_function(), options.pot_scale_int16())
            }
            Some(BuiltinOptionsRef::SubOptions(options)) => {
                (options.fused_activation_function(), options.pot_scale_int16())
            }
            _ => return Err(options_missing()),
        };
        let activation = activation.map_err(damaged)?;
        let result = Self::result(operator)?;
        let tensors = [self.required(operator, 0)?, self.required(operator, 1)?];
        let grids = [self.grid(tensors[0])?, self.grid(tensors[1])?];
        let output = self.grid(result)?;
        let computed: Vec<usize> = (0..2).filter(|&index| self.made.contains_key(&tensors[index])).collect();
        let &first = computed.first().ok_or_else(|| Error::input("found a sum of two constants"))?;
        let (_, made) = self.whole(operator, first)?;
        let name = self.sheet.name("sum");
        let shifts = powers_of_two.map_err(damaged)? && output.is_wide();
        let (ways, output) = match shifts.then(|| powers(&grids, &output)).flatten() {
            Some(powers) => (shifted(powers)?, integers(&output, activation)?),
            None => {
                let (ways, multiplier) = scaled(&grids, &output)?;
                (ways, self.scaled(&name, &output, Kernel::Double, &[multiplier], activation)?)
            }
        };
        let mut inputs = Vec::new();
        let mut keys = json!({ "output": output });
        for (index, way) in ways.iter().enumerate() {
            let is_negative = operator.code == BuiltinOperator::Sub && index == 1;
            let sign = if is_negative { -1 } else { 1 };
            if !computed.contains(&index) {
                let constant = self.per_channel(tensors[index], &made.shape)?;
                let bias: Vec<i64> = constant.iter().map(|value| way.apply(sign * value)).collect();
                keys["bias"] = json!(self.sheet.integers(format!("{name}.bias"), vec![bias.len()], &bias)?);
                continue;
            }
            let (_, own) = self.whole(operator, index)?;
            if own.shape != made.shape {
                return Err(Error::input(format!(
                    "found a sum of {:?} and {:?}; expected one shape",
                    made.shape, own.shape
                )));
            }
            inputs.push(if is_negative {
                // The kernel's multiplier is negative, and its product that of the negated integers.
                let channels = own.shape.last().copied().unwrap_or(1);
                let negated = self.sheet.name("minus");
                let negated = self.times(&negated, &own, &vec![-1; channels], grids[index].zero, None)?;
                way.operand(&negated, 0)
            } else {
                way.operand(&own.name, grids[index].zero)
            });
        }
        let name = self.sheet.joined("add", &name, json!(inputs), keys)?;
        self.make(result, name, made.shape);
        Ok(())
    }
}

/// Operands of any scales, and the multiplier of their sum.
fn scaled(grids: &[Grid; 2], output: &Grid) -> Result<([Way; 2], Multiplier)> {
    let left = if output.is_wide() { 15 } else { 20 };
    let twice = 2.0 * grids[0].scale.max(grids[1].scale);
    let way = |grid: &Grid| -> Result<Way> {
        let greatest = grid.farthest() << left;
        Ok(Way::Multiplier(left, Kernel::Double.multiplier(grid.scale / twice, greatest)?))
    };
    let factor = twice / (2_f64.powi(left as i32) * output.scale);
    let greatest = |grid: &Grid| ((grid.farthest() << left) as f64 * grid.scale / twice) as i64 + 1;
    let multiplier = Kernel::Double.multiplier(factor, greatest(&grids[0]) + greatest(&grids[1]))?;
    Ok(([way(&grids[0])?, way(&grids[1])?], multiplier))
}

/// By how many powers of two the operands of a 16-bit sum are finer than the result, if that is all that is between
/// them.
fn powers(grids: &[Grid; 2], output: &Grid) -> Option<[i32; 2]> {
    let to = exponent(output.scale)?;
    Some([to - exponent(grids[0].scale)?, to - exponent(grids[1].scale)?])
}

/// Operands of a 16-bit sum by shifts alone.
fn shifted(powers: [i32; 2]) -> Result<[Way; 2]> {
    if powers.iter().any(|&power| power < 0) || !powers.contains(&0) {
        return Err(Error::input(format!(
            "found operands of a 16-bit sum finer by the powers of two {powers:?}; the kernel takes one finer operand"
        ))
        .mend("give the result the scale of the coarser operand, or set pot_scale_int16 to false"));
    }
    Ok(powers.map(Way::Shift))
}

/// An `output` of integers that only limits change.
fn integers(grid: &Grid, activation: ActivationFunctionType) -> Result<Json> {
    let mut output = grid.unit();
    output.insert("shift".into(), json!(0));
    output.insert("limits".into(), json!(limits(grid, activation)?));
    Ok(Json::Object(output))
}
