//! Dense and convolution layers: accumulators, and what makes a result of them.

use crate::desc::types::Arithmetic;
use crate::error::{Error, Result};
use crate::fixed::{Encoding, Range, Rounding, Saturation};
use crate::ir::{Fact, Graph, NodeId, Op, Requantize, Scaling, Weights};

use super::LayerWeights;
use super::load::Sources;
use super::{explicit, table};

/// Adds the nodes of one layer; `op` makes its multiply-accumulate operation of the weights.
pub(super) fn add(
    graph: &mut Graph,
    sources: &mut Sources<'_>,
    layer: Arithmetic<'_>,
    weights: LayerWeights,
    op: impl FnOnce(Weights) -> Op,
    input: NodeId,
) -> Result<NodeId> {
    let LayerWeights { scheme, codes, exp: exps, scale } = weights;
    let channels = codes.nrows();
    if scale.iter().any(|&scale| scale != 1.0) || layer.batch_norm.is_some() {
        return Err(Error::input("found a real scale or a batch norm; only powers of two are derived"));
    }
    let exp = exps.iter().copied().min().unwrap_or(0);
    let bias = sources.bias(layer.bias, channels)?;
    let is_raw = layer.output.is_none() && bias.is_empty() && exps.iter().all(|&own| own == exp);
    let name = if is_raw { layer.name.to_owned() } else { format!("{}_acc", layer.name) };
    let accumulators = graph.add(&name, layer.name, op(Weights::new(scheme, codes, exp)?), &[input])?;
    if is_raw {
        return Ok(accumulators);
    }
    let fact = graph[accumulators].fact.clone();
    let units: Vec<i32> = exps.iter().map(|own| fact.format.exp - exp + own).collect();
    let Some(output) = layer.output else {
        let op = raw(&fact, bias, &units)?;
        return graph.add(layer.name, layer.name, op, &[accumulators]);
    };
    if let Some(table) = table::of(layer.activation)? {
        let pre = explicit::result(sources, layer, &table.input_of(output), &units, bias, &fact)?;
        let pre = graph.add(&format!("{}_pre", layer.name), layer.name, pre, &[accumulators])?;
        let op = table.op(output, &graph[pre].fact)?;
        return graph.add(layer.name, layer.name, op, &[pre]);
    }
    let op = explicit::result(sources, layer, output, &units, bias, &fact)?;
    graph.add(layer.name, layer.name, op, &[accumulators])
}

/// Adds the bias and brings every channel to the same unit; nothing is lost.
fn raw(fact: &Fact, bias: Vec<i64>, units: &[i32]) -> Result<Op> {
    let unit = units.iter().copied().min().unwrap_or(0);
    let mut op = Requantize {
        bias,
        scaling: Scaling::Shift(units.iter().map(|own| unit - own).collect()),
        rounding: Rounding::Floor,
        saturation: Saturation::Saturate,
        zero: 0,
        limits: Range { min: i64::MIN, max: i64::MAX },
        encoding: Encoding::Signed(64),
        exp: unit,
    };
    let ends = (0..fact.shape.channels())
        .flat_map(|channel| [fact.range.min, fact.range.max].map(|end| op.apply(channel, end)));
    let range = ends
        .map(|end| Range { min: end, max: end })
        .reduce(Range::hull)
        .ok_or_else(|| Error::input("found no outputs; expected at least 1"))?;
    op.encoding = Encoding::signed_for(range);
    op.limits = op.encoding.range();
    Ok(Op::Requantize(op))
}
