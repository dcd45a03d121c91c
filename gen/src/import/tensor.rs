//! Constants of a model file: real numbers or integers, and, once quantized, the integers behind them.

use ndarray::{ArrayD, IxDyn, Zip};

use crate::error::{Error, Result};

/// A constant of more elements than this is refused.
pub const GREATEST_ELEMENTS: usize = 1 << 26;

/// A tensor of more axes than this is refused.
const MOST_AXES: usize = 12;

/// What arithmetic on a constant rounds to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Integers, all below 2^53.
    Integer,
    /// IEEE 754 single precision.
    Single,
    /// IEEE 754 double precision.
    Double,
}

impl Kind {
    /// The nearest number of this kind.
    pub fn round(self, value: f64) -> f64 {
        match self {
            Kind::Integer => value.trunc(),
            Kind::Single => f64::from(value as f32),
            Kind::Double => value,
        }
    }
}

/// The integers of a quantized constant: each element is code · scale.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// Integers, of the constant's shape.
    pub codes: ArrayD<f64>,
    /// What a unit stands for, of the constant's shape.
    pub scale: ArrayD<f64>,
}

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    /// Its elements.
    pub values: ArrayD<f64>,
    /// What they are.
    pub kind: Kind,
    /// What is behind them, when a quantizer made them.
    pub grid: Option<Grid>,
    /// The least and the greatest value of the type that the file writes them in.
    pub limits: Option<[i64; 2]>,
}

impl Constant {
    /// A constant of the elements given, the last extent fastest.
    ///
    /// # Errors
    /// When there are not as many as the shape says.
    pub fn new(shape: &[usize], values: Vec<f64>, kind: Kind) -> Result<Constant> {
        let count = values.len();
        let values = ArrayD::from_shape_vec(IxDyn(shape), values).map_err(|_| {
            Error::input(format!("found {count} values for the shape {shape:?}"))
                .mend("the file is damaged: export it anew")
        })?;
        Ok(Constant { values, kind, grid: None, limits: None })
    }

    /// A number.
    pub fn scalar(value: f64) -> Constant {
        Constant { values: ndarray::arr0(value).into_dyn(), kind: Kind::Double, grid: None, limits: None }
    }

    /// A vector of integers, as shapes are.
    pub fn integers(values: &[usize]) -> Constant {
        let values = values.iter().map(|&value| value as f64).collect::<Vec<_>>();
        Constant {
            values: ArrayD::from_shape_vec(IxDyn(&[values.len()]), values).unwrap_or_default(),
            kind: Kind::Integer,
            grid: None,
            limits: None,
        }
    }

    /// Its extents.
    pub fn shape(&self) -> &[usize] {
        self.values.shape()
    }

    /// The same rearrangement of the elements and of what is behind them.
    ///
    /// # Errors
    /// Those of the rearrangement.
    pub fn rearranged(&self, with: impl Fn(&ArrayD<f64>) -> Result<ArrayD<f64>>) -> Result<Constant> {
        let grid = match &self.grid {
            Some(grid) => Some(Grid { codes: with(&grid.codes)?, scale: with(&grid.scale)? }),
            None => None,
        };
        Ok(Constant { values: with(&self.values)?, kind: self.kind, grid, limits: self.limits })
    }

    /// The only element, or the one that all are equal to.
    pub fn uniform(&self) -> Option<f64> {
        let first = *self.values.first()?;
        self.values.iter().all(|&value| value == first).then_some(first)
    }

    /// Its elements as integers.
    ///
    /// # Errors
    /// Names the first that is none.
    pub fn to_integers(&self) -> Result<Vec<i64>> {
        let integer = |&value: &f64| {
            if value.fract() == 0.0 && value.abs() < 9.0e15 {
                Ok(value as i64)
            } else {
                Err(Error::input(format!("found {value}; expected an integer")))
            }
        };
        self.values.iter().map(integer).collect()
    }

    /// Spread over `shape`, as NumPy broadcasts.
    ///
    /// # Errors
    /// When the shapes do not suit, or the result would be too large.
    pub fn spread(&self, shape: &[usize]) -> Result<ArrayD<f64>> {
        within_limits(shape)?;
        spread(&self.values, shape)
    }

    /// An operation of two, element by element, each rounded to the wider kind.
    ///
    /// # Errors
    /// When the shapes do not suit.
    pub fn zip(&self, other: &Constant, with: impl Fn(f64, f64) -> f64) -> Result<Constant> {
        let shape = broadcast(self.shape(), other.shape())?;
        let kind = match (self.kind, other.kind) {
            (Kind::Double, _) | (_, Kind::Double) => Kind::Double,
            (Kind::Single, _) | (_, Kind::Single) => Kind::Single,
            _ => Kind::Integer,
        };
        let mut values = self.spread(&shape)?;
        let others = other.spread(&shape)?;
        Zip::from(&mut values)
            .and(&others)
            .for_each(|value, &other| *value = kind.round(with(*value, other)));
        Ok(Constant { values, kind, grid: None, limits: None })
    }

    /// A function of each element, rounded to its kind.
    pub fn map(&self, with: impl Fn(f64) -> f64) -> Constant {
        let kind = self.kind;
        Constant { values: self.values.mapv(|value| kind.round(with(value))), kind, grid: None, limits: None }
    }
}

/// Refuses more elements than any constant may have.
///
/// # Errors
/// Names the shape.
pub fn within_limits(shape: &[usize]) -> Result<usize> {
    if shape.len() > MOST_AXES {
        return Err(Error::input(format!(
            "found a tensor of {} axes; expected at most {MOST_AXES}",
            shape.len()
        )));
    }
    let elements = shape.iter().try_fold(1_usize, |product, &extent| product.checked_mul(extent));
    elements.filter(|&elements| elements <= GREATEST_ELEMENTS).ok_or_else(|| {
        Error::input(format!(
            "found a tensor of the shape {shape:?}; expected at most {GREATEST_ELEMENTS} elements"
        ))
    })
}

/// An array spread over `shape`, as NumPy broadcasts.
///
/// # Errors
/// When the shapes do not suit.
pub fn spread(array: &ArrayD<f64>, shape: &[usize]) -> Result<ArrayD<f64>> {
    let view = array.broadcast(IxDyn(shape)).ok_or_else(|| {
        Error::input(format!(
            "found the shape {:?} where one that spreads over {shape:?} is needed",
            array.shape()
        ))
    })?;
    Ok(view.to_owned())
}

/// The shape that both spread over.
///
/// # Errors
/// When there is none.
pub fn broadcast(a: &[usize], b: &[usize]) -> Result<Vec<usize>> {
    let rank = a.len().max(b.len());
    let of =
        |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |axis| shape[axis]);
    let extent = |axis: usize| match (of(a, axis), of(b, axis)) {
        (x, y) if x == y => Ok(x),
        (1, y) => Ok(y),
        (x, 1) => Ok(x),
        _ => Err(Error::input(format!("found the shapes {a:?} and {b:?}, which do not suit each other"))),
    };
    (0..rank).map(extent).collect()
}
