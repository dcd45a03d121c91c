//! Falling factors: a product takes in what no requantizer can.

use ndarray::{Array2, ArrayD, IxDyn};
use serde_json::{Map, json};

use crate::error::{Error, Result};
use crate::import::graph::{Weights, Window};
use crate::import::norm::{of, zip};

use super::tail::Tail;
use super::{Builder, Made, Operand, window_keys};

/// A falling factor over a vector takes a matrix of as many rows and columns.
const MOST_ELEMENTS: usize = 512;

impl Builder<'_> {
    /// Each channel of an operand times 1, and what follows it.
    pub(super) fn times(&mut self, operand: &Operand, tail: Tail) -> Result<Made> {
        let shape = &self.graph.nodes[operand.affine.of].shape;
        let channels = *shape.last().unwrap_or(&1);
        let (op, keys, codes) = if shape.len() == 3 {
            let point = Window { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], padding: [0; 4] };
            let mut keys = window_keys(&point)?;
            keys.insert("groups".into(), json!(channels));
            ("conv2d", keys, ArrayD::ones(IxDyn(&[channels, 1, 1, 1])))
        } else if channels <= MOST_ELEMENTS {
            ("dense", Map::new(), Array2::eye(channels).into_dyn())
        } else {
            return Err(Error::input(format!(
                "found a falling factor of a vector of {channels} elements, which no product takes in"
            ))
            .mend(format!("at most {MOST_ELEMENTS} are read: take the sign into the weights before it")));
        };
        let weights = Weights { codes, scale: vec![1.0], bias: Vec::new() };
        self.multiplied((op, "times"), keys, weights, operand, tail)
    }
}

/// Negates every channel that a factor behind it negates again.
pub(super) fn rise(weights: &mut Weights, tail: &mut Tail) {
    let signs: Vec<f64> =
        tail.norm.slope().iter().map(|&slope| if slope < 0.0 { -1.0 } else { 1.0 }).collect();
    if signs.iter().all(|&sign| sign > 0.0) {
        return;
    }
    for (channel, mut row) in weights.codes.outer_iter_mut().enumerate() {
        row.mapv_inplace(|code| code * of(&signs, channel));
    }
    for (channel, bias) in weights.bias.iter_mut().enumerate() {
        *bias *= of(&signs, channel) as i64;
    }
    let signed = |values: &[f64]| zip(values, &signs, |value, sign| value * sign);
    tail.offset = signed(&tail.offset);
    tail.norm.mean = signed(&tail.norm.mean);
    tail.norm.gamma = signed(&tail.norm.gamma);
}
