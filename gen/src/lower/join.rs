//! Layers over several operands: each operand is brought to the common unit, then they are joined.

use crate::desc::types::{Add, Arithmetic, Common, Concat, Operand, ScaledOperand};
use crate::error::{Error, Result};
use crate::exact::Dyadic;
use crate::fixed::{Encoding, Range, Rounding, Saturation};
use crate::ir::{Exactness, Fact, Graph, NodeId, Op, Requantize, Scale, Scaling};

use super::arithmetic;
use super::load::Arrays;
use super::sources::Sources;

/// What the operands of a join stand for once they are scaled: (q − zero) · scale · 2^exp.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Unit {
    exp: i32,
    scale: f64,
}

impl Unit {
    fn of(fact: &Fact) -> Unit {
        Unit { exp: fact.format.exp, scale: fact.unit().scale }
    }

    fn exact(self) -> Dyadic {
        &Dyadic::of(self.scale) * &Dyadic::new(1, self.exp.into())
    }
}

/// An operand that says nothing of its scaling, and one that does.
enum Part<'a> {
    Plain(NodeId),
    Scaled(NodeId, &'a ScaledOperand),
}

fn parts<'a>(operands: &'a [Operand], nodes: &[NodeId]) -> Vec<Part<'a>> {
    let part = |(operand, &node): (&'a Operand, &NodeId)| match operand {
        Operand::Scaled(scaled) if scaled.is_scaled() => Part::Scaled(node, scaled),
        Operand::Scaled(_) | Operand::Name(_) => Part::Plain(node),
    };
    operands.iter().zip(nodes).map(part).collect()
}

/// Adds the nodes of a sum.
pub(super) fn add(
    graph: &mut Graph,
    sources: &Sources<'_>,
    layer: &Add,
    own: Arithmetic<'_>,
    arrays: Arrays,
    nodes: &[NodeId],
) -> Result<NodeId> {
    let parts = parts(&layer.inputs, nodes);
    let unit = common_unit(graph, &parts)?;
    let (mut operands, mut zero) = (Vec::new(), 0);
    for (index, part) in parts.iter().enumerate() {
        let name = format!("{}_in{index}", own.name);
        let format = match &layer.inputs[index] {
            Operand::Scaled(ScaledOperand { format: Some(format), .. }) => Some(signed(format)?),
            _ => None,
        };
        let node = match part {
            Part::Plain(node) => {
                let factor = factor(&graph[*node].fact, unit)?;
                zero += graph[*node].fact.unit().zero * i64::from(factor);
                let op = exact_multiple(&graph[*node].fact, factor, [0, 0], format, unit.exp)?;
                added(graph, &name, own.name, op, *node)?
            }
            Part::Scaled(node, scaled) => {
                self::scaled(graph, &name, own.name, *node, scaled, format, unit.exp)?
            }
        };
        operands.push(node);
    }
    let is_raw = layer.output.is_none() && layer.bias.is_none();
    let sum = match operands[..] {
        [operand] if !is_raw => operand,
        _ if is_raw => graph.add(own.name, own.name, Op::Add, &operands)?,
        _ => graph.add(&format!("{}_acc", own.name), own.name, Op::Add, &operands)?,
    };
    graph.set_scale(sum, super::unit(Some(unit.scale).filter(|&scale| scale != 1.0), zero));
    if is_raw {
        return Ok(sum);
    }
    arithmetic::add(graph, sources, own, arrays, None, sum)
}

/// Adds the nodes of a concatenation.
pub(super) fn concat(graph: &mut Graph, name: &str, layer: &Concat, nodes: &[NodeId]) -> Result<NodeId> {
    let Some(common) = &layer.output else { return alike(graph, name, nodes) };
    let encoding: Encoding = common.format.parse()?;
    if encoding == Encoding::Bipolar {
        return Err(Error::input(
            "found operands to be brought to bipolar; scaling can give 0, which it lacks",
        )
        .mend("leave `output` out, and let the layers before give bipolar results"));
    }
    let parts = parts(&layer.inputs, nodes);
    let unit = match (common.exp, common.scale) {
        (None, None) => common_unit(graph, &parts)?,
        (exp, scale) => Unit { exp: exp.unwrap_or(0), scale: scale.unwrap_or(1.0) },
    };
    let mut operands = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let own = format!("{name}_in{index}");
        operands.push(match part {
            Part::Plain(node) => {
                let fact = &graph[*node].fact;
                let factor = factor(fact, unit)?;
                let op =
                    exact_multiple(fact, factor, [fact.unit().zero, common.zero], Some(encoding), unit.exp)?;
                added(graph, &own, name, op, *node)?
            }
            Part::Scaled(node, scaled) => {
                self::scaled(graph, &own, name, *node, scaled, Some(encoding), unit.exp)?
            }
        });
    }
    let last = graph.add(name, name, Op::Concat, &operands)?;
    let Common { zero, .. } = *common;
    graph.set_scale(last, super::unit(Some(unit.scale).filter(|&scale| scale != 1.0), zero));
    Ok(last)
}

/// Operands that must be of one format and one unit already.
fn alike(graph: &mut Graph, name: &str, nodes: &[NodeId]) -> Result<NodeId> {
    let units: Vec<Scale> = nodes.iter().map(|&id| graph[id].fact.unit()).collect();
    if let Some(other) = units.iter().find(|&other| *other != units[0]) {
        return Err(Error::input(format!(
            "found operands in units of {} and {}, with zero at {} and {}; expected one unit",
            units[0].scale, other.scale, units[0].zero, other.zero
        ))
        .mend("bring them to one format with `output: {format: …}`"));
    }
    graph.add(name, name, Op::Concat, nodes)
}

fn signed(format: &str) -> Result<Encoding> {
    let bits =
        format.strip_prefix('s').and_then(|bits| bits.parse().ok()).filter(|bits| (2..=32).contains(bits));
    bits.map(Encoding::Signed)
        .ok_or_else(|| Error::input(format!("found the operand format `{format}`; expected s2 … s32")))
}

/// The coarsest unit of which the units of all operands without a scaling of their own are multiples.
fn common_unit(graph: &Graph, parts: &[Part<'_>]) -> Result<Unit> {
    let plain = parts.iter().filter_map(|part| match part {
        Part::Plain(node) => Some(Unit::of(&graph[*node].fact)),
        Part::Scaled(..) => None,
    });
    let units: Vec<Unit> = plain.collect();
    let exact: Vec<Dyadic> = units.iter().map(|unit| unit.exact()).collect();
    let Some(least) = (0..units.len()).min_by(|&a, &b| exact[a].cmp(&exact[b])) else {
        // Every operand is scaled by itself: whatever they share, the user knows.
        return Ok(Unit { exp: 0, scale: 1.0 });
    };
    let measure = Dyadic::common_measure(exact.iter().cloned()).unwrap_or(Dyadic::of(0.0));
    let parts = exact[least].quotient(&measure).unwrap_or(0);
    let divides = exact.iter().all(|unit| unit.quotient(&measure).is_some_and(|k| k < 1 << 31));
    match measure.reduced() {
        // As the user wrote it, but for a power of two.
        _ if divides && parts.count_ones() == 1 => {
            Ok(Unit { exp: units[least].exp - parts.trailing_zeros() as i32, scale: units[least].scale })
        }
        Some((digits, exp)) if divides && digits < 1 << 53 => {
            Ok(Unit { exp: exp as i32, scale: digits as f64 })
        }
        _ => Err(Error::input(
            "found operands whose units have no common measure that both hold less than 2^31 times",
        )
        .mend("give all but one of them `mult` and `shift`, or units of fewer digits to the layers before")),
    }
}

/// How many of `unit` a unit of an operand is.
fn factor(fact: &Fact, unit: Unit) -> Result<u32> {
    let quotient = Unit::of(fact).exact().quotient(&unit.exact());
    quotient.and_then(|factor| u32::try_from(factor).ok()).filter(|&factor| factor > 0).ok_or_else(|| {
        Error::input(format!(
            "found an operand in units of {}·2^{}, no multiple of {}·2^{}",
            fact.unit().scale,
            fact.format.exp,
            unit.scale,
            unit.exp
        ))
        .mend("give the operand `mult` and `shift`, or the result another unit")
    })
}

/// (q − from) · factor + to, exactly; `None` where that is q itself, written as asked.
fn exact_multiple(
    fact: &Fact,
    factor: u32,
    [from, to]: [i64; 2],
    encoding: Option<Encoding>,
    exp: i32,
) -> Result<Option<Op>> {
    let same = encoding.is_none_or(|encoding| encoding == fact.format.encoding);
    if factor == 1 && from == to && same && fact.format.exp == exp {
        return Ok(None);
    }
    let of = |end: i64| (i128::from(end) - i128::from(from)) * i128::from(factor) + i128::from(to);
    let ends = [of(fact.range.min), of(fact.range.max)].map(i64::try_from);
    let [Ok(min), Ok(max)] = ends else {
        return Err(Error::input("found an operand that overflows 64 bits in the common unit"));
    };
    let range = Range { min, max };
    let encoding = encoding.unwrap_or(Encoding::signed_for(range));
    if !encoding.range().contains(min) || !encoding.range().contains(max) {
        return Err(Error::input(format!("found an operand in {range}; {encoding} does not hold it"))
            .mend("use a wider `format`, or give the operand `mult` and `shift`"));
    }
    let scaling = match factor.is_power_of_two() {
        true => Scaling::Shift(vec![-(factor.trailing_zeros() as i32)]),
        false => Scaling::Multiply { mult: vec![factor], negative: None, shift: vec![0] },
    };
    Ok(Some(requantize(-from, scaling, Rounding::Floor, to, encoding, exp)))
}

fn requantize(
    bias: i64,
    scaling: Scaling,
    rounding: Rounding,
    zero: i64,
    encoding: Encoding,
    exp: i32,
) -> Op {
    let bias = if bias == 0 { Vec::new() } else { vec![bias] };
    let limits = encoding.range();
    let saturation = beyond(encoding);
    Op::Requantize(Requantize { bias, scaling, rounding, saturation, zero, limits, encoding, exp })
}

/// Circuits clamp to 32 bits at most; what is wider was made wide enough.
fn beyond(encoding: Encoding) -> Saturation {
    if encoding.bits() > 32 { Saturation::Wrap } else { Saturation::Saturate }
}

/// As the user says: a left shift, which is exact, then the multiplier and the rounding right shift.
fn scaled(
    graph: &mut Graph,
    name: &str,
    layer: &str,
    mut node: NodeId,
    operand: &ScaledOperand,
    encoding: Option<Encoding>,
    exp: i32,
) -> Result<NodeId> {
    let mut bias = operand.bias;
    if operand.left > 0 {
        node = shifted_left(graph, name, layer, (node, bias, operand.left), exp)?;
        bias = 0;
    }
    let shift = vec![operand.shift.unwrap_or(0)];
    let scaling = match operand.mult {
        Some(mult) => Scaling::Multiply { mult: vec![mult], negative: None, shift },
        None => Scaling::Shift(shift),
    };
    let rounding = operand.rounding.into();
    let op = match encoding {
        Some(encoding) => requantize(bias, scaling, rounding, operand.zero, encoding, exp),
        None => as_narrow_as_it_is(&graph[node].fact, bias, scaling, rounding, operand.zero, exp)?,
    };
    let scaled = graph.add(name, layer, op, &[node])?;
    graph.set_exactness(scaled, Exactness::Given);
    Ok(scaled)
}

/// (q + bias) · 2^left, exactly, in units of 2^`exp`.
pub(super) fn shifted_left(
    graph: &mut Graph,
    name: &str,
    layer: &str,
    (node, bias, left): (NodeId, i64, u32),
    exp: i32,
) -> Result<NodeId> {
    let scaling = Scaling::Shift(vec![-(left as i32)]);
    let op = as_narrow_as_it_is(&graph[node].fact, bias, scaling, Rounding::Floor, 0, exp)?;
    added(graph, &format!("{name}_left"), layer, Some(op), node)
}

/// A requantizer in the narrowest encoding that never clamps.
fn as_narrow_as_it_is(
    fact: &Fact,
    bias: i64,
    scaling: Scaling,
    rounding: Rounding,
    zero: i64,
    exp: i32,
) -> Result<Op> {
    let widest = Encoding::Signed(48);
    let op = requantize(bias, scaling, rounding, zero, widest, exp);
    let Op::Requantize(mut op) = op else { return Ok(op) };
    op.saturation = Saturation::Saturate;
    let ends = [fact.range.min, fact.range.max].map(|end| op.apply(0, end));
    let range = Range::new(ends[0], ends[1]);
    if range.min == widest.range().min || range.max == widest.range().max {
        return Err(Error::input(format!("found a scaled operand beyond {} bits", widest.bits()))
            .mend("shift it farther right, or left by less"));
    }
    op.encoding = Encoding::signed_for(range);
    op.limits = op.encoding.range();
    op.saturation = beyond(op.encoding);
    Ok(Op::Requantize(op))
}

fn added(graph: &mut Graph, name: &str, layer: &str, op: Option<Op>, node: NodeId) -> Result<NodeId> {
    let Some(op) = op else { return Ok(node) };
    let scaled = graph.add(name, layer, op, &[node])?;
    graph.set_exactness(scaled, Exactness::Equal);
    Ok(scaled)
}
