//! A quantizer as a description's `output`.

use serde_json::{Map, Value as Json, json};

use crate::desc::types::Activation;
use crate::error::{Error, Result};
use crate::exact::Dyadic;
use crate::fixed::{Encoding, Range};
use crate::import::quantizer::Quantizer;
use crate::import::tensor::{Constant, Kind};

/// Integers, and the real numbers they stand for: (q − zero) · scale.
#[derive(Clone, Debug)]
pub struct Grid {
    /// How they are written.
    pub format: String,
    /// What a unit stands for.
    pub scale: f64,
    /// What stands for 0.
    pub zero: i64,
    /// The least and the greatest.
    pub range: [i64; 2],
}

impl Grid {
    /// The integers that a quantizer makes.
    pub fn of(quantizer: &Quantizer) -> Result<Grid> {
        let one = |constant: &Constant, what: &str| {
            constant.uniform().ok_or_else(|| {
                Error::input(format!("found a {what} for each channel of an activation")).mend(format!(
                    "use one {what} for the tensor: sums over channels of different units have no integers"
                ))
            })
        };
        let zero = one(&quantizer.zero, "zero point")?;
        if zero.fract() != 0.0 || zero.abs() > 65_536.0 {
            return Err(Error::input(format!("found the zero point {zero}; expected an integer")));
        }
        let range = [quantizer.low, quantizer.high];
        let format = if quantizer.bipolar { "bipolar".to_owned() } else { format_of(range)? };
        Ok(Grid { format, scale: one(&quantizer.scale, "scale")?, zero: zero as i64, range })
    }

    /// The coarsest integers that hold those of all, 0 standing for 0.
    ///
    /// # Errors
    /// When they have more than 16 bits.
    pub fn common<'a>(grids: impl Iterator<Item = &'a Grid> + Clone) -> Result<Grid> {
        let unit = Grid::common_unit(grids.clone())?;
        let wide = || {
            Error::input("found tensors to concatenate whose scales have no common unit of 16 bits").mend(
                "use one quantizer for all of them, one behind the concatenation, or scales that are powers of two",
            )
        };
        let mut range = [0, 0];
        for grid in grids {
            let factor =
                Dyadic::of(grid.scale).quotient(&unit).filter(|factor| *factor < 1 << 16).ok_or_else(wide)?;
            let [low, high] = grid.range.map(|end| end.saturating_sub(grid.zero).saturating_mul(factor));
            range = [range[0].min(low), range[1].max(high)];
        }
        let format = format_of(range).map_err(|_| wide())?;
        Ok(Grid { format, scale: unit.approximate(), zero: 0, range })
    }

    /// The greatest number that the units of all are multiples of.
    ///
    /// # Errors
    /// When there are none.
    pub fn common_unit<'a>(grids: impl Iterator<Item = &'a Grid>) -> Result<Dyadic> {
        let unit = Dyadic::common_measure(grids.map(|grid| Dyadic::of(grid.scale)));
        unit.ok_or_else(|| Error::input("found no operands"))
    }

    /// Whether the same integers stand for the same numbers, written alike.
    pub fn is_like(&self, other: &Grid) -> bool {
        (self.scale, self.zero, &self.format) == (other.scale, other.zero, &other.format)
    }

    /// The greatest distance of any of them from what stands for 0.
    pub fn farthest(&self) -> i64 {
        let [low, high] = self.range.map(|end| end.saturating_sub(self.zero).saturating_abs());
        low.max(high)
    }

    /// Whether they have more than 8 bits.
    pub fn is_wide(&self) -> bool {
        self.range[1] > 255
    }

    /// Its keys in a description.
    pub fn unit(&self) -> Map<String, Json> {
        let mut unit = Map::new();
        unit.insert("format".into(), json!(self.format));
        match exponent(self.scale) {
            Some(exp) => unit.insert("exp".into(), json!(exp)),
            None => unit.insert("scale".into(), json!(self.scale)),
        };
        if self.zero != 0 {
            unit.insert("zero".into(), json!(self.zero));
        }
        unit
    }
}

/// The narrowest format of a range.
pub fn format_of([low, high]: [i64; 2]) -> Result<String> {
    if [low, high] == [-1, 1] {
        return Ok("ternary".into());
    }
    let range = Range::new(low, high);
    let (letter, bits) = match range.unsigned_bits() {
        Some(bits) => ('u', bits),
        None => ('s', range.signed_bits()),
    };
    if bits > 16 {
        return Err(Error::input(format!("found activations of {bits} bits; expected at most 16")));
    }
    Ok(format!("{letter}{bits}"))
}

/// The exponent of a power of two that a description may name.
pub fn exponent(scale: f64) -> Option<i32> {
    let exp = scale.log2();
    (exp.fract() == 0.0 && exp.abs() <= 256.0 && 2_f64.powi(exp as i32) == scale).then_some(exp as i32)
}

/// `output` and `activation` of a layer whose result a quantizer rounds.
pub fn described(quantizer: &Quantizer, grid: &Grid, activation: &Activation) -> Result<[Json; 2]> {
    let mut output = grid.unit();
    if quantizer.bipolar {
        if grid.scale == 1.0 {
            output.remove("exp");
        }
        return Ok([Json::Object(output), serde_json::to_value(activation).unwrap_or_default()]);
    }
    output
        .insert("rounding".into(), serde_json::to_value(quantizer.rounding(grid.zero)?).unwrap_or_default());
    let natural = grid.format.parse::<Encoding>()?.range();
    if (5..=10).contains(&grid.format.parse::<Encoding>()?.bits()) {
        output.insert("derive".into(), json!("exact"));
    }
    let narrow = grid.range != [natural.min, natural.max];
    let ends = match activation {
        Activation::Relu => Some([grid.zero, grid.range[1]]),
        Activation::Clip(ends) => {
            let end =
                |value: f64| quantizer.integer(Kind::Double, value / grid.scale, grid.zero as f64) as i64;
            Some(ends.map(end))
        }
        _ => None,
    };
    if !narrow {
        return Ok([Json::Object(output), serde_json::to_value(activation).unwrap_or_default()]);
    }
    let [low, high] = grid.range;
    let limits = ends.map_or(grid.range, |ends| ends.map(|end| end.clamp(low, high)));
    output.insert("limits".into(), json!(limits));
    let left = if ends.is_some() { &Activation::None } else { activation };
    Ok([Json::Object(output), serde_json::to_value(left).unwrap_or_default()])
}
