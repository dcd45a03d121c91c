//! How much of every matrix may be computed at once.

use crate::desc::{self, Array, Hardware, Products};
use crate::error::{Error, Faults, Place, Result};

use super::array::may_take_blocks;
use super::group::{Folding, Group, Head, Operand};

/// Whether a stage has weights.
pub fn is_array(group: &Group) -> bool {
    matches!(group.head, Head::Array(..))
}

/// What the user left open, group by group: the foldings that do as they said; `None` where they said nothing.
///
/// # Errors
/// When a named layer has no array, a folding exceeds its matrix, or its `products` or `serial` is no choice.
pub fn fixed_foldings(groups: &[Group], hardware: &Hardware) -> Result<Vec<Option<Vec<Folding>>>> {
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
        let Some(asked) = asked else {
            foldings.push(None);
            continue;
        };
        let &Array::Folded(desc::Folding { pe, simd, pixels, products, serial }) = asked else {
            foldings.push(Some(vec![whole(group)]));
            continue;
        };
        let folding = Folding { pe, simd, pixels, ..Folding::lanes(1) };
        let (outputs, inputs, columns) = extents(group);
        let mut fits = true;
        for (what, found, most) in [("pe", pe, outputs), ("simd", simd, inputs), ("pixels", pixels, columns)]
        {
            if found == 0 || found > most {
                let error = Error::input(format!("found {what} {found}; expected 1 to {most}"));
                faults.push(error.at(Place::layer(group.layer)));
                fits = false;
            }
        }
        if let Some(error) = group.misfit(folding).filter(|_| fits) {
            faults.push(error.at(Place::layer(group.layer)));
            fits = false;
        }
        if !fits {
            continue;
        }
        let blocks = products.map(|products| products == Products::Blocks);
        let holds = |own: &Folding| {
            blocks.is_none_or(|blocks| blocks == own.blocks)
                && serial.is_none_or(|serial| serial == own.serial)
        };
        let allowed: Vec<Folding> = variants(group, folding).filter(holds).collect();
        if allowed.is_empty() {
            let error = Error::input("found `products` or `serial` that is no choice for this layer");
            let mend = "`blocks` multiply by dfp weights of more than 2 bits; sums are serial where an activation follows \
                        and the steps of a sum leave the time";
            faults.push(error.mend(mend).at(Place::layer(group.layer)));
        }
        foldings.push(Some(allowed));
    }
    faults.or(foldings)
}

/// The greatest pe, simd and pixels that make sense.
pub fn extents(group: &Group) -> (usize, usize, usize) {
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
        Head::ArgMax | Head::Softmax => (1, 1, 1),
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
        Head::Array(..)
        | Head::Pool(_)
        | Head::Elements
        | Head::ArgMax
        | Head::Softmax
        | Head::Join
        | Head::Block(..) => widths(outputs),
    }
}

/// Every folding that may be worth its price: of those that need as many beats, the narrowest.
pub fn candidates(group: &Group) -> Vec<Folding> {
    let (outputs, inputs, columns) = extents(group);
    let one = Folding::lanes(1);
    let mut all: Vec<Folding> = match group.head {
        Head::Array(_, _, groups) => {
            let rows = outputs_at_once(group, outputs);
            let (across, along) = (widths(inputs), widths(columns));
            let several = along.iter().flat_map(|&pixels| across.iter().map(move |&simd| (simd, pixels)));
            let several: Vec<(usize, usize)> = several.collect();
            let folded = rows.iter().flat_map(|&pe| {
                several.iter().map(move |&(simd, pixels)| Folding { pe, simd, pixels, ..one })
            });
            let folded = folded.flat_map(|folding| variants(group, folding));
            folded.chain((groups == 1).then(|| whole(group))).collect()
        }
        // A beat holds channels of one pixel of a block.
        Head::Block(..) => {
            (1..=outputs).filter(|&lanes| outputs.is_multiple_of(lanes)).map(Folding::lanes).collect()
        }
        // A tree never stalls, and what follows it in its stage would.
        Head::ArgMax if group.nodes.len() > 1 => vec![one],
        Head::Softmax => vec![one],
        Head::ArgMax => vec![one, whole(group)],
        Head::Pool(_) | Head::Elements => widths(inputs).into_iter().map(Folding::lanes).collect(),
        // Beats of a concatenation hold channels of one operand.
        Head::Join => (1..=inputs)
            .filter(|&lanes| {
                let whole = |operand: &Operand| operand.fact.shape.channels().is_multiple_of(lanes);
                group.operands.iter().all(whole)
            })
            .map(Folding::lanes)
            .collect(),
    };
    all.retain(|&folding| group.misfit(folding).is_none());
    all
}

/// A folding as it is, with multiplier blocks where they are a choice, and of both the forms whose activation has fewer
/// lanes than the array has sums, where the steps of a sum leave the time.
fn variants(group: &Group, folding: Folding) -> impl Iterator<Item = Folding> {
    let scheme = match group.head {
        Head::Array(weights, ..) => Some(weights.scheme),
        Head::Pool(_) | Head::Elements | Head::ArgMax | Head::Softmax | Head::Join | Head::Block(..) => None,
    };
    let keeps_up = group.nodes.len() > 1 && folding.pixels <= group.steps(folding);
    let narrower = folding.pixels > 1 || group.given(Folding { serial: true, ..folding }) < folding.pe;
    let products: &[bool] = if scheme.is_some_and(may_take_blocks) { &[false, true] } else { &[false] };
    let activations: &[bool] = if keeps_up && narrower { &[false, true] } else { &[false] };
    products
        .iter()
        .flat_map(move |&blocks| activations.iter().map(move |&serial| Folding { blocks, serial, ..folding }))
}

/// Everything at once, with constants wired in.
pub fn whole(group: &Group) -> Folding {
    let (outputs, inputs, _) = match group.head {
        Head::ArgMax => (group.input.shape.elements(), group.input.shape.elements(), 1),
        Head::Array(..) | Head::Pool(_) | Head::Elements | Head::Softmax | Head::Join | Head::Block(..) => {
            extents(group)
        }
    };
    Folding { pe: outputs, simd: inputs, pixels: 1, unrolled: true, blocks: false, serial: false }
}
