//! The integer format of a result.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::desc::names;

use super::{Inexact, Key, Parameter};

/// The integer format of a layer's result, and how accumulators become it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// How an element is written.
    #[schemars(schema_with = "names::format")]
    pub format: String,
    /// A unit stands for 2^exp. Alone, it asks for the scaling to be derived from the exponents and scales.
    #[schemars(range(min = -256, max = 256))]
    pub exp: Option<i32>,
    /// The integer q stands for (q − zero) · scale · 2^exp; alone, it asks for the scaling to be derived as well.
    #[schemars(range(min = 1e-300, max = 1e300))]
    pub scale: Option<f64>,
    /// Right shift of the accumulator; negative shifts left.
    pub shift: Option<Parameter<i32>>,
    /// Multiplier before the shift.
    pub mult: Option<Parameter<u32>>,
    /// An array of integer thresholds in accumulator units: `[channels, thresholds]` or `[thresholds]`.
    pub thresholds: Option<Key>,
    /// With thresholds: the value below the first one.
    #[schemars(range(min = -65_536, max = 65_536))]
    pub first: Option<i64>,
    /// With thresholds: what each one adds; 1 when absent.
    #[schemars(range(min = 1, max = 65_536))]
    pub step: Option<i64>,
    /// What the shift does with the fraction.
    #[serde(default)]
    pub rounding: Rounding,
    /// What happens outside the format.
    #[serde(default)]
    pub saturation: Saturation,
    /// Added after rounding; 0 when absent.
    #[serde(default)]
    #[schemars(range(min = -65_536, max = 65_536))]
    pub zero: i64,
    /// The least and the greatest result, integers inside the format; instead of an activation that clamps.
    pub limits: Option<[i64; 2]>,
    /// The weight file of `shift`, `mult` and `thresholds`, when not the network's.
    pub file: Option<String>,
    /// How a scaling is derived: by thresholds up to 4 bits and a multiplier beyond, or as said.
    #[serde(default)]
    pub derive: Derive,
    /// `allow`: a derived scaling may differ from the real-valued chain.
    #[serde(default)]
    pub inexact: Inexact,
}

impl Output {
    /// Whether its format is still to be chosen.
    pub fn is_float(&self) -> bool {
        self.format == names::FLOAT
    }

    /// Whether the way from accumulators to the result is spelled out in integers.
    pub fn is_spelled_out(&self) -> bool {
        self.shift.is_some() || self.mult.is_some() || self.thresholds.is_some()
    }

    /// The exponent that a scaling is derived from, if one is asked for.
    pub fn derived_exp(&self) -> Option<i32> {
        self.exp.or(self.scale.map(|_| 0))
    }
}

/// How a derived scaling is carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Derive {
    /// A shift where that is exact; else thresholds up to 4 bits, and a proved multiplier beyond.
    #[default]
    Auto,
    /// A table of thresholds.
    Thresholds,
    /// A proved multiplier, shift and bias.
    Multiplier,
    /// As `auto`, and a table of thresholds where no multiplier is proved.
    Exact,
}

/// What a shift or a division does with the fraction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// ⌊x + ½⌋.
    #[default]
    HalfUp,
    /// ⌊x⌋.
    Floor,
    /// To nearest, ties to even.
    HalfEven,
    /// Cut off.
    TowardZero,
    /// To nearest, ties away from zero.
    HalfAway,
    /// TensorFlow Lite's two steps.
    TfliteDouble,
    /// ⌈x⌉. This and the following only where the scaling is derived: thresholds or a proved multiplier give them.
    Ceil,
    /// ⌈x − ½⌉.
    HalfDown,
    /// To nearest, ties to odd.
    HalfOdd,
    /// To nearest, ties towards zero.
    HalfTowardZero,
    /// To the next integer away from zero.
    AwayFromZero,
}

impl Rounding {
    /// Whether a circuit rounds so by itself; other ways are derived.
    pub fn is_native(self) -> bool {
        use Rounding::{Floor, HalfAway, HalfEven, HalfUp, TfliteDouble, TowardZero};
        matches!(self, HalfUp | Floor | HalfEven | TowardZero | HalfAway | TfliteDouble)
    }
}

/// What a circuit does: of a way that is derived, the one that a multiplier with another bias may turn into it.
impl From<Rounding> for crate::fixed::Rounding {
    fn from(rounding: Rounding) -> Self {
        match rounding {
            Rounding::HalfUp | Rounding::HalfDown | Rounding::HalfOdd | Rounding::HalfTowardZero => {
                crate::fixed::Rounding::HalfUp
            }
            Rounding::Floor | Rounding::Ceil | Rounding::AwayFromZero => crate::fixed::Rounding::Floor,
            Rounding::HalfEven => crate::fixed::Rounding::HalfEven,
            Rounding::TowardZero => crate::fixed::Rounding::TowardZero,
            Rounding::HalfAway => crate::fixed::Rounding::HalfAway,
            Rounding::TfliteDouble => crate::fixed::Rounding::TfliteDouble,
        }
    }
}

/// What happens to a result outside the format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Saturation {
    /// It becomes the nearest value.
    #[default]
    Saturate,
    /// Its lowest bits are kept.
    Wrap,
}

impl From<Saturation> for crate::fixed::Saturation {
    fn from(saturation: Saturation) -> Self {
        match saturation {
            Saturation::Saturate => crate::fixed::Saturation::Saturate,
            Saturation::Wrap => crate::fixed::Saturation::Wrap,
        }
    }
}
