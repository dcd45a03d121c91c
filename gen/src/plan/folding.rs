//! How much of every matrix is computed at once.

use crate::desc::{self, Array, ArrayKind, Goal, Hardware};
use crate::error::{Error, Faults, Place, Result};

use super::array::{array_encoding, product_of};
use super::group::{Folding, Group, Head, Operand, converter_beats};
use super::leaf::Product;

/// Lanes of all arrays together when neither a goal nor a folding is given.
const DEFAULT_LANES: usize = 256;

/// One folding for every group: what the user fixed, and the cheapest that reaches the goal for the rest.
///
/// # Errors
/// When a named layer has no array, a folding exceeds its matrix, or no folding reaches the goal.
pub fn choose(groups: &[Group], hardware: &Hardware, clock_mhz: f64) -> Result<Vec<Folding>> {
    let fixed = fixed_foldings(groups, hardware)?;
    match hardware.goal {
        Some(Goal::Cycles(cycles)) => reach(groups, &fixed, cycles),
        Some(Goal::InferencesPerSecond(rate)) => reach(groups, &fixed, (clock_mhz * 1e6 / rate) as u64),
        None => {
            let slowest_fixed =
                groups.iter().zip(&fixed).filter_map(|(group, folding)| Some(group.cycles((*folding)?)));
            match (
                slowest_fixed.max(),
                groups.iter().zip(&fixed).all(|(group, f)| f.is_some() || !is_array(group)),
            ) {
                (Some(slowest), true) => {
                    reach(groups, &fixed, slowest).or_else(|_| reach(groups, &fixed, u64::MAX))
                }
                _ => within_lanes(groups, &fixed),
            }
        }
    }
}

fn is_array(group: &Group) -> bool {
    matches!(group.head, Head::Array(..))
}

/// The fastest foldings of at most [`DEFAULT_LANES`] lanes in all.
fn within_lanes(groups: &[Group], fixed: &[Option<Folding>]) -> Result<Vec<Folding>> {
    let lanes = |foldings: &[Folding]| -> usize {
        groups
            .iter()
            .zip(foldings)
            .filter(|(group, _)| is_array(group))
            .map(|(_, f)| f.pe * f.simd * f.pixels)
            .sum()
    };
    let one = groups.iter().zip(fixed).map(|(group, fixed)| group.cycles(fixed.unwrap_or(Folding::lanes(1))));
    let (mut low, mut high) = (0, one.max().unwrap_or(1));
    let mut best = reach(groups, fixed, high)?;
    while low + 1 < high {
        let middle = low.midpoint(high);
        match reach(groups, fixed, middle) {
            Ok(foldings) if lanes(&foldings) <= DEFAULT_LANES => (best, high) = (foldings, middle),
            _ => low = middle,
        }
    }
    Ok(best)
}

fn fixed_foldings(groups: &[Group], hardware: &Hardware) -> Result<Vec<Option<Folding>>> {
    let mut faults = Faults::default();
    let arrays = || groups.iter().filter(|group| is_array(group));
    for layer in hardware.folding.keys() {
        if !arrays().any(|group| group.layer == layer) {
            let names: Vec<&str> = arrays().map(|group| group.layer).collect();
            let error = Error::input(format!("found a folding for `{layer}`, which has no array"));
            faults.push(error.mend(format!("layers with arrays: {}", names.join(", "))));
        }
    }
    let mut foldings = Vec::new();
    for group in groups {
        let asked = hardware.folding.get(group.layer).filter(|_| is_array(group));
        let folding = asked.map(|array| match *array {
            Array::Folded(desc::Folding { pe, simd, pixels }) => {
                Folding { pe, simd, pixels, unrolled: false }
            }
            Array::Named(ArrayKind::Unrolled) => whole(group),
        });
        if let Some(folding) = folding {
            let (outputs, inputs, columns) = extents(group);
            for (what, found, most) in [
                ("pe", folding.pe, outputs),
                ("simd", folding.simd, inputs),
                ("pixels", folding.pixels, columns),
            ] {
                if found == 0 || found > most {
                    let error = Error::input(format!("found {what} {found}; expected 1 to {most}"));
                    faults.push(error.at(Place::layer(group.layer)));
                }
            }
            if let Some(error) = group.misfit(folding) {
                faults.push(error.at(Place::layer(group.layer)));
            }
        }
        foldings.push(folding);
    }
    faults.or(foldings)
}

/// The greatest pe, simd and pixels that make sense.
fn extents(group: &Group) -> (usize, usize, usize) {
    let columns = group.output.shape.image().map_or(1, |(_, width, _)| width);
    match group.head {
        Head::Array(weights, None, _) => (weights.outputs(), weights.inputs(), 1),
        Head::Array(weights, Some(window), _) => {
            (weights.outputs(), weights.inputs() / window.area(), columns)
        }
        Head::Pool(_) | Head::Elements | Head::Join => {
            (group.input.shape.channels(), group.input.shape.channels(), 1)
        }
        Head::Block(..) => (group.output.shape.channels(), group.output.shape.channels(), 1),
        Head::ArgMax => (1, 1, 1),
    }
}

/// The least width for each number of beats: 1, …, `extent` without those that need as many beats as a
/// narrower one.
fn widths(extent: usize) -> Vec<usize> {
    let mut widths: Vec<usize> = (1..=extent).map(|beats| extent.div_ceil(beats)).collect();
    widths.dedup();
    widths
}

/// How many outputs may be computed at once, to choose from: of a group its divisors, or whole groups.
fn outputs_at_once(group: &Group, outputs: usize) -> Vec<usize> {
    match group.head {
        Head::Array(_, _, groups) if groups > 1 => {
            let own = outputs / groups;
            let divisors = (1..own).filter(|&pe| own.is_multiple_of(pe));
            divisors.chain(widths(groups).into_iter().map(|blocks| blocks * own)).collect()
        }
        Head::Array(..) | Head::Pool(_) | Head::Elements | Head::ArgMax | Head::Join | Head::Block(..) => {
            widths(outputs)
        }
    }
}

fn candidates(group: &Group, fixed: Option<Folding>, cycles: u64) -> Vec<Folding> {
    if let Some(folding) = fixed {
        return vec![folding];
    }
    let (outputs, inputs, columns) = extents(group);
    let one = Folding::lanes(1);
    let all: Vec<Folding> = match group.head {
        // Several pixels at once only where the whole matrix at once is too slow.
        Head::Array(..) => {
            let rows = outputs_at_once(group, outputs);
            let matrix = rows
                .into_iter()
                .flat_map(|pe| widths(inputs).into_iter().map(move |simd| Folding { pe, simd, ..one }));
            let all = Folding { pe: outputs, simd: inputs, ..one };
            let several = widths(columns).into_iter().map(|pixels| Folding { pixels, ..all });
            // A vector every cycle or two: nothing of the matrix is left to fold.
            let constant = matches!(group.head, Head::Array(_, None, _)) && cycles < 2;
            matrix.chain(several).chain(constant.then(|| whole(group))).collect()
        }
        Head::ArgMax if cycles < group.cycles(one) => vec![whole(group)],
        Head::Pool(_) | Head::Elements | Head::ArgMax => {
            widths(inputs).into_iter().map(Folding::lanes).collect()
        }
        // A beat holds channels of one pixel of a block.
        Head::Block(..) => {
            (1..=outputs).filter(|&lanes| outputs.is_multiple_of(lanes)).map(Folding::lanes).collect()
        }
        // Beats of a concatenation hold channels of one operand.
        Head::Join => (1..=inputs)
            .filter(|&lanes| {
                let whole = |operand: &Operand| operand.fact.shape.channels().is_multiple_of(lanes);
                group.operands.iter().all(whole)
            })
            .map(Folding::lanes)
            .collect(),
    };
    let mut fitting: Vec<Folding> = all
        .into_iter()
        .filter(|&folding| group.misfit(folding).is_none() && group.cycles(folding) <= cycles)
        .collect();
    fitting.sort_by_key(|&folding| (folding.pe, cost(group, folding)));
    fitting.dedup();
    fitting
}

/// Everything at once, with constants wired in.
fn whole(group: &Group) -> Folding {
    let (outputs, inputs, _) = match group.head {
        Head::ArgMax => (group.input.shape.elements(), group.input.shape.elements(), 1),
        Head::Array(..) | Head::Pool(_) | Head::Elements | Head::Join | Head::Block(..) => extents(group),
    };
    Folding { pe: outputs, simd: inputs, pixels: 1, unrolled: true }
}

/// Estimated LUT4s of a multiplier that scales an accumulator of some 20 bits by one of 31, or of what four
/// multiplier blocks could do instead.
const SCALING: u64 = 500;

/// Estimated LUT4s: lanes by the measured cost of their product, accumulators, their scaling, stream widths.
pub fn cost(group: &Group, folding: Folding) -> u64 {
    let scaling = if group.is_scaled { (folding.pe * folding.pixels) as u64 * SCALING } else { 0 };
    scaling + lanes_cost(group, folding)
}

fn lanes_cost(group: &Group, folding: Folding) -> u64 {
    let bits = u64::from(group.input.bits());
    let lanes = (folding.pe * folding.simd * folding.pixels) as u64;
    match group.head {
        // Two thirds of an adder for each weight that is not zero.
        Head::Array(weights, ..) if folding.unrolled => {
            (weights.values.len() - weights.zeros()) as u64 * (bits + 3) * 2 / 3
        }
        Head::Array(weights, ..) => {
            let product =
                product_of(weights.scheme, array_encoding(weights.scheme, group.input.format.encoding));
            let lane = match product {
                Product::Xnor => 4,
                Product::Sign | Product::Ternary => 2 * bits + 4,
                Product::TwoBit => 3 * bits + 4,
                Product::Dfp | Product::Multiply => 2 * (bits + 2) * u64::from(weights.scheme.bits() - 1),
                Product::Po2 => 10 * (bits + 2),
            };
            lanes * lane + folding.pe as u64 * 40 + folding.simd as u64 * bits * 3
        }
        Head::Pool(_) | Head::Elements | Head::ArgMax | Head::Join | Head::Block(..) => lanes * bits * 4,
    }
}

/// The cheapest foldings with which no stage, nor a change of lanes between two, needs more than
/// `cycles`: dynamic programming along the chain.
fn reach(groups: &[Group], fixed: &[Option<Folding>], cycles: u64) -> Result<Vec<Folding>> {
    let is_next = |(index, group): (usize, &Group)| {
        group.operands.len() == 1 && group.operands[0].source == index.checked_sub(1)
    };
    if !groups.iter().enumerate().all(is_next) {
        return reach_in_order(groups, fixed, cycles);
    }
    let mut best: Vec<(u64, Vec<Folding>)> = vec![(0, Vec::new())];
    for (index, (group, fixed)) in groups.iter().zip(fixed).enumerate() {
        let mut next: Vec<(u64, Vec<Folding>)> = Vec::new();
        for folding in candidates(group, *fixed, cycles) {
            let input = group.input_stream(folding);
            let joined = best.iter().filter(|(_, before)| match before.last() {
                Some(&before) => converter_beats(groups[index - 1].output_stream(before), input) <= cycles,
                None => true,
            });
            if let Some((total, before)) = joined.min_by_key(|(total, _)| *total) {
                let mut foldings = before.clone();
                foldings.push(folding);
                next.push((total + cost(group, folding), foldings));
            }
        }
        if next.is_empty() {
            return Err(out_of_reach(group, cycles));
        }
        // Only the lanes given matter to the next stage: keep the cheapest of each.
        next.sort_by_key(|(total, foldings)| (foldings.last().map(|folding| folding.pe), *total));
        next.dedup_by_key(|(_, foldings)| foldings.last().map(|folding| folding.pe));
        best = next;
    }
    best.into_iter()
        .min_by_key(|(total, _)| *total)
        .map(|(_, foldings)| foldings)
        .ok_or_else(|| Error::input("found a network without stages"))
}

/// The same along a graph with branches: stage by stage, each the cheapest beside those before it.
fn reach_in_order(groups: &[Group], fixed: &[Option<Folding>], cycles: u64) -> Result<Vec<Folding>> {
    let mut chosen: Vec<Folding> = Vec::new();
    for (group, fixed) in groups.iter().zip(fixed) {
        let fits = |folding: &Folding| {
            group.operands.iter().enumerate().all(|(index, operand)| {
                let Some(source) = operand.source else { return true };
                let given = groups[source].output_stream(chosen[source]);
                converter_beats(given, group.operand_stream(index, *folding)) <= cycles
            })
        };
        let fitting = candidates(group, *fixed, cycles).into_iter().filter(fits);
        let Some(folding) = fitting.min_by_key(|&folding| cost(group, folding)) else {
            return Err(out_of_reach(group, cycles));
        };
        chosen.push(folding);
    }
    Ok(chosen)
}

fn out_of_reach(group: &Group, cycles: u64) -> Error {
    let (outputs, inputs, columns) = extents(group);
    Error::input(format!("found a goal of {cycles} cycles a frame, which no folding reaches"))
        .mend(format!(
            "all of it at once, {outputs}×{inputs} and {columns} pixels, takes {} cycles; ask for no less",
            group.cycles(Folding { pe: outputs, simd: inputs, pixels: columns, unrolled: false })
        ))
        .at(Place::layer(group.layer))
}
